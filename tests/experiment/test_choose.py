import os

import numpy as np

from kneerepro import runs
from kneerepro.data.dataset import Dataset, new_dataset
from kneerepro.experiment.arguments import arguments_to_store, parse
from kneerepro.experiment.choose import (
    best_run,
    flags_to_train,
    matching_runs,
    run_to_resume,
)
from kneerepro.utils.errors import UserError
from tests.folders import FolderTest


class ChooseTest(FolderTest):
    """Runs are folders with a ``config.json``; none is trained here."""

    def setUp(self):
        super().setUp()
        self.root = self.path('runs')

    def parse(self, *flags):
        return parse('cae2d', [*flags, '--out', self.root])

    def create(self, *flags, finished=False, data_hash='abc'):
        _, args = self.parse(*flags)
        stored = arguments_to_store(args, 'cae2d')
        run = runs.create(
            self.root,
            {
                'experiment': 'cae2d',
                'preset': 'quick',
                'parameters': stored['parameters'],
                'data': {'hash': data_hash},
            },
            stored,
        )
        if finished:
            open(run.path('results.npz'), 'wb').close()
        # The time of creation decides which run is the newest.
        self.created = getattr(self, 'created', 0) + 1
        os.utime(run.path('config.json'), (self.created, self.created))
        return run.folder

    def best(self, *flags):
        _, args = self.parse(*flags)
        run = best_run(args, 'cae2d')
        return run and run.folder

    def test_only_runs_with_the_same_arguments_match(self):
        folder = self.create('--nz', '3')
        for flags, found in [
            (['--nz', '3'], [folder]),
            (['--nz', '4'], []),
            ([], []),
            (['--nz', '3', '--data', self.folder], []),
            (['--nz', '3', '--engine', 'theano'], []),
            (['--nz', '3', '--seed', '1'], []),
        ]:
            _, args = self.parse(*flags)
            self.assertEqual(
                [run.folder for run in matching_runs(args, 'cae2d')], found
            )

    def test_a_finished_run_is_better_than_a_newer_unfinished_one(self):
        self.assertIsNone(self.best())
        first = self.create()
        self.assertEqual(self.best(), first)
        finished = self.create(finished=True)
        newer = self.create(finished=True)
        self.create()
        self.assertEqual(self.best(), newer)
        self.assertNotEqual(newer, finished)

    def test_flags_to_train(self):
        flags = ['--nz', '3']
        self.assertEqual(flags_to_train(None, self.root, flags), flags)
        folder = self.create(*flags)
        _, args = self.parse(*flags)
        self.assertEqual(
            flags_to_train(best_run(args, 'cae2d'), self.root, flags),
            ['--out', self.root, '--resume', folder],
        )
        run = best_run(args, 'cae2d')
        for word, path in ('--data=new', 'new'), ('--data=-n', './-n'):
            self.assertEqual(
                flags_to_train(run, self.root, [*flags, word])[4:],
                ['--data', path],
            )

    def test_dataset_that_was_moved(self):
        with new_dataset(self.path('k.h5'), (1, 2, 2)) as writer:
            writer.append(np.ones((1, 2, 2)), 'P')
        with Dataset(self.path('k.h5')) as dataset:
            folder, _ = (
                self.create('--data', self.path('k.h5'), data_hash=data_hash)
                for data_hash in (dataset.hash, 'of another')
            )
        os.rename(self.path('k.h5'), self.path('moved.h5'))
        _, args = self.parse('--data', self.path('moved.h5'))
        (run,) = matching_runs(args, 'cae2d')
        self.assertEqual(run.folder, folder)
        given, args = self.parse(
            '--resume', folder, '--data', self.path('moved.h5')
        )
        self.assertEqual(run_to_resume(given, args, 'cae2d').folder, folder)

    def test_the_newest_unfinished_run_is_resumed(self):
        self.create()
        newest = self.create()
        self.create(finished=True)
        given, args = self.parse('--resume')
        self.assertEqual(run_to_resume(given, args, 'cae2d').folder, newest)

    def test_a_run_without_its_figures_is_resumed(self):
        """It was stopped after its training and before its report."""
        self.create(finished=True)
        newest = self.create(finished=True)
        given, args = self.parse('--resume')
        self.assertEqual(run_to_resume(given, args, 'cae2d').folder, newest)
        unfinished = self.create()
        self.create(finished=True)
        self.assertEqual(
            run_to_resume(given, args, 'cae2d').folder, unfinished
        )
        for run in runs.find(self.root, 'cae2d'):
            self.write(run.path('results.npz'))
            self.write(run.path('report.html'))
        with self.assertRaisesRegex(UserError, 'has no unfinished run of cae'):
            run_to_resume(given, args, 'cae2d')

    def test_a_contradiction_is_refused(self):
        folder = self.create('--nz', '3')
        for flag, value, stored in [
            ('--nz', '4', '--nz 3'),
            ('--engine', 'theano', '--engine auto'),
            ('--any-series', None, '--any-series'),
        ]:
            words = [flag] if value is None else [flag, value]
            given, args = self.parse('--resume', folder, *words)
            with self.assertRaisesRegex(UserError, f'started with {stored}'):
                run_to_resume(given, args, 'cae2d')
        given, args = self.parse('--resume', folder, '--nz', '3')
        self.assertEqual(run_to_resume(given, args, 'cae2d').folder, folder)
