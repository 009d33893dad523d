"""Tests of runs and their folders."""

import errno
import json
import os
import time
from unittest import mock

import numpy as np

from kneerepro import config, runs
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
    def test_settings_and_arguments_are_stored(self):
        run = self.create()
        again = runs.Run(run.folder)
        self.assertEqual(again.settings, SETTINGS)
        self.assertEqual(again.arguments, ARGUMENTS)
        # Earlier versions behaved like this, and did not store it.
        self.assertEqual(
            again.parameters,
            {
                **SETTINGS['parameters'],
                'output_bias': 'zero',
                'first_ten_every': 1,
            },
        )
        self.assertEqual(again.experiment, 'cae2d')

    def test_names_are_unique(self):
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

    def test_root_that_is_a_file(self):
        path = self.write('file')
        with self.assertRaisesRegex(UserError, 'cannot write to .*file'):
            runs.create(path, SETTINGS, ARGUMENTS)

    def test_folder_name_that_is_a_file(self):
        self.write('runs/cae2d/20261124-101112-smoke')
        with (
            mock.patch('time.strftime', lambda form: '20261124-101112-'),
            self.assertRaisesRegex(UserError, 'a file has the name of a fold'),
        ):
            self.create()


class DamageTest(RunTest):
    def test_no_run(self):
        for text in None, '', '{', '[]', '{}', '{"settings": {}}', 'null':
            if text is not None:
                self.write('config.json', text)
            with self.assertRaisesRegex(
                UserError, f'^{self.folder} is not a run'
            ):
                runs.Run(self.folder)

    def test_unknown_experiment(self):
        with self.assertRaisesRegex(UserError, 'has no experiment vae'):
            self.create(experiment='vae')

    def test_other_folders_are_ignored(self):
        run = self.create()
        os.makedirs(self.path('runs', 'cae2d', 'other'))
        self.write('runs/cae2d/file')
        self.write('runs/cae2d/damaged/config.json', '{')
        self.assertEqual(
            [found.folder for found in runs.find(self.path('runs'), 'cae2d')],
            [run.folder],
        )
        self.assertEqual(runs.find(self.path('runs'), 'dcgan'), [])
        self.assertEqual(runs.find(self.path('nowhere'), 'dcgan'), [])


class ResultsTest(RunTest):
    def test_they_make_the_run_finished(self):
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
        self.assertEqual((run.state(), run.saved_iteration()), ('stopped', 0))
        run.checkpoints.save(12, {}, {})
        run.checkpoints.save(120, {}, {})
        self.assertEqual(run.saved_iteration(), 120)
        with run.locked():
            self.assertEqual(runs.Run(run.folder).state(), 'running')
            with (
                self.assertRaisesRegex(UserError, 'another process'),
                runs.Run(run.folder).locked(),
            ):
                pass
        self.assertEqual(run.state(), 'stopped')
        run.save_results({})
        self.assertEqual(run.state(), 'finished')

    def test_file_system_without_locks(self):
        run = self.create()
        with mock.patch('fcntl.flock', side_effect=OSError(errno.ENOSYS, '')):
            self.assertEqual(run.state(), 'stopped')
            with run.locked():
                self.assertEqual(run.state(), 'running')
                with (
                    self.assertRaisesRegex(
                        UserError, f'^process {os.getpid()} on .* is working'
                    ),
                    run.locked(),
                ):
                    pass
            self.assertEqual(run.state(), 'stopped')
        self.assertEqual(os.listdir(run.folder), ['config.json'])

    def test_folder_that_cannot_be_written(self):
        run = self.create()
        with (
            mock.patch('fcntl.flock', side_effect=OSError(errno.ENOSYS, '')),
            mock.patch('os.open', side_effect=OSError(errno.EROFS, '')),
        ):
            self.assertEqual(run.state(), 'stopped')
            with (
                self.assertRaisesRegex(
                    UserError, 'cannot write to .*: Read-only file system; co'
                ),
                run.locked(),
            ):
                pass

    def test_progress(self):
        run = self.create()
        self.assertEqual(
            run.describe_progress(),
            'no iteration is saved, so it will start again',
        )
        run.checkpoints.save(12, {}, {})
        self.assertEqual(run.describe_progress(), 'iteration 12 is saved')
        run.save_results({})
        self.assertIn('training is complete', run.describe_progress())

    def test_newest_first(self):
        created = []
        for _ in range(3):
            created.append(self.create().folder)
            time.sleep(0.02)
        self.assertEqual(
            [run.folder for run in runs.find(self.path('runs'), 'cae2d')],
            created[::-1],
        )

    def test_how_to_resume(self):
        run = runs.create(self.path('my runs'), SETTINGS, ARGUMENTS)
        self.assertEqual(
            run.how_to_resume(),
            f"to resume: python experiments/cae2d.py --resume '{run.folder}'",
        )

    def test_environments(self):
        run = self.create()
        self.assertEqual(run.environments(), [])
        for number in 1, 2:
            run.add_environment({'number': number})
        self.assertEqual(run.environments(), [{'number': 1}, {'number': 2}])
        with open(run.path('environment.json')) as file:
            self.assertEqual(json.load(file), run.environments())


class DifferencesTest(RunTest):
    def differences(self, precision, synthetic=True, **changes):
        parameters = {**config.read_preset('thesis', 'dcgan'), **changes}
        run = self.create(
            experiment='dcgan',
            parameters=parameters,
            data={'synthetic': synthetic},
            **precision,
        )
        return run.differences_from_thesis()

    def test_parameters(self):
        self.assertEqual(
            self.differences({}, nz=3, patients=5),
            {'nz': (3, 200), 'patients': (5, 180)},
        )
        self.assertEqual(
            self.differences({}, synthetic=False, nz=3, patients=5),
            {'nz': (3, 200)},
        )

    def test_precision(self):
        self.assertEqual(self.differences({'precision': 'float32'}), {})
        self.assertEqual(
            self.differences({'precision': 'bf16'}),
            {'precision': ('bf16', 'float32')},
        )
