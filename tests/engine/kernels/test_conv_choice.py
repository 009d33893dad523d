from tests.engine.compare import EngineTest, torch

if torch:
    from kneerepro.engine.kernels import conv_gemm, conv_winograd
    from kneerepro.engine.kernels.conv_choice import faster_than_pytorch


class ConvChoiceTest(EngineTest):
    def choose(self, task, shape, outputs, stride=2, dilation=1):
        n = len(outputs)
        return faster_than_pytorch(
            task, 32, shape, outputs, [stride] * n, [dilation] * n
        )

    def test_minimal_filtering(self):
        # The last convolution of the discriminator, for all tasks.
        for task in 'forward', 'grad_weights', 'grad_inputs':
            self.assertIs(
                self.choose(task, (1024, 512, 5, 5), (4, 4)), conv_winograd
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
        # The first layers of the autoencoder have few channels and filters.
        for task in 'forward', 'grad_weights':
            for shape, outputs in [
                ((64, 1, 5, 5), (32, 32)),
                ((128, 64, 5, 5), (16, 16)),
            ]:
                self.assertIsNone(self.choose(task, shape, outputs))
        self.assertIsNone(
            self.choose('forward', (64, 1, 5, 5, 5), (80, 32, 32))
        )
