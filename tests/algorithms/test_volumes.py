"""Algorithms 2 and 3 on volumes, with the GANs of section 4.2."""

import unittest

import lasagne
import numpy as np

from kneerepro.algorithms import compile_dcgan, compile_wgan_gp
from kneerepro.networks import build_dcgan3d, build_wgan_gp3d
from tests.algorithms.common import values_of
from tests.modes import TRAINING

SIZES = dict(nz=4, depth=16, rows=16, columns=32, width=1 / 128)


class VolumesTest(unittest.TestCase):
    def setUp(self):
        lasagne.random.set_rng(np.random.RandomState(1))
        self.x = np.zeros((3, 1, 16, 16, 32), 'float32')
        self.x[:, :, 4:12, 4:12, 8:24] = 0.9

    def check(self, networks, functions, train_second, judge):
        before = [values_of(network) for network in networks]
        losses = [
            [float(train_second(self.x)), float(functions.train_generator())]
            for _ in range(5)
        ]
        self.assertTrue(np.isfinite(losses).all(), losses)
        # The second network learns to tell the volumes from generated ones.
        self.assertLess(losses[-1][0], losses[0][0])
        for network, values in zip(networks, before):
            for name, value in values_of(network, trainable=True).items():
                # The critic's last bias cancels in D(x~) - D(x).
                if name != 'critic.dense.b':
                    self.assertTrue((value != values[name]).any(), name)
        self.assertEqual(functions.sample(2).shape, (2, *self.x.shape[1:]))
        self.assertEqual(judge(self.x).shape, (3, 1))

    def test_dcgan(self):
        networks = build_dcgan3d(**SIZES)
        functions = compile_dcgan(
            *networks, batch_size=3, learning_rate=0.005, mode=TRAINING
        )
        self.check(
            networks,
            functions,
            functions.train_discriminator,
            functions.discriminate,
        )

    def test_wgan_gp(self):
        networks = build_wgan_gp3d(**SIZES)
        functions = compile_wgan_gp(
            *networks, batch_size=3, learning_rate=0.005, mode=TRAINING
        )
        self.check(
            networks, functions, functions.train_critic, functions.criticise
        )
