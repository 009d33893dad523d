import unittest
from unittest import mock

from kneerepro.utils.stopwatch import Stopwatch


class StopwatchTest(unittest.TestCase):
    def test_phases(self):
        times = iter([10, 12.4, 13, 1313])
        with mock.patch('time.monotonic', lambda: next(times)):
            stopwatch = Stopwatch()
            for phase in 'data', 'training', 'data':
                stopwatch.lap(phase)
        self.assertEqual(list(stopwatch.seconds), ['data', 'training'])
        self.assertAlmostEqual(stopwatch.seconds['data'], 1302.4)
        self.assertEqual(str(stopwatch), 'data 1,302 s, training 1 s')
