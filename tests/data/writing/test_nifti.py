import gzip
import os
import struct
import unittest
from itertools import product

import numpy as np

from kneerepro.data.writing.nifti import NiftiWriter, ras_affine
from kneerepro.data.writing.records import Output, Subject
from kneerepro.utils.errors import UserError
from tests.data.writing.grids import GRIDS, SAGITTAL, output, subject
from tests.folders import FolderTest

try:
    import SimpleITK
except ImportError:
    SimpleITK = None


class NiftiTest(FolderTest):
    def write_volume(self, output, subject):
        with NiftiWriter(self.folder, 1) as writer:
            writer.add(output, subject)
        (name,) = os.listdir(self.path('nifti'))
        return self.path('nifti', name)


def unpack(content, offset, form):
    """Numbers of a header, by their offset in nifti1.h."""
    return struct.unpack_from('<' + form, content, offset)


def qform(content):
    """The affine of the quaternion, as nifti1.h computes it."""
    b, c, d, x, y, z = unpack(content, 256, '6f')
    a = np.sqrt(max(0, 1 - b * b - c * c - d * d))
    rotation = np.array(
        [
            [
                a * a + b * b - c * c - d * d,
                2 * b * c - 2 * a * d,
                2 * b * d + 2 * a * c,
            ],
            [
                2 * b * c + 2 * a * d,
                a * a + c * c - b * b - d * d,
                2 * c * d - 2 * a * b,
            ],
            [
                2 * b * d - 2 * a * c,
                2 * c * d + 2 * a * b,
                a * a + d * d - c * c - b * b,
            ],
        ]
    )
    qfac, *spacing = unpack(content, 76, '4f')
    affine = np.eye(4)
    affine[:3, :3] = rotation * spacing * [1, 1, qfac]
    affine[:3, 3] = x, y, z
    return affine


class HeaderTest(NiftiTest):
    def header(self, output, subject):
        with gzip.open(self.write_volume(output, subject)) as file:
            return file.read()

    def test_positions(self):
        for name, grid in GRIDS.items():
            with self.subTest(name):
                content = self.header(output(grid), subject(grid))
                sform = np.vstack(
                    [
                        np.reshape(unpack(content, 280, '12f'), (3, 4)),
                        [0, 0, 0, 1],
                    ]
                )
                for index in product(*[(0, n - 1) for n in grid.shape]):
                    x, y, z = grid.position(index)
                    column_first = [*index[::-1], 1]
                    for affine in sform, qform(content):
                        np.testing.assert_allclose(
                            affine @ column_first, [-x, -y, z, 1], atol=1e-3
                        )

    def test_fields(self):
        content = self.header(
            Output(0, 'squared_error', np.zeros(SAGITTAL.shape), 0.25),
            subject(SAGITTAL),
        )
        self.assertEqual(len(content), 352 + 5 * 4 * 6 * 4)
        self.assertEqual(unpack(content, 0, 'i'), (348,))
        self.assertEqual(unpack(content, 40, '8h'), (3, 6, 4, 5, 1, 1, 1, 1))
        self.assertEqual(unpack(content, 70, '2h'), (16, 32))  # float32
        np.testing.assert_allclose(
            unpack(content, 76, '4f'), (1, 0.365, 0.25, 0.7)
        )
        self.assertEqual(unpack(content, 108, '3f'), (352, 1, 0))
        self.assertEqual(content[123], 2)  # mm
        self.assertEqual(unpack(content, 124, '2f'), (0.25, 0))  # display
        self.assertEqual(
            content[148:228].rstrip(b'\0'), b'kneerepro squared error'
        )
        self.assertEqual(unpack(content, 252, '2h'), (1, 1))  # scanner
        self.assertEqual(content[344:348], b'n+1\0')

    def test_values(self):
        volume = output(SAGITTAL)
        content = self.header(volume, subject(SAGITTAL))
        np.testing.assert_array_equal(
            np.frombuffer(content[352:], '<f4').reshape(5, 4, 6), volume.values
        )

    def test_nominal_position(self):
        content = self.header(output(SAGITTAL), Subject(SAGITTAL))
        self.assertEqual(unpack(content, 252, '2h'), (2, 2))
        self.assertEqual(
            content[148:228].rstrip(b'\0'),
            b'kneerepro reconstruction, nominal position',
        )

    def test_affine_of_an_identity(self):
        # From slices, rows and columns in DICOM's coordinates.
        grid = SAGITTAL.permuted((0, 2, 1))
        affine = ras_affine(grid)
        np.testing.assert_allclose(affine[:, 0], [0, 0, -0.25, 0])
        np.testing.assert_allclose(affine[:, 1], [0, -0.365, 0, 0])
        np.testing.assert_allclose(affine[:, 2], [0.7, 0, 0, 0])
        np.testing.assert_allclose(affine[:, 3], [-61.25, 70.5, 33.3, 1])


class FileTest(NiftiTest):
    def test_same_volume_same_bytes(self):
        path = self.write_volume(output(SAGITTAL), subject(SAGITTAL))
        content = self.read(path)
        os.utime(path, (0, 0))
        self.write_volume(output(SAGITTAL), subject(SAGITTAL))
        self.assertEqual(self.read(path), content)

    def test_full_disk(self):
        if not os.path.exists('/dev/full'):
            raise unittest.SkipTest('no /dev/full')
        with (
            self.assertRaisesRegex(UserError, 'cannot write .*No space'),
            NiftiWriter(self.folder, 1) as writer,
        ):
            volume = output(SAGITTAL)
            os.symlink('/dev/full', writer._path(volume, '.nii.gz'))
            writer.add(volume, subject(SAGITTAL))
        self.assertEqual(os.listdir(self.folder), [])

    @unittest.skipIf(SimpleITK is None, 'no SimpleITK')
    def test_read_by_another_program(self):
        for name, grid in GRIDS.items():
            with self.subTest(name):
                volume = output(grid)
                image = SimpleITK.ReadImage(
                    self.write_volume(volume, subject(grid))
                )
                np.testing.assert_array_equal(
                    SimpleITK.GetArrayFromImage(image), volume.values
                )
                for index in (0, 0, 0), (4, 1, 3), (2, 3, 0):
                    np.testing.assert_allclose(
                        image.TransformIndexToPhysicalPoint(index[::-1]),
                        grid.position(index),
                        atol=1e-3,
                    )
