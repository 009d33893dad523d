"""Small networks, images and an Adam in NumPy for tests of the algorithms."""

import lasagne
import numpy as np
import theano
from lasagne.layers import (
    DenseLayer,
    InputLayer,
    ReshapeLayer,
    get_all_params,
    get_output,
)
from lasagne.nonlinearities import sigmoid, tanh

from tests.modes import TRAINING


def dense_networks(last=None):
    """Build a generator and a critic of a few units, without batch norm.

    `last` is the nonlinearity of the critic's last layer.
    """
    lasagne.random.set_rng(np.random.RandomState(1))
    generator = InputLayer((None, 3))
    generator = DenseLayer(generator, 16, nonlinearity=sigmoid, name='g')
    generator = ReshapeLayer(generator, ([0], 1, 4, 4))
    critic = InputLayer((None, 1, 4, 4))
    critic = DenseLayer(critic, 5, nonlinearity=tanh, name='d1')
    critic = DenseLayer(critic, 1, nonlinearity=last, name='d2')
    return generator, critic


def values_of(networks, **tags):
    return {p.name: p.get_value() for p in get_all_params(networks, **tags)}


def state_of(functions):
    """Copy the values of all shared variables, Adam's included."""
    return {
        variable: variable.get_value()
        for function in functions
        for variable in function.get_shared()
    }


def restore(state):
    for variable, value in state.items():
        variable.set_value(value)


def evaluate(network, x, **kwargs):
    """Compute a network's output as in training, but keep its averages."""
    variable = theano.tensor.TensorType('float32', [False] * x.ndim)()
    output = get_output(
        network, variable, batch_norm_update_averages=False, **kwargs
    )
    return theano.function([variable], output, mode=TRAINING)(x)


class Adam:
    """Adam in NumPy, as its paper prints it (Kingma and Ba 2014, Algorithm 1
    in the order of computation of section 2's last paragraph).
    """

    def __init__(self, learning_rate, beta1, beta2, epsilon=1e-8):
        self.rates = learning_rate, beta1, beta2, epsilon
        self.t, self.m, self.v = 0, {}, {}

    def step(self, parameters, gradients):
        alpha, beta1, beta2, epsilon = self.rates
        self.t += 1
        rate = alpha * np.sqrt(1 - beta2**self.t) / (1 - beta1**self.t)
        stepped = {}
        for name, g in gradients.items():
            self.m[name] = beta1 * self.m.get(name, 0) + (1 - beta1) * g
            self.v[name] = beta2 * self.v.get(name, 0) + (1 - beta2) * g**2
            stepped[name] = parameters[name] - (
                rate * self.m[name] / (np.sqrt(self.v[name]) + epsilon)
            )
        return stepped


def assert_same(test, first, second):
    test.assertEqual(set(first), set(second))
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], name)


def assert_all_changed(test, first, second):
    for name in first:
        test.assertTrue((first[name] != second[name]).any(), name)


def blobs(n, size=64, seed=1):
    """Draw toy images: a bright disc in one of two places."""
    rng = np.random.RandomState(seed)
    rows, columns = np.mgrid[:size, :size] / size
    images = np.empty((n, 1, size, size), 'float32')
    for image in images:
        centre = rng.choice([0.3, 0.7])
        image[0] = 0.9 * ((rows - centre) ** 2 + (columns - 0.5) ** 2 < 0.05)
    return images
