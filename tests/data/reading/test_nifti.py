import gzip
import struct
import subprocess
import sys

import nibabel
import numpy as np

from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.nifti import is_nifti, read_header, read_slices
from tests.data.images import nifti_header
from tests.folders import FolderTest

# NIfTI's first axis is the last of NumPy.
VALUES = np.random.RandomState(1).randint(-500, 3000, (5, 4, 3, 2))
VALUES = VALUES.astype('i2')


class NiftiTest(FolderTest):
    def header(self, content, name='knee'):
        return read_header(self.write(name, content), content)

    def changed(self, **changes):
        """The header of a file in which numbers are changed."""
        return self.header(nifti_header(**changes) + bytes(48))

    def assert_defect(self, code, content, pattern='', name='knee'):
        with self.assertRaisesRegex(DefectError, pattern) as caught:
            self.header(content, name)
        self.assertEqual(caught.exception.code, code)


class FormatTest(NiftiTest):
    def test_recognised(self):
        for head in [
            nifti_header(),
            nifti_header('>'),
            nifti_header(magic=b'ni1'),
            gzip.compress(nifti_header() + bytes(5000)),
            nibabel.Nifti2Header(endianness='<').binaryblock,
            nibabel.Nifti2Header(endianness='>').binaryblock,
            # Analyze: with its mark, without it.
            nifti_header(magic=b'', mark=('c', 38, b'r'), dim=('h', 40, 0)),
            nifti_header('>', magic=b''),
        ]:
            self.assertTrue(is_nifti(head[:1024]), head)

    def test_others(self):
        for head in [
            b'',
            b'text',
            gzip.compress(b'text'),
            b'\x1f\x8b damaged',
            struct.pack('<i', 348) + bytes(500),
            struct.pack('<i', 540) + bytes(600),
        ]:
            self.assertFalse(is_nifti(head), head)


class HeaderTest(NiftiTest):
    def test_fields(self):
        for order in '<>':
            header = self.header(nifti_header(order) + bytes(48))
            self.assertEqual(
                (header.sizes, header.dtype, header.start, header.encoding),
                ((2, 3, 4), order + 'i2', 352, 'raw'),
            )
            self.assertEqual((header.data, header.numbers), ('', 24))
            # x and y point the other way than in NIfTI.
            self.assertEqual(
                header.affine.tolist(),
                [[0, 0, -2, -5], [-0.5, 0, 0, -6], [0, -0.75, 0, 7]],
            )
            self.assertTrue(header.oriented)

    def test_compressed(self):
        header = self.header(gzip.compress(nifti_header() + bytes(48)))
        self.assertEqual((header.encoding, header.start), ('deflate', 352))

    def test_pair(self):
        content = nifti_header(magic=b'ni1', start=('f', 108, 0))
        self.assert_defect('TRUNCATED_PIXELS', content, 'missing', 'knee.hdr')
        for name, encoding in ('knee.img.gz', 'deflate'), ('knee.img', 'raw'):
            self.write(name, bytes(48))
            header = self.header(content, 'knee.hdr')
            self.assertEqual(
                (header.data, header.encoding, header.start),
                (name, encoding, 0),
            )

    def test_version_2(self):
        image = nibabel.Nifti2Image(VALUES.T, np.diag([2, 3, 4, 1]))
        header = self.header(image.to_bytes())
        self.assertEqual(header.sizes, (2, 3, 4, 5))
        self.assertEqual(header.start, 544)
        self.assertEqual(
            header.affine.tolist(),
            [[-2, 0, 0, 0], [0, -3, 0, 0], [0, 0, 4, 0]],
        )

    def test_analyze(self):
        """It has nothing where NIfTI has units, codes and a slope."""
        self.write('knee.img', bytes(48))
        header = self.header(
            nifti_header(
                magic=b'',
                units=('B', 123, 1),
                slope=('f', 112, 2),
                start=('f', 108, 0),
            ),
            'knee.hdr',
        )
        self.assertEqual((header.data, header.start), ('knee.img', 0))
        self.assertFalse(header.oriented)
        self.assertEqual((header.scale, header.offset), (1, 0))
        np.testing.assert_allclose(
            np.linalg.norm(header.affine[:, :3], axis=0), (0.5, 0.75, 2)
        )

    def test_damaged(self):
        marked = nifti_header(mark=('c', 38, b'r'))
        self.assert_defect('UNREADABLE', marked[:200], 'truncated')
        for change in [
            ('h', 40, 0),
            ('h', 40, 8),
            ('2h', 40, 3, 0),
            ('h', 70, 0),  # no type
            ('h', 70, 1536),  # of 16 bytes
            ('h', 70, 3),  # unknown
            ('f', 80, np.nan),
            ('f', 108, np.inf),
            ('f', 108, np.nan),
            ('2f', 112, 1, np.inf),
            ('f', 280, np.nan),
        ]:
            self.assert_defect(
                'UNREADABLE', nifti_header(change=change) + bytes(48)
            )

    def test_too_short(self):
        for start in 352, 368:
            content = nifti_header(start=('f', 108, start)) + bytes(47)
            self.assert_defect('TRUNCATED_PIXELS', content, f'{start + 48}')

    def test_values_begin_behind_the_header(self):
        for start in -16, 0, 100:
            header = self.changed(start=('f', 108, start))
            self.assertEqual(header.start, 352)

    def test_one_real_number_a_voxel(self):
        def content(code, bytes_of_one, *others):
            return nifti_header(
                kind=('2h', 70, code, 8 * bytes_of_one), **dict(others)
            ) + bytes(10_000)

        vectors = [
            (
                ('dim', ('8h', 40, 5, 2, 3, 4, 1, count, 1, 1)),
                ('intent', ('h', 68, intent)),
            )
            for intent in (1006, 1007)
            for count in (1, 3)
        ]
        for code, arguments in [
            ('NO_VOLUME', (32, 8)),
            ('COLOUR', (128, 3)),
            ('COLOUR', (2304, 4)),
            ('COLOUR', (2, 1, *vectors[1])),
            ('WRONG_SHAPE', (16, 4, *vectors[1])),
            ('WRONG_SHAPE', (16, 4, *vectors[3])),
        ]:
            self.assert_defect(code, content(*arguments))
        for vector in vectors[::2]:
            header = self.header(content(16, 4, *vector))
            self.assertEqual(header.numbers, 24)

    def test_scale(self):
        for slope, offset, expected in [
            (0.5, -3, (0.5, -3)),
            (0, -3, (1, 0)),
            (np.nan, np.nan, (1, 0)),
            (np.inf, 0, (1, 0)),
        ]:
            header = self.changed(scale=('2f', 112, slope, offset))
            self.assertEqual((header.scale, header.offset), expected)

    def test_prints_nothing(self):
        """NiBabel's checks would print."""
        path = self.write(
            'knee.nii',
            nifti_header(
                name=('8s', 148, b'Jane Doe'),
                codes=('2h', 252, -1, 88),
                qfac=('f', 76, 5),
                start=('f', 108, 3),
            )
            + bytes(48),
        )
        script = (
            'import sys\n'
            'from kneerepro.data.reading.images import find_volumes\n'
            'find_volumes(sys.argv[1])\n'
        )
        done = subprocess.run(
            [sys.executable, '-c', script, path], capture_output=True
        )
        self.assertEqual(
            (done.returncode, done.stdout, done.stderr), (0, b'', b'')
        )


class AffineTest(NiftiTest):
    def test_unknown(self):
        header = self.changed(codes=('2h', 252, 0, 0))
        self.assertFalse(header.oriented)
        np.testing.assert_allclose(
            np.linalg.norm(header.affine[:, :3], axis=0), (0.5, 0.75, 2)
        )

    def qform(self, quaternion=(0, 0, 0), qfac=1, **changes):
        """In NIfTI's coordinates."""
        header = self.changed(
            codes=('2h', 252, 1, 0),
            qfac=('f', 76, qfac),
            quaternion=('6f', 256, *quaternion, 5, 6, 7),
            **changes,
        )
        self.assertTrue(header.oriented)
        return header.affine * [[-1], [-1], [1]]

    def test_qform(self):
        half = np.sqrt(0.5)
        for quaternion, vectors in [
            ((0, 0, 0), [(0.5, 0, 0), (0, 0.75, 0), (0, 0, 2)]),
            # By 90 degrees about x, by 180 about x, by 120 about (1, 1, 1).
            ((half, 0, 0), [(0.5, 0, 0), (0, 0, 0.75), (0, -2, 0)]),
            ((1, 0, 0), [(0.5, 0, 0), (0, -0.75, 0), (0, 0, -2)]),
            ((0.5, 0.5, 0.5), [(0, 0.5, 0), (0, 0, 0.75), (2, 0, 0)]),
        ]:
            affine = self.qform(quaternion)
            np.testing.assert_allclose(affine[:, :3].T, vectors, atol=1e-6)
            np.testing.assert_array_equal(affine[:, 3], (5, 6, 7))

    def test_left_handed(self):
        for qfac, sign in (-1, -1), (1, 1), (0, 1):
            np.testing.assert_allclose(
                self.qform(qfac=qfac)[:, :3], np.diag([0.5, 0.75, 2 * sign])
            )

    def test_negative_spacing(self):
        affine = self.qform(spacing=('f', 80, -0.5))
        np.testing.assert_allclose(affine[:, :3], np.diag([0.5, 0.75, 2]))

    def test_rounded_quaternion(self):
        np.testing.assert_allclose(
            self.qform((1.0001, 0, 0))[:, :3],
            np.diag([0.5, -0.75, -2]),
            atol=1e-6,
        )

    def test_sform_before_qform(self):
        quaternion = '3f', 256, 0, 0, 0
        both = '2h', 252, 1, 1
        rows = '12f', 280, 0.5, 0, 0, 50, 0, 0.75, 0, 60, 0, 0, 2, 70
        header = self.changed(codes=both, quaternion=quaternion, rows=rows)
        self.assertEqual(header.affine[:, 3].tolist(), [-50, -60, 70])

    def test_sform_and_qform_disagree(self):
        content = nifti_header(codes=('2h', 252, 1, 1)) + bytes(48)
        self.assert_defect('MIXED_ORIENTATIONS', content, 'sform')

    def test_units(self):
        for unit, factor in (0, 1), (1, 1000), (2, 1), (3, 1e-3), (11, 1e-3):
            header = self.changed(unit=('B', 123, unit))
            np.testing.assert_allclose(
                header.affine[1], [-0.5 * factor, 0, 0, -6 * factor]
            )


class ValuesTest(NiftiTest):
    def assert_values(self, path, expected=VALUES):
        with open(path, 'rb') as file:
            header = read_header(path, file.read(1024))
        for index, values in enumerate(expected):
            found = list(read_slices(path, header, index))
            self.assertEqual(found[0].dtype, expected.dtype)
            np.testing.assert_array_equal(found, values)

    def test_formats(self):
        for number, (kind, names) in enumerate(
            [
                (nibabel.Nifti1Image, ('k.nii', 'k.nii.gz')),
                (nibabel.Nifti2Image, ('k.nii', 'k.nii.gz')),
                (nibabel.Nifti1Pair, ('k.hdr', 'k.hdr.gz')),
                (nibabel.Nifti2Pair, ('k.hdr', 'k.hdr.gz')),
                (nibabel.AnalyzeImage, ('k.hdr', 'k.hdr.gz')),
            ]
        ):
            for order in '<>':
                for name in names:
                    header = kind.header_class(endianness=order)
                    header.set_data_dtype('i2')
                    path = self.path(f'{number}{order}', name)
                    self.write(path)  # for its folder
                    kind(VALUES.T, None, header).to_filename(path)
                    self.assert_values(path, VALUES.astype(order + 'i2'))

    def file(self, name='k.nii'):
        path = self.path(name)
        nibabel.Nifti1Image(VALUES.T, np.eye(4)).to_filename(path)
        return path

    def test_one_slice_at_a_time(self):
        for name in 'k.nii', 'k.nii.gz':
            path = self.file(name)
            with open(path, 'rb') as file:
                header = read_header(path, file.read(1024))
            slices = read_slices(path, header, 3)
            np.testing.assert_array_equal(next(slices), VALUES[3, 0])
            self.assertEqual(next(slices).nbytes, VALUES[3, 1].nbytes)
            self.assertEqual(len(list(slices)), VALUES.shape[1] - 2)

    def test_checksum(self):
        content = self.read(self.file('k.nii.gz'))
        for place in -5, -8:  # the length and the checksum at the end
            damaged = bytearray(content)
            damaged[place] ^= 1
            header = self.header(bytes(damaged))
            # Also if the volume lies far before it.
            with self.assertRaisesRegex(DefectError, 'UNDECODABLE_PIXELS'):
                list(read_slices(self.path('knee'), header, 0))

    def test_truncated(self):
        content = self.read(self.file('k.nii.gz'))
        for missing in 1, 9, 60:
            header = self.header(content[:-missing])
            with self.assertRaisesRegex(DefectError, 'TRUNCATED_PIXELS'):
                list(read_slices(self.path('knee'), header, 0))

    def test_several_members(self):
        """As bgzip writes them, and with what follows them."""
        content = gzip.decompress(self.read(self.file('k.nii.gz')))
        pieces = map(gzip.compress, (content[:400], content[400:]))
        self.assert_values(self.write('knee', b''.join(pieces) + b'rest'))
