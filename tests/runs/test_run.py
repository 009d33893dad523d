import json
import os
import time
from unittest import mock

import numpy as np

from kneerepro import runs
from kneerepro.utils.errors import UserError
from tests.folders import FolderTest

SETTINGS = {
    'experiment': 'cae2d',
    'preset': 'smoke',
    'parameters': {'nz': 3, 'channels': [4, 3, 2, 1], 'test': None},
    'data': {'hash': 'abc'},
    'engine': 'torch',
    'device': 'cpu',
}
ARGUMENTS = {'data': None, 'preset': 'smoke', 'parameters': {'nz': 3}}


class RunTest(FolderTest):
    def create(self, **settings):
        return runs.create(
            self.path('runs'), {**SETTINGS, **settings}, ARGUMENTS
        )


class CreationTest(RunTest):
    def test_what_it_was_asked_stays(self):
        run = self.create()
        again = runs.Run(run.folder)
        self.assertEqual(again.settings, SETTINGS)
        self.assertEqual(again.arguments, ARGUMENTS)
        # As earlier versions worked, which did not name these.
        self.assertEqual(
            again.parameters,
            {
                **SETTINGS['parameters'],
                'output_bias': 'zero',
                'first_ten_every': 1,
            },
        )
        self.assertEqual(again.experiment, 'cae2d')

    def test_name(self):
        with mock.patch('time.strftime', lambda form: '20261124-101112-'):
            names = [
                os.path.relpath(self.create().folder, self.folder)
                for _ in range(3)
            ]
        self.assertEqual(
            names,
            [
                os.path.join('runs', 'cae2d', '20261124-101112-smoke' + end)
                for end in ('', '-2', '-3')
            ],
        )

    def test_folder_that_cannot_be(self):
        path = self.write('file')
        with self.assertRaisesRegex(UserError, 'cannot write to .*file'):
            runs.create(path, SETTINGS, ARGUMENTS)


class DamageTest(RunTest):
    def test_no_run(self):
        for text in None, '', '{', '[]', '{}', '{"settings": {}}', 'null':
            if text is not None:
                self.write('config.json', text)
            with self.assertRaisesRegex(UserError, f'{self.folder} is no run'):
                runs.Run(self.folder)

    def test_are_passed_over(self):
        run = self.create()
        os.makedirs(self.path('runs', 'cae2d', 'other'))
        self.write('runs/cae2d/file')
        self.write('runs/cae2d/damaged/config.json', '{')
        self.assertEqual(
            [one.folder for one in runs.find(self.path('runs'), 'cae2d')],
            [run.folder],
        )
        self.assertEqual(runs.find(self.path('runs'), 'dcgan'), [])
        self.assertEqual(runs.find(self.path('nowhere'), 'dcgan'), [])


class ResultsTest(RunTest):
    def test_make_it_finished(self):
        run = self.create()
        self.assertFalse(run.finished)
        with self.assertRaisesRegex(UserError, 'not finished.*--resume'):
            run.results()
        run.save_results(
            {'slides': np.array([1, 2]), 'names': np.array(['a', 'bc'])}
        )
        self.assertTrue(runs.Run(run.folder).finished)
        results = run.results()
        np.testing.assert_array_equal(results['slides'], [1, 2])
        self.assertEqual(list(results['names']), ['a', 'bc'])

    def test_damaged(self):
        run = self.create()
        run.save_results({'slides': np.array([1, 2])})
        with open(run.path('results.npz'), 'rb+') as file:
            file.truncate(100)
        with self.assertRaisesRegex(UserError, 'results.npz is truncated'):
            run.results()


class StateTest(RunTest):
    def test_states(self):
        run = self.create()
        self.assertEqual((run.state(), run.iteration()), ('stopped', 0))
        run.checkpoints.save(12, {}, {})
        run.checkpoints.save(120, {}, {})
        self.assertEqual(run.iteration(), 120)
        with run.locked():
            self.assertEqual(runs.Run(run.folder).state(), 'running')
            with self.assertRaisesRegex(UserError, 'another process'):
                with runs.Run(run.folder).locked():
                    pass
        self.assertEqual(run.state(), 'stopped')
        run.save_results({})
        self.assertEqual(run.state(), 'finished')

    def test_newest_first(self):
        made = []
        for _ in range(3):
            made.append(self.create().folder)
            time.sleep(0.02)
        self.assertEqual(
            [run.folder for run in runs.find(self.path('runs'), 'cae2d')],
            made[::-1],
        )

    def test_how_to_resume(self):
        run = runs.create(self.path('my runs'), SETTINGS, ARGUMENTS)
        self.assertEqual(
            run.how_to_resume(),
            f"to go on: python experiments/cae2d.py --resume '{run.folder}'",
        )

    def test_environments(self):
        run = self.create()
        self.assertEqual(run.environments(), [])
        for number in 1, 2:
            run.add_environment({'number': number})
        self.assertEqual(run.environments(), [{'number': 1}, {'number': 2}])
        with open(run.path('environment.json')) as file:
            self.assertEqual(json.load(file), run.environments())
