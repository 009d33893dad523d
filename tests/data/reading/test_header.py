import contextlib
import os
import struct
import time
import unittest

import numpy as np
from pydicom.uid import DeflatedExplicitVRLittleEndian

from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.header import read_header
from tests.data.series import (
    QuietTest,
    change,
    damage,
    write_series,
    write_slice,
)

PIXELS = np.arange(12).reshape(3, 4)


class HeaderTest(QuietTest):
    def slice(self, **elements):
        path = self.path('slice')
        write_slice(path, PIXELS, SeriesInstanceUID='1.2.3', **elements)
        return path

    def header(self, **elements):
        return read_header(self.slice(**elements))

    def assert_defect(self, code, path):
        with self.assertRaises(DefectError) as caught:
            read_header(path)
        self.assertEqual(caught.exception.code, code)


class FieldsTest(HeaderTest):
    def test_all(self):
        file = self.header(
            SOPInstanceUID='1.2.3.9',
            InstanceNumber=7,
            ImagePositionPatient=[1.5, -2, 3e2],
            PatientID=' P1 ',
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            PixelSpacing=[0.5, 0.25],
            SeriesDescription='SAG 3D',
            FrameOfReferenceUID='1.9',
            Laterality='L',
            EchoTime='4.7',
            RescaleSlope='2',
            RescaleIntercept='-7.5',
            PixelRepresentation=1,
            PixelPaddingValue=-3,
        )
        header = file.common
        self.assertEqual(
            (file.sop, file.number, file.position),
            ('1.2.3.9', 7, (1.5, -2, 300)),
        )
        self.assertEqual(
            (
                header.series,
                header.patient,
                header.description,
                header.frame_of_reference,
                header.laterality,
                header.echo_time,
            ),
            ('1.2.3', 'P1', 'SAG 3D', '1.9', 'L', '4.7'),
        )
        self.assertEqual(header.orientation, (1, 0, 0, 0, 1, 0))
        self.assertEqual(header.pixel_spacing, (0.5, 0.25))
        self.assertEqual(
            (
                header.rows,
                header.columns,
                header.bits_allocated,
                header.signed,
                header.padding,
            ),
            (3, 4, 16, True, (-3, -3)),
        )
        self.assertEqual((header.slope, header.intercept), (2, -7.5))

    def test_absent(self):
        file = self.header()
        header = file.common
        self.assertEqual(
            (file.sop, file.number, file.position), ('', None, None)
        )
        self.assertEqual(
            (
                header.patient,
                header.orientation,
                header.pixel_spacing,
                header.padding,
                header.slope,
                header.intercept,
            ),
            ('', None, None, None, 1, 0),
        )

    def test_image_laterality_wins(self):
        file = self.header(Laterality='R', ImageLaterality='L')
        self.assertEqual(file.common.laterality, 'L')

    def test_padding_range(self):
        file = self.header(PixelPaddingValue=9, PixelPaddingRangeLimit=4)
        self.assertEqual(file.common.padding, (4, 9))

    def test_slices_share_their_header(self):
        paths = write_series(self.folder, np.ones((3, 4, 4)))
        first, *others = [read_header(path).common for path in paths]
        for header in others:
            self.assertIs(header, first)

    def test_slope_of_zero(self):
        header = self.header(RescaleSlope='0', RescaleIntercept='3').common
        self.assertEqual((header.slope, header.intercept), (1, 3))

    def test_end(self):
        path = self.slice()
        file = read_header(path)
        content = self.read('slice')
        self.assertEqual(file.size, len(content))
        self.assertEqual(file.head, content[: len(file.head)])
        # Group 7FE0, element 0010.
        self.assertEqual(file.head[file.end :][:4], b'\xe0\x7f\x10\0')

    def test_end_of_a_deflated_file(self):
        file = self.header(syntax=DeflatedExplicitVRLittleEndian)
        self.assertIsNone(file.end)


class DefectTest(HeaderTest):
    def test_not_dicom(self):
        for content in b'', b'text', bytes(1000), b'\x89PNG' + bytes(500):
            self.assert_defect('NOT_DICOM', self.write('file', content))

    def test_no_series_uid(self):
        path = self.slice()
        change(path, SeriesInstanceUID=None)
        self.assert_defect('NO_SERIES_UID', path)

    def test_unreadable(self):
        self.assert_defect('UNREADABLE', self.path('nowhere'))
        path = self.slice(ImagePositionPatient=[1, 2, 3])
        damage(path, b'\\2.0', b'\\x.0')
        self.assert_defect('UNREADABLE', path)

    def test_position_that_is_no_number(self):
        for text in 'nan', 'inf', '1e999':
            path = self.slice(ImagePositionPatient='0\\0\\000000')
            damage(path, b'0\\0\\000000', b'0\\0\\' + text.encode().ljust(6))
            self.assert_defect('UNREADABLE', path)

    def test_deeply_nested_sequences(self):
        # Their length is undefined, so a reader has to descend into each.
        item = struct.pack('<HH2sHL', 0x0008, 0x1140, b'SQ', 0, 0xFFFFFFFF)
        item += struct.pack('<HHL', 0xFFFE, 0xE000, 0xFFFFFFFF)
        path = self.slice()
        content = self.read('slice')
        place = (
            content.index(struct.pack('<HH2s', 0x0010, 0x0020, b'LO'))
            if b'\x10\x00\x20\x00LO' in content
            else content.index(struct.pack('<HH2s', 0x0020, 0x000E, b'UI'))
        )
        for depth in 50, 5000:
            self.write(
                'slice', content[:place] + item * depth + content[place:]
            )
            start = time.monotonic()
            with self.assertRaises(DefectError):
                read_header(path)
            self.assertLess(time.monotonic() - start, 5)

    def test_random_damage(self):
        """A damaged file raises no other error than a DefectError."""
        path = self.slice(PatientID='P', ImagePositionPatient=[1, 2, 3])
        content = bytearray(self.read('slice'))
        rng = np.random.RandomState(1)
        for _ in range(400):
            damaged = content.copy()
            for place in rng.randint(132, len(content), 3):
                damaged[place] = rng.randint(256)
            self.write('slice', bytes(damaged))
            with contextlib.suppress(DefectError):
                read_header(path)

    @unittest.skipIf(os.geteuid() == 0, 'root may read every file')
    def test_no_permission(self):
        path = self.slice()
        os.chmod(path, 0)
        self.assert_defect('UNREADABLE', path)
