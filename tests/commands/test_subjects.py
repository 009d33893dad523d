import argparse
import contextlib
import io
import os
from unittest import mock

from kneerepro.commands import subjects
from kneerepro.data.dataset import Dataset, new_dataset
from kneerepro.data.reading.identity import keyed_hash, load_key
from kneerepro.data.writing.records import nominal_grid
from kneerepro.utils.errors import UserError
from tests.data.writing.grids import SAGITTAL
from tests.folders import FolderTest

SHAPE = 4, 6, 6


class SubjectsTest(FolderTest):
    def setUp(self):
        super().setUp()
        patch = mock.patch.dict(
            os.environ, XDG_CONFIG_HOME=self.path('config')
        )
        patch.start()
        self.addCleanup(patch.stop)

    def subjects(self, *argv, grids=(SAGITTAL, None), **provenance):
        """The subjects of a dataset, and the warning."""
        path = self.path('knees.h5')
        with new_dataset(path, SHAPE) as writer:
            writer.provenance = provenance
            for grid, patient, side in zip(grids, ['a\\b', 'c'], ['LEFT', '']):
                writer.append(
                    [[[0] * 6] * 6] * 4,
                    patient,
                    side,
                    grid=grid,
                    frame_of_reference='1.2' if grid else '',
                )
        parser = argparse.ArgumentParser()
        subjects.add_arguments(parser)
        parser.add_argument('--format', nargs='+', default=['nifti'])
        parser.add_argument('--key-file')
        args = parser.parse_args(argv)
        args.data = 'DATA'
        stderr = io.StringIO()
        with contextlib.redirect_stderr(stderr), Dataset(path) as dataset:
            return subjects.subjects_of(dataset, args), stderr.getvalue()

    def test_geometry(self):
        (known, unknown), warning = self.subjects()
        self.assertEqual(known.original, SAGITTAL)
        self.assertEqual(known.grid.shape, SHAPE)
        self.assertEqual(known.frame_of_reference, '1.2')
        self.assertEqual(known.side, 'LEFT')
        self.assertFalse(known.nominal)
        self.assertEqual(unknown.grid, nominal_grid(SHAPE))
        self.assertTrue(unknown.nominal)
        self.assertEqual(unknown.frame_of_reference, '')
        self.assertEqual(unknown.side, '')
        self.assertIn('where 1 of its 2 volumes lie', warning)

    def test_warns_only_if_a_position_is_written(self):
        self.assertEqual(self.subjects('--format', 'npy')[1], '')
        _, warning = self.subjects(grids=[SAGITTAL] * 2)
        self.assertEqual(warning, '')

    def test_original_size_needs_geometry(self):
        with self.assertRaisesRegex(
            UserError, 'DATA .* where 1 of its 2 volumes .*prepare it again'
        ):
            self.subjects('--original-size')
        self.subjects('--original-size', grids=[SAGITTAL] * 2)

    def patients(self, *argv, **provenance):
        found, _ = self.subjects(*argv, '--format', 'dicom', **provenance)
        return [subject.patient for subject in found]

    def test_patients(self):
        # Hashes stay what they are.
        self.assertEqual(self.patients(identifiers=False), ['a\\b', 'c'])
        self.assertFalse(os.path.exists(self.path('config')))
        # PatientIDs, or what may be such, become hashes.
        for provenance in {'identifiers': True}, {}:
            self.assertEqual(
                self.patients(**provenance),
                [keyed_hash(load_key(), name) for name in ('a\\b', 'c')],
            )
        path = self.write('other.key', 'k' * 20)
        self.assertEqual(
            self.patients('--key-file', path)[1], keyed_hash(b'k' * 20, 'c')
        )
        # Unless they are asked for.
        self.assertEqual(
            self.patients('--identifiers', identifiers=True), ['a_b', 'c']
        )
        for provenance in {'identifiers': False}, {}:
            with self.assertRaisesRegex(
                UserError, 'DATA does not hold PatientIDs: prepare'
            ):
                self.patients('--identifiers', **provenance)

    def test_other_formats_need_no_patients(self):
        found, _ = self.subjects()
        self.assertEqual([subject.patient for subject in found], ['', ''])
        self.assertFalse(os.path.exists(self.path('config')))
