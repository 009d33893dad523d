import unittest

import numpy as np

from kneerepro.measures.bootstrap import TooFewSamplesError, estimate


class EstimateTest(unittest.TestCase):
    def test_coverage_matches_the_level(self):
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
        # Allow three binomial standard deviations. A percentile interval for
        # the mean of 60 values covers one per cent less than its level: it
        # divides by n instead of n - 1 and uses no t distribution.
        error = 3 * np.sqrt(level * (1 - level) / trials)
        self.assertLess(abs(covered / trials - (level - 0.01)), error)

    def test_same_seed_gives_the_same_interval(self):
        values = np.random.RandomState(1).rand(20)
        found = estimate(np.mean, values)
        self.assertEqual(found, estimate(np.mean, values))
        self.assertEqual(found.n, (20,))
        other = estimate(np.mean, values, seed=1)
        self.assertEqual(found.value, other.value)
        self.assertNotEqual((found.low, found.high), (other.low, other.high))

    def test_pairs_stay_together(self):
        a = np.random.RandomState(2).rand(30)

        def difference(x, y):
            return (y - x).mean()

        found = estimate(difference, a, a + 1, paired=True)
        self.assertAlmostEqual(found.low, 1)
        self.assertAlmostEqual(found.high, 1)
        apart = estimate(difference, a, a + 1)
        self.assertGreater(apart.high - apart.low, 0.1)
        with self.assertRaisesRegex(ValueError, r'\(30, 29\)'):
            estimate(difference, a, a[1:], paired=True)

    def test_centred_removes_the_bias(self):
        # The squared mean of a resampled set is positive on average, although
        # the mean of the set itself is 0.
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
        # The bias is the variance of the mean.
        self.assertLess(
            abs(plain.low - centred.low - values.var() / 50),
            0.15 * values.var() / 50,
        )

    def test_too_few_samples(self):
        estimate(np.mean, np.arange(6.0))
        with self.assertRaisesRegex(TooFewSamplesError, 'only 5 .*at least 6'):
            estimate(np.mean, np.arange(5.0))
