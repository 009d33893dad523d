import unittest
from unittest import mock

from tests.benchmarks.common import NEEDS_TORCH, benchmark, torch


@NEEDS_TORCH
class ArithmeticTest(unittest.TestCase):
    def test_products_of_pytorch(self):
        x, filters = torch.ones(2, 3, 8, 8), torch.ones(5, 3, 3, 3)
        a, b = torch.ones(4, 6, 7), torch.ones(4, 7, 8)
        total = torch.zeros(4, 6, 8)

        def step():
            torch.conv2d(x, filters)
            torch.bmm(a, b, out=total)
            total.baddbmm_(a, b)

        for with_engine in False, True:
            self.assertEqual(
                benchmark('arithmetic').count_products(step, with_engine),
                2 * 5 * 3 * 9 * 36 + 2 * 4 * 6 * 7 * 8,
            )

    def test_gradient_within_the_loss(self):
        # The penalty of WGAN-GP is one.
        model, x = torch.nn.Linear(4, 1, bias=False), torch.ones(3, 4)

        def step():
            inputs = x.clone().requires_grad_()
            y = model(inputs).sum()
            (gradient,) = torch.autograd.grad(y, inputs, create_graph=True)
            gradient.square().sum().backward()

        # Forward, the gradient, and that of the weights.
        self.assertEqual(
            benchmark('arithmetic').count_products(step, False), 3 * 3 * 4
        )

    def test_inference(self):
        model, x = torch.nn.Conv2d(2, 3, 3, bias=False), torch.ones(1, 2, 6, 6)

        def step():
            with torch.inference_mode():
                model(x)

        self.assertEqual(
            benchmark('arithmetic').count_products(step, False),
            2 * 3 * 9 * 16,
        )

    def test_products_of_minimal_filtering(self):
        from kneerepro.engine.kernels import conv_winograd

        options = (1, 1), (1, 1), (1, 1)
        if not conv_winograd.is_available((3, 3), *options[:2], torch.float32):
            self.skipTest('there is no C++ compiler')
        x, filters = torch.ones(2, 3, 8, 8), torch.ones(5, 3, 3, 3)

        def step():
            y = conv_winograd.forward(x, filters, None, *options)
            conv_winograd.grad_weights(x, y, filters.shape, *options)
            conv_winograd.grad_inputs(filters, y, x.shape, None, *options)

        # Four products for each output, instead of nine.
        self.assertEqual(
            benchmark('arithmetic').count_products(step, True),
            3 * 2 * 5 * 3 * 8 * 8 * 4,
        )

    def test_best_speed(self):
        arithmetic = benchmark('arithmetic')
        # The product of matrices takes a second, the convolution two.
        with mock.patch.object(arithmetic, '_shortest', side_effect=[1, 2]):
            self.assertEqual(arithmetic.products_per_second(), 2048**3)
        with mock.patch.multiple(arithmetic, _SIZE=8, _CHANNELS=2):
            self.assertGreater(arithmetic.products_per_second(), 0)

    def test_limit(self):
        arithmetic = benchmark('arithmetic')
        with mock.patch.object(
            arithmetic, 'products_per_second', return_value=60.0
        ):
            a = torch.ones(3, 4)
            found = arithmetic.limit(lambda: torch.mm(a, a.t()), False)
        self.assertEqual(found, 3 * 3 * 4 / 60)
