import numpy as np
import pydicom
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.parsing import (
    BIG_ENDIAN,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    parse_file,
    read_image,
)
from tests.data.series import QuietTest, damage, write_slice

PIXELS = np.arange(12).reshape(3, 4)
SERIES, DESCRIPTION = 0x0020000E, 0x0008103E
# SOPClassUID, which comes first behind group 0002, in both orders of bytes.
FIRST = b'\x08\0\x16\0U', b'\x08\0\x16\0\x1a', b'\0\x08\0\x16U'
WRITTEN = {
    IMPLICIT: ImplicitVRLittleEndian,
    EXPLICIT: ExplicitVRLittleEndian,
    BIG_ENDIAN: ExplicitVRBigEndian,
}


class ParsingTest(QuietTest):
    def slice(self, **elements):
        path = self.path('slice')
        write_slice(path, PIXELS, SeriesInstanceUID='1.2.3', **elements)
        return path

    def without_preamble(self, path, meta=False):
        """Strip a file of its preamble and, by default, of group 0002."""
        content = self.read('slice')
        start = 132
        if not meta:
            start = max(map(content.find, FIRST))
        self.write('slice', content[start:])
        return path

    def without_syntax(self, path, syntax):
        """Turn TransferSyntaxUID into another element of group 0002."""
        damage(
            path,
            b'\x02\0\x10\0UI' + bytes([len(syntax) + len(syntax) % 2]),
            b'\x02\0\x13\0SH' + bytes([len(syntax) + len(syntax) % 2]),
        )
        return path


class SyntaxTest(ParsingTest):
    def assert_parsed(self, path, syntax):
        file = parse_file(path, [SERIES, DESCRIPTION])
        self.assertEqual(file.syntax, syntax)
        self.assertEqual(file.implicit, syntax == IMPLICIT)
        self.assertEqual(file.little_endian, syntax != BIG_ENDIAN)
        self.assertEqual(file.elements[SERIES].rstrip(b'\0'), b'1.2.3')
        # Pixels are decoded whatever the file says.
        image = read_image(path, file.syntax)
        np.testing.assert_array_equal(image.pixel_array, PIXELS)
        return file

    def test_declared(self):
        for syntax, uid in WRITTEN.items():
            file = self.assert_parsed(self.slice(syntax=uid), syntax)
            self.assertTrue(file.has_preamble)

    def test_not_declared(self):
        for syntax, uid in WRITTEN.items():
            path = self.without_syntax(self.slice(syntax=uid), syntax)
            self.assert_parsed(path, syntax)

    def test_neither_preamble_nor_meta_information(self):
        for syntax, uid in WRITTEN.items():
            path = self.without_preamble(self.slice(syntax=uid))
            file = self.assert_parsed(path, syntax)
            self.assertFalse(file.has_preamble)

    def test_no_preamble(self):
        for syntax, uid in WRITTEN.items():
            path = self.without_preamble(self.slice(syntax=uid), meta=True)
            self.assert_parsed(path, syntax)

    def test_declared_wrongly(self):
        path = self.slice(syntax=ImplicitVRLittleEndian)
        damage(
            path, b'UI\x12\x001.2.840.10008.1.2\0', b'UI\x12\x00' + 18 * b' '
        )
        self.assert_parsed(path, IMPLICIT)
        path = self.slice()
        damage(path, b'1.2.840.10008.1.2.1\0', b'1.2.840.10008.1.2'.ljust(20))
        self.assert_parsed(path, EXPLICIT)

    def test_compressed(self):
        path = self.slice()
        image = pydicom.dcmread(path)
        image.compress(RLELossless)
        image.save_as(path)
        self.assertEqual(parse_file(path, [SERIES]).syntax, RLELossless)
        path = self.slice(syntax=DeflatedExplicitVRLittleEndian)
        self.assertEqual(parse_file(path, [SERIES]).syntax, DEFLATED)


class DefectTest(ParsingTest):
    def test_not_dicom(self):
        for content in b'', b'text', bytes(1000), b'\x89PNG' + bytes(500):
            with self.assertRaises(DefectError) as caught:
                parse_file(self.write('file', content), [SERIES])
            self.assertEqual(caught.exception.code, 'NOT_DICOM')

    def test_missing(self):
        with self.assertRaises(DefectError) as caught:
            parse_file(self.path('nowhere'), [SERIES])
        self.assertEqual(
            str(caught.exception), 'UNREADABLE: No such file or directory'
        )
