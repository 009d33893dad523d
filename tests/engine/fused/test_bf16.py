import itertools

import numpy as np
import theano
import theano.tensor as T
from theano.tensor.nnet import conv2d, conv3d
from theano.tensor.nnet.abstract_conv import (
    AbstractConv2d,
    conv2d_grad_wrt_inputs,
    conv3d_grad_wrt_inputs,
)

from tests.engine.compare import (
    DEVICE,
    REFERENCE,
    EngineTest,
    TorchMode,
    torch,
    values,
)

if torch:
    from kneerepro.engine import torch_mode
    from kneerepro.engine.fused.bf16 import InBfloat16, Rounded


def rounded(x):
    """Round float32 numbers to bfloat16 with PyTorch; keep integers."""
    if x.dtype != 'float32':
        return x
    return torch.from_numpy(x).bfloat16().float().numpy()


def tensors(*numbers, dtype='float32'):
    """Variables with these numbers of axes."""
    return [T.tensor(dtype, (False,) * n) for n in numbers]


class RoundingTest(EngineTest):
    def test_as_pytorch_rounds(self):
        x = T.vector()
        f = theano.function([x], Rounded()(x), mode=REFERENCE)
        bits = np.random.RandomState(1).randint(0, 2**32, 20000, 'uint32')
        bits[:1000] = bits[:1000] & 0xFFFF0000 | 0x8000  # ties
        numbers = np.append(
            bits.view('float32'),
            np.float32([0, -0.0, np.inf, -np.inf, np.nan, 3.4e38, 1e-45]),
        )
        np.testing.assert_array_equal(f(numbers), rounded(numbers))


class ProductsTest(EngineTest):
    def setUp(self):
        super().setUp()
        self.mode = torch_mode(DEVICE, 'bf16')

    def function(self, inputs, outputs, products, roundings):
        """A function in bf16, which must have these numbers of products and
        of roundings of their inputs."""
        function = theano.function(inputs, outputs, mode=self.mode)
        self.assert_counts(function, products, roundings)
        return function

    def assert_counts(self, function, products, roundings=0):
        ops = [node.op for node in function.maker.fgraph.apply_nodes]
        self.assertEqual(
            [
                sum(isinstance(op, op_class) for op in ops)
                for op_class in (InBfloat16, Rounded)
            ],
            [products, roundings],
        )

    def assert_product(self, inputs, output, *arguments):
        """A product and its gradients are those of the rounded arguments.

        In NumPy they have single precision. On the device the result is
        rounded, but nothing is rounded twice."""
        g = output.type()
        outputs = [output, *T.grad(None, inputs[:2], known_grads={output: g})]
        arguments = [
            *arguments,
            values(
                'float32',
                *theano.function(inputs, output.shape, mode=REFERENCE)(
                    *arguments
                ),
            ),
        ]
        inputs = [*inputs, g]
        expected = theano.function(inputs, outputs, mode=REFERENCE)(
            *map(rounded, arguments)
        )
        function = self.function(inputs, outputs, 3, len(inputs))
        in_numpy = theano.function(
            inputs, outputs, mode=TorchMode('py', self.mode.provided_optimizer)
        )
        for found, plain, exact in zip(
            function(*arguments), in_numpy(*arguments), expected
        ):
            least = 2e-5 * np.abs(exact).max()
            np.testing.assert_allclose(plain, exact, 2e-5, least)
            # bfloat16 has 8 significant bits.
            np.testing.assert_allclose(found, exact, 2**-8, least)
            self.assertEqual(found.dtype, 'float32')
            np.testing.assert_array_equal(found, rounded(found))

    def test_convolutions(self):
        for (n, convolve), stride in itertools.product(
            [(2, conv2d), (3, conv3d)], [1, 2]
        ):
            images, filters = tensors(n + 2, n + 2)
            y = convolve(
                images, filters, border_mode=(1,) * n, subsample=(stride,) * n
            )
            self.assert_product(
                [images, filters],
                y,
                values('float32', 2, 3, *[6] * n),
                values('float32', 8, 3, *[3] * n),
            )

    def test_transposed(self):
        for n, transposed in (
            (2, conv2d_grad_wrt_inputs),
            (3, conv3d_grad_wrt_inputs),
        ):
            images, filters = tensors(n + 2, n + 2)
            y = transposed(
                images,
                filters,
                (None, None) + (8,) * n,
                border_mode=(1,) * n,
                subsample=(2,) * n,
            )
            self.assert_product(
                [images, filters],
                y,
                values('float32', 2, 8, *[4] * n),
                values('float32', 8, 3, *[4] * n),
            )

    def test_bias_is_added_to_the_rounded_product(self):
        for n, convolve, transposed in (
            (2, conv2d, conv2d_grad_wrt_inputs),
            (3, conv3d, conv3d_grad_wrt_inputs),
        ):
            images, filters, bias = tensors(n + 2, n + 2, 1)
            arguments = (
                values('float32', 2, 8, *[4] * n),
                values('float32', 8, 8, *[3] * n),
            )
            numbers = values('float32', 8)
            for y in (
                convolve(images, filters),
                transposed(images, filters, (None, None) + (6,) * n),
            ):
                product = self.function([images, filters], y, 1, 2)(*arguments)
                found = self.function(
                    [images, filters, bias],
                    y + bias.dimshuffle('x', 0, *['x'] * n),
                    1,
                    2,
                )(*arguments, numbers)
                np.testing.assert_array_equal(
                    found, product + numbers.reshape(-1, *[1] * n)
                )

    def test_products_of_matrices(self):
        for a, b in ((5, 7), (7, 3)), ((7, 5), (5, 1)):
            x, y = tensors(2, 2)
            self.assert_product(
                [x, y],
                T.dot(x, y),
                values('float32', *a),
                values('float32', *b),
            )
        x, y = tensors(3, 3)
        self.assert_product(
            [x, y],
            T.batched_dot(x, y),
            values('float32', 2, 5, 7),
            values('float32', 2, 7, 3),
        )

    def test_images_smaller_than_filters(self):
        images, filters, g = tensors(5, 5, 5)
        y = conv3d(images, filters, border_mode='half', subsample=(2,) * 3)
        outputs = [y, T.grad(None, filters, known_grads={y: g})]
        arguments = (
            values('float32', 2, 16, 4, 4, 4),
            values('float32', 16, 16, 5, 5, 5),
            values('float32', 2, 16, 2, 2, 2),
        )
        inputs = [images, filters, g]
        found = self.function(inputs, outputs, 2, 3)(*arguments)
        expected = theano.function(inputs, outputs, mode=torch_mode(DEVICE))(
            *map(rounded, arguments)
        )
        for value, exact in zip(found, expected):
            np.testing.assert_allclose(
                value, exact, 2**-8, 2e-5 * np.abs(exact).max()
            )

    def test_other_products_are_left_alone(self):
        a, b = tensors(4, 4, dtype='float64')
        x, y = tensors(2, 2, dtype='float64')
        i, j = tensors(2, 2, dtype='int32')
        u, v, w = tensors(1, 1, 2)
        outputs = [
            conv2d(a, b),
            T.dot(x, y),
            T.dot(i, j),
            T.dot(w, x),
            T.dot(u, v),
            T.batched_dot(a[0], b[0]),
        ]
        inputs = [a, b, x, y, i, j, u, v, w]
        self.function(inputs, outputs, 0, 0)
        a, b = tensors(4, 6)
        unshared = AbstractConv2d(unshared=True)(a, b)
        self.function([a, b], unshared, 0, 0)

    def test_is_off_by_default(self):
        images, filters, x, y = tensors(4, 4, 2, 2)
        for mode in torch_mode(DEVICE), torch_mode(DEVICE, 'float32'):
            self.assert_counts(
                theano.function(
                    [images, filters, x, y],
                    [conv2d(images, filters), T.dot(x, y)],
                    mode=mode,
                ),
                0,
            )

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "'half'.*float32, bf16"):
            torch_mode(DEVICE, 'half')
        x, y = tensors(2, 2)
        with self.assertRaisesRegex(ValueError, 'do not fit'):
            self.function([x, y], T.dot(x, y), 1, 2)(
                values('float32', 2, 3), values('float32', 2, 3)
            )
