import os
import struct
import time
import tracemalloc
import unittest

import numpy as np
import pydicom
import pydicom.data
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)

from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.header import read_frames
from tests.data.series import (
    QuietTest,
    change,
    damage,
    write_enhanced,
    write_series,
    write_slice,
)

TEST_FILES = os.path.join(os.path.dirname(pydicom.data.__file__), 'test_files')
PIXELS = np.arange(12).reshape(3, 4)


class HeaderTest(QuietTest):
    def slice(self, **elements):
        path = self.path('slice')
        write_slice(path, PIXELS, SeriesInstanceUID='1.2.3', **elements)
        return path

    def frame(self, **elements):
        (frame,) = read_frames(self.slice(**elements))
        return frame

    def assert_defect(self, code, path):
        with self.assertRaises(DefectError) as caught:
            read_frames(path)
        self.assertEqual(caught.exception.code, code)


class FieldsTest(HeaderTest):
    def test_all(self):
        frame = self.frame(
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
        header = frame.header
        self.assertEqual(
            (
                frame.index,
                frame.sop,
                frame.number,
                frame.position,
                frame.defect,
            ),
            (0, '1.2.3.9', 7, (1.5, -2, 300), None),
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
        frame = self.frame()
        header = frame.header
        self.assertEqual(
            (frame.sop, frame.number, frame.position), ('', None, None)
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
        frame = self.frame(Laterality='R', ImageLaterality='L')
        self.assertEqual(frame.header.laterality, 'L')

    def test_padding_range(self):
        frame = self.frame(PixelPaddingValue=9, PixelPaddingRangeLimit=4)
        self.assertEqual(frame.header.padding, (4, 9))

    def test_slices_share_their_header(self):
        paths = write_series(self.folder, np.ones((3, 4, 4)))
        first, *others = [read_frames(path)[0].header for path in paths]
        for header in others:
            self.assertIs(header, first)


class PixelOffsetTest(HeaderTest):
    def assert_offset(self, path, order='<'):
        (frame,) = read_frames(path)
        self.assertIsNone(frame.defect)
        with open(path, 'rb') as file:
            file.seek(frame.offset)
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
        frame = self.frame(syntax=DeflatedExplicitVRLittleEndian)
        self.assertEqual((frame.offset, frame.defect), (None, None))

    def test_header_longer_than_what_is_read_first(self):
        for size in 16000, 16300, 2**20 - 500, 2**21:
            with self.subTest(size):
                path = self.slice()
                image = pydicom.dcmread(path)
                image.add_new(0x00091001, 'OB', bytes(size))
                image.save_as(path)
                self.assert_offset(path)

    def test_behind_it_something_else(self):
        path = self.slice()
        with open(path, 'ab') as file:
            file.write(
                struct.pack('<HH2sHL', 0xFFFC, 0xFFFC, b'OB', 0, 4) + bytes(4)
            )
        self.assert_offset(path)


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

    def test_no_pixel_data(self):
        self.assertEqual(self.frame(PixelData=None).defect, 'NO_PIXEL_DATA')
        self.assertEqual(self.frame(Rows=0).defect, 'NO_PIXEL_DATA')
        self.assertIsNone(self.frame().defect)

    def test_truncated(self):
        path = self.slice()
        content = self.read('slice')
        for cut in range(1, 24, 5):
            self.write('slice', content[:-cut])
            self.assertEqual(read_frames(path)[0].defect, 'TRUNCATED_PIXELS')
        # A wrong length in the element of the pixels.
        self.assertEqual(
            self.frame(PixelData=bytes(22)).defect, 'TRUNCATED_PIXELS'
        )

    def test_every_length(self):
        """Wherever a file is cut, it is told in one of the ways foreseen."""
        path = self.slice(PatientID='P', ImagePositionPatient=[1, 2, 3])
        content = self.read('slice')
        codes = set()
        for length in range(len(content)):
            self.write('slice', content[:length])
            try:
                (frame,) = read_frames(path)
                codes.add(frame.defect)
            except DefectError as error:
                codes.add(error.code)
        self.assertNotIn(None, codes)
        self.assertTrue(
            {'NOT_DICOM', 'TRUNCATED_PIXELS', 'NO_PIXEL_DATA'} <= codes, codes
        )

    def test_size_absurd(self):
        for frames in 1, 60000:
            path = self.slice(Rows=65535, Columns=65535, NumberOfFrames=frames)
            tracemalloc.start()
            frame = read_frames(path)[0]
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            self.assertEqual(frame.defect, 'SIZE_ABSURD')
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
            self.assertEqual(read_frames(path)[0].defect, 'NO_PIXEL_DATA')
        except DefectError as error:
            self.assertIn(error.code, ['UNREADABLE', 'NO_SERIES_UID'])
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        self.assertLess(peak, 40e6)

    def test_deeply_nested_sequences(self):
        # Of undefined length, so that a reader has to follow them down.
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
                read_frames(path)
            self.assertLess(time.monotonic() - start, 5)

    def test_random_damage(self):
        """Nothing but a DefectError comes out of a damaged file."""
        path = self.slice(PatientID='P', ImagePositionPatient=[1, 2, 3])
        content = bytearray(self.read('slice'))
        rng = np.random.RandomState(1)
        for _ in range(400):
            damaged = content.copy()
            for place in rng.randint(132, len(content), 3):
                damaged[place] = rng.randint(256)
            self.write('slice', bytes(damaged))
            try:
                read_frames(path)
            except DefectError:
                pass

    @unittest.skipIf(os.geteuid() == 0, 'root may read everything')
    def test_no_permission(self):
        path = self.slice()
        os.chmod(path, 0)
        self.assert_defect('UNREADABLE', path)


class ForeignFilesTest(HeaderTest):
    """pydicom's own test files."""

    def test_each_ends_well(self):
        found = {}
        for name in os.listdir(TEST_FILES):
            path = os.path.join(TEST_FILES, name)
            if os.path.isfile(path):
                try:
                    found[name] = read_frames(path)[0].defect or 'fine'
                except DefectError as error:
                    found[name] = error.code
        for name, state in {
            'MR_small.dcm': 'fine',
            'MR_small_RLE.dcm': 'fine',
            'MR_small_bigendian.dcm': 'fine',
            'MR_small_implicit.dcm': 'fine',
            'MR_small_jp2klossless.dcm': 'fine',
            'MR_truncated.dcm': 'TRUNCATED_PIXELS',
            'image_dfl.dcm': 'fine',
            'badVR.dcm': 'UNREADABLE',
            'README.txt': 'NOT_DICOM',
            'rtplan.dcm': 'NO_PIXEL_DATA',
            'reportsi.dcm': 'NO_PIXEL_DATA',
        }.items():
            # Which ones there are depends on the version of pydicom.
            self.assertEqual(found.get(name, state), state, name)
        self.assertGreater(len(found), 20)


class EnhancedTest(HeaderTest):
    """Enhanced multi-frame MR."""

    def write_enhanced(self, **changes):
        path = self.path('enhanced')
        write_enhanced(path, np.arange(48).reshape(4, 3, 4), **changes)
        return path

    def test_frames(self):
        path = self.write_enhanced()
        content = self.read('enhanced')
        frames = read_frames(path)
        self.assertEqual(len(frames), 4)
        for i, frame in enumerate(frames):
            self.assertEqual(
                (frame.index, frame.position, frame.number),
                (i, (-i, 0, 0), i // 2 + 1),
            )
            header = frame.header
            self.assertEqual(header.orientation, (0, 1, 0, 0, 0, -1))
            self.assertEqual(header.pixel_spacing, (0.5, 0.25))
            self.assertEqual(
                (header.stack, header.slope, header.intercept),
                (str(i % 2), i + 1, -i),
            )
            np.testing.assert_array_equal(
                np.frombuffer(content, '<u2', 12, frame.offset),
                np.arange(12) + 12 * i,
            )

    def test_frames_without_description(self):
        self.assert_defect(
            'UNREADABLE',
            self.write_enhanced(PerFrameFunctionalGroupsSequence=[]),
        )
