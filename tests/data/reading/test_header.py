import contextlib
import os
import struct
import time
import unittest
from dataclasses import replace
from unittest import mock

import numpy as np
import pydicom
from pydicom import config
from pydicom.tag import Tag
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.frames import read_frames
from kneerepro.data.reading.header import read_header
from kneerepro.data.reading.parsing import DEFLATED, EXPLICIT
from tests.data.series import (
    QuietTest,
    change,
    damage,
    deflate,
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
            ('1.2.3', 'P1', 'SAG 3D', '1.9', 'L', 4.7),
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


class NumbersTest(HeaderTest):
    """Numbers that cannot be read, in elements that decide nothing."""

    def with_text(self, name, text):
        """Read a header with any text in place of a number."""
        placeholder = '7' * (len(text) + len(text) % 2)
        path = self.path('slice')
        with mock.patch.object(
            config.settings, '_writing_validation_mode', config.IGNORE
        ):
            write_slice(path, PIXELS, SeriesInstanceUID='1.2.3')
            image = pydicom.dcmread(path)
            # Text of any length, under another type.
            image.add_new(Tag(name), 'LO', placeholder)
            image.save_as(path)
        damage(
            path, placeholder.encode(), text.encode().ljust(len(placeholder))
        )
        return read_header(path)

    def test_unreadable(self):
        for text in '1' * 20 + '5', '*', 'img1', 'nan', '1_0', '9' * 400:
            self.assertIsNone(self.with_text('InstanceNumber', text).number)
            for name, field in [
                ('EchoNumbers', 'echo_number'),
                ('AcquisitionNumber', 'acquisition'),
            ]:
                header = self.with_text(name, text).common
                self.assertIsNone(getattr(header, field))
        for text in 'abc', '4,7', 'nan', 'inf':
            for name, field in [
                ('EchoTime', 'echo_time'),
                ('TemporalPositionIdentifier', 'temporal_position'),
            ]:
                header = self.with_text(name, text).common
                self.assertIsNone(getattr(header, field))

    def test_readable(self):
        for text in '7.0', '07', '+7 ', '7\\8':
            self.assertEqual(self.with_text('InstanceNumber', text).number, 7)
        header = self.with_text('TemporalPositionIdentifier', '01').common
        self.assertEqual(header.temporal_position, 1)
        self.assertEqual(
            self.with_text('EchoTime', '4.70').common.echo_time, 4.7
        )
        self.assertEqual(
            self.with_text('AcquisitionNumber', '3').common.acquisition, 3
        )

    def test_geometry(self):
        for text in '1\\2', '1\\2\\x', '1\\2\\nan', '1\\2\\1e9', '1,5\\2\\3':
            file = self.with_text('ImagePositionPatient', text)
            self.assertIsNone(file.position)
        for text in '0.5', '0.5\\0', '-1\\-1', '0,5\\0,5', '1\\1e9':
            header = self.with_text('PixelSpacing', text).common
            self.assertIsNone(header.pixel_spacing)
        header = self.with_text('ImageOrientationPatient', '1\\0\\0\\0\\1')
        self.assertIsNone(header.common.orientation)

    def test_frames(self):
        for text, frames in [
            ('2', 2),
            (' ', 1),
            ('9' * 400, None),
            ('0', None),
            ('-1', None),
            ('2000000000', None),
            ('two', None),
        ]:
            header = self.with_text('NumberOfFrames', text).common
            self.assertEqual(header.frames, frames)

    def test_binary_numbers(self):
        header = self.header(Rows=None, PixelRepresentation=None).common
        self.assertEqual((header.rows, header.signed), (0, None))
        header = self.header(PixelRepresentation=1024).common
        self.assertIsNone(header.signed)
        header = self.header(BitsStored=None, HighBit=None).common
        self.assertEqual((header.bits_stored, header.high_bit), (16, 15))

    def test_high_bit(self):
        for stored, high, expected in [
            (12, 11, 11),
            (12, 15, 15),
            (12, 13, 13),
            (12, 5, 11),
            (12, 16, 11),
            (16, 0, 15),
            (12, None, 11),
        ]:
            header = self.header(BitsStored=stored, HighBit=high).common
            self.assertEqual(header.high_bit, expected)

    def test_padding_has_no_more_bits_than_the_pixels(self):
        for value, signed, expected in [
            (0xF830, 0, 0x830),
            (0x0830, 1, -2000),
            (-2000, 1, -2000),
            (63, 1, 63),
        ]:
            header = self.header(
                BitsStored=12,
                HighBit=11,
                PixelRepresentation=signed,
                PixelPaddingValue=value,
            ).common
            self.assertEqual(header.padding, (expected, expected))

    def test_absurd_bits(self):
        for stored in 0, 17, 65535:
            header = self.header(BitsStored=stored, PixelPaddingValue=1).common
            self.assertIsNone(header.padding)


class TextTest(HeaderTest):
    def test_character_sets(self):
        for character_set, text in [
            ('ISO_IR 100', 'Genou équilibré'),
            ('ISO_IR 126', 'Γόνατο'),
            ('ISO_IR 192', '膝'),
            ('GB18030', '膝关节'),
            (['', 'ISO 2022 IR 87'], '膝 矢状断'),
            (['', 'ISO 2022 IR 149'], '무릎'),
            (['', 'ISO 2022 IR 58'], '膝关节'),
        ]:
            header = self.header(
                SpecificCharacterSet=character_set,
                SeriesDescription=text,
                PatientID=text,
                StackID=text,
            ).common
            self.assertEqual(
                (header.description, header.patient, header.stack),
                (text, text, text),
            )

    def test_patient_is_the_same_in_every_character_set(self):
        patients = {
            self.header(
                SpecificCharacterSet=character_set, PatientID='Müller'
            ).common.patient
            for character_set in ('ISO_IR 100', 'ISO_IR 192', 'GB18030')
        }
        self.assertEqual(patients, {'Müller'})

    def test_unknown_character_set(self):
        path = self.slice(
            SpecificCharacterSet='ISO_IR 100', SeriesDescription='é genou'
        )
        damage(path, b'ISO_IR 100', b'KLINGON\x1b[\xff')
        self.assertEqual(read_header(path).common.description, 'é genou')

    def test_unknown_character_set_in_a_deflated_file(self):
        for stored in b'KLINGON\x1b[\xff', b'ISO_IR\x00126', b'ISO_IR 100':
            path = self.slice(
                SpecificCharacterSet='ISO_IR 100', SeriesDescription='é genou'
            )
            damage(path, b'ISO_IR 100', stored)
            expected = read_header(path).common
            deflate(path)
            header = read_header(path).common
            self.assertEqual(header.syntax, DEFLATED)
            self.assertEqual(replace(header, syntax=EXPLICIT), expected)
            # Its pixels can be read, too.
            (frame,) = read_frames(path)
            self.assertIsNone(frame.defect)

    def test_damaged_deflated_file(self):
        path = self.slice(SpecificCharacterSet='ISO_IR 100')
        damage(path, b'ISO_IR 100', b'ISO_IR\x00126')
        deflate(path)
        with open(path, 'rb+') as file:
            file.truncate(os.path.getsize(path) - 20)
        with self.assertRaisesRegex(DefectError, 'UNREADABLE.*damaged'):
            read_header(path)

    def test_character_set_with_padding(self):
        """pydicom raises an error for a NUL within a name."""
        for syntax in (
            ExplicitVRLittleEndian,
            ImplicitVRLittleEndian,
            ExplicitVRBigEndian,
        ):
            for stored in (
                b'ISO_IR 126',
                b'ISO_IR126\0',
                b'ISO_IR\x00126',
                b'\0ISO_IR126',
                b'ISOIR126\0\\',
            ):
                path = self.slice(
                    syntax=syntax,
                    SpecificCharacterSet='ISO_IR 126',
                    SeriesDescription='Γόνατο',
                )
                damage(path, b'ISO_IR 126', stored)
                header = read_header(path).common
                self.assertEqual(header.description, 'Γόνατο', stored)

    def test_image_type(self):
        header = self.header(
            ImageType=['ORIGINAL', 'PRIMARY ', 'M'],
            ComplexImageComponent='MAGNITUDE',
        ).common
        self.assertEqual(header.image_type, r'ORIGINAL\PRIMARY\M\MAGNITUDE')
        self.assertEqual(self.header().common.image_type, '')


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

    def test_intensities_that_are_no_number(self):
        for name in 'RescaleSlope', 'RescaleIntercept':
            for text in 'abc', '1,5', 'nan', 'inf', '1e999', '1\\2':
                path = self.slice(**{name: '77777777'})
                damage(path, b'77777777', text.encode().ljust(8))
                with self.assertRaises(DefectError) as caught:
                    read_header(path)
                self.assertEqual(
                    str(caught.exception),
                    f'UNREADABLE: its {name} is not a number',
                )

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
