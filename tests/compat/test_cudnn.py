import unittest

import numpy as np
import theano
import theano.tensor as T

from kneerepro.compat import cudnn
from kneerepro.compat.cuda_ops import gpu_alloc_empty
from tests.layers.oracle import convolution
from tests.modes import AS_WRITTEN


class CudnnTest(unittest.TestCase):
    def setUp(self):
        self.rng = np.random.RandomState(1)

    def values(self, *shape):
        return self.rng.normal(size=shape).astype('float32')

    def assert_close(self, variable, expected):
        np.testing.assert_allclose(
            theano.function([], variable, mode=AS_WRITTEN)(),
            expected,
            rtol=1e-4,
            atol=1e-4,
        )


class ConvTest(CudnnTest):
    def test_images_and_volumes(self):
        for n in 2, 3:
            x = self.values(2, 3, *(7, 6, 5)[:n])
            W = self.values(4, 3, *(3, 2, 1)[:n])
            for mode, flip in ('conv', True), ('cross', False):
                pad, stride = (1, 0, 2)[:n], (2, 1, 2)[:n]
                self.assert_close(
                    cudnn.dnn_conv(
                        T.constant(x),
                        T.constant(W),
                        border_mode=pad,
                        subsample=stride,
                        conv_mode=mode,
                        algo='none',
                    ),
                    convolution(x, W, stride, pad, flip),
                )
            self.assert_close(
                cudnn.dnn_conv3d(T.constant(x), T.constant(W)),
                convolution(x, W, 1, 0),
            )

    def test_dilation_and_groups(self):
        x, W = self.values(2, 4, 7, 7), self.values(6, 2, 2, 2)
        dilated = np.zeros((6, 2, 3, 3), 'float32')
        dilated[:, :, ::2, ::2] = W
        self.assert_close(
            cudnn.dnn_conv(
                T.constant(x),
                T.constant(W),
                dilation=(2, 2),
                num_groups=2,
            ),
            np.concatenate(
                [
                    convolution(x[:, :2], dilated[:3], 1, 0),
                    convolution(x[:, 2:], dilated[3:], 1, 0),
                ],
                axis=1,
            ),
        )

    def test_unknown_mode(self):
        with self.assertRaisesRegex(ValueError, "'conv' or 'cross'"):
            cudnn.dnn_conv(T.tensor4(), T.tensor4(), conv_mode=(1, 1))


class GradientTest(CudnnTest):
    """The gradients by which programs transpose convolutions."""

    def test_by_input_and_filters(self):
        for n in 2, 3:
            x = T.constant(self.values(2, 3, *(8, 6, 4)[:n]))
            W = T.constant(self.values(4, 3, *(4,) * n))
            desc = cudnn.GpuDnnConvDesc(
                border_mode=(1,) * n, subsample=(2,) * n, conv_mode='cross'
            )(x.shape, W.shape)
            y = cudnn.GpuDnnConv()(x, W, None, desc)
            weights = T.constant(self.values(2, 4, *(4, 3, 2)[:n]))
            dx, dW = theano.grad((y * weights).sum(), [x, W])
            for gradient, expected in [
                (
                    cudnn.GpuDnnConvGradI()(
                        W, weights, gpu_alloc_empty(*x.shape), desc
                    ),
                    dx,
                ),
                (
                    cudnn.GpuDnnConvGradW()(
                        x, weights, gpu_alloc_empty(*W.shape), desc
                    ),
                    dW,
                ),
            ]:
                self.assert_close(
                    gradient,
                    theano.function([], expected, mode=AS_WRITTEN)(),
                )


class PoolTest(CudnnTest):
    def test_default_stride_is_1(self):
        x = self.values(1, 2, 4, 3)
        self.assert_close(
            cudnn.dnn_pool(T.constant(x), (2, 1)),
            np.maximum(x[:, :, :-1], x[:, :, 1:]),
        )

    def test_volumes(self):
        x = self.values(1, 2, 4, 4, 2)
        self.assert_close(
            cudnn.dnn_pool(
                T.constant(x), (2, 2, 2), (2, 2, 2), 'average_inc_pad'
            ),
            x.reshape(1, 2, 2, 2, 2, 2, 1, 2).mean((3, 5, 7)),
        )

    def test_padding_is_no_maximum(self):
        x = -np.ones((1, 1, 2, 2), 'float32')
        self.assert_close(
            cudnn.dnn_pool(T.constant(x), (2, 2), (2, 2), pad=(1, 1)),
            -np.ones((1, 1, 2, 2)),
        )


class AvailableTest(unittest.TestCase):
    def test_not_available(self):
        self.assertFalse(cudnn.dnn_available())
        self.assertIn('pygpu', cudnn.dnn_available.msg)
