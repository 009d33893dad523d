import itertools
import unittest

import lasagne
import numpy as np
import theano
import theano.tensor as T
from lasagne.layers import InputLayer, get_output

from layers import Conv2DLayer, Conv3DLayer
from tests.layers.oracle import convolution
from tests.modes import AS_WRITTEN, NEEDS_C_CODE

CASES = [
    (Conv, n) + case
    for Conv, n in [(Conv2DLayer, 2), (Conv3DLayer, 3)]
    for case in itertools.product(
        (1, 3, 4, 5), (1, 2, 3), (0, 1, 2, 'full', 'same', 'valid')
    )
    if not (case[0] == 4 and case[2] == 'same')
]


def output_of(layer, x, mode=AS_WRITTEN):
    variable = T.TensorType(x.dtype, [False] * x.ndim)()
    output = get_output(layer, variable)
    return theano.function([variable], output, mode=mode)(x)


class ConvTest(unittest.TestCase):
    def setUp(self):
        self.rng = np.random.RandomState(1)

    def values(self, *shape):
        return self.rng.normal(size=shape).astype('float32')

    def test_against_numpy(self):
        for Conv, n, size, stride, pad in CASES:
            with self.subTest(n=n, size=size, stride=stride, pad=pad):
                x = self.values(2, 3, *(7, 6, 5)[:n])
                W, b = self.values(4, 3, *(size,) * n), self.values(4)
                layer = Conv(
                    InputLayer((None, 3) + x.shape[2:]),
                    4,
                    size,
                    stride,
                    pad,
                    W=W,
                    b=b,
                    nonlinearity=None,
                )
                expected = convolution(x, W, stride, pad) + b.reshape(
                    (4,) + (1,) * n
                )
                self.assertEqual(
                    layer.output_shape, (None,) + expected.shape[1:]
                )
                np.testing.assert_allclose(
                    output_of(layer, x), expected, rtol=1e-4, atol=1e-4
                )

    def test_correlation(self):
        x, W = self.values(2, 3, 7, 6, 5), self.values(4, 3, 3, 2, 1)
        layer = Conv3DLayer(
            InputLayer(x.shape),
            4,
            (3, 2, 1),
            (1, 2, 3),
            (2, 0, 1),
            W=W,
            b=None,
            nonlinearity=None,
            flip_filters=False,
        )
        self.assertIsNone(layer.b)
        np.testing.assert_allclose(
            output_of(layer, x),
            convolution(x, W, (1, 2, 3), (2, 0, 1), False),
            rtol=1e-4,
            atol=1e-4,
        )

    def test_groups(self):
        x, W = self.values(2, 4, 7, 6, 5), self.values(6, 2, 3, 3, 3)
        layer = Conv3DLayer(
            InputLayer(x.shape), 6, 3, W=W, num_groups=2, nonlinearity=None
        )
        expected = np.concatenate(
            [convolution(x[:, :2], W[:3]), convolution(x[:, 2:], W[3:])],
            axis=1,
        )
        np.testing.assert_allclose(
            output_of(layer, x), expected, rtol=1e-4, atol=1e-4
        )

    @NEEDS_C_CODE
    def test_thesis_case_compiled_to_c(self):
        # The thesis's case: filter size 5, stride 2, pad 2.
        for Conv, n in [(Conv2DLayer, 2), (Conv3DLayer, 3)]:
            x, W = self.values(2, 3, *(8,) * n), self.values(4, 3, *(5,) * n)
            layer = Conv(
                InputLayer(x.shape), 4, 5, 2, 2, W=W, nonlinearity=None
            )
            np.testing.assert_allclose(
                output_of(layer, x, 'FAST_RUN'),
                convolution(x, W, 2, 2),
                rtol=1e-4,
                atol=1e-4,
            )

    def test_unknown_sizes(self):
        x, W = self.values(2, 3, 7, 6, 5), self.values(4, 3, 3, 3, 3)
        layer = Conv3DLayer(
            InputLayer((None, 3, None, 6, None)),
            4,
            3,
            2,
            1,
            W=W,
            nonlinearity=None,
        )
        self.assertEqual(layer.output_shape, (None, 4, None, 3, None))
        np.testing.assert_allclose(
            output_of(layer, x), convolution(x, W, 2, 1), rtol=1e-4, atol=1e-4
        )

    def test_untied_biases(self):
        x, W = self.values(2, 3, 5, 5), self.values(4, 3, 3, 3)
        b = self.values(4, 3, 3)
        layer = Conv2DLayer(
            InputLayer(x.shape),
            4,
            3,
            W=W,
            b=b,
            untie_biases=True,
            nonlinearity=None,
        )
        np.testing.assert_allclose(
            output_of(layer, x), convolution(x, W) + b, rtol=1e-4, atol=1e-4
        )
        with self.assertRaisesRegex(ValueError, 'untie_biases needs'):
            Conv2DLayer((None, 3, None, 5), 4, 3, untie_biases=True)

    def test_attributes_and_defaults(self):
        layer = Conv3DLayer((2, 3, 7, 7, 7), 4, 3, name='conv')
        self.assertEqual(
            (
                layer.n,
                layer.num_filters,
                layer.filter_size,
                layer.stride,
                layer.pad,
                layer.untie_biases,
                layer.flip_filters,
                layer.num_groups,
            ),
            (3, 4, (3, 3, 3), (1, 1, 1), (0, 0, 0), False, True, 1),
        )
        self.assertIs(layer.nonlinearity, lasagne.nonlinearities.rectify)
        self.assertEqual(
            [p.name for p in layer.get_params()], ['conv.W', 'conv.b']
        )
        self.assertEqual(layer.get_params(regularizable=True), [layer.W])
        self.assertEqual(layer.W.get_value().shape, (4, 3, 3, 3, 3))
        self.assertEqual(layer.W.dtype, theano.config.floatX)

    def test_parameter_kinds(self):
        shared = theano.shared(self.values(4, 3, 3, 3))
        self.assertIs(Conv2DLayer((1, 3, 5, 5), 4, 3, W=shared).W, shared)
        called = Conv2DLayer(
            (1, 3, 5, 5), 4, 3, b=lambda shape: np.full(shape, 2.0)
        )
        np.testing.assert_equal(called.b.get_value(), np.full(4, 2.0))
        with self.assertRaises(RuntimeError):
            Conv2DLayer((1, 3, 5, 5), 4, 3, W=self.values(4, 3, 3, 2))

    def test_integers_of_numpy(self):
        two, three = np.int64(2), np.uint8(3)
        layer = Conv2DLayer(
            InputLayer((None, np.int64(4), np.int32(5), 6)),
            num_filters=two,
            filter_size=three,
            stride=(two, np.int16(1)),
            pad=np.int64(1),
            num_groups=two,
            W=np.ones((2, 2, 3, 3), 'float32'),
            nonlinearity=None,
        )
        self.assertEqual(layer.output_shape, (None, 2, 3, 6))
        for number in (
            layer.num_filters,
            layer.num_groups,
            *layer.input_shape[1:],
            *layer.get_W_shape(),
            *layer.output_shape[1:],
            *layer.pad,
        ):
            self.assertIs(type(number), int)
        found = output_of(layer, np.ones((1, 4, 5, 6), 'float32'))
        self.assertEqual(found[0, 0, 1, 1], 18)

    def test_errors_when_built(self):
        shape = (None, 3, 8, 8, 8)
        for message, error, arguments in [
            (
                'Tried to create a 3D convolution layer with input shape',
                ValueError,
                dict(incoming=(None, 3, 8, 8)),
            ),
            (
                '`same` padding requires odd filter size',
                NotImplementedError,
                dict(filter_size=4, pad='same'),
            ),
            ('iterable with length 3', ValueError, dict(stride=(1, 2))),
            ('iterable of int', TypeError, dict(pad='half')),
            ('iterable of int', TypeError, dict(filter_size=2.5)),
            ('must be positive', ValueError, dict(stride=0)),
            ('cannot be negative', ValueError, dict(pad=-1)),
            ('empty output', ValueError, dict(filter_size=9)),
            (
                'number of channels',
                ValueError,
                dict(incoming=(None, None, 8, 8, 8)),
            ),
            ('num_groups', ValueError, dict(num_groups=2)),
            ('num_groups must be an', TypeError, dict(num_groups=1.0)),
            ('num_filters must be an', TypeError, dict(num_filters=4.0)),
            ('num_filters must be an', TypeError, dict(num_filters=np.inf)),
            ('iterable of int', TypeError, dict(stride=np.nan)),
            (
                'each size of .* must be an integer',
                TypeError,
                dict(incoming=(None, 3.0, 8, 8, 8)),
            ),
        ]:
            with self.subTest(message):
                arguments = {
                    'incoming': shape,
                    'num_filters': 4,
                    'filter_size': 3,
                    **arguments,
                }
                with self.assertRaisesRegex(error, message):
                    Conv3DLayer(**arguments)
