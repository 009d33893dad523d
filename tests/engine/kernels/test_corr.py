import itertools

import numpy as np
import theano
import theano.tensor as T
from theano.tensor.nnet import abstract_conv
from theano.tensor.nnet.corr import (
    CorrMM,
    CorrMM_gradInputs,
    CorrMM_gradWeights,
)
from theano.tensor.nnet.corr3d import (
    Corr3dMM,
    Corr3dMM_gradInputs,
    Corr3dMM_gradWeights,
)

from tests.engine.compare import (
    DEVICE,
    REFERENCE,
    EngineTest,
    torch_mode,
    values,
)

OPS = {
    2: (CorrMM, CorrMM_gradWeights, CorrMM_gradInputs),
    3: (Corr3dMM, Corr3dMM_gradWeights, Corr3dMM_gradInputs),
}


def convolutions(dimensions):
    """The Ops that compute the same and that also have Python code."""
    return [
        getattr(abstract_conv, f'AbstractConv{dimensions}d{suffix}')
        for suffix in ('', '_gradWeights', '_gradInputs')
    ]


class CorrelationTest(EngineTest):
    def assert_like_convolution(
        self, images, filters, infer_sizes=False, **options
    ):
        """The Op and both gradients compute what Theano's convolution does
        that does not flip the filters."""
        dimensions = images.ndim - 2
        ops = [op(**options) for op in OPS[dimensions]]
        references = [
            op(filter_flip=False, **options) for op in convolutions(dimensions)
        ]
        x = T.TensorType(images.dtype, [False] * images.ndim)()
        w = T.TensorType(filters.dtype, [False] * filters.ndim)()
        expected = theano.function([x, w], references[0](x, w), mode=REFERENCE)
        outputs = expected(images, filters)
        dy = T.TensorType(images.dtype, [False] * images.ndim)()
        kernel, sizes = filters.shape[-dimensions:], images.shape[2:]
        expected = theano.function(
            [x, w, dy],
            [
                references[1](x, dy, kernel),
                references[2](w, dy, sizes),
            ],
            mode=REFERENCE,
        )(images, filters, outputs)
        if infer_sizes:
            kernel = sizes = None
        found = theano.function(
            [x, w, dy],
            [ops[0](x, w), ops[1](x, dy, kernel), ops[2](w, dy, sizes)],
            mode=torch_mode(DEVICE, strict=True, tf32=False),
        )(images, filters, outputs)
        self.assert_equal(found, [outputs, *expected], 2e-4)

    def test_padding_stride_dilation(self):
        for mode, stride, dilation in itertools.product(
            ['valid', 'full', 'half', (1, 2), ((0, 1), (2, 1))],
            [(1, 1), (2, 3)],
            [(1, 1), (2, 1)],
        ):
            self.assert_like_convolution(
                values('float64', 2, 3, 8, 7),
                values('float64', 4, 3, 3, 2),
                border_mode=mode,
                subsample=stride,
                filter_dilation=dilation,
            )

    def test_groups(self):
        self.assert_like_convolution(
            values('float32', 2, 4, 6, 5),
            values('float32', 6, 2, 3, 2),
            num_groups=2,
        )

    def test_sizes_from_shapes(self):
        for mode, dilation in itertools.product(
            ['valid', 'full', ((0, 1), (2, 1))], [(1, 1), (2, 1)]
        ):
            self.assert_like_convolution(
                values('float64', 2, 3, 8, 7),
                values('float64', 4, 3, 3, 2),
                infer_sizes=True,
                border_mode=mode,
                filter_dilation=dilation,
            )

    def test_volumes(self):
        for mode, stride, dilation in [
            ('valid', (1, 2, 3), (1, 1, 1)),
            ('half', (2, 1, 1), (1, 2, 1)),
            ((1, 0, 2), (1, 1, 1), (1, 1, 2)),
        ]:
            self.assert_like_convolution(
                values('float64', 2, 2, 5, 6, 7),
                values('float64', 3, 2, 2, 3, 3),
                border_mode=mode,
                subsample=stride,
                filter_dilation=dilation,
            )
        self.assert_like_convolution(
            values('float32', 1, 4, 4, 5, 4),
            values('float32', 4, 2, 2, 3, 2),
            infer_sizes=True,
            border_mode='full',
            num_groups=2,
        )

    def test_unshared(self):
        for mode, stride, dilation, positions in [
            ('valid', (1, 1), (1, 1), (4, 4)),
            ('full', (2, 1), (1, 1), (4, 6)),
            ('half', (1, 2), (1, 2), (6, 3)),
            (((0, 1), (2, 1)), (1, 1), (2, 1), (3, 7)),
        ]:
            self.assert_like_convolution(
                values('float64', 2, 4, 6, 5),
                values('float64', 6, *positions, 2, 3, 2),
                border_mode=mode,
                subsample=stride,
                filter_dilation=dilation,
                num_groups=2,
                unshared=True,
            )

    def test_gradients_of_the_op(self):
        x, w = T.dtensor4(), T.dtensor4()
        arguments = (
            values('float64', 2, 3, 8, 7),
            values('float64', 4, 3, 3, 2),
        )
        found, expected = (
            theano.function([x, w], T.grad((y**2).sum(), [x, w]), mode=mode)(
                *arguments
            )
            for y, mode in [
                (
                    CorrMM('half', (2, 2))(x, w),
                    torch_mode(DEVICE, strict=True, tf32=False),
                ),
                (
                    T.nnet.conv2d(
                        x,
                        w,
                        border_mode='half',
                        subsample=(2, 2),
                        filter_flip=False,
                    ),
                    REFERENCE,
                ),
            ]
        )
        self.assert_equal(found, expected)

    def test_shapes_that_do_not_go_together(self):
        images, filters = np.ones((2, 4, 6, 5)), np.ones((6, 2, 3, 2))
        outputs = np.ones((2, 6, 4, 4))
        x, w, dy = T.dtensor4s(3)
        all_three = CorrMM, CorrMM_gradWeights, CorrMM_gradInputs
        for groups, arguments, ops in [
            (2, (images[:, :3], filters, outputs), all_three[:2]),
            (4, (images, filters, outputs), all_three),
            (2, (images[:, :, :2], filters, outputs), all_three),
            (2, (images, filters, outputs[..., :3]), all_three[1:]),
            (2, (images, filters, outputs[:1]), all_three[1:2]),
            (2, (images, filters, outputs[:, :5]), all_three[1:]),
        ]:
            for op in ops:
                inputs = {
                    CorrMM: (x, w),
                    CorrMM_gradWeights: (x, dy, w.shape[-2:]),
                    CorrMM_gradInputs: (w, dy, x.shape[-2:]),
                }[op]
                function = theano.function(
                    [x, w, dy],
                    op(num_groups=groups)(*inputs),
                    mode=torch_mode(DEVICE),
                    on_unused_input='ignore',
                )
                with self.assertRaisesRegex(ValueError, 'do not go together'):
                    function(*arguments)

    def test_unshared_filters_of_another_number_of_positions(self):
        x, w = T.dtensor4(), T.TensorType('float64', [False] * 6)()
        function = theano.function(
            [x, w], CorrMM(unshared=True)(x, w), mode=torch_mode(DEVICE)
        )
        images = np.ones((1, 1, 4, 4))
        self.assertEqual(
            function(images, np.ones((1, 3, 3, 1, 2, 2))).shape, (1, 1, 3, 3)
        )
        with self.assertRaisesRegex(ValueError, 'do not go together'):
            function(images, np.ones((1, 3, 2, 1, 2, 2)))
