"""Tests of the checkpoint files of a run."""

import contextlib
import io
import os

import numpy as np

from kneerepro.runs.archive import ArchiveError
from kneerepro.runs.checkpoints import Checkpoints
from tests.folders import FolderTest

SETTINGS = {'experiment': 'cae2d', 'parameters': {'nz': 3}}


class CheckpointsTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.checkpoints = Checkpoints(self.path('checkpoints'), SETTINGS)

    def save(self, *iterations):
        for iteration in iterations:
            self.checkpoints.save(
                iteration, {'a': np.full(3, iteration)}, {'seconds': 0.5}
            )

    def load(self, *arguments, settings=None):
        """Load the last checkpoint; return its iteration and the warnings."""
        checkpoints = Checkpoints(
            self.path('checkpoints'), settings or SETTINGS
        )
        stderr = io.StringIO()
        with contextlib.redirect_stderr(stderr):
            found = checkpoints.load_last(*arguments)
        return found and found[1]['iteration'], stderr.getvalue()

    def test_none(self):
        self.assertIsNone(self.checkpoints.load_last())
        self.assertIsNone(self.checkpoints.last_path())
        self.assertEqual(self.checkpoints.last_iteration(), 0)

    def test_round_trip(self):
        self.save(7)
        arrays, meta = self.checkpoints.load_last()
        np.testing.assert_array_equal(arrays['a'], [7, 7, 7])
        self.assertEqual(
            meta, {'seconds': 0.5, 'iteration': 7, 'settings': SETTINGS}
        )

    def test_the_last_two_are_kept(self):
        self.save(9, 10, 100)
        names = ['00000010.npz', '00000100.npz']
        self.assertEqual(sorted(os.listdir(self.path('checkpoints'))), names)
        self.assertEqual(
            self.checkpoints.last_path(), self.path('checkpoints', names[1])
        )
        self.assertEqual(self.checkpoints.last_iteration(), 100)

    def test_other_files_are_ignored(self):
        self.save(9)
        for name in '.x-00000010.npz', '00000010.npz.old', '10.npz':
            self.write(f'checkpoints/{name}')
        self.assertEqual(self.checkpoints.last_iteration(), 9)
        self.assertEqual(self.load(), (9, ''))

    def test_damaged_one_is_skipped(self):
        self.save(9, 10)
        self.write('checkpoints/00000010.npz', b'')
        iteration, warnings = self.load()
        self.assertEqual(iteration, 9)
        self.assertRegex(
            warnings,
            r'\Awarning: skipping checkpoint 00000010\.npz: '
            r'.*00000010\.npz is truncated or damaged.*\n\Z',
        )

    def test_other_settings_are_skipped(self):
        self.save(9, 10)
        iteration, warnings = self.load(
            settings={**SETTINGS, 'experiment': 'cae3d'}
        )
        self.assertIsNone(iteration)
        self.assertEqual(
            warnings.count(
                'it belongs to another configuration: its experiment is '
                "cae2d, the run's is cae3d"
            ),
            2,
        )

    def test_check(self):
        self.save(9, 10)

        def refuse_10(arrays):
            if arrays['a'][0] == 10:
                raise ArchiveError('it is refused')

        iteration, warnings = self.load(refuse_10)
        self.assertEqual(iteration, 9)
        self.assertEqual(
            warnings,
            'warning: skipping checkpoint 00000010.npz: it is refused\n',
        )
