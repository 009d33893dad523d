"""Readings, measured and published."""

import json
import os
from unittest import mock

from kneerepro.experiment import choose
from kneerepro.runs import find
from kneerepro.utils.errors import UserError
from tests.benchmarks.common import benchmark
from tests.docs.common import PublishTest
from tests.experiments.common import run_here
from tests.scripts import call


class ReadingsTest(PublishTest):
    def setUp(self):
        super().setUp()
        self.readings = benchmark('readings')
        self.started = []
        for patch in [
            mock.patch.object(
                self.readings, 'READINGS', [('slice-max', 'zero', 1e-3)]
            ),
            mock.patch.object(self.readings, 'run_script', self.run_small),
            mock.patch.object(
                choose, 'arguments_to_store', self.arguments_of_small_run
            ),
            mock.patch(
                'kneerepro.runs.environment.revision', return_value='abc'
            ),
        ]:
            patch.start()
            self.addCleanup(patch.stop)

    def run_small(self, path, *arguments):
        self.started.append(arguments)
        run_here('cae3d', *arguments, '--size', '16', '--width', '0.01')
        return 0

    def arguments_of_small_run(self, args, name):
        """The benchmark does not know that its trainings are this small."""
        asked = ARGUMENTS_TO_STORE(args, name)
        asked['parameters'].update(size=16, width=0.01)
        return asked

    def measure(self):
        call(
            self.readings.main,
            '--preset',
            'smoke',
            '--patients',
            '3',
            '--iterations',
            '2',
            '--out',
            self.path('runs'),
            '--json',
            self.path('rows.json'),
        )

    def assert_published(self, name, *expected):
        text = self.read(f'{name}.inc').decode()
        for part in expected:
            self.assertIn(part, text)
            if part.startswith('measured/'):
                self.assertTrue(os.path.exists(self.path(part[9:])))

    def test_measures_and_publishes(self):
        self.measure()
        self.measure()  # finds the finished training
        self.assertEqual(len(self.started), 1)
        (run,) = find(self.path('runs'), 'cae3d')
        results = run.results()
        with open(self.path('rows.json')) as file:
            measured = json.load(file)
        self.assertEqual(measured['revision'], 'abc')
        (row,) = measured['rows']
        self.assertEqual(
            (row['normalise'], row['output_bias']), ('slice-max', 'zero')
        )
        self.assertEqual(row['code_spread'], results['code_spread'][-1])
        self.assertEqual(row['test_mse'], results['test_loss'][-1])
        self.assertEqual(
            (row['test'], row['mean_mse']), (1, results['mean_mse'])
        )

        self.publish('--no-runs', '--readings', self.path('rows.json'))
        self.assert_published(
            'readings', 'slice-max', '0.001', 'of 1', '2 iterations', 'abc'
        )
        self.publish('--no-runs', '--thesis-size', run.folder)
        self.assert_published(
            'thesis_size_cae3d',
            'slice-max',
            'measured/spread_cae3d.png',
            'measured/thesis_figure3_4.jpg',
            'measured/thesis_figure3_5.png',
            'measured/thesis_cae3d_codes.png',
        )
        # Without new runs, the published ones stay.
        self.publish('--no-runs')
        self.assert_published('thesis_size_cae3d', 'spread_cae3d.png')
        self.assert_published('thesis_size_cae2d', 'Not measured yet')

        with open(run.path('environment.json'), 'w') as file:
            json.dump([{'revision': 'abc-dirty'}], file)
        with self.assertRaisesRegex(UserError, 'not committed'):
            self.publish('--no-runs', '--thesis-size', run.folder)


ARGUMENTS_TO_STORE = choose.arguments_to_store
