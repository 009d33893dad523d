import struct
import tracemalloc

import numpy as np
import pydicom
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)

from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.header import read_header
from kneerepro.data.reading.pixel_data import locate_pixels
from tests.data.series import QuietTest, write_slice

PIXELS = np.arange(12).reshape(3, 4)


class PixelDataTest(QuietTest):
    def slice(self, **elements):
        path = self.path('slice')
        write_slice(path, PIXELS, SeriesInstanceUID='1.2.3', **elements)
        return path

    def locate(self, path):
        return locate_pixels(path, read_header(path))

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

    def test_more_than_one_sample(self):
        path = self.slice(
            SamplesPerPixel=3,
            PhotometricInterpretation='RGB',
            PixelData=bytes(72),
        )
        self.assertEqual(self.locate(path), (None, None))


class DefectTest(PixelDataTest):
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
