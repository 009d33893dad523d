import itertools

import numpy as np
import theano
import theano.tensor as T
from theano.tensor.nnet import abstract_conv

from tests.engine.compare import FLOATS, EngineTest, values
from tests.subprocesses import run_python

# Relative to the largest number, because each number is a sum of hundreds.
PRECISION = {'float32': 2e-5, 'float64': 1e-11}


def padding(border_mode, kernel, dilation):
    """The padding before and after each axis that a border mode stands for."""
    sizes = [(k - 1) * d + 1 for k, d in zip(kernel, dilation)]
    pads = {
        'valid': [0 for _ in sizes],
        'half': [k // 2 for k in sizes],
        'full': [k - 1 for k in sizes],
    }.get(border_mode, border_mode)
    if isinstance(pads, int):
        pads = [pads] * len(sizes)
    return [(p, p) if isinstance(p, int) else p for p in pads]


def numpy_convolution(
    x,
    filters,
    border_mode='valid',
    subsample=None,
    filter_flip=True,
    filter_dilation=None,
    num_groups=1,
):
    """A convolution y, and the gradients of sum(y ** 2) / 2 with respect to x
    and to the filters: one matrix product for each place in the filters."""
    n = x.ndim - 2
    stride, dilation = subsample or (1,) * n, filter_dilation or (1,) * n
    kernel, every = filters.shape[2:], (slice(None), slice(None))
    pads = padding(border_mode, kernel, dilation)
    padded = np.pad(x, [(0, 0), (0, 0), *pads])
    shape = [
        (size - (k - 1) * d - 1) // s + 1
        for size, k, d, s in zip(padded.shape[2:], kernel, dilation, stride)
    ]
    places = [
        (
            every
            + (
                tuple(k - 1 - i for i, k in zip(place, kernel))
                if filter_flip
                else place
            ),
            every
            + tuple(
                slice(i * d, i * d + (m - 1) * s + 1, s)
                for i, d, m, s in zip(place, dilation, shape, stride)
            ),
        )
        for place in itertools.product(*map(range, kernel))
    ]
    y = np.zeros((len(x), len(filters), *shape))
    grad_padded, grad_filters = np.zeros_like(padded), np.zeros_like(filters)
    channels, count = filters.shape[1], len(filters) // num_groups
    for group in range(num_groups):
        group_in = padded[:, group * channels :][:, :channels]
        grad_in = grad_padded[:, group * channels :][:, :channels]
        out = slice(group * count, (group + 1) * count)
        for place, seen in places:
            y[:, out] += np.moveaxis(
                np.tensordot(group_in[seen], filters[out][place], (1, 1)),
                -1,
                1,
            )
        for place, seen in places:
            grad_in[seen] += np.moveaxis(
                np.tensordot(y[:, out], filters[out][place], (1, 0)), -1, 1
            )
            grad_filters[out][place] = np.tensordot(
                y[:, out],
                group_in[seen],
                ([0, *range(2, n + 2)], [0, *range(2, n + 2)]),
            )
    inside = tuple(
        slice(before, before + size)
        for (before, _), size in zip(pads, x.shape[2:])
    )
    return y, grad_padded[every + inside], grad_filters


class NumpyTest(EngineTest):
    """Compares with NumPy in double precision."""

    def modes(self):
        # The optimised graph has the same Ops.
        return super().modes()[1:]

    def check(self, n, shapes, dtypes=('float32',), **kwargs):
        """Compile once for each type, and call for each pair of shapes."""
        for dtype in dtypes:
            x, filters = (
                T.tensor(dtype, (False,) * (n + 2)) for _ in range(2)
            )
            conv = T.nnet.conv2d if n == 2 else T.nnet.conv3d
            y = conv(x, filters, **kwargs)
            function = theano.function(
                [x, filters],
                [y, *T.grad(None, [x, filters], known_grads={y: y})],
                mode=self.modes()[0],
            )
            for x_shape, filters_shape in shapes:
                data = [
                    values(dtype, *shape, low=-1, high=1)
                    for shape in (x_shape, filters_shape)
                ]
                expected = numpy_convolution(
                    *(array.astype('float64') for array in data), **kwargs
                )
                for a, b in zip(function(*data), expected):
                    self.assertEqual((a.dtype, a.shape), (dtype, b.shape))
                    np.testing.assert_allclose(
                        a,
                        b,
                        rtol=0,
                        atol=PRECISION[dtype] * np.abs(b).max(initial=0),
                        err_msg=f'{x_shape} {filters_shape}',
                    )

    def test_2d(self):
        kernels = [(2, 2), (3, 3), (4, 4), (5, 5), (1, 4), (3, 2)]
        for mode, stride, dilation, flip in itertools.product(
            ['valid', 'half', 'full', 1, (2, 1), ((1, 2), (0, 3))],
            [(1, 1), (2, 2), (2, 3)],
            [(1, 1), (2, 1)],
            [True, False],
        ):
            with self.subTest(
                mode=mode, stride=stride, dilation=dilation, flip=flip
            ):
                # The strides do not divide what the filters leave of 10 and 9.
                self.check(
                    2,
                    [((2, 3, 10, 9), (4, 3, *kernel)) for kernel in kernels],
                    border_mode=mode,
                    subsample=stride,
                    filter_dilation=dilation,
                    filter_flip=flip,
                )

    def test_1x1(self):
        for stride in (1, 1), (2, 2), (3, 3):
            self.check(
                2, [((2, 3, 10, 9), (4, 3, 1, 1))], FLOATS, subsample=stride
            )

    def test_1x1_with_two_strides(self):
        # PyTorch writes out of bounds here, which may crash Python.
        found = run_python(
            """if True:
            import kneerepro
            from tests.engine.kernels.test_conv import NumpyTest
            NumpyTest().check(2, [((2, 3, 10, 9), (4, 3, 1, 1))] * 300,
                              subsample=(2, 3))""",
            '-W',
            'default',
        )
        self.assertEqual(found.returncode, 0, found.stderr[-1000:])

    def test_one_channel_and_one_output_along_an_axis(self):
        for x, filters, mode, stride in [
            ((2, 1, 10, 5), (2, 1, 3, 5), 0, (1, 2)),
            ((3, 1, 9, 3), (3, 1, 4, 3), (2, 0), (1, 2)),
            ((3, 1, 11, 2), (3, 1, 5, 3), 1, (1, 2)),
            ((2, 1, 7, 9, 4), (1, 1, 4, 2, 2), 0, (3, 1, 3)),
            ((2, 1, 8, 6, 4), (2, 1, 2, 2, 3), 0, (2, 1, 3)),
        ]:
            self.check(
                len(stride), [(x, filters)], border_mode=mode, subsample=stride
            )

    def test_3d(self):
        for mode, stride, dilation in itertools.product(
            ['valid', 'half', 'full', 1, (0, 2, 1)],
            [(1, 1, 1), (2, 2, 2), (1, 2, 3)],
            [(1, 1, 1), (1, 2, 1)],
        ):
            with self.subTest(mode=mode, stride=stride, dilation=dilation):
                self.check(
                    3,
                    [
                        ((2, 2, 6, 8, 7), (3, 2, *kernel))
                        for kernel in [(1, 1, 1), (4, 4, 4), (3, 2, 5)]
                    ],
                    border_mode=mode,
                    subsample=stride,
                    filter_dilation=dilation,
                )

    def test_channels_and_batches(self):
        # With one channel, the order in memory is ambiguous.
        for n in 2, 3:
            self.check(
                n,
                [
                    (
                        (batch, channels, 7, *(5,) * (n - 1)),
                        (filters, channels, *(kernel,) * n),
                    )
                    for batch, channels, filters, kernel in itertools.product(
                        [0, 1, 3], [1, 2, 32], [1, 2, 48], [1, 3, 4]
                    )
                ],
                border_mode='half',
                subsample=(2,) * n,
            )

    def test_double_precision(self):
        for channels in 1, 5:
            self.check(
                2,
                [((2, channels, 8, 9), (3, channels, 4, 3))],
                ['float64'],
                border_mode=1,
                subsample=(2, 2),
            )
            self.check(
                3,
                [((2, channels, 8, 9, 6), (3, channels, 4, 3, 2))],
                ['float64'],
                border_mode=1,
                subsample=(2, 1, 2),
            )

    def test_groups(self):
        for groups, n in itertools.product([2, 3, 6], [2, 3]):
            self.check(
                n,
                [((2, 6, *(7,) * n), (12, 6 // groups, *(3,) * n))],
                FLOATS,
                num_groups=groups,
                border_mode='half',
                subsample=(2,) * n,
            )

    def test_as_large_as_the_image(self):
        self.check(2, [((3, 4, 5, 6), (7, 4, 5, 6))], FLOATS)
        self.check(3, [((3, 4, 5, 6, 2), (7, 4, 5, 6, 2))], FLOATS)

    # The sizes decide which algorithm runs. These are the sizes of the inner
    # layers of the generator and the encoder, with few pixels.

    def test_many_filters(self):
        for kwargs in [
            {},
            {'border_mode': 1, 'subsample': (2, 2)},
            {
                'border_mode': ((1, 2), (0, 1)),
                'filter_dilation': (1, 2),
                'filter_flip': False,
            },
        ]:
            self.check(2, [((2, 768, 8, 9), (256, 768, 4, 4))], **kwargs)

    def test_many_filters_in_3d(self):
        for kwargs in [
            {},
            {'border_mode': 1, 'subsample': (2, 2, 2)},
            {'border_mode': (1, 0, 2), 'filter_flip': False},
        ]:
            self.check(3, [((2, 384, 4, 6, 4), (512, 384, 4, 4, 2))], **kwargs)

    def test_many_filters_in_double_precision(self):
        self.check(
            2,
            [((1, 768, 6, 6), (256, 768, 4, 4))],
            ['float64'],
            border_mode=1,
            subsample=(2, 2),
        )

    def test_many_filters_and_pixels(self):
        # The matrix is built in several parts, the last of them smaller.
        self.check(
            2,
            [((3, 768, 21, 20), (256, 768, 4, 4))],
            border_mode=1,
            subsample=(1, 1),
        )

    def test_many_filters_of_few_channels(self):
        for channels in 1, 2, 3:
            self.check(
                2,
                [((2, channels, 9, 8), (320, channels, 5, 5))],
                border_mode=2,
                subsample=(2, 2),
            )

    def test_large_images_of_one_channel(self):
        self.check(
            2,
            [((2, 1, 500, 401), (2, 1, 5, 5))],
            border_mode=2,
            subsample=(1, 1),
        )
        self.check(
            3,
            [((2, 1, 60, 50, 41), (2, 1, 3, 4, 4))],
            border_mode=1,
            subsample=(1, 2, 1),
        )


class TheanoTest(EngineTest):
    """Compares with Theano's own code."""

    def test_second_order(self):
        # As for the gradient penalty of a Wasserstein GAN.
        for n, kwargs in [
            (2, {}),
            (2, {'border_mode': 'half', 'subsample': (2, 2)}),
            (2, {'border_mode': ((1, 0), (2, 1)), 'subsample': (2, 1)}),
            (2, {'border_mode': 'full', 'filter_flip': False}),
            (2, {'num_groups': 2, 'filter_dilation': (2, 1)}),
            (3, {'border_mode': 1, 'subsample': (2, 2, 2)}),
            (3, {'filter_flip': False}),
        ]:
            x, filters = (
                T.TensorType('float64', (False,) * (n + 2))() for _ in range(2)
            )
            conv = T.nnet.conv2d if n == 2 else T.nnet.conv3d
            y = T.tanh(conv(x, filters, **kwargs))
            grad_x = T.grad(T.sum(y**2), x)
            penalty = (T.sqrt(T.sum(grad_x**2)) - 1) ** 2
            groups = kwargs.get('num_groups', 1)
            self.assert_same(
                [x, filters],
                [penalty, *T.grad(penalty, [x, filters])],
                values('float64', 2, 2, *(5, 6, 4)[:n]),
                values('float64', 4, 2 // groups, *(3, 2, 2)[:n]),
            )

    def test_gradients_as_written(self):
        for n, mode in itertools.product([2, 3], ['valid', 'half', 'full', 1]):
            x, filters, y = (
                T.TensorType('float64', (False,) * (n + 2))() for _ in range(3)
            )
            options = {'border_mode': mode, 'subsample': (2,) * n}
            grad_inputs = getattr(abstract_conv, f'conv{n}d_grad_wrt_inputs')
            grad_weights = getattr(abstract_conv, f'conv{n}d_grad_wrt_weights')
            data = values('float64', 2, 2, *(8, 7, 6)[:n])
            kernel = values('float64', 3, 2, *(4, 3, 2)[:n])
            shape = numpy_convolution(data, kernel, **options)[0].shape
            self.assert_same(
                [x, filters, y],
                [
                    grad_inputs(
                        y, filters, (None, None, *data.shape[2:]), **options
                    ),
                    grad_weights(
                        x, y, (None, None, *kernel.shape[2:]), **options
                    ),
                ],
                data,
                kernel,
                values('float64', *shape),
            )

    def test_transposed(self):
        x, filters = T.dtensor4(), T.dtensor4()
        # Images of 7 and of 8 pixels both become 4; only the caller knows
        # which of them it was.
        for size in 7, 8:
            self.assert_same(
                [x, filters],
                T.nnet.conv2d_transpose(
                    x,
                    filters,
                    (2, 2, size, size),
                    border_mode=1,
                    input_dilation=(2, 2),
                ),
                values('float64', 2, 3, 4, 4),
                values('float64', 3, 2, 3, 3),
            )

    def test_symbolic_sizes(self):
        x, filters, size = T.dtensor4(), T.dtensor4(), T.lvector()
        compare = self.comparison(
            [x, filters, size],
            abstract_conv.AbstractConv2d_gradInputs(
                border_mode=(1, 1), subsample=(2, 2)
            )(filters, x, size),
        )
        for length in 7, 8:
            compare(
                values('float64', 2, 3, 4, 4),
                values('float64', 3, 2, 3, 3),
                np.array([length] * 2),
            )

    def test_sizes_that_do_not_fit(self):
        x, filters, size = T.dtensor4(), T.dtensor4(), T.lvector()
        y = abstract_conv.AbstractConv2d_gradInputs(
            border_mode=(1, 1), subsample=(2, 2)
        )(filters, x, size)
        message = (
            r'gradient of a convolution has size \(4, 4\), but images of size '
            r'\(5, 5\) .* filters of size \(3, 3\) give outputs of size '
            r'\(3, 3\); ask for'
        )
        for mode in self.modes():
            f = theano.function([x, filters, size], y, mode=mode)
            with self.assertRaisesRegex(ValueError, message):
                f(
                    values('float64', 2, 3, 4, 4),
                    values('float64', 3, 2, 3, 3),
                    np.array([5, 5]),
                )

    def test_static_shapes(self):
        x, filters = T.tensor4(), T.tensor4()
        self.assert_same(
            [x, filters],
            T.nnet.conv2d(
                x, filters, (2, 1, 6, 6), (3, 1, 3, 3), border_mode='half'
            ),
            values('float32', 2, 1, 6, 6),
            values('float32', 3, 1, 3, 3),
            tolerance=1e-4,
        )

    def test_bias_and_activation(self):
        # The engine fuses what are separate nodes for Theano.
        x, filters, bias = T.dtensor4(), T.dtensor4(), T.dvector()
        y = T.nnet.conv2d(x, filters, border_mode=1, subsample=(2, 2))
        z = T.nnet.relu(y + bias.dimshuffle('x', 0, 'x', 'x'), 0.2)
        grad_images = T.grad(None, x, known_grads={y: z})
        self.assert_same(
            [x, filters, bias],
            [
                z,
                grad_images,
                grad_images + bias[:2].dimshuffle('x', 0, 'x', 'x'),
                *T.grad(T.sum(z**2), [x, filters, bias]),
            ],
            values('float64', 2, 2, 6, 6),
            values('float64', 3, 2, 4, 4),
            values('float64', 3),
        )

    def test_length_of_the_sizes(self):
        x, y, sizes = T.dtensor4(), T.dtensor4(), T.lvector()
        for op, given, wanted in [
            (abstract_conv.AbstractConv2d_gradWeights(), (1, 2, 5, 5), 3),
            (abstract_conv.AbstractConv2d_gradInputs(), (3, 2, 3, 3), 5),
        ]:
            inputs = [x, y, sizes], op(x, y, sizes)
            arrays = values('float64', *given), values('float64', 1, 3, 3, 3)
            # Theano ignores the third number.
            self.assert_same(*inputs, *arrays, np.array([wanted] * 3))
            self.assert_refused(
                IndexError, *inputs, *arrays, np.array([wanted])
            )

    def test_wrong_channels(self):
        x, filters = T.tensor4(), T.tensor4()
        self.assert_refused(
            ValueError,
            [x, filters],
            T.nnet.conv2d(x, filters),
            values('float32', 1, 2, 5, 5),
            values('float32', 1, 3, 3, 3),
        )
