import unittest

import lasagne
import numpy as np
import theano
import theano.tensor as T
from lasagne.layers import get_all_layers, get_all_params

from kneerepro.algorithms import compile_wgan_gp
from kneerepro.algorithms.wgan_gp import gradient_penalty, interpolate
from kneerepro.networks import build_wgan_gp
from tests.algorithms.common import (
    assert_all_changed,
    assert_same,
    blobs,
    dense_networks,
    evaluate,
    restore,
    state_of,
    values_of,
)
from tests.modes import AS_WRITTEN, TRAINING


class FormulaTest(unittest.TestCase):
    def test_interpolate(self):
        rng = np.random.RandomState(1)
        x, x_tilde = rng.rand(2, 3, 1, 2, 4).astype('float32')
        e = np.array([0, 0.25, 1], 'float32')
        variables = T.tensor4(), T.tensor4(), T.vector()
        x_hat = theano.function(
            variables, interpolate(*variables), mode=AS_WRITTEN
        )(x, x_tilde, e)
        for i in range(3):
            np.testing.assert_allclose(
                x_hat[i], e[i] * x[i] + (1 - e[i]) * x_tilde[i], rtol=1e-6
            )

    def test_penalty_against_numerical_gradient(self):
        rng = np.random.RandomState(1)
        x = rng.normal(size=(4, 1, 3, 2))
        W, v = rng.normal(size=(6, 5)), rng.normal(size=(5, 1))

        def critic(x):
            return np.tanh(x.reshape(len(x), 6).dot(W)).dot(v)

        gradient = np.empty_like(x)
        for pixel in np.ndindex(*x.shape[1:]):
            step = np.zeros_like(x)
            step[(slice(None),) + pixel] = 1e-6
            gradient[(slice(None),) + pixel] = (
                critic(x + step) - critic(x - step)
            )[:, 0] / 2e-6
        norms = [np.sqrt((g**2).sum()) for g in gradient]
        expected = np.mean([(norm - 1) ** 2 for norm in norms])

        variable = T.dtensor4()
        scores = T.dot(T.tanh(T.dot(variable.flatten(2), W)), v)
        penalty = theano.function(
            [variable], gradient_penalty(scores, variable), mode=AS_WRITTEN
        )(x)
        np.testing.assert_allclose(penalty, expected, rtol=1e-6)

    def test_penalty_is_differentiable_at_zero_gradient(self):
        x, w = T.dtensor4(), theano.shared(np.zeros((6, 1)))
        penalty = gradient_penalty(T.dot(x.flatten(2), w), x)
        values = theano.function(
            [x], [penalty, theano.grad(penalty, w)], mode=AS_WRITTEN
        )(np.ones((4, 1, 3, 2)))
        self.assertAlmostEqual(float(values[0]), 1)
        np.testing.assert_array_equal(values[1], np.zeros((6, 1)))


class LossTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.generator, cls.critic = cls.networks = dense_networks()
        cls.functions = compile_wgan_gp(
            *cls.networks,
            learning_rate=0.01,
            penalty_weight=7,
            given_noise=True,
            mode=TRAINING,
        )
        cls.state = state_of(cls.functions)
        rng = np.random.RandomState(2)
        cls.x = rng.rand(6, 1, 4, 4).astype('float32')
        cls.z = rng.normal(size=(6, 3)).astype('float32')
        cls.e = rng.rand(6).astype('float32')

    def tearDown(self):
        restore(self.state)

    def test_critic_loss_against_numpy(self):
        W1, b1, W2, b2 = (
            p.get_value().astype('float64')
            for p in get_all_params(self.critic)
        )

        def critic(x):
            return np.tanh(x.reshape(len(x), 16).dot(W1) + b1).dot(W2) + b2

        x_tilde = evaluate(self.generator, self.z)
        e = self.e.reshape(6, 1, 1, 1)
        x_hat = (e * self.x + (1 - e) * x_tilde).reshape(6, 16)
        hidden = np.tanh(x_hat.dot(W1) + b1)
        gradient = ((1 - hidden**2) * W2[:, 0]).dot(W1.T)
        penalty = np.mean((np.sqrt((gradient**2).sum(1)) - 1) ** 2)
        expected = critic(x_tilde).mean() - critic(self.x).mean() + 7 * penalty
        loss = self.functions.train_critic(self.x, self.z, self.e)
        np.testing.assert_allclose(loss, expected, rtol=1e-4)

    def test_generator_loss_against_numpy(self):
        expected = -evaluate(
            self.critic, evaluate(self.generator, self.z)
        ).mean()
        loss = self.functions.train_generator(self.z)
        np.testing.assert_allclose(loss, expected, rtol=1e-4)

    def test_each_step_updates_its_own_network(self):
        critic, generator = values_of(self.critic), values_of(self.generator)
        self.functions.train_critic(self.x, self.z, self.e)
        assert_same(self, generator, values_of(self.generator))
        critic, before = values_of(self.critic), critic
        # The last bias cancels in D(x~) - D(x), so it has no gradient.
        del before['d2.b']
        assert_all_changed(self, before, critic)
        self.functions.train_generator(self.z)
        assert_same(self, critic, values_of(self.critic))
        assert_all_changed(self, generator, values_of(self.generator))

    def test_finite_at_zero_gradient(self):
        for param in get_all_params(self.critic):
            param.set_value(0 * param.get_value())
        loss = self.functions.train_critic(self.x, self.z, self.e)
        self.assertEqual(float(loss), 7)  # penalty_weight * (0 - 1)**2
        for _ in range(3):
            self.assertTrue(
                np.isfinite(
                    self.functions.train_critic(self.x, self.z, self.e)
                )
            )
        for name, value in values_of(self.critic).items():
            self.assertTrue(np.isfinite(value).all(), name)

    def test_losses_fall(self):
        losses = [
            float(self.functions.train_critic(self.x, self.z, self.e))
            for _ in range(60)
        ]
        self.assertLess(losses[-1], losses[0] - 1)
        losses = [
            float(self.functions.train_generator(self.z)) for _ in range(60)
        ]
        self.assertLess(losses[-1], losses[0] - 0.1)


class ThesisNetworksTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        lasagne.random.set_rng(np.random.RandomState(1))
        cls.networks = build_wgan_gp(nz=6, width=1 / 64)
        cls.functions = compile_wgan_gp(
            *cls.networks, batch_size=3, learning_rate=0.01, mode=TRAINING
        )
        cls.state = state_of(cls.functions)
        cls.x = blobs(4)

    def tearDown(self):
        restore(self.state)

    def test_real_generated_and_mixed_batches(self):
        # Each batch is normalised by its own statistics. Only the real ones
        # update the averages.
        critic = self.networks[1]
        conv, norm = get_all_layers(critic)[1:3]
        old = norm.mean.get_value()
        activation = evaluate(conv, self.x)
        self.assertTrue(np.isfinite(self.functions.train_critic(self.x)))
        new = norm.mean.get_value()
        np.testing.assert_allclose(
            new,
            0.9 * old + 0.1 * activation.mean((0, 2, 3)),
            rtol=1e-4,
            atol=1e-6,
        )
        self.assertTrue(np.isfinite(self.functions.train_generator()))
        np.testing.assert_array_equal(norm.mean.get_value(), new)

    def test_critic_learns(self):
        losses = [
            float(self.functions.train_critic(self.x)) for _ in range(40)
        ]
        # The median, because minibatches of four make the loss spike.
        self.assertLess(np.median(losses[-10:]), 0)
        scores = evaluate(self.networks[1], self.x)
        generated = evaluate(
            self.networks[1],
            evaluate(
                self.networks[0],
                np.random.RandomState(1).normal(size=(4, 6)).astype('f'),
            ),
        )
        self.assertGreater(scores.mean(), generated.mean())

    def test_sample(self):
        images = self.functions.sample(2)
        self.assertEqual(images.shape, (2, 1, 64, 64))
        self.assertTrue(((images >= 0) & (images <= 1)).all())
        self.assertTrue((images != self.functions.sample(2)).any())
        self.assertEqual(self.functions.criticise(self.x).shape, (4, 1))
