import json
from unittest import mock

from tests.benchmarks.common import NEEDS_TORCH, benchmark
from tests.folders import FolderTest
from tests.scripts import call


@NEEDS_TORCH
class SmallGraphsTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.small_graphs = benchmark('small_graphs')
        for patch in (
            mock.patch.object(self.small_graphs, 'C_CODE', False),
            mock.patch.object(self.small_graphs.native, 'CALLS', 4),
        ):
            patch.start()
            self.addCleanup(patch.stop)

    def test_measures_before_and_after_compilation(self):
        path = self.path('rows.json')
        printed = call(
            self.small_graphs.main,
            'one_addition',
            '--repeats',
            '1',
            '--json',
            path,
        )
        with open(path) as file:
            (row,) = json.load(file)['rows']
        self.assertEqual(row['function'], 'one_addition')
        self.assertIsNone(row['theano'])
        for key in 'pytorch', 'native':
            self.assertGreater(row[key], 0)
        self.assertEqual(printed.splitlines()[-1].split()[3:], ['-'] * 3)

    def test_ratios_are_relative_to_the_engine(self):
        with mock.patch('builtins.print') as printed:
            self.small_graphs.print_row(
                {
                    'function': 'f',
                    'pytorch': 2e-6,
                    'native': 1e-6,
                    'theano': 3e-6,
                    'theano_beside_pytorch': 4e-6,
                }
            )
        self.assertEqual(
            printed.call_args[0][0].split(),
            ['f', '2.0', '1.0', '3.0', '2.00', '3.00'],
        )
