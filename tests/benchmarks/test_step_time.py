import json
from unittest import mock

from tests.benchmarks.common import NEEDS_TORCH, benchmark
from tests.folders import FolderTest
from tests.scripts import call


@NEEDS_TORCH
class StepTimeTest(FolderTest):
    def measure(self, *arguments):
        """Call the script with PyTorch alone twice as fast as the engine."""

        def time_interleaved(cases, count, limits):
            seconds = {'torch': 0.25, 'native': 0.125, 'theano': 0.5}
            return [
                {
                    **case,
                    'compiling': 1.0,
                    'first': 2.0,
                    'steps': [seconds[case['engine']]] * count,
                    'memory': 0.5,
                    'limit': 0.1 if limits else None,
                }
                for case in cases
            ]

        step_time = benchmark('step_time')
        with mock.patch.multiple(
            step_time,
            C_CODE=False,
            time_interleaved=time_interleaved,
        ):
            return call(step_time.main, '--device', 'cpu', *arguments)

    def test_prints_a_table_relative_to_the_last_row(self):
        lines = self.measure('dcgan').splitlines()
        self.assertEqual(
            [
                ' '.join(line.split())
                for line in lines
                if line.startswith('dcgan')
            ],
            [
                'dcgan 128 torch 1.0 2 0.25 0.25, 0.25 0.50 0.1 0.50',
                'dcgan 128 native 1.0 2 0.125 0.125, 0.125 0.50 0.1 1.00',
            ],
        )

    def test_measures_the_networks_of_the_thesis_by_default(self):
        path = self.path('times.json')
        self.measure('--steps', '3', '--json', path)
        with open(path) as file:
            rows = json.load(file)['rows']
        self.assertEqual(
            [(row['network'], row['batch_size']) for row in rows[::2]],
            [('cae2d', 128), ('cae3d', 4), ('dcgan', 128), ('wgan_gp', 128)],
        )
        # Theano's C code is left out where it cannot be compiled.
        self.assertEqual(
            [row['engine'] for row in rows[:2]], ['torch', 'native']
        )
        self.assertEqual(len(rows[0]['steps']), 3)

    def test_measures_inference(self):
        path = self.path('times.json')
        self.measure('cae2d', '--inference', '--json', path)
        with open(path) as file:
            rows = json.load(file)['rows']
        self.assertEqual([row['task'] for row in rows], ['inference'] * 2)
