import itertools

from tests.engine.compare import EngineTest, torch

if torch:
    from kneerepro.engine.kernels import conv_gemm, conv_winograd
    from kneerepro.engine.kernels.conv_choice import faster_than_pytorch
    from kneerepro.engine.threads import are_available


class ConvChoiceTest(EngineTest):
    def choose(self, task, shape, outputs, stride=2, dilation=1):
        n = len(outputs)
        return faster_than_pytorch(
            task,
            32,
            shape,
            outputs,
            [stride] * n,
            [0] * n,
            [dilation] * n,
            torch.float32,
        )

    def test_minimal_filtering(self):
        if not are_available():
            self.skipTest('there is no C++ compiler')
        # The last convolution of the discriminator, one of the autoencoder's
        # and one of a residual network, for all tasks.
        for task, (shape, size, stride) in itertools.product(
            ('forward', 'grad_weights', 'grad_inputs'),
            [
                ((1024, 512, 5, 5), 4, 2),
                ((128, 64, 5, 5), 16, 2),
                ((32, 32, 3, 3), 16, 1),
            ],
        ):
            self.assertIs(
                self.choose(task, shape, (size, size), stride), conv_winograd
            )

    def test_products_of_matrices(self):
        # Minimal filtering exists for neither of these.
        for stride, dilation in (3, 1), (2, 2):
            self.assertIs(
                self.choose(
                    'forward', (1024, 512, 5, 5), (4, 4), stride, dilation
                ),
                conv_gemm,
            )
        # The gradient of images of a single channel.
        self.assertIs(
            self.choose('grad_inputs', (64, 1, 7, 7), (32, 32)), conv_gemm
        )

    def test_pytorch(self):
        # The first layers of the autoencoders have one channel. The last ones
        # have more filters than the few positions are worth.
        for task in 'forward', 'grad_weights':
            self.assertIsNone(self.choose(task, (64, 1, 5, 5), (32, 32)))
        self.assertIsNone(
            self.choose('forward', (64, 1, 5, 5, 5), (80, 32, 32))
        )
        self.assertIsNone(self.choose('forward', (256, 256, 3, 3), (1, 1)))
