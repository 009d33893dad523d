import builtins
import gzip
import os
import struct
import subprocess
import sys
from unittest import mock

import nibabel
import numpy as np
import SimpleITK

from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.images import find_volumes, read_slices
from tests.data import images
from tests.data.images import ARRANGEMENTS, FORMATS, rearranged, write_image
from tests.folders import FolderTest

VOLUME = np.random.RandomState(1).randint(-500, 3000, (12, 9, 7))


class ImagesTest(FolderTest):
    def dicom(self, name='dicom', **geometry):
        """Write VOLUME as a series; returns it as SimpleITK reads it."""
        images.write_dicom(self.path(name), VOLUME, **geometry)
        return images.convert(self.path(name))

    def file(self, values=VOLUME, name='knee.nii', **kwargs):
        """Write an array with the axes of the OAI's series."""
        values = np.asarray(values)
        image = SimpleITK.GetImageFromArray(values, isVector=False)
        if values.ndim == 3:
            image.SetSpacing((0.5, 0.75, 2.0))
            image.SetOrigin((70.25, -31.5, 48.125))
            image.SetDirection((0, 0, -1, 1, 0, 0, 0, -1, 0))
        return write_image(image, self.path(name), **kwargs)

    def change(self, path, old, new, name=None):
        """Replace bytes of a file, or those at a place; returns its path."""
        with open(path, 'rb') as file:
            content = bytearray(file.read())
        if isinstance(old, int):
            content[old : old + len(new)] = new
        else:
            self.assertIn(old, content)
            content = content.replace(old, new, 1)
        return self.write(name or os.path.basename(path), bytes(content))

    def assert_same(self, path, expected):
        """Pixels and the position of every voxel."""
        values, grid = images.read_image(path)
        np.testing.assert_array_equal(values, expected[0])
        self.assertEqual(values.dtype, 'float32')
        np.testing.assert_allclose(
            grid.affine(), expected[1].affine(), atol=1e-4
        )
        self.assertEqual(grid.shape, expected[1].shape)

    def assert_defect(self, code, path, pattern=''):
        with self.assertRaisesRegex(DefectError, pattern) as caught:
            for volume in find_volumes(path):
                list(read_slices(volume))
        self.assertEqual(caught.exception.code, code)


class FormatsTest(ImagesTest):
    """Each format gives what the DICOM series gives."""

    def test_formats(self):
        for number, orientation in enumerate(
            [images.SAGITTAL, images.TURNED, images.CORONAL]
        ):
            image = self.dicom(f'dicom{number}', orientation=orientation)
            expected = images.read_dicom(self.path(f'dicom{number}'))
            for compress in False, True:
                for name in FORMATS:
                    path = self.path(f'{number}{compress}', name)
                    self.assert_same(
                        write_image(image, path, compress), expected
                    )

    def test_nifti_2(self):
        """Of either byte order."""
        image = self.dicom(orientation=images.TURNED)
        expected = images.read_dicom(self.path('dicom'))
        first = nibabel.load(write_image(image, self.path('k.nii')))
        for number, order in enumerate('<>'):
            header = nibabel.Nifti2Header(endianness=order)
            header.set_data_dtype('i2')
            path = self.path(f'{number}.nii')
            nibabel.Nifti2Image(
                first.dataobj, first.affine, header
            ).to_filename(path)
            self.assert_same(path, expected)

    def test_orders_and_directions_of_axes(self):
        image = self.dicom(orientation=images.TURNED)
        expected = images.read_dicom(self.path('dicom'))
        for number, arrangement in enumerate(ARRANGEMENTS):
            name = FORMATS[number % len(FORMATS)]
            self.assert_same(
                write_image(
                    rearranged(image, *arrangement),
                    self.path(str(number), name),
                ),
                expected,
            )

    def test_thin_slices(self):
        """Isotropic: sagittal slices, whatever the acquisition's."""
        for number, orientation in enumerate(
            [images.SAGITTAL, images.CORONAL]
        ):
            image = self.dicom(
                f'dicom{number}',
                orientation=orientation,
                spacing=(1.5, 1.5, 1.5),
            )
            values, grid = images.read_image(
                write_image(image, self.path(f'{number}.mha'))
            )
            self.assertEqual(grid.steps[0][0], min(grid.steps[0]))
            self.assertLess(grid.steps[1][2], -1.49)
            self.assertGreater(grid.steps[2][1], 1.49)
            if number:
                self.assertEqual(values.shape, (7, 9, 12))
                np.testing.assert_array_equal(
                    values, VOLUME[::-1].transpose(2, 1, 0)[::-1, :, ::-1]
                )

    def test_types(self):
        for dtype in 'u1', 'i1', 'u2', 'i2', 'u4', 'i4', 'f4', 'f8':
            for name in 'knee.nii', 'knee.mha', 'knee.nrrd':
                values = np.abs(VOLUME % 100).astype(dtype)
                found, _ = images.read_image(self.file(values, name))
                np.testing.assert_array_equal(found, values)

    def test_names(self):
        """Contents count, whatever the names of the files."""
        for name in FORMATS:
            if name.endswith(('.hdr', '.mhd', '.nhdr')):
                continue
            path = self.file(name=name)
            for new in 'knee', "a 'b'\n%d.dcm", 'caf\udce9':
                os.rename(path, self.path(new))
                path = self.path(new)
                values, _ = images.read_image(path)
                np.testing.assert_array_equal(values, VOLUME, name)
            os.remove(path)


class SeveralVolumesTest(ImagesTest):
    def test_fourth_dimension(self):
        values = np.stack([VOLUME, VOLUME + 7, -VOLUME])
        for name in 'k.nii', 'k.nii.gz', 'k.mha', 'k.nrrd':
            found = find_volumes(self.file(values, name))
            self.assertEqual([volume.index for volume in found], [0, 1, 2])
            for volume, expected in zip(found, values):
                np.testing.assert_array_equal(
                    [image for image, _, _ in read_slices(volume)], expected
                )

    def test_fifth_dimension(self):
        values = np.arange(2 * 3 * 4 * 5 * 6).reshape(2, 3, 4, 5, 6)
        read = images.read_images(self.file(values, 'k.nii'))
        np.testing.assert_array_equal(
            [pixels for pixels, _ in read], values.reshape(6, 4, 5, 6)
        )

    def test_one_of_several(self):
        values = np.stack([VOLUME, VOLUME + 7, -VOLUME]).astype('i2')
        for name in 'k.nii', 'k.nii.gz':
            last = find_volumes(self.file(values, name))[2]
            np.testing.assert_array_equal(
                [image for image, _, _ in read_slices(last)], -VOLUME
            )

    def test_too_many(self):
        values = np.zeros((1001, 2, 2, 2), 'u1')
        self.assert_defect('WRONG_SHAPE', self.file(values), '1001 volumes')

    def test_list_of_volumes(self):
        header = (
            'NRRD0004\ntype: short\ndimension: 4\n'
            'space: right-anterior-superior\nsizes: 2 7 9 12\n'
            'space directions: none (0,-.5,0) (0,0,-.75) (2,0,0)\n'
            'kinds: list domain domain domain\nendian: little\n'
            'encoding: raw\nspace origin: (-70,30,40)\n\n'
        )
        path = self.write(
            'k.nrrd',
            header.encode()
            + np.stack([VOLUME, VOLUME + 7], -1).astype('<i2').tobytes(),
        )
        (first, grid), (second, _) = images.read_images(path)
        np.testing.assert_array_equal(first, VOLUME)
        np.testing.assert_array_equal(second, VOLUME + 7)
        np.testing.assert_allclose(grid.origin, (70, -30, 40))
        np.testing.assert_allclose(
            grid.steps, [(-2, 0, 0), (0, 0, -0.75), (0, 0.5, 0)]
        )


class ScalesTest(ImagesTest):
    def test_nifti(self):
        path = self.change(self.file(), 112, struct.pack('<2f', 0.5, -3))
        values, _ = images.read_image(path)
        np.testing.assert_allclose(values, 0.5 * VOLUME - 3)

    def test_nifti_without_a_scale(self):
        for slope in 0, np.nan:
            path = self.change(self.file(), 112, struct.pack('<2f', slope, -3))
            values, _ = images.read_image(path)
            np.testing.assert_array_equal(values, VOLUME)

    def test_metaimage(self):
        path = self.change(
            self.file(name='k.mha'),
            b'ElementType',
            b'ElementToIntensityFunctionSlope = 0.5\n'
            b'ElementToIntensityFunctionOffset = -3\nElementType',
        )
        values, _ = images.read_image(path)
        np.testing.assert_allclose(values, 0.5 * VOLUME - 3)


class OrientationTest(ImagesTest):
    def assert_as_stored(self, path, spacing):
        values, grid = images.read_image(path)
        np.testing.assert_array_equal(values, VOLUME)
        self.assertIsNone(grid)
        (volume,) = find_volumes(path)
        np.testing.assert_allclose(volume.spacing, spacing)

    def test_unknown(self):
        known = 2.0, 0.75, 0.5
        self.assert_as_stored(self.change(self.file(), 252, bytes(4)), known)
        self.assert_as_stored(
            self.change(
                self.file(name='k.mha'),
                b'TransformMatrix = 0 1 0 0 0 -1 -1 0 0\n',
                b'',
            ),
            known,
        )
        for space in b'scanner-xyz', b'3D-right-handed':
            self.assert_as_stored(
                self.change(
                    self.file(name='k.nrrd'), b'left-posterior-superior', space
                ),
                known,
            )

    def test_analyze(self):
        """NIfTI's predecessor."""
        path = self.file(name='k.hdr')
        self.change(path, 344, bytes(4))
        self.assert_as_stored(self.change(path, 38, b'r'), (2.0, 0.75, 0.5))

    def test_identity(self):
        """What programs write that know nothing."""
        for name in 'k.nii', 'k.mha', 'k.nrrd':
            image = SimpleITK.GetImageFromArray(VOLUME.astype('i2'))
            path = write_image(image, self.path(name))
            self.assert_as_stored(path, (0, 0, 0))

    def test_identity_but_for_the_spacing(self):
        image = SimpleITK.GetImageFromArray(VOLUME.astype('i2'))
        image.SetSpacing((0.5, 0.5, 3))
        _, grid = images.read_image(write_image(image, self.path('k.nii')))
        self.assertEqual(grid.spacing, (3, 0.5, 0.5))

    def test_sform_before_qform(self):
        """As FSL and NiBabel have it."""
        for code, x in (0, 70.25), (1, 80.25):
            path = self.change(self.file(), 254, struct.pack('<h', code))
            path = self.change(path, 292, struct.pack('<f', -80.25))
            _, grid = images.read_image(path)
            self.assertAlmostEqual(grid.origin[0], x, places=4)

    def test_qform(self):
        image = self.dicom(orientation=images.TURNED)
        expected = images.read_dicom(self.path('dicom'))
        for number, arrangement in enumerate(ARRANGEMENTS[::5]):
            path = write_image(
                rearranged(image, *arrangement), self.path(f'{number}.nii')
            )
            path = self.change(path, 254, struct.pack('<h', 0))
            path = self.change(path, 280, bytes(48))
            self.assert_same(path, expected)

    def test_sform_and_qform_disagree(self):
        path = self.change(self.file(), 288, struct.pack('<f', -2))
        self.assert_defect('MIXED_ORIENTATIONS', path, 'sform')

    def test_units(self):
        path = self.change(self.file(), 123, b'\3')  # micrometres
        (volume,) = find_volumes(path)
        np.testing.assert_allclose(
            volume.spacing, (2e-3, 7.5e-4, 5e-4), rtol=1e-6
        )
        np.testing.assert_allclose(
            volume.grid.origin, (7.025e-2, -3.15e-2, 4.8125e-2), rtol=1e-6
        )

    def test_sheared(self):
        """What rounding does is no shear."""
        for lean, sheared in (0.005, False), (0.2, True):
            path = self.change(self.file(), 252, struct.pack('<2h', 0, 1))
            path = self.change(path, 284, struct.pack('<f', lean))
            if sheared:
                self.assert_defect('SHIFTED_SLICES', path, 'perpendicular')
            else:
                values, _ = images.read_image(path)
                np.testing.assert_array_equal(values, VOLUME)
        self.assert_defect(
            'SHIFTED_SLICES',
            self.change(self.file(name='k.nrrd'), b'(0,0.5,', b'(0.1,0.5,'),
        )
        self.assert_defect(
            'SHIFTED_SLICES',
            self.change(self.file(name='k.mha'), b'= 0 1 0 0', b'= 0 1 .2 0'),
        )


class DefectsTest(ImagesTest):
    def test_truncated(self):
        for name in 'k.nii', 'k.nii.gz', 'k.mha', 'k.nrrd':
            for compress in False, True:
                content = self.read(self.file(name=name, compress=compress))
                for missing in 1, 9, len(content) // 3:
                    self.assert_defect(
                        'TRUNCATED_PIXELS',
                        self.write(name, content[:-missing]),
                    )

    def test_truncated_header(self):
        for name in 'k.nii', 'k.nii.gz', 'k.mha', 'k.nrrd':
            content = self.read(self.file(name=name))
            for length in 0, 3, 20, 60, 110:
                with self.assertRaises(DefectError) as caught:
                    find_volumes(self.write(name, content[:length]))
                self.assertIn(
                    caught.exception.code, ('UNREADABLE', 'TRUNCATED_PIXELS')
                )

    def test_damaged(self):
        values = np.random.RandomState(1).randint(0, 3000, (50, 40, 30))
        for name in 'k.nii.gz', 'k.mha', 'k.nrrd':
            path = self.file(values, name, compress=True)
            place = os.path.getsize(path) * 2 // 3
            self.assert_defect(
                'UNDECODABLE_PIXELS', self.change(path, place, bytes(40))
            )

    def test_values_missing(self):
        for name in 'k.hdr', 'k.mhd', 'k.nhdr':
            path = self.file(name=name)
            (volume,) = find_volumes(path)
            os.remove(volume.paths()[1])
            self.assert_defect('TRUNCATED_PIXELS', path, 'missing')

    def test_values_elsewhere(self):
        self.write('secret.raw', bytes(2 * VOLUME.size))
        for name, old in ('k.mhd', b'= k.raw'), ('k.nhdr', b': k.raw'):
            for other in (
                b'../secret.raw',
                bytes(self.path('secret.raw'), 'u8'),
            ):
                path = self.change(
                    self.file(name=f'in/{name}'),
                    old,
                    old[:2] + other,
                    f'in/{name}',
                )
                self.assert_defect('UNREADABLE', path, 'same folder')
            path = self.change(
                self.file(name=name), old, old[:2] + b'LIST\na.raw', name
            )
            self.assert_defect('UNREADABLE', path, 'several files')

    def test_sizes(self):
        for name, old, new in [
            ('k.mha', b'DimSize = 7 9 12', b'DimSize = 7 -9 12'),
            ('k.mha', b'DimSize = 7 9 12', b'DimSize = 70000 90000 12000'),
            ('k.nrrd', b'sizes: 7 9 12', b'sizes: 70000 90000 12000'),
            ('k.nrrd', b'sizes: 7 9 12', b'sizes: 7 0 12'),
            ('k.mha', b'DimSize = 7 9 12', b'DimSize = 7 0 12'),
            ('k.nii', 40, struct.pack('<4h', 3, 7, -9, 12)),
            ('k.nii', 40, struct.pack('<4h', 3, 7, 0, 12)),
            ('k.nii', 40, struct.pack('<4h', 3, 32767, 32767, 32767)),
            ('k.nii.gz', 40, struct.pack('<4h', 3, 32767, 32767, 32767)),
            ('k.nii', 40, struct.pack('<4h', 9, 7, 9, 12)),
            ('k.nii', 108, struct.pack('<f', 1e9)),
            ('k.nii', 108, struct.pack('<f', np.inf)),
            ('k.nii', 108, struct.pack('<f', np.nan)),
            ('k.nii', 70, struct.pack('<h', 1536)),
            ('k.nii', 280, struct.pack('<f', np.nan)),
            ('k.mha', b'ElementSpacing = 0.5', b'ElementSpacing = nan'),
            ('k.mha', b'= 0 1 0 0 0 -1', b'= 0 1 0 0 1 0'),
        ]:
            path = self.change(
                self.file(name=name.replace('.gz', '')), old, new
            )
            if name.endswith('.gz'):
                path = self.write(name, gzip.compress(self.read(path)))
            with self.assertRaises(DefectError) as caught:
                images.read_images(path)
            self.assertIn(
                caught.exception.code,
                (
                    'UNREADABLE',
                    'TRUNCATED_PIXELS',
                    'WRONG_SHAPE',
                    'SHIFTED_SLICES',
                ),
            )

    def test_no_volumes(self):
        self.assert_defect('NO_VOLUME', self.file(VOLUME[0], 'k.mha'))
        self.assert_defect('WRONG_SHAPE', self.file(VOLUME[:1]))
        complexes = SimpleITK.GetImageFromArray(VOLUME * 1j)
        self.assert_defect(
            'NO_VOLUME', write_image(complexes, self.path('c.nii'))
        )

    def test_colour(self):
        for name in 'k.nii', 'k.mha', 'k.nrrd':
            for count, code in (3, 'COLOUR'), (4, 'COLOUR'), (2, ''):
                image = SimpleITK.GetImageFromArray(
                    np.zeros((4, 5, 6, count), 'u1' if code else 'f4'),
                    isVector=True,
                )
                self.assert_defect(
                    code or 'WRONG_SHAPE', write_image(image, self.path(name))
                )

    def test_not_finite(self):
        values = VOLUME.astype('f4')
        values[3, 4, 5] = np.nan
        for name in 'k.nii', 'k.nii.gz', 'k.mha', 'k.nrrd':
            for dtype in 'f4', 'f8':
                self.assert_defect(
                    'NOT_FINITE', self.file(values.astype(dtype), name)
                )

    def test_beyond_float32(self):
        values = VOLUME.astype('f8')
        values[3, 4, 5] = 1e39
        for name in 'k.nii', 'k.mha':
            self.assert_defect('NOT_FINITE', self.file(values, name))

    def test_one_of_several_not_finite(self):
        values = np.stack([VOLUME, VOLUME, VOLUME]).astype('f4')
        values[1, 3, 4, 5] = np.inf
        for name in 'k.nii', 'k.nii.gz':
            found = find_volumes(self.file(values, name))
            for volume in found[::2]:
                np.testing.assert_array_equal(
                    [image for image, _, _ in read_slices(volume)], VOLUME
                )
            with self.assertRaisesRegex(DefectError, 'NOT_FINITE'):
                list(read_slices(found[1]))


class LibraryTest(ImagesTest):
    def test_without(self):
        path = self.file(name='k.mha')
        real = builtins.__import__

        def without(name, *args, **kwargs):
            if name == 'SimpleITK':
                raise ImportError
            return real(name, *args, **kwargs)

        with mock.patch.object(builtins, '__import__', without):
            self.assert_defect('NO_READER', path, 'pip install SimpleITK')

    def test_imported_only_if_needed(self):
        script = (
            'import sys, kneerepro.data.prepare; '
            "sys.exit(bool({'SimpleITK', 'nibabel'} & set(sys.modules)))"
        )
        self.assertEqual(
            subprocess.run([sys.executable, '-c', script]).returncode, 0
        )

    def test_prints_nothing(self):
        """Not even what C++ does."""
        path = self.change(
            self.file(name='k.mha'), b'DimSize = 7 9 12', b'DimSize = 7 9'
        )
        script = (
            'import sys\n'
            'from kneerepro.data.reading.images import find_volumes\n'
            'try:\n'
            '    find_volumes(sys.argv[1])\n'
            'except Exception as error:\n'
            '    print(type(error).__name__)\n'
        )
        done = subprocess.run(
            [sys.executable, '-c', script, path],
            capture_output=True,
            text=True,
        )
        self.assertEqual((done.stdout, done.stderr), ('DefectError\n', ''))
