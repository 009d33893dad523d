import unittest

import numpy as np

from kneerepro.registry import EXPERIMENTS
from kneerepro.runs.collapse import COLLAPSES

NAN = float('nan')


class CollapseTest(unittest.TestCase):
    def test_each_experiment(self):
        self.assertEqual(set(COLLAPSES), set(EXPERIMENTS))

    def test_begins(self):
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
            self.assertEqual(collapse.begins(values, 100), expected, values)

    def test_in_results(self):
        collapse = COLLAPSES['dcgan']
        for values, expected in [
            ([NAN, 0.5, NAN, 0.02, NAN], 0.02),
            ([NAN, 0.02, 0.5], None),
            ([NAN], None),
        ]:
            self.assertEqual(
                collapse.in_results({'image_spread': np.array(values)}),
                expected,
            )
        self.assertIsNone(collapse.in_results({}))

    def test_warning(self):
        self.assertRegex(
            COLLAPSES['cae2d'].warning(3.14e-8),
            r'spread 3e-08, .* mean image\. Try --output-bias',
        )
        self.assertRegex(
            COLLAPSES['wgan_gp'].warning(0.02),
            r'by 0\.02 of .*\. Try a smaller --learning-rate',
        )
