import numpy as np
import theano
import theano.tensor as T
from theano.tensor import fft

from tests.engine.compare import DEVICE, EngineTest, torch_mode, values


class FourierTransformTest(EngineTest):
    def test_transforms_and_gradients(self):
        for dtype, ndim in ('float32', 2), ('float64', 3), ('float64', 4):
            for size in 5, 6:
                x = T.TensorType(dtype, (False,) * ndim)('x')
                y = fft.rfft(x)
                z = fft.irfft(y, is_odd=size % 2 == 1)
                data = values(dtype, *(2, 3, 4)[: ndim - 1], size)
                self.assert_same(
                    [x],
                    [
                        y,
                        z,
                        fft.rfft(x, norm='ortho'),
                        T.grad((y**3).sum(), x),
                        T.grad((z**3).sum(), x),
                    ],
                    data,
                    tolerance=1e-4 if dtype == 'float32' else 1e-9,
                )

    def test_any_numbers(self):
        """Also those that are no transform of real numbers."""
        x = T.tensor4(dtype='float64')
        self.assert_same(
            [x],
            [fft.irfft(x), fft.irfft(x, is_odd=True)],
            values('float64', 2, 3, 4, 2),
        )

    def test_sizes(self):
        x, sizes = T.dmatrix(), T.lvector()
        y = fft.rfft_op(x, sizes)
        for size in 3, 8, 11:
            self.assert_same(
                [x, sizes],
                [y, fft.irfft_op(y, sizes)],
                values('float64', 2, 8),
                np.array([size]),
            )
        f = theano.function([x, sizes], y, mode=torch_mode(DEVICE))
        for wrong in [0], [2, 2, 2]:
            with self.assertRaisesRegex(ValueError, 'cannot have the lengths'):
                f(values('float64', 2, 8), wrong)

    def test_kernel(self):
        x = T.matrix()
        theano.function(
            [x],
            fft.irfft(fft.rfft(x)),
            mode=torch_mode(DEVICE, strict=True),
        )
