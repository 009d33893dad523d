import os

import numpy as np
import pydicom
import pydicom.data

from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.frames import read_frames
from tests.data.series import (
    QuietTest,
    damage,
    group,
    write_enhanced,
    write_slice,
)

TEST_FILES = os.path.join(os.path.dirname(pydicom.data.__file__), 'test_files')
PIXELS = np.arange(12).reshape(3, 4)


class FramesTest(QuietTest):
    def assert_defect(self, code, path):
        with self.assertRaises(DefectError) as caught:
            read_frames(path)
        self.assertEqual(caught.exception.code, code)


class CharacterSetTest(FramesTest):
    def test_that_is_no_name(self):
        for name in b'ISO_IR\x00100', b'undefined ', b'\0SO_IR 100':
            path = self.path('enhanced')
            write_enhanced(
                path,
                np.arange(48).reshape(4, 3, 4),
                SpecificCharacterSet='ISO_IR 100',
            )
            damage(path, b'ISO_IR 100', name)
            self.assertEqual(
                [frame.header.stack for frame in read_frames(path)],
                list('0101'),
            )


class SingleFrameTest(FramesTest):
    def test_fields(self):
        path = self.path('slice')
        write_slice(
            path,
            PIXELS,
            SeriesInstanceUID='1.2.3',
            SOPInstanceUID='1.2.3.9',
            InstanceNumber=7,
            ImagePositionPatient=[1.5, -2, 3e2],
        )
        (frame,) = read_frames(path)
        self.assertEqual(
            (
                frame.index,
                frame.sop,
                frame.number,
                frame.position,
                frame.defect,
                frame.header.series,
            ),
            (0, '1.2.3.9', 7, (1.5, -2, 300), None, '1.2.3'),
        )

    def test_every_length(self):
        """A file that is cut short anywhere has one of the known codes."""
        path = self.path('slice')
        write_slice(
            path,
            PIXELS,
            SeriesInstanceUID='1.2.3',
            PatientID='P',
            ImagePositionPatient=[1, 2, 3],
        )
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


class SeveralFramesTest(FramesTest):
    def test_plain(self):
        path = self.path('frames')
        write_slice(
            path,
            PIXELS,
            SeriesInstanceUID='1.2.3',
            NumberOfFrames=2,
            PixelData=np.arange(24, dtype='<u2').tobytes(),
        )
        first, second = read_frames(path)
        self.assertEqual((first.index, second.index), (0, 1))
        self.assertEqual(second.offset - first.offset, 24)

    def test_number_that_cannot_be_read(self):
        """There are as many frames as there are pixels for."""
        for count in 1, 3:
            path = self.path('frames')
            write_slice(
                path,
                PIXELS,
                SeriesInstanceUID='1.2.3',
                NumberOfFrames='7777',
                PixelData=bytes(24 * count),
            )
            damage(path, b'IS\x04\x007777', b'IS\x04\x00many')
            frames = read_frames(path)
            self.assertEqual(len(frames), count)
            for frame in frames:
                self.assertIsNone(frame.defect)
                self.assertEqual(frame.header.frames, count)

    def test_number_that_cannot_be_read_and_part_of_a_frame(self):
        path = self.path('frames')
        write_slice(
            path,
            PIXELS,
            SeriesInstanceUID='1.2.3',
            NumberOfFrames='-777',
            PixelData=bytes(40),
        )
        self.assertEqual(
            [frame.defect for frame in read_frames(path)],
            ['TRUNCATED_PIXELS'] * 2,
        )

    def test_more_than_the_header_says(self):
        """None is left out without a word."""
        for stated in None, 1:
            path = self.path('frames')
            write_slice(
                path,
                PIXELS,
                SeriesInstanceUID='1.2.3',
                NumberOfFrames=stated,
                PixelData=np.arange(36, dtype='<u2').tobytes(),
            )
            self.assertEqual(
                [frame.header.frames for frame in read_frames(path)], [3] * 3
            )
        # What is less than a frame is padding.
        write_slice(
            path, PIXELS, SeriesInstanceUID='1.2.3', PixelData=bytes(40)
        )
        (frame,) = read_frames(path)
        self.assertIsNone(frame.defect)

    def test_more_than_the_file_holds(self):
        path = self.path('frames')
        write_slice(path, PIXELS, SeriesInstanceUID='1.2.3', NumberOfFrames=3)
        self.assertEqual(
            [frame.defect for frame in read_frames(path)],
            ['TRUNCATED_PIXELS'] * 3,
        )


class EnhancedTest(FramesTest):
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

    def with_groups(self, **sequences):
        """The frames of an image that all have these functional groups."""
        path = self.path('enhanced')
        groups = [group(**sequences) for _ in range(4)]
        write_enhanced(
            path,
            np.arange(48).reshape(4, 3, 4),
            PerFrameFunctionalGroupsSequence=groups,
        )
        return path

    def test_parts(self):
        path = self.with_groups(
            MREcho=dict(EffectiveEchoTime=4.7),
            FrameContent=dict(
                TemporalPositionIndex=2, FrameAcquisitionNumber=3
            ),
            MRImageFrameType=dict(
                FrameType=['ORIGINAL', 'PRIMARY'],
                ComplexImageComponent='PHASE',
            ),
        )
        for frame in read_frames(path):
            header = frame.header
            self.assertEqual(
                (
                    header.echo_time,
                    header.temporal_position,
                    header.acquisition,
                    header.image_type,
                ),
                (4.7, 2, 3, r'ORIGINAL\PRIMARY\PHASE'),
            )

    def test_numbers_that_cannot_be_read(self):
        path = self.with_groups(
            MREcho=dict(EffectiveEchoTime=float('nan')),
            PlanePosition=dict(ImagePositionPatient=['1', '2', '3.5']),
            PixelMeasures=dict(PixelSpacing=[0, 0]),
            PlaneOrientation=dict(ImageOrientationPatient=[1, 0, 0]),
        )
        content = self.read('enhanced')
        self.write('enhanced', content.replace(b'1\\2\\3.5', b'1\\x\\3.5'))
        for frame in read_frames(path):
            self.assertIsNone(frame.position)
            self.assertIsNone(frame.header.echo_time)
            self.assertIsNone(frame.header.pixel_spacing)
            self.assertIsNone(frame.header.orientation)

    def test_intensities_that_are_no_number(self):
        path = self.with_groups(
            PixelValueTransformation=dict(RescaleSlope='2.75')
        )
        self.assertEqual(read_frames(path)[0].header.slope, 2.75)
        content = self.read('enhanced')
        for text in b'2,75', b'nan ', b'xxxx':
            self.write('enhanced', content.replace(b'2.75', text))
            self.assert_defect('UNREADABLE', path)

    def test_number_of_frames_that_cannot_be_read(self):
        path = self.write_enhanced(NumberOfFrames='-7')
        self.assertEqual(
            [frame.header.frames for frame in read_frames(path)], [4] * 4
        )

    def test_frames_that_are_not_described(self):
        self.assert_defect(
            'UNREADABLE',
            self.write_enhanced(PerFrameFunctionalGroupsSequence=[]),
        )


class ForeignFilesTest(FramesTest):
    """pydicom's own test files."""

    def test_codes(self):
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
            'badVR.dcm': 'fine',
            'README.txt': 'NOT_DICOM',
            'rtplan.dcm': 'NO_PIXEL_DATA',
            'reportsi.dcm': 'NO_PIXEL_DATA',
        }.items():
            # It depends on the version of pydicom which of them exist.
            self.assertEqual(found.get(name, state), state, name)
        self.assertGreater(len(found), 20)
