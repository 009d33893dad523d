import unittest

import lasagne
import numpy as np
import theano
import theano.tensor as T
from lasagne.layers import (
    DenseLayer,
    InputLayer,
    NonlinearityLayer,
    get_all_params,
    get_output,
)
from theano.compile import Mode
from theano.configparser import change_flags

from layers import BatchNormLayer, Conv2DLayer, batch_norm
from tests.modes import AS_WRITTEN

# Theano's linkers store new values in different orders, and its optimisations
# compute them in place.
MODES = [
    ('as written', AS_WRITTEN),
    ('py', Mode('py', 'fast_run')),
    ('vm', Mode('vm', 'fast_run')),
    ('FAST_COMPILE', 'FAST_COMPILE'),
]


def normalised(x, axes, epsilon=1e-4):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(
        x.var(axes, keepdims=True) + epsilon
    )


def function_of(layer, ndim, **kwargs):
    x = T.TensorType('float32', [False] * ndim)()
    return theano.function(
        [x], get_output(layer, x, **kwargs), mode=AS_WRITTEN
    )


class BatchNormLayerTest(unittest.TestCase):
    def setUp(self):
        rng = np.random.RandomState(1)
        self.x = rng.normal(2, 3, (4, 3, 5, 6)).astype('float32')
        self.beta = rng.normal(size=3).astype('float32')
        self.gamma = rng.normal(size=3).astype('float32')

    def layer(self, **kwargs):
        return BatchNormLayer(InputLayer((None, 3, 5, 6)), **kwargs)

    def test_normalises_with_the_batch(self):
        layer = self.layer(beta=self.beta, gamma=self.gamma)
        expected = normalised(self.x, (0, 2, 3)) * self.gamma.reshape(
            3, 1, 1
        ) + self.beta.reshape(3, 1, 1)
        np.testing.assert_allclose(
            function_of(layer, 4)(self.x), expected, rtol=1e-4, atol=1e-5
        )

    def test_epsilon_is_added_to_the_variance(self):
        layer = self.layer(epsilon=5.0)
        np.testing.assert_allclose(
            function_of(layer, 4)(self.x),
            normalised(self.x, (0, 2, 3), 5.0),
            rtol=1e-4,
            atol=1e-5,
        )

    def test_axes(self):
        for axes, shape in [
            ((0,), (3, 5, 6)),
            (0, (3, 5, 6)),
            (np.int64(0), (3, 5, 6)),
            ((np.int64(0), 2, np.int8(3)), (3,)),
            ((0, 1, 3), (5,)),
        ]:
            layer = self.layer(axes=axes)
            self.assertEqual(layer.mean.get_value().shape, shape)
            np.testing.assert_allclose(
                function_of(layer, 4)(self.x),
                normalised(self.x, axes),
                rtol=1e-4,
                atol=1e-5,
            )

    def test_running_averages(self):
        layer = self.layer(alpha=0.25)
        mean, inv_std = np.zeros(3), np.ones(3)
        train = function_of(layer, 4)
        for x in (self.x, 2 * self.x + 1):
            train(x)
            mean = 0.75 * mean + 0.25 * x.mean((0, 2, 3))
            inv_std = 0.75 * inv_std + 0.25 / np.sqrt(x.var((0, 2, 3)) + 1e-4)
        np.testing.assert_allclose(layer.mean.get_value(), mean, rtol=1e-5)
        np.testing.assert_allclose(
            layer.inv_std.get_value(), inv_std, rtol=1e-5
        )
        # deterministic=True uses the averages and does not update them.
        expected = (self.x - mean.reshape(3, 1, 1)) * inv_std.reshape(3, 1, 1)
        np.testing.assert_allclose(
            function_of(layer, 4, deterministic=True)(self.x),
            expected,
            rtol=1e-4,
            atol=1e-5,
        )
        np.testing.assert_allclose(layer.mean.get_value(), mean, rtol=1e-5)

    def test_using_and_updating_averages_are_separate(self):
        layer = self.layer()
        output = function_of(layer, 4, batch_norm_update_averages=False)(
            self.x
        )
        np.testing.assert_allclose(
            output, normalised(self.x, (0, 2, 3)), rtol=1e-4, atol=1e-5
        )
        np.testing.assert_equal(layer.mean.get_value(), np.zeros(3))
        output = function_of(layer, 4, batch_norm_use_averages=True)(self.x)
        np.testing.assert_allclose(output, self.x, rtol=1e-6)
        self.assertGreater(abs(layer.mean.get_value()).min(), 0)

    def test_parameters(self):
        layer = self.layer(name='bn')
        self.assertEqual(
            [p.name for p in layer.get_params()],
            ['bn.beta', 'bn.gamma', 'bn.mean', 'bn.inv_std'],
        )
        self.assertEqual(
            layer.get_params(trainable=True), [layer.beta, layer.gamma]
        )
        self.assertEqual(layer.get_params(regularizable=True), [layer.gamma])
        self.assertEqual(
            layer.get_params(batch_norm_stat=True), [layer.mean, layer.inv_std]
        )
        bare = self.layer(beta=None, gamma=None)
        self.assertEqual(bare.get_params(), [bare.mean, bare.inv_std])
        np.testing.assert_allclose(
            function_of(bare, 4)(self.x),
            normalised(self.x, (0, 2, 3)),
            rtol=1e-4,
            atol=1e-5,
        )

    def test_several_inputs_in_one_function(self):
        a, b, c = self.x, 2 * self.x + 1, self.x**2
        x, y, z = T.tensor4s('xyz')
        for name, mode in MODES:
            # The C compiler would take longest, for the constants alone.
            with self.subTest(name), change_flags(cxx=''):
                layer = self.layer(alpha=0.25)
                outputs = [get_output(layer, v) for v in (x, y, z)]
                # Functions of one input alone only know of that one.
                for i, given in (1, b), (0, a):
                    theano.function([(x, y)[i]], outputs[i], mode=mode)(given)
                both = theano.function(
                    [x, y, z],
                    # The order of the calls counts, not that of the outputs.
                    [outputs[2], get_output(layer, x, deterministic=True)]
                    + outputs[1::-1],
                    mode=mode,
                )
                mean, inv_std = np.zeros(3), np.ones(3)
                for i, batch in enumerate((b, a, a, b, c)):
                    if i == 2:
                        before = mean, inv_std
                    mean = 0.75 * mean + 0.25 * batch.mean((0, 2, 3))
                    inv_std = 0.75 * inv_std + 0.25 / np.sqrt(
                        batch.var((0, 2, 3)) + 1e-4
                    )
                found = both(a, b, c)
                for i, batch in (0, c), (2, b), (3, a):
                    np.testing.assert_allclose(
                        found[i], normalised(batch, (0, 2, 3)), 1e-3, 1e-4
                    )
                np.testing.assert_allclose(
                    found[1],
                    (a - before[0].reshape(3, 1, 1))
                    * before[1].reshape(3, 1, 1),
                    1e-4,
                    1e-4,
                )
                for average, expected in [
                    (layer.mean, mean),
                    (layer.inv_std, inv_std),
                ]:
                    np.testing.assert_allclose(
                        average.get_value(), expected, rtol=1e-4
                    )

    def test_integers(self):
        layer = BatchNormLayer((None, np.int64(3), 5), axes=np.array([0, 2]))
        self.assertEqual(layer.axes, (0, 2))
        self.assertEqual(layer.mean.get_value().shape, (3,))
        for shape, axes in ((None, 3.0), 0), ((None, 3), 0.0):
            with self.assertRaisesRegex(TypeError, 'int'):
                BatchNormLayer(shape, axes=axes)

    def test_unknown_size(self):
        with self.assertRaisesRegex(ValueError, 'needs specified input sizes'):
            BatchNormLayer((None, 3, None), axes=0)
        BatchNormLayer((None, 3, None))


class BatchNormFunctionTest(unittest.TestCase):
    def test_between_layer_and_nonlinearity(self):
        x = np.random.RandomState(1).normal(size=(8, 3)).astype('float32')
        dense = DenseLayer(
            InputLayer((None, 3)),
            4,
            name='dense',
            nonlinearity=lasagne.nonlinearities.rectify,
        )
        network = batch_norm(dense, gamma=None)
        self.assertIsInstance(network, NonlinearityLayer)
        self.assertIsNone(dense.b)
        self.assertEqual(
            [p.name for p in get_all_params(network)],
            ['dense.W', 'dense_bn.beta', 'dense_bn.mean', 'dense_bn.inv_std'],
        )
        expected = np.maximum(normalised(x.dot(dense.W.get_value()), 0), 0)
        np.testing.assert_allclose(
            function_of(network, 2)(x), expected, rtol=1e-3, atol=1e-5
        )

    def test_names(self):
        conv = Conv2DLayer((None, 3, 5, 5), 4, 3)
        self.assertIsNone(batch_norm(conv).name)
        conv = Conv2DLayer((None, 3, 5, 5), 4, 3, name='conv')
        self.assertEqual(batch_norm(conv, name='norm').name, 'norm_nonlin')

    def test_layer_without_nonlinearity(self):
        network = batch_norm(InputLayer((None, 3)))
        self.assertIsInstance(network, BatchNormLayer)
