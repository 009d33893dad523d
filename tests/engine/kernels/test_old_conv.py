import itertools
import warnings

import theano
import theano.tensor as T
from theano.tensor.nnet.conv import ConvOp, conv2d
from theano.tensor.signal import conv as signal_conv

from tests.engine.compare import DEVICE, EngineTest, torch_mode, values


class OldConvolutionTest(EngineTest):
    def setUp(self):
        ignored = warnings.catch_warnings()
        ignored.__enter__()
        self.addCleanup(ignored.__exit__, None, None, None)
        warnings.filterwarnings('ignore', '.*conv2d is deprecated')

    def test_values_and_gradients(self):
        x, w = T.tensor4(), T.tensor4()
        for mode, step in itertools.product(
            ['valid', 'full'], [(1, 1), (2, 1), (2, 3)]
        ):
            y = conv2d(
                x,
                w,
                image_shape=(2, 2, 9, 8),
                filter_shape=(3, 2, 3, 2),
                border_mode=mode,
                subsample=step,
            )
            outputs = [y]
            if step == (1, 1):  # otherwise Theano has no gradients
                outputs += T.grad((y**2).sum(), [x, w])
            self.assert_same(
                [x, w],
                outputs,
                values('float32', 2, 2, 9, 8),
                values('float32', 3, 2, 3, 2),
                tolerance=2e-4,
            )

    def test_unknown_shapes(self):
        x, w = T.dtensor4(), T.dtensor4()
        self.assert_same(
            [x, w],
            conv2d(x, w),
            values('float64', 2, 2, 5, 4),
            values('float64', 3, 2, 3, 2),
        )

    def test_spread(self):
        """Zeros between the rows and columns, as gradients have them."""
        x, w = T.dtensor4(), T.dtensor4()
        for aligned in True, False:
            op = ConvOp(
                (2, 3, 3),
                (2, 2),
                nkern=3,
                bsize=2,
                imshp_logical=(2, 5, 6),
                kshp_logical=(3, 4),
                kshp_logical_top_aligned=aligned,
                output_mode='full',
            )
            self.assert_same(
                [x, w],
                op(x, w),
                values('float64', 2, 2, 3, 3),
                values('float64', 3, 2, 2, 2),
            )

    def test_signal(self):
        x, w = T.dmatrix(), T.dmatrix()
        self.assert_same(
            [x, w],
            [
                signal_conv.conv2d(x, w),
                signal_conv.conv2d(x, w, border_mode='full'),
            ],
            values('float64', 6, 7),
            values('float64', 3, 2),
        )

    def test_other_shapes_than_declared(self):
        x, w = T.tensor4(), T.tensor4()
        y = conv2d(x, w, image_shape=(2, 2, 9, 8), filter_shape=(3, 2, 3, 2))
        good = values('float32', 2, 2, 9, 8), values('float32', 3, 2, 3, 2)
        bad = values('float32', 2, 2, 9, 7), values('float32', 3, 2, 3, 3)
        for arguments in (good[0], bad[1]), (bad[0], good[1]):
            self.assert_refused(ValueError, [x, w], y, *arguments)

    def test_kernel(self):
        x, w = T.tensor4(), T.tensor4()
        theano.function(
            [x, w],
            T.grad(conv2d(x, w).sum(), w),
            mode=torch_mode(DEVICE, strict=True),
        )
