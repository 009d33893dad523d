"""Theano's types and numbers are those of NumPy 1 on every NumPy."""

import unittest

import numpy as np
import theano
import theano.tensor as T
from theano.configparser import change_flags
from theano.tensor import raw_random
from theano.tensor.signal.pool import pool_2d
from theano.tensor.sort import topk, topk_and_argtopk

PYTHON = theano.compile.Mode('py', 'fast_run')
DTYPES = [
    'int8',
    'int16',
    'int32',
    'int64',
    'uint8',
    'uint16',
    'uint32',
    'uint64',
    'float16',
    'float32',
    'float64',
    'complex64',
    'complex128',
    'bool',
]


class TypeTest(unittest.TestCase):
    def test_constants_have_the_smallest_type(self):
        for number, dtype in [
            (0, 'int8'),
            (127, 'int8'),
            (128, 'int16'),
            (-129, 'int16'),
            (300, 'int16'),
            (32768, 'int32'),
            (-(2**31), 'int32'),
            (2**31, 'int64'),
            (2**63 - 1, 'int64'),
            (2**63, 'uint64'),
            (np.uint8(255), 'uint8'),
            (np.float64(0.1), 'float64'),
            ([300], 'int64'),
            (np.zeros(2, 'float16'), 'float16'),
        ]:
            for floatX in 'float32', 'float64':
                with change_flags(floatX=floatX), self.subTest(number):
                    constant = T.as_tensor_variable(number)
                    self.assertEqual(constant.dtype, dtype)
                    np.testing.assert_array_equal(constant.data, number)

    def test_python_floats(self):
        for floatX, number, dtype in [
            ('float64', 0.1, 'float64'),
            ('float64', 0.5, 'float32'),
            ('float64', 1e300, 'float64'),
            ('float32', 0.1, 'float32'),
        ]:
            with change_flags(floatX=floatX), self.subTest(number):
                constant = T.as_tensor_variable(number)
                self.assertEqual(constant.dtype, dtype)
                self.assertEqual(constant.data, np.dtype(dtype).type(number))

    def test_pairs_of_types(self):
        for a in DTYPES:
            for b in DTYPES:
                with self.subTest(a=a, b=b):
                    self.assertEqual(
                        T.add(T.scalar(dtype=a), T.vector(dtype=b)).dtype,
                        np.promote_types(a, b),
                    )

    def test_python_numbers(self):
        for number, dtype_of_number in [
            (300, 'int16'),
            (0.1, 'float32'),
            (-1, 'int8'),
        ]:
            for dtype in DTYPES:
                with (
                    self.subTest(number, dtype=dtype),
                    change_flags(floatX='float32'),
                ):
                    self.assertEqual(
                        (T.vector(dtype=dtype) * number).dtype,
                        np.promote_types(dtype, dtype_of_number),
                    )

    def test_inexact_scalars_are_refused(self):
        with change_flags(floatX='float64'):
            with self.assertRaises(TypeError):
                theano.scalar.float32.filter(0.1)
            self.assertEqual(theano.scalar.float32.filter(0.5), 0.5)


class FoldingTest(unittest.TestCase):
    def assert_computes(self, output, expected, dtype):
        # Not in C code, where casting a negative float to an unsigned type is
        # undefined.
        with change_flags(cxx=''):
            value = theano.function([], output, mode=PYTHON)()
        self.assertEqual(value.dtype, dtype)
        np.testing.assert_array_equal(value, np.array(expected))

    def test_integers_wrap_around(self):
        for dtype in 'uint8', 'uint16', 'uint32', 'uint64':
            modulus = 2 ** (8 * np.dtype(dtype).itemsize)
            for values in [-3, 2, -2.5], [-3, 0, 2]:
                self.assert_computes(
                    T.cast(T.constant(np.array(values)), dtype),
                    np.array(
                        [int(value) % modulus for value in values], dtype
                    ),
                    dtype,
                )

    def test_negative_of_unsigned(self):
        x = T.constant(np.array([1, 2], 'uint8'))
        self.assert_computes(-x, [255, 254], 'uint8')

    def test_inverse_in_double_precision(self):
        x = T.constant(np.array([3.0, 7.0]))
        self.assert_computes(T.inv(x), [1 / 3, 1 / 7], 'float64')


class GeneratorTest(unittest.TestCase):
    def test_draws_from_a_copy(self):
        state = raw_random.random_state_type()
        numbers = raw_random.uniform(state, (2,), dtype='float64')[1]
        draw = theano.function([state], numbers, mode=PYTHON)
        generator = np.random.RandomState(1)
        expected = np.random.RandomState(1).uniform(size=2)
        for _ in range(2):
            np.testing.assert_array_equal(draw(generator), expected)


class PoolTest(unittest.TestCase):
    """Theano's Python code indexes arrays by lists of slices."""

    rng = np.random.RandomState(1)

    def value_of(self, variable):
        value = theano.function([], variable, mode=PYTHON)()
        self.assertIs(type(value), np.ndarray)
        return value

    def windows(self, x):
        return x.reshape(2, 2, 2, 2, 2)

    def test_pooling(self):
        x = self.rng.normal(size=(2, 4, 4)).astype('float32')
        for mode, function in [
            ('max', np.max),
            ('sum', np.sum),
            ('average_inc_pad', np.mean),
            ('average_exc_pad', np.mean),
        ]:
            for pad, expected in [
                ((0, 0), function(self.windows(x), axis=(2, 4))),
                ((1, 1), None),
            ]:
                pooled = self.value_of(
                    pool_2d(T.constant(x), (2, 2), True, pad=pad, mode=mode)
                )
                if expected is None:
                    # The window in the middle, without padding.
                    pooled = pooled[:, 1, 1]
                    expected = function(x[:, 1:3, 1:3], axis=(1, 2))
                np.testing.assert_allclose(pooled, expected, rtol=1e-5)

    def test_gradient_of_averages(self):
        x = T.constant(self.rng.normal(size=(2, 4, 4)))
        pooled = pool_2d(x, (2, 2), True, mode='average_exc_pad')
        np.testing.assert_array_equal(
            self.value_of(theano.grad(pooled.sum(), x)),
            np.full((2, 4, 4), 0.25),
        )

    def test_r_operator(self):
        x, direction = self.rng.normal(size=(2, 2, 4, 4))
        variable = T.constant(x)
        derivative = theano.Rop(
            pool_2d(variable, (2, 2), True), variable, T.constant(direction)
        )
        expected = [
            [[direction[x == maximum][0] for maximum in row] for row in image]
            for image in self.windows(x).max((2, 4))
        ]
        np.testing.assert_array_equal(self.value_of(derivative), expected)

    def test_topk(self):
        x = np.array([[3, 1, 4, 1.5], [2, 7, 1, 8]])
        for k, largest in (2, [[3, 4], [7, 8]]), (-2, [[1, 1.5], [1, 2]]):
            values, indices = topk_and_argtopk(T.constant(x), k, sorted=False)
            values, indices = self.value_of(values), self.value_of(indices)
            np.testing.assert_array_equal(np.sort(values), largest)
            np.testing.assert_array_equal(
                np.take_along_axis(x, indices, 1), values
            )
            np.testing.assert_array_equal(
                np.sort(self.value_of(topk(T.constant(x), k, sorted=False))),
                largest,
            )
