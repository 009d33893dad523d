import gzip
import struct

from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.image_headers import (
    is_companion,
    is_image_file,
    read_header,
)
from kneerepro.data.reading.nifti import NiftiHeader
from tests.data.images import nifti_header
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


class KindTest(FolderTest):
    def test_by_contents(self):
        for head in [
            nifti_header(),
            gzip.compress(nifti_header() + bytes(5000)),
            META,
            META.replace(b'ObjectType = Image', b'Comment = a knee'),
            NRRD,
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
    def header(self, content):
        return read_header(self.write('knee', content))

    def assert_defect(self, code, content, pattern=''):
        with self.assertRaisesRegex(DefectError, pattern) as caught:
            self.header(content)
        self.assertEqual(caught.exception.code, code)


class FormatTest(HeaderTest):
    def test_nifti(self):
        self.assertIsInstance(
            self.header(nifti_header() + bytes(48)), NiftiHeader
        )

    def test_unknown(self):
        self.assert_defect('UNREADABLE', b'text')


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
        for size, start in [
            (b'', 0),
            (b'HeaderSize = 9\n', 9),
            (b'HeaderSize = -1\n', None),
        ]:
            header = self.header(
                META.replace(
                    b'ElementDataFile = LOCAL',
                    size + b'ElementDataFile = a knee.raw',
                )
            )
            self.assertEqual(
                (header.ending, header.data, header.start),
                ('.mhd', 'a knee.raw', start),
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
