import unittest

import numpy as np

from kneerepro.measures import curves
from kneerepro.measures.bootstrap import TooFewSamplesError

N = 2000


class CurvesTest(unittest.TestCase):
    def setUp(self):
        self.noise = np.random.RandomState(0).normal(size=N)
        self.line = np.linspace(0, 10, N)

    def test_trend_of_a_line_is_the_line(self):
        inner = slice(curves.WINDOW, -curves.WINDOW)
        np.testing.assert_allclose(
            curves.trend(self.line)[inner], self.line[inner]
        )
        np.testing.assert_allclose(
            curves.residuals(self.line)[inner], 0, atol=1e-12
        )

    def test_too_short(self):
        curves.trend(np.zeros(204))
        with self.assertRaises(TooFewSamplesError):
            curves.trend(np.zeros(203))

    def test_spread(self):
        # The median absolute deviation of n Gaussian values has a relative
        # standard deviation of 1.17 / sqrt(n).
        self.assertLess(
            abs(curves.spread(3 * self.noise) / 3 - 1), 3 * 1.17 / np.sqrt(N)
        )
        spoilt = self.noise.copy()
        spoilt[::20] = 1000
        self.assertLess(curves.spread(spoilt), 1.2)
        self.assertEqual(curves.spread(np.ones(9)), 0)

    def test_drift(self):
        # The line rises by 5 over its second half.
        self.assertAlmostEqual(curves.drift(self.line), 5, delta=0.05)
        self.assertAlmostEqual(curves.drift(5 - self.line), -5, delta=0.05)
        self.assertLess(abs(curves.drift(self.noise)), 0.2)
        self.assertAlmostEqual(
            curves.drift(self.line + 0.1 * self.noise), 5, delta=0.1
        )

    def test_outliers(self):
        at = [100, 777, 1500, 1999]
        curve = self.line + 0.1 * self.noise
        # 2000 values of noise reach out to 3.5 standard deviations, and the
        # spread within one window may be a third too small.
        self.assertFalse(curves.outliers(curve).any())
        curve[at] += [2, -2, 2, 2]
        self.assertEqual(list(np.flatnonzero(curves.outliers(curve))), at)

    def test_outliers_of_noise(self):
        # About 6 of 100,000 are expected. More than 14 occur with a
        # probability of one in 700.
        noise = np.random.RandomState(2).normal(size=100000)
        self.assertLess(curves.outliers(noise).sum(), 15)
        self.assertGreater(curves.outliers(noise, beyond=3).sum(), 270)

    def test_outliers_are_judged_by_their_neighbours(self):
        # The first half has ten times the noise. A value that is usual there
        # is an outlier in the second half.
        curve = self.noise * np.where(np.arange(N) < N // 2, 1, 0.1)
        curve[1500] = 2
        self.assertEqual(list(np.flatnonzero(curves.outliers(curve))), [1500])

    def test_oscillation(self):
        # Three periods fit into the window, so the running median removes
        # none of the wave from the residuals.
        wave = np.sin(2 * np.pi * np.arange(2040) / 17)
        fraction, period = curves.oscillation(np.arange(2040) / 200 + wave)
        self.assertGreater(fraction, 0.95)
        self.assertEqual(period, 17)
        # Half of the energy belongs to the wave.
        noise = np.random.RandomState(1).normal(size=2040)
        fraction, period = curves.oscillation(wave + np.sqrt(0.5) * noise)
        self.assertAlmostEqual(fraction, 0.5, delta=0.05)
        self.assertEqual(period, 17)
        # White noise exceeds a fraction f with a probability of
        # n / 2 exp(-n f / 2).
        self.assertLess(curves.oscillation(self.noise)[0], 0.02)
        self.assertEqual(curves.oscillation(np.ones(300))[0], 0)

    def test_settling_time(self):
        # The ramp comes within a tenth of its range at 900 of 1000. Mirroring
        # at the start makes the range of the trend a little smaller.
        ramp = np.minimum(np.arange(N), 1000.0)
        self.assertAlmostEqual(curves.settling_time(ramp), 900, delta=3)
        self.assertAlmostEqual(
            curves.settling_time(-3 * ramp + 7), 900, delta=3
        )
        self.assertEqual(curves.settling_time(np.ones(N)), 0)
        # A wave never settles.
        wave = np.sin(2 * np.pi * np.arange(N) / 800)
        self.assertGreater(curves.settling_time(wave), 1800)

    def test_iterations_to_reach(self):
        self.assertAlmostEqual(
            curves.iterations_to_reach(-self.line, -5), N / 2, delta=1
        )
        self.assertIsNone(curves.iterations_to_reach(-self.line, -11))
        spike = np.ones(N)
        spike[300] = 0
        self.assertIsNone(curves.iterations_to_reach(spike, 0.5))

    def test_divergence_epoch(self):
        train = np.array([[9.0, 8], [7, 6], [5, 4], [3, 2], [1, 0]])
        for test, epoch in [
            ((7, 6, 4, 2, 1), None),
            ((7, 6, 4, 2, 2), 5),
            ((7, 8, 4, 4, 2), 4),
            ((7, 8, 8, 8, 8), 2),
            ((10, 8, 8, 8, 8), 1),
        ]:
            self.assertEqual(
                curves.divergence_epoch(train, np.array(test)), epoch
            )

    def test_blocks(self):
        np.testing.assert_array_equal(
            curves.blocks(np.arange(7), 3), [[1, 2, 3], [4, 5, 6]]
        )
