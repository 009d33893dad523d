import itertools

import theano
import theano.tensor as T
from theano.tensor.nnet import conv2d, conv3d
from theano.tensor.nnet.abstract_conv import (
    conv2d_grad_wrt_inputs,
    conv3d_grad_wrt_inputs,
)

from tests.engine.compare import FLOATS, torch, values
from tests.engine.fused.helpers import FusedTest

if torch:
    from kneerepro.engine.fused.conv_bias import ConvolutionWithBias


class ConvolutionWithBiasTest(FusedTest):
    def case(self, dimensions, dtype='float32'):
        images, filters = (
            T.tensor(dtype, (False,) * (2 + dimensions)) for _ in range(2)
        )
        bias = T.tensor(dtype, (False,))
        added = bias.dimshuffle('x', 0, *['x'] * dimensions)
        return images, filters, bias, added

    def test_convolution(self):
        for dtype, (n, convolve) in itertools.product(
            FLOATS, [(2, conv2d), (3, conv3d)]
        ):
            images, filters, bias, added = self.case(n, dtype)
            y = (
                convolve(
                    images, filters, border_mode=(1,) * n, subsample=(2,) * n
                )
                + added
            )
            inputs = [images, filters, bias]
            self.assert_fused({ConvolutionWithBias: 1}, inputs, y)
            # Some of these sums of a hundred products are near 0, so the
            # terms must be small.
            data = (
                values(dtype, *shape, low=-1, high=1)
                for shape in [(2, 3, *[6] * n), (4, 3, *[3] * n), (4,)]
            )
            self.assert_same(inputs, [y, added + y], *data)

    def test_transposed(self):
        for n, transposed in (
            (2, conv2d_grad_wrt_inputs),
            (3, conv3d_grad_wrt_inputs),
        ):
            images, filters, bias, added = self.case(n)
            y = added + transposed(
                images,
                filters,
                (None, None) + (8,) * n,
                border_mode=(1,) * n,
                subsample=(2,) * n,
            )
            inputs = [images, filters, bias]
            self.assert_fused({ConvolutionWithBias: 1}, inputs, y)
            for channels in 1, 3:
                self.assert_same(
                    inputs,
                    y,
                    values('float32', 2, 4, *[4] * n),
                    values('float32', 4, channels, *[4] * n),
                    values('float32', channels),
                    tolerance=1e-4,
                )

    def test_not_fused_if_others_need_the_convolution(self):
        images, filters, bias, added = self.case(2)
        convolved = conv2d(images, filters)
        self.assert_fused(
            {ConvolutionWithBias: 0},
            [images, filters, bias],
            [convolved, convolved + added],
        )

    def test_bias_of_wrong_length_is_refused(self):
        images, filters, bias, added = self.case(2)
        function = theano.function(
            [images, filters, bias],
            conv2d(images, filters) + added,
            mode=self.modes()[0],
        )
        for size in 1, 3:
            with self.assertRaisesRegex(
                ValueError, f'mis-match.*bias of length {size}.* 4 channels'
            ):
                function(
                    values('float32', 2, 1, 4, 4),
                    values('float32', 4, 1, 2, 2),
                    values('float32', size),
                )

    def test_not_fused_along_another_axis(self):
        images, filters, bias, _ = self.case(2)
        self.assert_fused(
            {ConvolutionWithBias: 0},
            [images, filters, bias],
            conv2d(images, filters) + bias.dimshuffle('x', 'x', 'x', 0),
        )
