import unittest

import lasagne
import numpy as np
import theano
import theano.tensor as T
from lasagne.layers import get_all_params, get_output

from kneerepro.algorithms import compile_cae
from kneerepro.algorithms.cae import mean_squared_error, reconstruction_loss
from kneerepro.networks import build_cae2d, build_cae3d
from tests.algorithms.common import Adam, blobs, restore, state_of, values_of
from tests.modes import AS_WRITTEN, TRAINING


class LossTest(unittest.TestCase):
    def test_against_numpy(self):
        rng = np.random.RandomState(1)
        for shape in [(3, 1, 4, 5), (2, 1, 3, 4, 5), (1, 1, 2, 2)]:
            x, x_prime = rng.rand(2, *shape).astype('float32')
            variables = [
                T.TensorType('float32', [False] * len(shape))()
                for _ in range(2)
            ]
            loss, mse = theano.function(
                variables,
                [
                    reconstruction_loss(*variables),
                    mean_squared_error(*variables),
                ],
                mode=AS_WRITTEN,
            )(x, x_prime)
            n = len(x)
            expected = sum(
                np.mean((x[i] - x_prime[i]) ** 2) for i in range(n)
            ) / (2 * n)
            np.testing.assert_allclose(loss, expected, rtol=1e-5)
            np.testing.assert_allclose(mse, 2 * expected, rtol=1e-5)


class CompileCAETest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        lasagne.random.set_rng(np.random.RandomState(1))
        cls.networks = build_cae2d(nz=5, rows=16, columns=32, width=1 / 32)
        cls.functions = compile_cae(
            *cls.networks,
            learning_rate=0.01,
            beta1=0.5,
            beta2=0.9,
            mode=TRAINING,
        )
        cls.state = state_of(cls.functions)
        cls.x = np.random.RandomState(2).rand(3, 1, 16, 32).astype('float32')

    def test_shapes_and_test_loss(self):
        h = self.functions.encode(self.x)
        self.assertEqual(h.shape, (3, 5))
        self.assertTrue(((h > 0) & (h < 1)).all())
        x_prime = self.functions.reconstruct(self.x)
        self.assertEqual(x_prime.shape, self.x.shape)
        np.testing.assert_allclose(
            self.functions.test(self.x),
            np.mean((self.x - x_prime) ** 2),
            rtol=1e-5,
        )

    def tearDown(self):
        restore(self.state)

    def test_training_steps_against_adam_by_hand(self):
        encoder, decoder = self.networks
        x = T.tensor4()
        loss = reconstruction_loss(
            x, get_output(decoder, get_output(encoder, x))
        )
        params = get_all_params(self.networks)
        gradients = theano.function(
            [x], theano.grad(loss, params), mode=TRAINING
        )
        before = values_of(self.networks)
        adam, expected = Adam(0.01, 0.5, 0.9), before
        for _ in range(3):
            mse = self.functions.test(self.x)
            named = {p.name: g for p, g in zip(params, gradients(self.x))}
            expected = adam.step(expected, named)
            np.testing.assert_allclose(
                self.functions.train(self.x), mse, rtol=1e-5
            )
            for name, value in values_of(self.networks).items():
                self.assertTrue((value != before[name]).any(), name)
                np.testing.assert_allclose(
                    value, expected[name], rtol=1e-4, atol=1e-6, err_msg=name
                )

    def test_loss_falls(self):
        # With this seed, training leaves the plateau on which every image is
        # reconstructed as the mean image within 100 steps.
        lasagne.random.set_rng(np.random.RandomState(2))
        networks = build_cae2d(nz=8, rows=16, columns=16, width=1 / 16)
        functions = compile_cae(*networks, learning_rate=0.01, mode=TRAINING)
        x = blobs(4, 16)
        for _ in range(150):
            functions.train(x)
        # There are two kinds of images, so this is far better than what any
        # single reconstruction of all images can reach.
        self.assertLess(functions.test(x), 0.2 * x.var(axis=0).mean())


class CompileCAE3DTest(unittest.TestCase):
    def test_loss_falls(self):
        lasagne.random.set_rng(np.random.RandomState(1))
        networks = build_cae3d(
            nz=4, depth=16, rows=16, columns=32, width=1 / 32
        )
        functions = compile_cae(*networks, learning_rate=0.01, mode=TRAINING)
        x = np.zeros((2, 1, 16, 16, 32), 'float32')
        x[:, :, 4:12, 4:12, 8:24] = 0.9
        losses = [float(functions.train(x)) for _ in range(12)]
        self.assertLess(losses[-1], 0.75 * losses[0])
        self.assertEqual(functions.reconstruct(x).shape, x.shape)
        self.assertEqual(functions.encode(x).shape, (2, 4))
