import unittest

import numpy as np

from kneerepro.measures.bootstrap import TooFew, estimate


class EstimateTest(unittest.TestCase):
    def test_covers_at_its_level(self):
        rng = np.random.RandomState(0)
        trials, level = 300, 0.9
        covered = 0
        for i in range(trials):
            found = estimate(
                np.mean,
                rng.normal(3, 2, size=60),
                level=level,
                repetitions=200,
                seed=i,
            )
            covered += found.low <= 3 <= found.high
        # Three binomial standard deviations, and the percent by which
        # percentile intervals of a mean of 60 fall short (no t, n for n - 1).
        error = 3 * np.sqrt(level * (1 - level) / trials)
        self.assertLess(abs(covered / trials - (level - 0.01)), error)

    def test_same_seed_same_interval(self):
        values = np.random.RandomState(1).rand(20)
        self.assertEqual(estimate(np.mean, values), estimate(np.mean, values))
        self.assertNotEqual(
            estimate(np.mean, values, seed=1)[1:3],
            estimate(np.mean, values)[1:3],
        )
        self.assertEqual(estimate(np.mean, values).n, (20,))

    def test_pairs_stay_together(self):
        a = np.random.RandomState(2).rand(30)

        def difference(x, y):
            return (y - x).mean()

        found = estimate(difference, a, a + 1, paired=True)
        self.assertAlmostEqual(found.low, 1)
        self.assertAlmostEqual(found.high, 1)
        apart = estimate(difference, a, a + 1)
        self.assertGreater(apart.high - apart.low, 0.1)
        with self.assertRaises(ValueError):
            estimate(difference, a, a[1:], paired=True)

    def test_centred_takes_out_the_gain(self):
        # Drawn again, half of the squared mean's expectation is noise.
        values = np.random.RandomState(3).normal(size=50)
        values -= values.mean()

        def squared_mean(x):
            return x.mean() ** 2

        plain = estimate(squared_mean, values)
        centred = estimate(squared_mean, values, centred=True)
        self.assertGreater(plain.low, 0)
        self.assertLess(centred.low, 0)
        self.assertAlmostEqual(
            plain.high - plain.low, centred.high - centred.low
        )
        # Its gain is the variance of the mean.
        self.assertLess(
            abs(plain.low - centred.low - values.var() / 50),
            0.15 * values.var() / 50,
        )

    def test_too_few(self):
        estimate(np.mean, np.arange(6.0))
        with self.assertRaises(TooFew):
            estimate(np.mean, np.arange(5.0))
