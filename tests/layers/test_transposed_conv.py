import itertools
import unittest

import lasagne
import numpy as np
import theano
import theano.tensor as T
from lasagne.layers import InputLayer, get_all_params, get_output

import layers
from layers import (
    Conv2DLayer,
    Conv3DLayer,
    TransposedConv2DLayer,
    TransposedConv3DLayer,
)
from tests.layers.oracle import transposed_convolution
from tests.layers.test_conv import output_of
from tests.modes import AS_WRITTEN, NEEDS_C_CODE

LAYERS = {2: TransposedConv2DLayer, 3: TransposedConv3DLayer}

#: Filter size, stride, crop.
CASES = [
    case
    for case in itertools.product(
        (1, 2, 3, 4, 5), (1, 2, 3), (0, 1, 2, 'full', 'same', 'valid')
    )
    if not (case[0] % 2 == 0 and case[2] == 'same')
]


class TransposedConvTest(unittest.TestCase):
    def setUp(self):
        self.rng = np.random.RandomState(1)

    def values(self, *shape):
        return self.rng.normal(size=shape).astype('float32')

    def check(self, layer, x, expected, mode=AS_WRITTEN):
        for declared, actual in zip(layer.output_shape, expected.shape):
            self.assertIn(declared, (None, actual))
        output = output_of(layer, x, mode)
        self.assertEqual(output.shape, expected.shape)
        np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-4)

    def test_against_numpy(self):
        for n, (size, stride, crop) in itertools.product((2, 3), CASES):
            with self.subTest(n=n, size=size, stride=stride, crop=crop):
                x = self.values(2, 3, *(6, 5, 4)[:n])
                W, b = self.values(3, 4, *(size,) * n), self.values(4)
                try:
                    layer = LAYERS[n](
                        InputLayer((None, 3) + x.shape[2:]),
                        4,
                        size,
                        stride,
                        crop,
                        W=W,
                        b=b,
                        nonlinearity=None,
                    )
                except ValueError as error:
                    # The crop removes the whole of the smallest axis.
                    self.assertRegex(str(error), 'empty output')
                    self.assertLess(
                        transposed_convolution(x, W, stride, crop).size, 1
                    )
                    continue
                self.check(
                    layer,
                    x,
                    transposed_convolution(x, W, stride, crop)
                    + b.reshape((4,) + (1,) * n),
                )

    @NEEDS_C_CODE
    def test_thesis_case_compiled_to_c(self):
        # Filter size 4, stride 2 and crop 1 double the size.
        for n in (2, 3):
            x, W = self.values(2, 3, *(4,) * n), self.values(3, 2, *(4,) * n)
            layer = LAYERS[n](
                InputLayer(x.shape), 2, 4, 2, 1, W=W, nonlinearity=None
            )
            self.assertEqual(layer.output_shape, (2, 2) + (8,) * n)
            self.check(
                layer, x, transposed_convolution(x, W, 2, 1), 'FAST_RUN'
            )

    def test_different_along_axes(self):
        x, W = self.values(2, 3, 5, 4, 3), self.values(3, 4, 4, 3, 2)
        for flip_filters in (False, True):
            layer = TransposedConv3DLayer(
                InputLayer(x.shape),
                4,
                (4, 3, 2),
                (2, 1, 3),
                (1, 0, 1),
                W=W,
                flip_filters=flip_filters,
                nonlinearity=None,
            )
            self.check(
                layer,
                x,
                transposed_convolution(
                    x, W, (2, 1, 3), (1, 0, 1), flip_filters
                ),
            )

    def test_output_size(self):
        # E3: 5x5 filters, crop 2, and twice the input size requested.
        for n, size in [(2, 8), (3, 8), (3, 7), (3, (7, 8, 7))]:
            x, W = self.values(2, 3, *(4,) * n), self.values(3, 2, *(5,) * n)
            layer = LAYERS[n](
                InputLayer(x.shape),
                2,
                5,
                2,
                2,
                W=W,
                output_size=size,
                nonlinearity=None,
            )
            self.check(
                layer, x, transposed_convolution(x, W, 2, 2, output_size=size)
            )

    def test_symbolic_output_size(self):
        for n in (2, 3):
            x, W = self.values(2, 3, *(4,) * n), self.values(3, 2, *(5,) * n)
            size, variable = (
                T.ivector(),
                T.TensorType('float32', [False] * x.ndim)(),
            )
            layer = LAYERS[n](
                InputLayer(x.shape),
                2,
                5,
                2,
                2,
                W=W,
                output_size=size,
                nonlinearity=None,
            )
            self.assertEqual(layer.output_shape, (2, 2) + (None,) * n)
            function = theano.function(
                [variable, size], get_output(layer, variable), mode=AS_WRITTEN
            )
            for length in (7, 8):
                np.testing.assert_allclose(
                    function(x, [length] * n),
                    transposed_convolution(x, W, 2, 2, output_size=length),
                    rtol=1e-4,
                    atol=1e-4,
                )

    def test_unknown_sizes(self):
        for shape in [(None, 3, None, None, None), (None, 3, 4, None, 5)]:
            x, W = self.values(2, 3, 4, 6, 5), self.values(3, 2, 4, 4, 4)
            layer = TransposedConv3DLayer(
                InputLayer(shape), 2, 4, 2, 1, W=W, nonlinearity=None
            )
            self.check(layer, x, transposed_convolution(x, W, 2, 1))

    def test_groups(self):
        x, W = self.values(2, 4, 4, 5), self.values(4, 3, 4, 4)
        layer = TransposedConv2DLayer(
            InputLayer(x.shape),
            6,
            4,
            2,
            1,
            W=W,
            num_groups=2,
            nonlinearity=None,
        )
        self.check(
            layer,
            x,
            np.concatenate(
                [
                    transposed_convolution(x[:, :2], W[:2], 2, 1),
                    transposed_convolution(x[:, 2:], W[2:], 2, 1),
                ],
                axis=1,
            ),
        )

    def test_gradients(self):
        for n, output_size, crop in [
            (2, None, 1),
            (3, None, 1),
            (3, 5, 'full'),
            (2, None, 'same'),
        ]:
            size = 5 if crop == 'same' else 4
            x = self.rng.normal(size=(2, 2) + (4,) * n)
            W = self.rng.normal(size=(2, 3) + (size,) * n)
            layer = LAYERS[n](
                InputLayer(x.shape),
                3,
                size,
                2,
                crop,
                W=W,
                b=None,
                output_size=output_size,
                nonlinearity=lasagne.nonlinearities.tanh,
            )

            def output(x, W):
                layer.W = W
                return layer.get_output_for(x)

            theano.gradient.verify_grad(
                output, [x, W], rng=self.rng, mode=AS_WRITTEN
            )

    def test_tied_weights_are_the_adjoint(self):
        # <conv(x), y> = <x, transposed(y)> for the same W.
        for (n, Conv), flip in itertools.product(
            [(2, Conv2DLayer), (3, Conv3DLayer)], (False, True)
        ):
            x = self.values(2, 3, *(8, 7, 8)[:n])
            conv = Conv(
                InputLayer(x.shape),
                4,
                5,
                2,
                2,
                b=None,
                flip_filters=flip,
                nonlinearity=None,
            )
            tied = LAYERS[n](
                conv,
                3,
                conv.filter_size,
                conv.stride,
                conv.pad,
                W=conv.W,
                b=None,
                nonlinearity=None,
                flip_filters=not conv.flip_filters,
                output_size=conv.input_shape[2:],
            )
            self.assertEqual(tied.output_shape, conv.input_shape)
            self.assertEqual(get_all_params(tied), [conv.W])
            conv_x = output_of(conv, x)
            y = self.values(*conv_x.shape)
            variable = T.TensorType('float32', [False] * y.ndim)()
            tied_y = theano.function(
                [variable], tied.get_output_for(variable), mode=AS_WRITTEN
            )(y)
            np.testing.assert_allclose(
                np.vdot(conv_x, y), np.vdot(x, tied_y), rtol=1e-4
            )

    def test_untied_biases(self):
        x, W = self.values(2, 3, 4, 4), self.values(3, 2, 4, 4)
        b = self.values(2, 8, 8)
        layer = TransposedConv2DLayer(
            InputLayer(x.shape),
            2,
            4,
            2,
            1,
            W=W,
            b=b,
            untie_biases=True,
            nonlinearity=None,
        )
        self.check(layer, x, transposed_convolution(x, W, 2, 1) + b)
        with self.assertRaisesRegex(ValueError, 'untie_biases needs'):
            TransposedConv2DLayer(
                x.shape, 2, 4, untie_biases=True, output_size=T.ivector()
            )

    def test_attributes_and_defaults(self):
        layer = TransposedConv3DLayer((None, 3, 4, 4, 4), 2, 5, name='up')
        self.assertEqual(
            (
                layer.n,
                layer.num_filters,
                layer.filter_size,
                layer.stride,
                layer.crop,
                layer.untie_biases,
                layer.flip_filters,
                layer.output_size,
                layer.num_groups,
            ),
            (3, 2, (5, 5, 5), (1, 1, 1), (0, 0, 0), False, False, None, 1),
        )
        self.assertFalse(hasattr(layer, 'pad'))
        self.assertIs(layer.nonlinearity, lasagne.nonlinearities.rectify)
        self.assertEqual(
            [p.name for p in layer.get_params()], ['up.W', 'up.b']
        )
        self.assertEqual(layer.W.get_value().shape, (3, 2, 5, 5, 5))
        self.assertIs(layers.Deconv2DLayer, TransposedConv2DLayer)
        self.assertIs(layers.Deconv3DLayer, TransposedConv3DLayer)

    def test_integers_of_numpy(self):
        two = np.int64(2)
        layer = TransposedConv2DLayer(
            (None, np.int64(3), np.uint8(4), 4),
            num_filters=two,
            filter_size=np.int32(4),
            stride=two,
            crop=np.int8(1),
            output_size=np.array([8, 9]),
        )
        self.assertEqual(layer.output_shape, (None, 2, 8, 9))
        for number in (*layer.output_shape[1:], *layer.get_W_shape()):
            self.assertIs(type(number), int)

    def test_errors_when_built(self):
        shape = (None, 3, 4, 4, 4)
        for message, error, arguments in [
            (
                'Tried to create a 3D convolution layer with input shape',
                ValueError,
                dict(incoming=(None, 3, 4, 4)),
            ),
            (
                '`same` padding requires odd filter size',
                NotImplementedError,
                dict(crop='same'),
            ),
            (
                'impossible .* it can be 8 to 9 x 8 to 9 x 8 to 9',
                ValueError,
                dict(stride=2, crop=1, output_size=10),
            ),
            (
                'impossible .* it can be 7 x 7 x 7',
                ValueError,
                dict(output_size=8),
            ),
            (
                'impossible .* it can be any x 7 x 7',
                ValueError,
                dict(incoming=(None, 3, None, 4, 4), output_size=8),
            ),
            ('iterable with length 3', ValueError, dict(output_size=(8, 8))),
            ('iterable of int', TypeError, dict(output_size=8.0)),
            ('iterable of int', TypeError, dict(crop=1.0)),
            ('num_filters must be an', TypeError, dict(num_filters=2.0)),
            (
                'must be a vector of 3 integers',
                ValueError,
                dict(output_size=T.iscalar()),
            ),
            ('empty output', ValueError, dict(filter_size=2, crop=3)),
        ]:
            with self.subTest(message):
                arguments = {
                    'incoming': shape,
                    'num_filters': 2,
                    'filter_size': 4,
                    **arguments,
                }
                with self.assertRaisesRegex(error, message):
                    TransposedConv3DLayer(**arguments)
