"""Tests of how collapsed networks are detected."""

import unittest

import numpy as np

from kneerepro.registry import EXPERIMENTS
from kneerepro.runs.collapse import COLLAPSES

NAN = float('nan')


class CollapseTest(unittest.TestCase):
    def test_every_experiment_has_one(self):
        self.assertEqual(set(COLLAPSES), set(EXPERIMENTS))

    def test_has_just_begun(self):
        collapse = COLLAPSES['cae3d']
        for values, expected in [
            ([1e-4] * 10, False),  # the first tenth
            ([1e-4] * 11, True),
            ([1e-4] * 12, False),
            ([NAN] * 12 + [1e-4], True),
            ([NAN] * 12 + [2e-3], False),
            ([NAN] * 12 + [0.3, NAN, 1e-4], True),
            ([NAN] * 12 + [1e-4, NAN, 1e-4], False),
            ([NAN] * 20, False),
            ([], False),
        ]:
            self.assertEqual(
                collapse.has_just_begun(values, 100), expected, values
            )

    def test_measured_in_results(self):
        collapse = COLLAPSES['dcgan']
        for values, expected in [
            ([NAN, 0.5, NAN, 0.02, NAN], 0.02),
            ([NAN, 0.02, 0.5], None),
            ([NAN], None),
        ]:
            self.assertEqual(
                collapse.measured_in({'image_spread': np.array(values)}),
                expected,
            )
        self.assertIsNone(collapse.measured_in({}))

    def test_warning(self):
        self.assertRegex(
            COLLAPSES['cae2d'].warning(3.14e-8),
            r'spread 3e-08, .* mean image\. Try --output-bias',
        )
        self.assertRegex(
            COLLAPSES['wgan_gp'].warning(0.02),
            r'images vary only 0\.02 times .*\. Try a smaller --learning-rate',
        )
        self.assertIn(
            'its volumes vary only 0.02 times as much as real volumes',
            COLLAPSES['wgan_gp3d'].warning(0.02),
        )
