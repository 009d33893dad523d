import os
import shutil
from dataclasses import replace
from unittest import mock

import numpy as np

from kneerepro.data import parallel
from kneerepro.data.convert import Options, normalise
from kneerepro.data.parallel import convert_series
from kneerepro.data.reading.catalogue import Catalogue
from kneerepro.data.reading.checks import Limits
from kneerepro.data.reading.records import find_series
from kneerepro.data.reading.scan import scan
from kneerepro.data.reading.selection import Selection
from kneerepro.utils.errors import UserError
from kneerepro.utils.workers import Workers
from tests.data.series import SAGITTAL, write_series
from tests.folders import FolderTest

VOLUMES = np.random.RandomState(1).randint(0, 4000, (2, 4, 6, 6))
OPTIONS = Options(depth=4, size=6)
LIMITS = Limits(min_slices=2, min_coverage=0.0)


class ConvertSeriesTest(FolderTest):
    def setUp(self):
        super().setUp()
        for i, side in enumerate('LR'):
            write_series(
                self.path('in', side),
                VOLUMES[i],
                f'1.{i}',
                geometry=SAGITTAL,
                PatientID=str(i),
                Laterality=side,
            )
        os.mkdir(self.path('out'))
        self.catalogue = Catalogue()
        self.addCleanup(self.catalogue.close)
        self.counts = []

    def convert(self, options=OPTIONS):
        with Workers(1) as workers:
            scan(self.catalogue, [self.path('in')], workers, options.depth)
            records = find_series(
                self.catalogue,
                Selection(),
                LIMITS,
                options.depth,
                options.size,
            )
            self.counts.clear()
            return list(
                convert_series(
                    self.catalogue,
                    records,
                    LIMITS,
                    options,
                    self.path('out'),
                    workers,
                    lambda *counts: self.counts.append(counts),
                )
            )

    def test_volumes(self):
        for volume, conversion in zip(VOLUMES, self.convert()):
            self.assertIsNone(conversion.defect)
            self.assertEqual(len(conversion.files), 4)
            self.assertEqual(
                (conversion.low, conversion.high), (volume.min(), volume.max())
            )
            np.testing.assert_allclose(
                np.load(conversion.path),
                normalise(volume.astype('float32')),
                atol=1e-6,
            )
        self.assertEqual(
            self.counts, [('converting', 1, 2, 0), ('converting', 2, 2, 0)]
        )

    def test_not_normalised_before_the_extremes_are_known(self):
        first, _ = self.convert(replace(OPTIONS, normalise='dataset'))
        np.testing.assert_allclose(np.load(first.path), VOLUMES[0], atol=1e-3)

    def test_flip_left(self):
        left, right = self.convert(replace(OPTIONS, flip_left=True))
        for conversion, expected in [
            (left, VOLUMES[0][::-1]),
            (right, VOLUMES[1]),
        ]:
            np.testing.assert_allclose(
                np.load(conversion.path),
                normalise(expected.astype('float32')),
                atol=1e-6,
            )

    def test_grid(self):
        """Every voxel keeps its position, even if the knee is mirrored."""
        plain, _ = self.convert()
        mirrored, right = self.convert(replace(OPTIONS, flip_left=True))
        self.assertEqual(plain.grid.shape, (4, 6, 6))
        self.assertEqual(plain.grid.steps[0], (-2, 0, 0))
        self.assertEqual(mirrored.grid.steps[0], (2, 0, 0))
        for i in range(4):
            np.testing.assert_allclose(
                mirrored.grid.position((i, 2, 3)),
                plain.grid.position((3 - i, 2, 3)),
            )
        self.assertEqual(right.grid, plain.grid)

    def test_array_of_a_left_knee(self):
        self.assertEqual(self.arrays('knee_LEFT.npy', True), [True])
        self.assertEqual(self.arrays('knee_LEFT.npy', False), [False])
        self.assertEqual(self.arrays('knee_RIGHT.npy', True), [False])

    def arrays(self, name, flip_left):
        """Whether the volume of an array is mirrored."""
        shutil.rmtree(self.path('in'))
        os.mkdir(self.path('in'))
        np.save(self.path('in', name), VOLUMES[0])
        self.catalogue = Catalogue()
        self.addCleanup(self.catalogue.close)
        (conversion,) = self.convert(replace(OPTIONS, flip_left=flip_left))
        self.assertIsNone(conversion.grid)
        volume = np.load(conversion.path)
        expected = normalise(VOLUMES[0].astype('float32'))
        return [
            mirrored
            for mirrored in (False, True)
            if np.allclose(
                volume, expected[::-1] if mirrored else expected, atol=1e-6
            )
        ]

    def test_pixel_hash(self):
        write_series(
            self.path('in', 'again'),
            VOLUMES[1],
            '1.2',
            geometry=SAGITTAL,
            PatientID='2',
        )
        first, second, third = self.convert()
        self.assertEqual(third.pixel_hash, second.pixel_hash)
        self.assertNotEqual(first.pixel_hash, second.pixel_hash)

    def test_defect(self):
        write_series(
            self.path('in', 'L'),
            np.full((4, 6, 6), 7),
            '1.0',
            geometry=SAGITTAL,
            PatientID='0',
        )
        first, second = self.convert()
        self.assertEqual(first.defect.code, 'CONSTANT_IMAGE')
        self.assertEqual(first.path, '')
        self.assertIsNone(second.defect)
        self.assertEqual(self.counts[-1], ('converting', 2, 2, 1))

    def test_reader_that_raises(self):
        """It ends the series alone, and names nobody."""

        real = parallel.read_slices
        for error, code, reason in [
            (ValueError('Jane'), 'UNDECODABLE_PIXELS', 'ValueError'),
            (MemoryError(), 'UNDECODABLE_PIXELS', 'MemoryError'),
            (OSError('Jane'), 'UNDECODABLE_PIXELS', 'OSError'),
            (PermissionError(13, 'Jane', 'Jane'), 'UNREADABLE', 'Permission'),
        ]:

            def read_slices(source, error=error):
                if source.uid == '1.0':
                    raise error
                return real(source)

            self.catalogue = Catalogue()
            self.addCleanup(self.catalogue.close)
            with mock.patch.object(parallel, 'read_slices', read_slices):
                first, second = self.convert()
            self.assertEqual(first.defect.code, code)
            self.assertIn(reason, first.defect.message)
            self.assertNotIn('Jane', first.defect.message)
            self.assertIsNone(second.defect)

    def test_full_disk(self):
        """The series is not to blame."""
        with (
            mock.patch.object(
                parallel.np, 'save', side_effect=OSError(28, 'full')
            ),
            self.assertRaisesRegex(UserError, 'No space left'),
        ):
            self.convert()

    def test_known_results(self):
        before = self.convert()
        with mock.patch.object(parallel, 'make_volume', None):
            self.assertEqual(self.convert(), before)
        self.assertEqual(self.counts, [])
        # What a volume depends on, or the volume itself, has changed.
        os.remove(before[0].path)
        self.assertEqual(self.convert(), before)
        self.assertEqual(self.counts, [('converting', 1, 2, 0)])
        changed = self.convert(replace(OPTIONS, size=5))
        self.assertFalse(
            {conversion.path for conversion in before}
            & {conversion.path for conversion in changed}
        )
