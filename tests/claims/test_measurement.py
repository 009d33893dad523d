import unittest

import numpy as np

from kneerepro.claims.measurement import (
    FAILS,
    HOLDS,
    OPEN,
    Measurement,
    count_text,
    interval_text,
    mean_difference,
    mean_ratio,
    median_ratio,
    ratio,
    single,
    verdict,
)
from kneerepro.measures.bootstrap import Estimate


def measurement(value, low, high, side):
    return Measurement(
        name='',
        estimate=Estimate(value=value, low=low, high=high, n=(9,)),
        samples='',
        side=side,
        threshold=1.0,
    )


class VerdictTest(unittest.TestCase):
    def test_interval_beside_the_threshold(self):
        for low, high, above, below in [
            (2, 3, HOLDS, FAILS),
            (0, 0.5, FAILS, HOLDS),
            (0.5, 2, OPEN, OPEN),
            (1, 2, OPEN, OPEN),
            (float('nan'), 2, OPEN, OPEN),
            (2, float('inf'), OPEN, OPEN),
            (1, 1, FAILS, FAILS),
        ]:
            for side, expected in ('above', above), ('below', below):
                self.assertEqual(
                    verdict(measurement(1, low, high, side)),
                    expected,
                    (low, high, side),
                )

    def test_number_without_an_interval(self):
        for value, above in (2, HOLDS), (1, FAILS), (0, FAILS):
            self.assertEqual(
                verdict(measurement(value, None, None, 'above')), above
            )

    def test_measurement_without_a_threshold(self):
        with self.assertRaisesRegex(ValueError, "'MSE' has no threshold"):
            verdict(Measurement(name='MSE', estimate=single(1), samples=''))


class TextTest(unittest.TestCase):
    def test_interval(self):
        self.assertEqual(
            interval_text(Estimate(value=0.22876, low=0.2, high=1e5, n=(9,))),
            '0.2288 [0.2, 1e+05]',
        )
        self.assertEqual(interval_text(single(4.94449, 7)), '4.944')

    def test_count(self):
        self.assertEqual(
            count_text(
                Measurement(
                    name='',
                    estimate=single(1, 4400, 107),
                    samples='volumes, images',
                )
            ),
            'n = 4,400 and 107 (volumes, images)',
        )


class StatisticsTest(unittest.TestCase):
    def test_two_samples(self):
        a, b = np.array([1.0, 2, 9]), np.array([1.0, 1])
        for statistic, expected in [
            (ratio, 6),
            (mean_ratio, 4),
            (median_ratio, 2),
            (mean_difference, 3),
        ]:
            self.assertEqual(statistic(a, b), expected, statistic)
