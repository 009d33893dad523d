"""Tests of the values of shared variables."""

import unittest

import numpy as np
import theano
from lasagne.layers import DenseLayer, InputLayer, get_output

from kneerepro.runs import state
from kneerepro.runs.archive import ArchiveError
from kneerepro.utils.errors import UserError


def network(name='net'):
    return DenseLayer(InputLayer((None, 2), name='in'), 3, name=name)


class SharedVariablesTest(unittest.TestCase):
    def test_names(self):
        layer = network()
        counter = theano.shared(np.float32(0))
        total = theano.shared(np.float32(0))
        x = theano.tensor.matrix()
        train = theano.function(
            [x],
            get_output(layer, x).sum(),
            updates=[(counter, counter + 1)],
            mode='FAST_COMPILE',
        )
        test = theano.function(
            [],
            updates=[(counter, counter + 2), (total, total + counter)],
            mode='FAST_COMPILE',
        )
        found = state.shared_variables([layer], {'train': train, 'test': test})
        self.assertEqual(
            found,
            {
                'net.W': layer.W,
                'net.b': layer.b,
                'train.0': counter,
                'test.0': total,
            },
        )

    def test_name_that_occurs_twice(self):
        with self.assertRaisesRegex(ValueError, 'have the same name'):
            state.shared_variables([network(), network()], {})


class ValuesTest(unittest.TestCase):
    def setUp(self):
        self.variables = {
            'a': theano.shared(np.float32([1, 2])),
            'b': theano.shared(3),
        }
        self.values = state.get_values(self.variables)

    def assert_refused(self, message, **values):
        with self.assertRaisesRegex(ArchiveError, message):
            state.check_values(self.variables, {**self.values, **values})

    def test_values_are_copies(self):
        self.variables['a'].set_value(np.float32([5, 6]))
        np.testing.assert_array_equal(self.values['a'], [1, 2])
        state.check_values(self.variables, self.values)
        state.set_values(self.variables, self.values)
        np.testing.assert_array_equal(self.variables['a'].get_value(), [1, 2])

    def test_refused_values(self):
        self.assert_refused(
            'only the checkpoint has a variable c', c=np.zeros(2)
        )
        self.assert_refused(
            r"its a is float32 of shape \(3,\), the run's is float32 of shape "
            r'\(2,\)',
            a=np.zeros(3, 'float32'),
        )
        self.assert_refused('its a is float64 of shape', a=np.zeros(2))
        del self.values['a']
        self.assert_refused('only the run has a variable a')

    def test_finite(self):
        state.check_finite(self.values)
        for value in np.nan, np.inf:
            with self.assertRaisesRegex(UserError, '^a is no longer finite$'):
                state.check_finite({'a': np.float32([1, value])})
