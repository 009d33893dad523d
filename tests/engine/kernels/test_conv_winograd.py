"""Minimal filtering beside PyTorch's convolutions.

These tests cover conv_winograd, winograd_plan and winograd_axis.
"""

import itertools
from unittest import mock

from tests.engine.compare import EngineTest

try:
    import torch
    from theano.tensor.nnet.abstract_conv import AbstractConv2d

    from kneerepro.engine.kernels import conv, conv_winograd, winograd_plan
except ImportError:
    pass  # without PyTorch, EngineTest skips


def pytorch(images, filters, bias, grad_output, options):
    """A convolution, and its gradients with respect to the filters and to the
    images, by PyTorch's own algorithms."""
    function = torch.conv2d if images.ndim == 4 else torch.conv3d
    dimensions = images.ndim - 2
    grad_images, grad_filters, _ = torch.ops.aten.convolution_backward(
        grad_output,
        images,
        filters,
        None,
        *options,
        False,
        [0] * dimensions,
        1,
        [True, True, False],
    )
    y = function(images, filters, bias, *options)
    return [y, grad_filters, grad_images]


def winograd(images, filters, bias, grad_output, options):
    """The same as `pytorch`, by minimal filtering."""
    return [
        conv_winograd.forward(images, filters, bias, *options),
        conv_winograd.grad_weights(
            images, grad_output, filters.shape, *options
        ),
        conv_winograd.grad_inputs(
            filters, grad_output, images.shape, None, *options
        ),
    ]


class WinogradTest(EngineTest):
    def check(
        self,
        sizes,
        kernel,
        stride,
        padding,
        dtype='float64',
        tolerance=1e-14,
        batch=2,
        channels=3,
        count=4,
    ):
        generator = torch.Generator().manual_seed(0)
        dtype = getattr(torch, dtype)

        def random(*shape):
            return torch.randn(*shape, dtype=dtype, generator=generator)

        options = stride, padding, [1] * len(sizes)
        outputs = [
            (size + 2 * pad - k) // s + 1
            for size, k, s, pad in zip(sizes, kernel, stride, padding)
        ]
        data = (
            random(batch, channels, *sizes),
            random(count, channels, *kernel),
            random(count),
            random(batch, count, *outputs),
        )
        for name, found, expected in zip(
            ('forward', 'grad_weights', 'grad_inputs'),
            winograd(*data, options),
            pytorch(*data, options),
        ):
            self.assertEqual(found.shape, expected.shape)
            worst = (found - expected).abs().max() / expected.abs().max()
            self.assertLess(
                worst, tolerance, (name, sizes, kernel, stride, padding)
            )

    def test_sizes_strides_and_padding(self):
        kernels = [(2, 1), (3, 1), (3, 2), (4, 2), (5, 2), (6, 2)]
        for (size, stride), pad, sizes in itertools.product(
            kernels, [0, 1, 2], [(8, 8, 8), (9, 7, 6), (11, 6, 13)]
        ):
            for n in 2, 3:
                self.check(sizes[:n], [size] * n, [stride] * n, [pad] * n)

    def test_axes_that_differ(self):
        self.check((9, 8), (3, 5), [1, 2], [0, 2])
        self.check((9, 8, 7), (2, 4, 5), [1, 2, 2], [1, 0, 2])
        self.check((9, 8, 7), (6, 3, 3), [2, 2, 1], [3, 0, 1])

    def test_in_parts(self):
        # The parts are single images, or single rows of an image.
        for part in 1, 2000, 5000:
            with mock.patch.object(winograd_plan, '_PART', part):
                self.check((11, 12), (5, 5), [2, 2], [2, 2], batch=3)
                self.check(
                    (11, 9, 7), (4, 4, 4), [2, 2, 2], [1, 1, 1], batch=3
                )
                # Here the first parts see nothing but padding.
                self.check((2, 3), (3, 3), [1, 1], [7, 1])

    def test_more_padding_than_image(self):
        self.check((2, 1), (3, 3), [1, 1], [4, 5])
        self.check((1, 1), (5, 5), [2, 2], [6, 6])

    def test_single_precision(self):
        # The results are sums of thousands of products.
        for n, size, stride in [(2, 5, 2), (2, 3, 1), (3, 5, 2), (3, 4, 2)]:
            self.check(
                (12,) * n,
                [size] * n,
                [stride] * n,
                [1] * n,
                'float32',
                5e-6,
                channels=48,
                count=32,
            )

    def test_which_filters_it_fits(self):
        for kernel, stride, dilation in [
            ((1, 1), (1, 1), (1, 1)),
            ((5, 5), (1, 1), (1, 1)),
            ((7, 7), (2, 2), (1, 1)),
            ((5, 5), (3, 3), (1, 1)),
            ((3, 3), (1, 1), (2, 1)),
            ((2, 2), (2, 2), (1, 1)),
        ]:
            self.assertFalse(conv_winograd.fits(kernel, stride, dilation))

    def test_where_it_is_used(self):
        # An inner layer of the discriminator uses it. The first inner layer of
        # the 2D autoencoder does not, because it has too few channels.
        for count, channels, size, used in [
            (512, 256, 16, True),
            (128, 64, 32, False),
        ]:
            convolution = conv.Convolution(
                AbstractConv2d(border_mode=(2, 2), subsample=(2, 2))
            )
            images = torch.empty(32, channels, size, size)
            filters = torch.empty(count, channels, 5, 5)
            with mock.patch.object(conv_winograd, 'forward') as forward:
                convolution.forward(images, filters)
            self.assertEqual(forward.called, used)
