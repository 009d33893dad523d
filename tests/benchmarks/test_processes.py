import unittest
from unittest import mock

from tests.benchmarks.common import benchmark
from tests.folders import FolderTest


class RunForJsonTest(FolderTest):
    def run_code(self, code, seconds=60):
        return benchmark('processes').run_for_json(
            [self.write('child.py', code)], seconds
        )

    def test_returns_what_the_process_writes(self):
        code = 'import sys\nopen(sys.argv[1], "w").write("[1, 2]")'
        self.assertEqual(self.run_code(code), [1, 2])

    def test_quotes_a_process_that_failed(self):
        found = self.run_code('print("why")\nraise SystemExit(3)')
        self.assertEqual(found, {'error': 'ended with status 3:\nwhy'})

    def test_stops_a_process_at_its_time_limit(self):
        found = self.run_code('import time\ntime.sleep(60)', 1)
        self.assertEqual(
            found, {'error': 'not finished within its time limit'}
        )


class SplitCoresTest(unittest.TestCase):
    def test_shares_the_cores(self):
        processes = benchmark('processes')
        for cores, count, expected in (
            (16, 100, (8, 2)),
            (16, 2, (2, 8)),
            (2, 5, (1, 2)),
            (1, 5, (1, 1)),
        ):
            with mock.patch.object(
                processes.environment, 'cores', return_value=cores
            ):
                self.assertEqual(processes.split_cores(count), expected)
