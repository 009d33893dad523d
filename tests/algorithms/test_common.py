import unittest

import numpy as np
import theano
from lasagne.layers import ConcatLayer, DenseLayer, InputLayer

from kneerepro.algorithms.common import Noise, compile_through, input_layer
from tests.modes import AS_WRITTEN


class InputLayerTest(unittest.TestCase):
    def test_only_input_layer(self):
        layer = InputLayer((None, 3))
        self.assertIs(input_layer(DenseLayer(layer, 2)), layer)

    def test_several_input_layers(self):
        network = ConcatLayer([InputLayer((None, 3)), InputLayer((None, 2))])
        with self.assertRaisesRegex(ValueError, 'exactly one .* has 2'):
            input_layer(network)


class CompileThroughTest(unittest.TestCase):
    def test_composition(self):
        first = DenseLayer(InputLayer((None, 3)), 2, nonlinearity=None)
        second = DenseLayer(InputLayer((None, 2)), 4, nonlinearity=None)
        x = np.random.RandomState(1).normal(size=(5, 3)).astype('float32')
        np.testing.assert_allclose(
            compile_through([first, second], AS_WRITTEN)(x),
            x.dot(first.W.get_value()).dot(second.W.get_value()),
            rtol=1e-4,
            atol=1e-6,
        )


class NoiseTest(unittest.TestCase):
    def drawn(self, seed):
        z, inputs = Noise(seed, given=False).normal(4, 3, 'z')
        self.assertEqual(inputs, [])
        return theano.function([], z, mode=AS_WRITTEN)()

    def test_drawn_from_the_seed(self):
        z = self.drawn(1)
        self.assertEqual(z.shape, (4, 3))
        np.testing.assert_array_equal(z, self.drawn(1))
        self.assertTrue((z != self.drawn(2)).any())

    def test_given(self):
        noise = Noise(1, given=True)
        for variable, inputs in (
            noise.normal(4, 3, 'z'),
            noise.uniform(4, 'e'),
        ):
            self.assertEqual(inputs, [variable])

    def test_marked_as_minibatches(self):
        for given in False, True:
            noise = Noise(1, given)
            for variable, _ in noise.normal(4, 3, 'z'), noise.uniform(4, 'e'):
                self.assertTrue(variable.tag.minibatch)

    def test_seeds_out_of_range(self):
        for seed in (-1, 2147462578):
            with self.assertRaisesRegex(ValueError, 'seed must be from 0'):
                Noise(seed, given=False)
