import unittest
from unittest import mock

from tests.benchmarks.common import benchmark


class AlternatingTest(unittest.TestCase):
    def test_blocks_of_calls_in_turn(self):
        alternating, clock, calls = benchmark('alternating'), [0.0], []

        def function(name, seconds):
            def call():
                calls.append(name)
                clock[0] += seconds

            return call

        with mock.patch.multiple(
            alternating.time,
            perf_counter=lambda: clock[0],
            sleep=calls.append,
        ):
            found = alternating.time_alternating(
                {'fast': function('fast', 1), 'slow': function('slow', 8)},
                repeats=2,
                seconds=3,
                pause=0.5,
            )
        self.assertEqual(found, {'fast': 1, 'slow': 8})
        block = [0.5, 'fast', 'fast', 'fast', 0.5, 'slow']
        self.assertEqual(calls, ['fast', 'slow', *block, *block])
