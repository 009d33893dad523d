import gzip
import os
import struct

from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.image_headers import (
    is_companion,
    is_image_file,
    read_header,
)
from tests.folders import FolderTest

META = (
    b'ObjectType = Image\nNDims = 3\nBinaryData = True\n'
    b'TransformMatrix = 1 0 0 0 1 0 0 0 1\nDimSize = 2 3 4\n'
    b'ElementType = MET_SHORT\nElementDataFile = LOCAL\n'
)
NRRD = (
    b'NRRD0004\n# a comment\ntype: short\ndimension: 3\n'
    b'space: left-posterior-superior\nsizes: 2 3 4\n'
    b'space directions: (1,0,0) (0,1,0) (0,0,1)\nencoding: raw\n'
    b'key:=value\nspace origin: (0,0,0)\n\n'
)


def nifti(order='<', magic=b'n+1', **fields):
    """A header of NIfTI-1; fields are (format, place, values)."""
    header = bytearray(352)
    for kind, place, *values in [
        ('i', 0, 348),
        ('8h', 40, 3, 2, 3, 4, 1, 1, 1, 1),
        ('2h', 70, 4, 16),
        ('8f', 76, 1, 0.5, 0.75, 2, 0, 0, 0, 0),
        ('f', 108, 352),
        ('2h', 252, 0, 1),
        ('12f', 280, 0, 0, 2, 5, 0.5, 0, 0, 6, 0, -0.75, 0, 7),
        *fields.values(),
    ]:
        struct.pack_into(order + kind, header, place, *values)
    header[344:348] = magic.ljust(4, b'\0')
    return bytes(header)


class KindTest(FolderTest):
    def test_by_contents(self):
        for head in [
            nifti(),
            nifti('>'),
            nifti(magic=b'ni1'),
            gzip.compress(nifti() + bytes(5000)),
            META,
            META.replace(b'ObjectType = Image', b'Comment = a knee'),
            NRRD,
            struct.pack('<i4s', 540, b'n+2') + bytes(600),
        ]:
            self.assertTrue(is_image_file(head[:1024], 'knee'), head)

    def test_others(self):
        for head in [
            b'',
            b'text',
            bytes(132) + b'DICM',
            gzip.compress(b'text'),
            b'\x1f\x8b damaged',
            struct.pack('<i', 348) + bytes(500),
            b'Comment = of another kind\n',
        ]:
            self.assertFalse(is_image_file(head, 'knee'), head)
            self.assertFalse(is_image_file(head, '._knee.nii'), head)

    def test_by_name(self):
        for name in 'k.nii', 'K.NII.GZ', 'k.mha', 'k.mhd', 'k.nrrd', 'k.nhdr':
            self.assertTrue(is_image_file(b'damaged', name), name)
            self.assertFalse(is_image_file(bytes(128) + b'DICM', name), name)
        for name in 'k.hdr', 'k.img', 'k.raw', 'nii', 'k.gz':
            self.assertFalse(is_image_file(b'text', name), name)

    def test_companions(self):
        for name in 'a.hdr', 'b.mhd', 'c.nhdr':
            self.write(name)
        for name in (
            'a.img',
            'a.IMG',
            'a.img.gz',
            'b.raw',
            'b.zraw',
            'c.raw.gz',
        ):
            path = self.path(name)
            self.assertTrue(is_companion(b'', path), name)
            self.assertFalse(is_companion(bytes(128) + b'DICM', path), name)
        for name in 'd.img', 'b.dcm', 'a', 'a.hdr', 'raw':
            self.assertFalse(is_companion(b'', self.path(name)), name)


class HeaderTest(FolderTest):
    def header(self, content, name='knee'):
        return read_header(self.write(name, content))

    def assert_defect(self, code, content, pattern='', name='knee'):
        with self.assertRaisesRegex(DefectError, pattern) as caught:
            self.header(content, name)
        self.assertEqual(caught.exception.code, code)


class NiftiTest(HeaderTest):
    def test_fields(self):
        for order in '<>':
            header = self.header(nifti(order))
            self.assertEqual(
                (header.reader, header.ending, header.encoding, header.start),
                ('NiftiImageIO', '.nii', 'raw', 352),
            )
            self.assertEqual(header.stored, order + 'i2')
            # x and y point the other way than in NIfTI.
            self.assertEqual(
                header.affine.tolist(),
                [[0, 0, -2, -5], [-0.5, 0, 0, -6], [0, -0.75, 0, 7]],
            )
            self.assertTrue(header.oriented)

    def test_compressed(self):
        header = self.header(gzip.compress(nifti() + bytes(48)))
        self.assertEqual(
            (header.ending, header.encoding), ('.nii.gz', 'deflate')
        )

    def test_pair(self):
        start = 'f', 108, 0
        for ending, encoding in ('.img.gz', 'deflate'), ('.img', 'raw'):
            self.write('knee' + ending)
            header = self.header(nifti(magic=b'ni1', start=start), 'knee.hdr')
            self.assertEqual(
                (header.ending, header.data, header.encoding, header.start),
                ('.hdr', 'knee' + ending, encoding, 0),
            )
        os.remove(self.path('knee.img.gz'))
        os.remove(self.path('knee.img'))
        self.assert_defect(
            'TRUNCATED_PIXELS', nifti(magic=b'ni1'), 'missing', 'knee.hdr'
        )

    def test_unoriented(self):
        header = self.header(nifti(codes=('2h', 252, 0, 0)))
        self.assertFalse(header.oriented)
        self.assertIsNone(header.affine)
        self.assertEqual(header.spacing, (0.5, 0.75, 2))

    def test_later_version(self):
        self.assert_defect(
            'NO_READER',
            struct.pack('<i4s', 540, b'n+2') + bytes(600),
            'convert it to NIfTI-1',
        )

    def test_damaged(self):
        self.assert_defect('UNREADABLE', nifti()[:200], name='knee.nii')
        self.assert_defect('UNREADABLE', b'text', name='knee.nii')
        for change in [
            ('h', 40, 0),
            ('2h', 40, 3, 0),
            ('f', 80, float('nan')),
            ('f', 108, float('inf')),
        ]:
            self.assert_defect('UNREADABLE', nifti(change=change))


class MetaImageTest(HeaderTest):
    def test_fields(self):
        header = self.header(META)
        self.assertEqual(
            (header.reader, header.ending, header.encoding, header.start),
            ('MetaImageIO', '.mha', 'raw', len(META)),
        )
        self.assertTrue(header.oriented)
        self.assertEqual((header.scale, header.offset), (1, 0))

    def test_encodings(self):
        for old, new, encoding in [
            (b'BinaryData', b'CompressedData = True\nBinaryData', 'deflate'),
            (b'BinaryData = True', b'BinaryData = False', 'text'),
            (b'BinaryData = True\n', b'', 'raw'),
        ]:
            self.assertEqual(
                self.header(META.replace(old, new)).encoding, encoding
            )

    def test_unoriented(self):
        matrix = b'TransformMatrix = 1 0 0 0 1 0 0 0 1\n'
        self.assertFalse(self.header(META.replace(matrix, b'')).oriented)

    def test_values_beside(self):
        self.write('a knee.raw')
        for size, start in (
            (b'', 0),
            (b'HeaderSize = 9\n', 9),
            (
                b'HeaderSize = -1\n',
                None,
            ),
        ):
            header = self.header(
                META.replace(
                    b'ElementDataFile = LOCAL',
                    size + b'ElementDataFile = a knee.raw',
                )
            )
            self.assertEqual(
                (header.ending, header.data, header.data_link, header.start),
                ('.mhd', 'a knee.raw', 'a knee.raw', start),
            )

    def test_damaged(self):
        self.write('a.raw')
        self.assert_defect(
            'TRUNCATED_PIXELS', META.replace(b'LOCAL', b'b.raw'), 'missing'
        )
        for content in [
            META.replace(b'ElementDataFile', b'Other'),
            META.replace(b'BinaryData', b'HeaderSize = x\nBinaryData').replace(
                b'LOCAL', b'a.raw'
            ),
        ]:
            self.assert_defect('UNREADABLE', content)


class NrrdTest(HeaderTest):
    def test_fields(self):
        header = self.header(NRRD)
        self.assertEqual(
            (header.reader, header.ending, header.encoding, header.start),
            ('NrrdImageIO', '.nrrd', 'raw', len(NRRD)),
        )
        self.assertTrue(header.oriented)
        self.assertFalse(header.is_list)

    def test_encodings(self):
        for name, encoding in [
            (b'gzip', 'deflate'),
            (b'GZ', 'deflate'),
            (b'ascii', 'text'),
            (b'bzip2', 'other'),
        ]:
            self.assertEqual(
                self.header(NRRD.replace(b'raw', name)).encoding, encoding
            )

    def test_spaces(self):
        for space, oriented in [
            (b'RAS', True),
            (b'Left-Anterior-Superior', True),
            (b'scanner-xyz', False),
        ]:
            self.assertEqual(
                self.header(
                    NRRD.replace(b'left-posterior-superior', space)
                ).oriented,
                oriented,
            )

    def test_values_beside(self):
        self.write('k.raw')
        for line, data, start in [
            (b'data file: k.raw\n', 'k.raw', 0),
            (b'datafile: ./k.raw\nbyte skip: 7\n', 'k.raw', 7),
            (b'data file: k.raw\nbyteskip: -1\n', 'k.raw', None),
            (b'data file: k.raw\nline skip: 2\n', 'k.raw', None),
        ]:
            header = self.header(NRRD[:-1] + line)
            self.assertEqual(
                (header.ending, header.data, header.start),
                ('.nhdr', data, start),
            )

    def test_damaged(self):
        self.assert_defect('TRUNCATED_PIXELS', NRRD[:-2])
        self.assert_defect(
            'TRUNCATED_PIXELS', NRRD[:-1] + b'data file: k.raw\n', 'missing'
        )
        self.assert_defect('UNREADABLE', NRRD.replace(b'encoding: raw\n', b''))
        for name in b'../k.raw', b'/etc/passwd', b'..':
            self.assert_defect(
                'UNREADABLE',
                NRRD[:-1] + b'data file: ' + name + b'\n',
                'same folder',
            )
        for name in b'LIST', b'k%03d.raw 1 5 1':
            self.assert_defect(
                'UNREADABLE',
                NRRD[:-1] + b'data file: ' + name + b'\n',
                'several files',
            )
