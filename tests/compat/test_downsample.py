import unittest
import warnings

import numpy as np
import theano
import theano.tensor as T

from kneerepro.compat import downsample
from tests.modes import AS_WRITTEN

X = np.random.RandomState(1).normal(size=(2, 1, 5, 4)).astype('float32')


def value_of(variable):
    return theano.function([], variable, mode=AS_WRITTEN)()


class MaxPoolTest(unittest.TestCase):
    def test_default_keeps_the_border(self):
        with warnings.catch_warnings():
            warnings.simplefilter('error')  # Theano's own default warns
            pooled = [
                downsample.max_pool_2d(T.constant(X), (2, 3)),
                downsample.max_pool_2d(T.constant(X), (2, 3), None),
                downsample.max_pool2D(T.constant(X), (2, 3)),
                downsample.DownsampleFactorMax((2, 3))(T.constant(X)),
            ]
        expected = [
            [
                image[0, row : row + 2, column : column + 3].max()
                for row in (0, 2, 4)
                for column in (0, 3)
            ]
            for image in X
        ]
        for variable in pooled:
            np.testing.assert_array_equal(
                value_of(variable).reshape(2, 6), expected
            )

    def test_all_parameters(self):
        for pool in [
            downsample.max_pool_2d,
            lambda x, *args: downsample.DownsampleFactorMax(*args)(x),
        ]:
            pooled = value_of(
                pool(T.constant(X), (2, 2), True, (1, 2), (1, 0), 'sum')
            )
            padded = np.pad(X, [(0, 0), (0, 0), (1, 1), (0, 0)])
            columns = padded[..., ::2] + padded[..., 1::2]
            np.testing.assert_allclose(
                pooled, columns[:, :, :-1] + columns[:, :, 1:], rtol=1e-5
            )

    def test_matrix(self):
        np.testing.assert_array_equal(
            value_of(downsample.max_pool_2d(T.constant(X[0, 0]), (5, 4))),
            X[0].max(keepdims=True)[0],
        )

    def test_shape(self):
        out_shape = downsample.DownsampleFactorMax.out_shape
        self.assertEqual(list(out_shape((2, 5, 4), (2, 3))), [2, 3, 2])
        self.assertEqual(
            list(out_shape((5, 4), (2, 3), True, st=(1, 1), padding=(1, 0))),
            [6, 2],
        )

    def test_same_size(self):
        kept = value_of(
            downsample.max_pool_2d_same_size(T.constant(X[:, :, :4]), (2, 2))
        )
        self.assertEqual(np.count_nonzero(kept), 8)
        np.testing.assert_array_equal(kept[kept != 0], X[:, :, :4][kept != 0])


class GradientTest(unittest.TestCase):
    def test_gradients(self):
        x = T.constant(X)
        for mode in 'max', 'average_exc_pad':
            pool = downsample.DownsampleFactorMax((2, 2), True, mode=mode)
            y = pool(x)
            gz = T.constant(np.arange(8, dtype='float32').reshape(2, 1, 2, 2))
            gradient = downsample.DownsampleFactorMaxGrad(
                (2, 2), True, mode=mode
            )(x, y, gz)
            np.testing.assert_allclose(
                value_of(gradient),
                value_of(theano.grad((y * gz).sum(), x)),
                rtol=1e-5,
            )

    def test_gradient_of_the_gradient(self):
        x = T.constant(X)
        y = downsample.DownsampleFactorMax((2, 2), True)(x)
        # Of each window, the gradient of the gradient takes the element at
        # the maximum.
        np.testing.assert_array_equal(
            value_of(
                downsample.DownsampleFactorMaxGradGrad((2, 2), True)(x, y, x)
            ),
            value_of(y),
        )
