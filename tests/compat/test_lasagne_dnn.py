import sys
import types
import unittest
from unittest import mock

import lasagne
import numpy as np
import theano
import theano.tensor as T
from lasagne.layers import corrmm, dnn

import layers
from kneerepro.compat import lasagne_dnn
from tests.layers.oracle import convolution
from tests.modes import AS_WRITTEN


class LayerTest(unittest.TestCase):
    def setUp(self):
        self.rng = np.random.RandomState(1)

    def values(self, *shape):
        return self.rng.normal(size=shape).astype('float32')

    def output_of(self, layer, x):
        """The output, whose shape is the one that the layer states."""
        variable = T.TensorType(x.dtype, [False] * x.ndim)()
        output = layer.get_output_for(variable)
        y = theano.function([variable], output, mode=AS_WRITTEN)(x)
        self.assertEqual(y.shape[1:], layer.output_shape[1:])
        return y


class ConvTest(LayerTest):
    def test_filters_are_not_flipped(self):
        for Conv, n in [
            (dnn.Conv2DDNNLayer, 2),
            (corrmm.Conv2DMMLayer, 2),
            (dnn.Conv3DDNNLayer, 3),
        ]:
            x = self.values(2, 3, *(7, 6, 5)[:n])
            W = self.values(4, 3, *(3,) * n)
            for options, flip in ({}, False), ({'flip_filters': True}, True):
                layer = Conv(
                    (None, *x.shape[1:]),
                    4,
                    3,
                    2,
                    'same',
                    W=W,
                    nonlinearity=None,
                    **options,
                )
                np.testing.assert_allclose(
                    self.output_of(layer, x),
                    convolution(x, W, 2, 1, flip),
                    rtol=1e-4,
                    atol=1e-4,
                )

    def test_groups(self):
        layer = dnn.Conv2DDNNLayer((None, 4, 5, 5), 6, 3, num_groups=2)
        self.assertEqual(layer.get_W_shape(), (6, 2, 3, 3))


class PoolTest(LayerTest):
    def test_against_numpy(self):
        x = self.values(2, 3, 5, 4)
        even = x[:, :, :4]
        windows = even.reshape(2, 3, 2, 2, 2, 2)
        for layer, expected in [
            (dnn.MaxPool2DDNNLayer(x.shape, 2), windows.max((3, 5))),
            (
                dnn.Pool2DDNNLayer(x.shape, (2, 2), mode='average_inc_pad'),
                windows.mean((3, 5)),
            ),
            (
                dnn.MaxPool2DDNNLayer(x.shape, (1, 2), stride=1),
                np.maximum(x[..., :-1], x[..., 1:]),
            ),
        ]:
            np.testing.assert_allclose(
                self.output_of(layer, x), expected, rtol=1e-6
            )

    def test_volumes(self):
        x = self.values(2, 1, 4, 4, 2)
        windows = x.reshape(2, 1, 2, 2, 2, 2, 1, 2)
        for layer, expected in [
            (dnn.MaxPool3DDNNLayer(x.shape, 2), windows.max((3, 5, 7))),
            (
                dnn.Pool3DDNNLayer(x.shape, 2, mode='average_exc_pad'),
                windows.mean((3, 5, 7)),
            ),
        ]:
            np.testing.assert_allclose(
                self.output_of(layer, x), expected, rtol=1e-6
            )

    def test_padding(self):
        x = self.values(1, 2, 4, 6, 5)
        padded = np.pad(
            x, [(0, 0), (0, 0), (1, 1), (1, 1), (1, 1)], constant_values=-9
        )
        windows = np.lib.stride_tricks.sliding_window_view(
            padded, (3, 3, 3), axis=(2, 3, 4)
        )
        np.testing.assert_array_equal(
            self.output_of(
                dnn.MaxPool3DDNNLayer(x.shape, 3, stride=2, pad=1), x
            ),
            windows[:, :, ::2, ::2, ::2].max((5, 6, 7)),
        )

    def test_refused(self):
        for layer in dnn.Pool2DDNNLayer, dnn.MaxPool2DDNNLayer:
            with self.assertRaisesRegex(
                NotImplementedError,
                'Pool2DDNNLayer does not support ignore_border=False: ',
            ):
                layer((1, 1, 4, 4), 2, ignore_border=False)
        with self.assertRaisesRegex(ValueError, 'needs 5 dimensions'):
            dnn.Pool3DDNNLayer((1, 1, 4, 4), 2)

    def test_pyramid(self):
        x = self.values(2, 3, 8, 4)
        expected = np.concatenate(
            [
                x.reshape(2, 3, 2, 4, 2, 2).max((3, 5)).reshape(2, 3, 4),
                x.max((2, 3)).reshape(2, 3, 1),
            ],
            axis=2,
        )
        for shape in (2, 3, 8, 4), (None, 3, None, None):
            layer = dnn.SpatialPyramidPoolingDNNLayer(shape, pool_dims=[2, 1])
            np.testing.assert_array_equal(self.output_of(layer, x), expected)
        with self.assertRaisesRegex(ValueError, 'needs 4 dimensions'):
            dnn.SpatialPyramidPoolingDNNLayer((1, 1, 4))


class BatchNormTest(LayerTest):
    def test_normalises(self):
        x = 3 + 2 * self.values(8, 2, 4, 4)
        y = self.output_of(dnn.BatchNormDNNLayer(x.shape), x)
        np.testing.assert_allclose(y.mean((0, 2, 3)), 0, atol=1e-5)
        np.testing.assert_allclose(y.std((0, 2, 3)), 1, atol=1e-3)

    def test_axes(self):
        layer = dnn.BatchNormDNNLayer((8, 2, 4), axes=0)
        self.assertEqual(layer.mean.get_value().shape, (2, 4))
        with self.assertRaisesRegex(ValueError, 'all but the second'):
            dnn.BatchNormDNNLayer((8, 2, 4), axes=(0, 1))

    def test_between_layer_and_nonlinearity(self):
        conv = dnn.Conv2DDNNLayer((None, 1, 4, 4), 2, 3, name='conv')
        network = dnn.batch_norm_dnn(conv, alpha=0.5)
        self.assertEqual(
            [
                (type(layer).__name__, layer.name)
                for layer in lasagne.layers.get_all_layers(network)[-3:]
            ],
            [
                ('Conv2DDNNLayer', 'conv'),
                ('BatchNormDNNLayer', 'conv_bn'),
                ('NonlinearityLayer', 'conv_bn_nonlin'),
            ],
        )
        self.assertIsNone(conv.b)
        self.assertEqual(network.input_layer.alpha, 0.5)

    def test_linear_layer(self):
        dense = lasagne.layers.DenseLayer((8, 4), 2, nonlinearity=None)
        dense.nonlinearity = None
        self.assertIs(type(dnn.batch_norm_dnn(dense)), dnn.BatchNormDNNLayer)


class ImportLayersTest(unittest.TestCase):
    def test_package_that_is_loaded(self):
        self.assertIs(lasagne_dnn._import_layers(), layers)

    def test_module_of_the_program(self):
        own = types.ModuleType('layers')
        with mock.patch.dict(sys.modules, layers=own):
            package = lasagne_dnn._import_layers()
            self.assertIs(sys.modules['layers'], own)
        self.assertIsNot(package, own)
        self.assertEqual(package.__path__, layers.__path__)

    def test_not_installed(self):
        with (
            mock.patch.object(lasagne_dnn, '__file__', '/no/such/folder/x.py'),
            self.assertRaisesRegex(ImportError, 'requires the package layers'),
        ):
            lasagne_dnn._import_layers()
