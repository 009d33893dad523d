"""Minimal filtering beside PyTorch's convolutions.

These tests cover conv_winograd and all modules of the algorithm.
"""

import itertools
from unittest import mock

from tests.engine.compare import EngineTest

try:
    import torch
    from theano.tensor.nnet.abstract_conv import AbstractConv2d

    from kneerepro.engine.kernels import (
        conv,
        conv_winograd,
        winograd_axis,
        winograd_code,
    )
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


class FiltersTest(EngineTest):
    """Compares filters of any size. ``make test-slow`` tries more sizes."""

    def setUp(self):
        super().setUp()
        if not conv_winograd.is_available((3, 3), (1, 1), (1, 1), torch.float):
            self.skipTest('there is no C++ compiler')

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
        options, data = self.example(
            sizes, kernel, stride, padding, dtype, batch, channels, count
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

    def forget_libraries(self):
        """Compile anew, now and after the test."""
        for function in winograd_code.library, conv_winograd._call:
            function.cache_clear()
            self.addCleanup(function.cache_clear)

    def example(
        self, sizes, kernel, stride, padding, dtype, batch, channels, count
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
        return options, data

    def check_images(self, *kernels):
        """Filters of sizes and strides, with images of several sizes."""
        for (size, stride), pad, sizes in itertools.product(
            kernels, [0, 1, 2], [(8, 8), (9, 6), (6, 13)]
        ):
            self.check(sizes, [size] * 2, [stride] * 2, [pad] * 2)

    def check_volumes(self, *kernels):
        for (size, stride), pad, sizes in itertools.product(
            kernels, [0, 1, 2], [(8, 8, 8), (9, 7, 6), (11, 6, 13)]
        ):
            self.check(sizes, [size] * 3, [stride] * 3, [pad] * 3)

    def check_single_precision(self, *kernels):
        for n, size, stride in kernels:
            self.check(
                (12,) * n,
                [size] * n,
                [stride] * n,
                [1] * n,
                'float32',
                5e-6,  # the results are sums of thousands of products
                channels=48,
                count=32,
            )


class WinogradTest(FiltersTest):
    def test_images(self):
        self.check_images((3, 1), (5, 2))

    def test_volumes(self):
        self.check_volumes((5, 2))

    def test_axes_that_differ(self):
        self.check((9, 8, 7), (2, 4, 5), [1, 2, 2], [1, 0, 2])
        self.check((9, 8, 7), (6, 3, 3), [2, 2, 1], [3, 0, 1])

    def test_numbers_of_channels(self):
        # Panels that are incomplete or several; so many channels that they
        # are multiplied in two parts.
        for channels, count in (8, 16), (17, 40), (300, 3), (1, 1):
            self.check(
                (7, 9), (5, 3), [2, 1], [2, 1], channels=channels, count=count
            )

    def test_one_row_of_tiles_at_a_time(self):
        with mock.patch.object(winograd_code, '_CACHE', 1):
            self.forget_libraries()
            self.check((11, 12), (5, 5), [2, 2], [2, 2], batch=3)
            # Here the first rows see nothing but padding.
            self.check((2, 3), (3, 3), [1, 1], [7, 1])

    def test_smaller_registers(self):
        for unknown in ('__AVX512F__',), ('__AVX512F__', '__AVX__'):
            panels = winograd_code.PANELS
            for name in unknown:
                panels = panels.replace(name, 'UNKNOWN')
            with mock.patch.object(winograd_code, 'PANELS', panels):
                self.forget_libraries()
                self.check((9, 12), (3, 3), [1, 1], [1, 1], channels=20)

    def test_results_do_not_depend_on_threads(self):
        # Of the second example's gradient, threads share the filters.
        threads = torch.get_num_threads()
        self.addCleanup(torch.set_num_threads, threads)
        for sizes, *numbers in ((40, 40), 3, 8, 8), ((6, 6), 1, 20, 70):
            options, data = self.example(
                sizes, (3, 3), [1, 1], [1, 1], 'float32', *numbers
            )
            torch.set_num_threads(1)
            expected = winograd(*data, options)
            for number in 2, 3:
                torch.set_num_threads(number)
                for found, value in zip(winograd(*data, options), expected):
                    self.assertTrue(torch.equal(found, value))

    def test_order_in_memory(self):
        options, data = self.example(
            (8, 9), (3, 3), [1, 1], [1, 1], 'float32', 2, 20, 30
        )
        expected = winograd(*data, options)
        for order in (0, 2, 3, 1), (2, 3, 1, 0), (3, 2, 0, 1):
            filters = data[1].permute(order).contiguous()
            filters = filters.permute([order.index(i) for i in range(4)])
            found = winograd(data[0], filters, *data[2:], options)
            for value, same in zip(found, expected):
                self.assertTrue(torch.equal(value, same))

    def test_more_padding_than_image(self):
        self.check((2, 1), (3, 3), [1, 1], [4, 5])
        self.check((1, 1), (5, 5), [2, 2], [6, 6])

    def test_single_precision(self):
        self.check_single_precision((2, 5, 2), (3, 4, 2))

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

    def test_shapes_that_do_not_fit(self):
        images, filters = torch.ones(2, 8, 6, 6), torch.ones(9, 8, 3, 3)
        gradient, other = torch.ones(2, 9, 6, 6), torch.ones(3, 7, 6, 6)
        options = [1, 1], [1, 1], [1, 1]
        for function, *arguments in (
            (conv_winograd.forward, other, filters, None),
            (conv_winograd.forward, images, filters, torch.ones(8)),
            (conv_winograd.forward, images, filters, torch.ones(1)),
            (conv_winograd.grad_weights, images, other, filters.shape),
            (conv_winograd.grad_weights, images[:1], gradient, filters.shape),
            (conv_winograd.grad_weights, other[:2], gradient, filters.shape),
            (conv_winograd.grad_inputs, filters, other, other.shape, None),
        ):
            with self.assertRaisesRegex(ValueError, 'not fit'):
                function(*arguments, *options)

    def test_number_of_products(self):
        # Twelve and a quarter products for each output, as the documentation
        # has it.
        count = conv_winograd.products(2, (7, 3, 5, 5), (8, 6), (2, 2))
        self.assertEqual(count, 2 * 7 * 3 * 8 * 6 * 12.25)
        for pad in 0, 1:
            axis, _ = winograd_axis.transposed(5, 2, pad)
            self.assertEqual(len(axis.images), 7)

    def test_transposed_with_a_stride_of_1(self):
        for size in 2, 3:
            for pad in 0, 1:
                axis, _ = winograd_axis.transposed(size, 1, pad)
                self.assertEqual(axis, winograd_axis.convolution(size, 1))

    def test_where_it_is_used(self):
        # Not in the first layer of the 2D autoencoder, with one channel.
        for count, channels, size, used in [
            (128, 64, 32, True),
            (64, 1, 64, False),
        ]:
            convolution = conv.Convolution(
                AbstractConv2d(border_mode=(2, 2), subsample=(2, 2))
            )
            images = torch.empty(32, channels, size, size)
            filters = torch.empty(count, channels, 5, 5)
            with mock.patch.object(conv_winograd, 'forward') as forward:
                convolution.forward(images, filters)
            self.assertEqual(forward.called, used)

    def test_without_a_compiler(self):
        with (
            mock.patch.object(conv_winograd, 'library', return_value=None),
            mock.patch.object(conv, '_chosen', conv.faster_than_pytorch),
        ):
            convolution = conv.Convolution(AbstractConv2d(border_mode=(1, 1)))
            x, w = torch.ones(8, 32, 16, 16), torch.ones(32, 32, 3, 3)
            self.assertEqual(convolution.forward(x, w).max(), 32 * 9)
