import unittest

import lasagne
import numpy as np
import theano
import theano.tensor as T
from lasagne.layers import get_all_layers, get_all_params, get_output
from lasagne.nonlinearities import sigmoid
from theano.configparser import change_flags
from theano.gof import Query

from kneerepro.algorithms import compile_dcgan
from kneerepro.algorithms.dcgan import bce, discriminator_loss
from kneerepro.networks import build_dcgan
from tests.algorithms.common import (
    Adam,
    assert_all_changed,
    assert_same,
    blobs,
    dense_networks,
    evaluate,
    restore,
    state_of,
    values_of,
)
from tests.modes import TRAINING


def new_networks():
    lasagne.random.set_rng(np.random.RandomState(1))
    return build_dcgan(nz=6, width=1 / 64)


class BCETest(unittest.TestCase):
    def test_against_numpy(self):
        p = np.array([[0.1], [0.7], [0.99]], 'float32')
        variable = T.matrix()
        ones, zeros = theano.function(
            [variable], [bce(variable, 1), bce(variable, 0)], mode=TRAINING
        )(p)
        np.testing.assert_allclose(ones, -np.mean(np.log(p)), rtol=1e-5)
        np.testing.assert_allclose(zeros, -np.mean(np.log(1 - p)), rtol=1e-5)

    def test_finite_for_any_score(self):
        scores = T.matrix()
        p = T.nnet.sigmoid(scores)
        loss = bce(p, 1) + bce(p, 0)
        # The rewrite to a softplus needs Theano's optimisations, which would
        # compile C code to compute constants.
        mode = theano.compile.Mode(
            'py', Query(include=['fast_run'], exclude=['fusion', 'inplace'])
        )
        with change_flags(cxx=''):
            function = theano.function(
                [scores], [loss, theano.grad(loss, scores)], mode=mode
            )
        for score in (-1e4, -200, 0, 200, 1e4):
            loss, gradient = function(np.array([[score]], 'float32'))
            np.testing.assert_allclose(
                loss, max(abs(score), 2 * np.log(2)), rtol=1e-5
            )
            np.testing.assert_allclose(gradient, [[np.sign(score)]], atol=1e-6)

    def test_targets_other_than_0_and_1(self):
        with self.assertRaisesRegex(ValueError, 'target must be 0 or 1'):
            bce(T.matrix(), 0.9)


class GivenNoiseTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.generator, cls.discriminator = cls.networks = new_networks()
        cls.functions = compile_dcgan(
            *cls.networks,
            learning_rate=0.01,
            beta1=0.5,
            beta2=0.9,
            given_noise=True,
            mode=TRAINING,
        )
        cls.state = state_of(cls.functions)
        cls.x = blobs(4)
        cls.z = np.random.RandomState(2).normal(size=(4, 6)).astype('f')

    def tearDown(self):
        restore(self.state)

    def discriminated(self, images):
        return evaluate(self.discriminator, images)

    def test_discriminator_step(self):
        generated = evaluate(self.generator, self.z)
        expected = -np.mean(np.log(self.discriminated(self.x))) - np.mean(
            np.log(1 - self.discriminated(generated))
        )
        before = values_of(self.networks, trainable=True)
        params = get_all_params(self.discriminator, trainable=True)
        x, x_hat = T.tensor4(), T.tensor4()
        gradients = theano.function(
            [x, x_hat],
            theano.grad(
                discriminator_loss(
                    get_output(self.discriminator, x),
                    get_output(self.discriminator, x_hat),
                ),
                params,
            ),
            mode=TRAINING,
            no_default_updates=True,
        )
        stepped = Adam(0.01, 0.5, 0.9).step(
            before,
            {p.name: g for p, g in zip(params, gradients(self.x, generated))},
        )
        generator = values_of(self.generator)

        loss = self.functions.train_discriminator(self.x, self.z)

        np.testing.assert_allclose(loss, expected, rtol=1e-4)
        assert_same(self, generator, values_of(self.generator))
        after = values_of(self.discriminator)
        for name, value in stepped.items():
            np.testing.assert_allclose(
                after[name], value, rtol=1e-3, atol=1e-5, err_msg=name
            )

    def test_generator_step(self):
        expected = -np.mean(
            np.log(self.discriminated(evaluate(self.generator, self.z)))
        )
        discriminator = values_of(self.discriminator)
        generator = values_of(self.generator)

        loss = self.functions.train_generator(self.z)

        np.testing.assert_allclose(loss, expected, rtol=1e-4)
        assert_same(self, discriminator, values_of(self.discriminator))
        assert_all_changed(self, generator, values_of(self.generator))

    def test_averages_follow_the_real_batches(self):
        conv, norm = get_all_layers(self.discriminator)[1:3]
        activation = evaluate(conv, self.x)
        self.functions.train_discriminator(self.x, self.z)
        np.testing.assert_allclose(
            norm.mean.get_value(),
            0.1 * activation.mean((0, 2, 3)),
            rtol=1e-4,
            atol=1e-6,
        )
        np.testing.assert_allclose(
            norm.inv_std.get_value(),
            0.9 + 0.1 / np.sqrt(activation.var((0, 2, 3)) + 1e-4),
            rtol=1e-4,
        )

    def test_generators_averages_follow_its_own_steps(self):
        deconv, norm = get_all_layers(self.generator)[3:5]
        activation = evaluate(deconv, self.z)
        self.functions.train_generator(self.z)
        np.testing.assert_allclose(
            norm.mean.get_value(),
            0.1 * activation.mean((0, 2, 3)),
            rtol=1e-4,
            atol=1e-6,
        )

    def test_images_do_not_depend_on_those_beside_them(self):
        generate, discriminate = (
            self.functions.generate,
            self.functions.discriminate,
        )
        images = generate(self.z)
        self.assertEqual(images.shape, (4, 1, 64, 64))
        np.testing.assert_allclose(
            generate(self.z[1:2]), images[1:2], rtol=1e-5
        )
        scores = discriminate(self.x)
        self.assertEqual(scores.shape, (4, 1))
        np.testing.assert_allclose(
            discriminate(self.x[1:2]), scores[1:2], rtol=1e-5
        )

    def test_losses_fall(self):
        x, z = self.x, self.z
        losses = [
            float(self.functions.train_discriminator(x, z)) for _ in range(15)
        ]
        self.assertLess(losses[-1], 0.5 * losses[0])
        losses = [float(self.functions.train_generator(z)) for _ in range(15)]
        self.assertLess(losses[-1], 0.5 * losses[0])


class DrawnNoiseTest(unittest.TestCase):
    def run_once(self, seed):
        functions = compile_dcgan(
            *dense_networks(sigmoid), batch_size=3, seed=seed, mode=TRAINING
        )
        x = blobs(4, 4)
        losses = [
            functions.train_discriminator(x),
            functions.train_generator(),
            functions.train_discriminator(x),
        ]
        return np.array(losses), functions.sample(5)

    def test_seed(self):
        losses, images = self.run_once(3)
        self.assertEqual(images.shape, (5, 1, 4, 4))
        self.assertTrue(np.isfinite(losses).all())
        again, images_again = self.run_once(3)
        np.testing.assert_array_equal(losses, again)
        np.testing.assert_array_equal(images, images_again)
        other, images_other = self.run_once(0)
        self.assertTrue((losses != other).all())
        self.assertTrue((images != images_other).any())

    def test_bad_seed(self):
        with self.assertRaisesRegex(ValueError, 'seed must be from 0'):
            compile_dcgan(*new_networks(), seed=-1)
