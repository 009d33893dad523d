import struct
import tracemalloc

import numpy as np
import pydicom
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.header import read_header
from kneerepro.data.reading.pixel_data import locate_pixels
from tests.data.series import QuietTest, damage, write_slice
from tests.data.squares import SYNTAXES, check_pixels, check_square

PIXELS = np.arange(12).reshape(3, 4)


class PixelDataTest(QuietTest):
    def slice(self, **elements):
        path = self.path('slice')
        write_slice(path, PIXELS, SeriesInstanceUID='1.2.3', **elements)
        return path

    def locate(self, path):
        file = read_header(path)
        found = locate_pixels(path, file, file.common.frames)
        return found.start, found.defect

    def defect(self, path):
        start, defect = self.locate(path)
        if defect is not None:
            self.assertIsNone(start)
        return defect


class PixelOffsetTest(PixelDataTest):
    def assert_offset(self, path, order='<'):
        start, defect = self.locate(path)
        self.assertIsNone(defect)
        with open(path, 'rb') as file:
            file.seek(start)
            np.testing.assert_array_equal(
                np.frombuffer(file.read(24), order + 'u2'), PIXELS.ravel()
            )

    def test_explicit(self):
        self.assert_offset(self.slice())

    def test_implicit(self):
        self.assert_offset(self.slice(syntax=ImplicitVRLittleEndian))

    def test_big_endian(self):
        self.assert_offset(self.slice(syntax=ExplicitVRBigEndian), '>')

    def test_deflated(self):
        path = self.slice(syntax=DeflatedExplicitVRLittleEndian)
        self.assertEqual(self.locate(path), (None, None))

    def test_header_longer_than_what_is_read_first(self):
        for size in 16000, 16300, 2**20 - 500, 2**21:
            with self.subTest(size):
                path = self.slice()
                image = pydicom.dcmread(path)
                image.add_new(0x00091001, 'OB', bytes(size))
                image.save_as(path)
                self.assert_offset(path)

    def test_followed_by_another_element(self):
        path = self.slice()
        with open(path, 'ab') as file:
            file.write(
                struct.pack('<HH2sHL', 0xFFFC, 0xFFFC, b'OB', 0, 4) + bytes(4)
            )
        self.assert_offset(path)

    def test_length_that_looks_like_a_type(self):
        """The sizes whose length, in implicit VR, holds two letters."""
        sizes = [
            size
            for size in range(64, 641)
            if struct.pack('<L', 2 * size**2)[:2].isalpha()
        ]
        self.assertIn(282, sizes)
        for size in sizes:
            check_square(self.folder, size, ImplicitVRLittleEndian)

    def test_sizes(self):
        for syntax in SYNTAXES:
            for size in 64, 127, 256, 384, 640:
                for trailing in False, True:
                    check_square(self.folder, size, syntax, trailing)

    def test_odd_number_of_bytes(self):
        pixels = np.arange(15).reshape(3, 5)
        for syntax in SYNTAXES:
            check_pixels(
                self.folder,
                pixels,
                syntax,
                BitsAllocated=8,
                BitsStored=8,
                HighBit=7,
                PixelData=pixels.astype('u1').tobytes() + b'\0',
            )

    def test_types(self):
        """16 bits as OB, 8 bits as OW."""
        for syntax in ExplicitVRLittleEndian, ExplicitVRBigEndian:
            path = self.slice(syntax=syntax)
            content = self.read('slice')
            place = content.rindex(b'OW\0\0')
            self.write('slice', content[:place] + b'OB' + content[place + 2 :])
            self.assert_offset(path, '<>'[syntax == ExplicitVRBigEndian])
            check_pixels(
                self.folder,
                np.arange(16).reshape(4, 4),
                syntax,
                BitsAllocated=8,
                BitsStored=8,
                HighBit=7,
                PixelData=np.arange(16, dtype='u1').tobytes(),
            )

    def test_undefined_length(self):
        path = self.slice()
        content = self.read('slice')
        place = content.rindex(b'OW\0\0') + 4
        pixels = content[place + 4 :]
        end = b'\xfe\xff\xdd\xe0' + bytes(4)
        self.write(
            'slice', content[:place] + b'\xff\xff\xff\xff' + pixels + end
        )
        self.assert_offset(path)

    def test_more_than_one_sample(self):
        path = self.slice(
            SamplesPerPixel=3,
            PhotometricInterpretation='RGB',
            PixelData=bytes(72),
        )
        self.assertEqual(self.locate(path), (None, None))


class DefectTest(PixelDataTest):
    def test_compressed_though_the_syntax_says_otherwise(self):
        path = self.slice(NumberOfFrames=1)
        content = self.read('slice')
        place = content.rindex(b'OW\0\0') + 4
        items = b'\xfe\xff\0\xe0' + bytes(4)
        items += b'\xfe\xff\0\xe0' + struct.pack('<L', 40) + bytes(40)
        items += b'\xfe\xff\xdd\xe0' + bytes(4)
        self.write('slice', content[:place] + b'\xff\xff\xff\xff' + items)
        self.assertEqual(self.defect(path), 'UNDECODABLE_PIXELS')

    def test_unknown_type(self):
        for wrong in b'XW', b'US', b'\1W', b'ow':
            path = self.slice()
            content = self.read('slice')
            place = content.rindex(b'OW\0\0')
            self.write('slice', content[:place] + wrong + content[place + 2 :])
            self.assertEqual(self.defect(path), 'UNDECODABLE_PIXELS')

    def test_unknown_values(self):
        for signed in None, 2:
            path = self.slice(PixelRepresentation=signed)
            self.assertEqual(self.defect(path), 'UNDECODABLE_PIXELS')
        path = self.slice()
        damage(path, b'(\0\0\1US', b'(\0\0\2US')  # without BitsAllocated
        self.assertEqual(self.defect(path), 'UNDECODABLE_PIXELS')

    def test_bits_that_do_not_fit(self):
        for stored in 0, 17, 65535:
            path = self.slice(BitsStored=stored)
            self.assertEqual(self.defect(path), 'UNDECODABLE_PIXELS')

    def test_no_pixel_data(self):
        self.assertEqual(
            self.defect(self.slice(PixelData=None)), 'NO_PIXEL_DATA'
        )
        self.assertEqual(self.defect(self.slice(Rows=0)), 'NO_PIXEL_DATA')
        self.assertIsNone(self.defect(self.slice()))

    def test_truncated(self):
        path = self.slice()
        content = self.read('slice')
        for cut in range(1, 24, 5):
            self.write('slice', content[:-cut])
            self.assertEqual(self.defect(path), 'TRUNCATED_PIXELS')
        # The element of the pixels is too short.
        self.assertEqual(
            self.defect(self.slice(PixelData=bytes(22))), 'TRUNCATED_PIXELS'
        )

    def test_size_absurd(self):
        for frames in 1, 60000:
            path = self.slice(Rows=65535, Columns=65535, NumberOfFrames=frames)
            tracemalloc.start()
            defect = self.defect(path)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            self.assertEqual(defect, 'SIZE_ABSURD')
            self.assertLess(peak, 40e6)

    def test_element_longer_than_the_file(self):
        path = self.slice(PatientID='abcd')
        content = self.read('slice')
        place = content.index(b'LO\x04\0abcd')
        self.write(
            'slice',
            content[:place]
            + b'UT\0\0\xf0\xff\xff\xffabcd'
            + content[place + 8 :],
        )
        tracemalloc.start()
        try:
            self.assertEqual(self.defect(path), 'NO_PIXEL_DATA')
        except DefectError as error:
            self.assertIn(error.code, ['UNREADABLE', 'NO_SERIES_UID'])
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        self.assertLess(peak, 40e6)

    def test_deflated(self):
        path = self.slice(
            syntax=DeflatedExplicitVRLittleEndian, PixelData=None
        )
        self.assertEqual(self.defect(path), 'NO_PIXEL_DATA')
