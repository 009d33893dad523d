import itertools

import numpy as np
import theano
import theano.tensor as T
from theano.tensor import blas

from tests.engine.compare import DEVICE, EngineTest, torch_mode, values


class BlasTest(EngineTest):
    def test_values(self):
        for dtype, a, b in itertools.product(
            ['float32', 'float64'], [0, 1, -1, 0.5], [0, 1, -1, 0.5]
        ):
            x, y, z = (T.matrix(name, dtype) for name in 'xyz')
            alpha, beta = (T.constant(np.asarray(n, dtype)) for n in (a, b))
            self.assert_same(
                [x, y, z],
                [
                    blas.gemm_no_inplace(z, alpha, x, y, beta),
                    blas.gemv_no_inplace(z[0], alpha, y.T, x[0], beta),
                    blas.Ger(False)(z, alpha, x[:, 0], y[0]),
                    blas._dot22(x, y),
                    blas._dot22scalar(x, y, alpha),
                ],
                values(dtype, 2, 3),
                values(dtype, 3, 4),
                values(dtype, 2, 4),
            )

    def test_overwritten(self):
        z, x, y = T.matrices('zxy')
        one = T.constant(np.float32(1))
        f = theano.function(
            [theano.In(z, mutable=True), x, y],
            blas.gemm_inplace(z, one, x, y, one),
            accept_inplace=True,
            mode=torch_mode(DEVICE),
        )
        data = values('float32', 2, 2)
        target = data.copy()
        np.testing.assert_allclose(
            f(target, data, data), data + data @ data, 1e-5
        )
        if DEVICE == 'cpu':
            np.testing.assert_allclose(target, data + data @ data, 1e-5)

    def test_factor_zero(self):
        """What it multiplies does not matter."""
        z, x = T.matrices('zx')
        zero, one = (T.constant(np.float32(n)) for n in (0, 1))
        self.assert_same(
            [z, x],
            [
                blas.gemm_no_inplace(z, one, x, x, zero),
            ],
            np.full((2, 2), np.nan, 'float32'),
            values('float32', 2, 2),
        )

    def test_shapes_that_do_not_fit(self):
        z, x, y = T.matrices('zxy')
        one = T.constant(np.float32(1))
        good = [
            values('float32', *shape) for shape in [(2, 4), (2, 3), (3, 4)]
        ]
        for place in range(3):
            arguments = list(good)
            arguments[place] = values('float32', 5, 5)
            self.assert_refused(
                ValueError,
                [z, x, y],
                blas.gemm_no_inplace(z, one, x, y, one),
                *arguments,
            )
        self.assert_refused(
            ValueError, [z, x, y], blas._dot22(x, y), *arguments[:2], good[0]
        )
