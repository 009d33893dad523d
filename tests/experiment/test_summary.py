import unittest
from types import SimpleNamespace

import numpy as np

from kneerepro.experiment.summary import lines_of

NAN = np.nan


class SummaryTest(unittest.TestCase):
    def lines(self, experiment, **results):
        return lines_of(
            SimpleNamespace(experiment=experiment),
            {name: np.array(value) for name, value in results.items()},
        )

    def test_autoencoder(self):
        self.assertEqual(
            self.lines(
                'cae3d',
                test_loss=[0.5, NAN, 0.002134, NAN],
                mean_mse=0.010416,
                identified=[True, False, True],
            ),
            [
                'test error: 0.002134; that of the mean of the training set: '
                '0.01042',
                'identified by their reconstructions: 2 of 3 test volumes',
            ],
        )
        self.assertIn(
            '1 of 1 test images',
            self.lines('cae2d', test_loss=[0.1], identified=[True])[1],
        )

    def test_run_of_an_earlier_version(self):
        self.assertEqual(
            self.lines('cae2d', test_loss=[0.5, 0.25]), ['test error: 0.25']
        )
        self.assertEqual(
            self.lines('dcgan', discriminator_loss=[1.0], generator_loss=[2]),
            ['losses at the end: discriminator 1, generator 2'],
        )

    def test_gan(self):
        self.assertEqual(
            self.lines(
                'wgan_gp',
                critic_loss=[-3.5, -0.25],
                generator_loss=[0.75, NAN],
                image_spread=[NAN, 0.8321],
            ),
            [
                'variety of the generated images: 0.83 (real ones: 1)',
                'losses at the end: critic -0.25, generator 0.75',
            ],
        )
