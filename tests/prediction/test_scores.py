import unittest

import numpy as np

from kneerepro.prediction import scores
from kneerepro.prediction.target import make_target


class ScoresTest(unittest.TestCase):
    def test_numbers(self):
        labels = np.array([1.0, 2, 3, 4])
        self.assertEqual(scores.r_squared(labels, labels), 1)
        self.assertEqual(scores.r_squared(labels, np.full(4, 2.5)), 0)
        self.assertEqual(scores.r_squared(labels, labels[::-1]), -3)
        self.assertTrue(np.isnan(scores.r_squared(np.ones(3), np.ones(3))))
        self.assertEqual(
            scores.mean_absolute_error(labels, labels + [1, -1, 0, 2]), 1
        )

    def test_balanced_accuracy(self):
        codes = np.array([0, 0, 0, 1])
        probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0, 1]])
        self.assertAlmostEqual(
            scores.balanced_accuracy(codes, probabilities), (2 / 3 + 1) / 2
        )

    def test_area_under_curve(self):
        codes = np.array([0, 0, 1, 1])
        p = np.array([0.1, 0.6, 0.4, 0.9])
        # Three of the four pairs are in the right order.
        self.assertAlmostEqual(
            scores.area_under_curve(codes, np.stack([1 - p, p], 1)), 0.75
        )
        self.assertTrue(np.isnan(scores.area_under_curve(codes[:2], p[:2])))
        # Each of three classes against all others.
        codes, p = np.arange(3), np.eye(3)
        self.assertEqual(scores.area_under_curve(codes, p), 1)
        # Reversed, the first and the last class are right in a quarter of the
        # pairs: half of those that are tied.
        self.assertEqual(scores.area_under_curve(codes, p[:, ::-1]), 0.5)

    def test_intervals_over_patients(self):
        rng = np.random.RandomState(0)
        labels = rng.normal(size=40)
        target = make_target('y', labels)
        predicted = labels + 0.5 * rng.normal(size=40)
        of_all = scores.score_all(target, predicted, np.arange(40))
        found = of_all['R²']
        self.assertAlmostEqual(
            found.value, scores.r_squared(labels, predicted)
        )
        self.assertLess(found.low, found.value)
        self.assertLess(found.value, found.high)
        self.assertEqual(found.n, (40,))
        # Each volume once more tells nothing new.
        twice = scores.score_all(
            make_target('y', np.tile(labels, 2)),
            np.tile(predicted, 2),
            np.tile(np.arange(40), 2),
        )
        for name, expected in of_all.items():
            self.assertAlmostEqual(twice[name].low, expected.low)
            self.assertAlmostEqual(twice[name].high, expected.high)

    def test_few_patients(self):
        target = make_target('y', np.array([1.0, 2, 3]))
        found = scores.score_all(target, np.ones(3), np.arange(3))
        self.assertIsNone(found['R²'].low)
        self.assertEqual(found['mean absolute error'].value, 1)
