"""What is learned under each reading, measured and published."""

import json
import os
from unittest import mock

import numpy as np

from kneerepro.runs import find
from kneerepro.utils.errors import UserError
from tests.benchmarks.test_benchmarks import benchmark
from tests.benchmarks.test_growth import call, documentation
from tests.experiments.common import run_here
from tests.folders import FolderTest


class ReadingsTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.readings = benchmark('readings')
        self.started = []
        for patch in [
            mock.patch.object(
                self.readings, 'READINGS', [('slice-max', 'zero', 1e-3)]
            ),
            mock.patch.object(self.readings, 'run_script', self.run_it),
            mock.patch(
                'kneerepro.runs.environment.revision', return_value='abc'
            ),
        ]:
            patch.start()
            self.addCleanup(patch.stop)

    def run_it(self, path, *arguments):
        self.started.append(arguments)
        run_here('cae3d', *arguments, '--size', '16', '--width', '0.01')
        return 0

    def measure(self):
        with mock.patch.object(
            self.readings.experiment, 'asked_of', self.without_size
        ):
            return call(
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

    def without_size(self, args, name):
        """The benchmark does not know that its trainings are this small."""
        asked = ASKED_OF(args, name)
        asked['parameters'].update(size=16, width=0.01)
        return asked

    def publish(self, *arguments):
        publish = documentation('publish')
        with mock.patch.object(publish, 'FOLDER', self.folder):
            return call(publish.main, '--no-runs', *arguments)

    def test_measured_and_published(self):
        self.measure()
        self.measure()  # which trains nothing again
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

        self.publish('--readings', self.path('rows.json'))
        text = self.read('readings.inc').decode()
        for expected in 'slice-max', '0.001', 'of 1', '2 iterations', 'abc':
            self.assertIn(expected, text)

        self.publish('--thesis-size', run.folder)
        text = self.read('thesis_size.inc').decode()
        for expected in (
            '3D autoencoder',
            'measured/spread.png',
            'measured/thesis_figure3_4.jpg',
            'measured/thesis_figure3_5.png',
            'measured/thesis_cae3d_codes.png',
        ):
            self.assertIn(expected, text)
            if expected.startswith('measured/'):
                self.assertTrue(os.path.exists(self.path(expected[9:])))
        # What is published stays.
        self.publish()
        self.assertIn('spread.png', self.read('thesis_size.inc').decode())

        with open(run.path('environment.json'), 'w') as file:
            json.dump([{'revision': 'abc-dirty'}], file)
        with self.assertRaisesRegex(UserError, 'not committed'):
            self.publish('--thesis-size', run.folder)

    def test_spread_figure(self):
        curves = {
            'one': np.array([0.3, np.nan, 0.2]),
            'another': np.array([np.nan, 0.0, np.nan]),
        }
        (axes,) = documentation('spread_figure').draw(curves).axes
        lines = axes.get_lines()
        np.testing.assert_array_equal(
            lines[0].get_xydata(), [[0, 0.3], [2, 0.2]]
        )
        np.testing.assert_array_equal(lines[1].get_xydata(), [[1, 1e-9]])
        self.assertEqual(lines[2].get_ydata()[0], 1e-3)


ASKED_OF = benchmark('readings').experiment.asked_of
