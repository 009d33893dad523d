import os
from dataclasses import replace

import numpy as np
import pydicom
import pydicom.data
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.pixels import read_slices
from tests.data.series import QuietTest, change, read_file, write_slice

TEST_FILES = os.path.join(os.path.dirname(pydicom.data.__file__), 'test_files')
PIXELS = np.random.RandomState(1).randint(0, 4000, (3, 4))


def read(path):
    """The images of a file, in the units of the modality."""
    return [
        scale * image + offset
        for image, scale, offset in read_slices(read_file(path))
    ]


class PixelsTest(QuietTest):
    def slice(self, pixels=PIXELS, **elements):
        path = self.path('slice')
        write_slice(path, pixels, SeriesInstanceUID='1.2.3', **elements)
        return path

    def assert_image(self, expected, pixels=PIXELS, **elements):
        (image,) = read(self.slice(pixels, **elements))
        np.testing.assert_array_equal(image, expected)

    def assert_defect(self, code, slices):
        with self.assertRaises(DefectError) as caught:
            list(read_slices(slices))
        self.assertEqual(caught.exception.code, code)


class StoredTest(PixelsTest):
    def test_syntaxes(self):
        for syntax in (
            ImplicitVRLittleEndian,
            ExplicitVRBigEndian,
            DeflatedExplicitVRLittleEndian,
        ):
            self.assert_image(PIXELS, syntax=syntax)

    def test_type(self):
        image, _, _ = next(read_slices(read_file(self.slice())))
        self.assertEqual(image.dtype, 'float32')

    def test_unsigned_and_signed(self):
        self.assert_image(PIXELS * 16, PIXELS * 16)  # to nearly 2**16
        self.assert_image(PIXELS - 2000, PIXELS - 2000)

    def test_eight_bits(self):
        pixels = PIXELS % 256
        self.assert_image(
            pixels,
            BitsAllocated=8,
            BitsStored=8,
            HighBit=7,
            PixelData=pixels.astype('u1').tobytes(),
        )

    def test_unused_bits(self):
        # The image has twelve bits; the four above them hold something else.
        self.assert_image(PIXELS, PIXELS + 0xA000, BitsStored=12, HighBit=11)
        negative = PIXELS - 2000
        self.assert_image(
            negative,
            negative & 0xFFF,
            BitsStored=12,
            HighBit=11,
            PixelRepresentation=1,
        )

    def test_rescale(self):
        self.assert_image(
            PIXELS * 0.5 - 7, RescaleSlope=0.5, RescaleIntercept=-7
        )
        self.assert_image(PIXELS, RescaleSlope='', RescaleIntercept='')

    def test_monochrome1(self):
        self.assert_image(
            3 - 2.0 * PIXELS,
            RescaleSlope=2,
            RescaleIntercept=-3,
            PhotometricInterpretation='MONOCHROME1',
        )

    def test_padding(self):
        padded = PIXELS.copy()
        padded[0, :2] = 63000
        expected = PIXELS.copy()
        expected[0, :2] = np.delete(PIXELS.ravel(), [0, 1]).min()
        self.assert_image(expected, padded, PixelPaddingValue=63000)
        expected[0, :2] = np.delete(PIXELS.ravel(), [0, 1]).max()
        self.assert_image(
            -expected,
            padded,
            PixelPaddingValue=63000,
            PhotometricInterpretation='MONOCHROME1',
        )

    def test_padding_signed_range(self):
        padded = PIXELS.copy()
        padded[2, 1:3] = -2000, -1990
        expected = PIXELS.copy()
        expected[2, 1:3] = np.delete(PIXELS.ravel(), [9, 10]).min()
        self.assert_image(
            expected,
            padded,
            PixelPaddingValue=-2000,
            PixelPaddingRangeLimit=-1980,
        )

    def test_nothing_but_padding(self):
        self.assert_image(
            np.full((3, 4), np.nan), np.full((3, 4), 9), PixelPaddingValue=9
        )

    def test_frames(self):
        path = self.slice(
            NumberOfFrames=2, PixelData=np.arange(24, dtype='<u2').tobytes()
        )
        np.testing.assert_array_equal(
            read(path), np.arange(24).reshape(2, 3, 4)
        )

    def test_as_pydicom(self):
        """Plain pixels, read without pydicom, are what it would return."""
        compared = 0
        for name in os.listdir(TEST_FILES):
            path = os.path.join(TEST_FILES, name)
            try:
                found = read_file(path)
            except (DefectError, IsADirectoryError):
                continue
            if found[0].offset is not None and not found[0].header.padding:
                stored = [image for image, _, _ in read_slices(found)]
                expected = pydicom.dcmread(path).pixel_array
                np.testing.assert_array_equal(
                    stored,
                    expected.reshape((len(found),) + expected.shape[-2:]),
                    name,
                )
                compared += 1
        self.assertGreater(compared, 4)


class CompressedTest(PixelsTest):
    def test_same_image_in_all_syntaxes(self):
        """pydicom's MR_small in each of its transfer syntaxes."""
        expected = pydicom.dcmread(
            os.path.join(TEST_FILES, 'MR_small.dcm')
        ).pixel_array
        for name in (
            'RLE',
            'bigendian',
            'implicit',
            'jp2klossless',
            'jpeg_ls_lossless',
        ):
            path = os.path.join(TEST_FILES, f'MR_small_{name}.dcm')
            if os.path.exists(path):  # it depends on the version of pydicom
                (image,) = read(path)
                np.testing.assert_array_equal(image, expected, name)

    def test_jpeg_lossless(self):
        """The plugin of the codecs extra decodes it."""
        try:
            import gdcm
        except ImportError:
            self.skipTest('without python-gdcm')
        source = os.path.join(TEST_FILES, 'MR_small.dcm')
        (expected,) = read(source)
        reader = gdcm.ImageReader()
        reader.SetFileName(source)
        self.assertTrue(reader.Read())
        for syntax in (
            gdcm.TransferSyntax.JPEGLosslessProcess14,
            gdcm.TransferSyntax.JPEGLosslessProcess14_1,
            gdcm.TransferSyntax.JPEGLSLossless,
            gdcm.TransferSyntax.JPEG2000Lossless,
            gdcm.TransferSyntax.RLELossless,
        ):
            change_syntax = gdcm.ImageChangeTransferSyntax()
            change_syntax.SetTransferSyntax(gdcm.TransferSyntax(syntax))
            change_syntax.SetInput(reader.GetImage())
            self.assertTrue(change_syntax.Change())
            writer = gdcm.ImageWriter()
            writer.SetFile(reader.GetFile())
            writer.SetImage(change_syntax.GetOutput())
            writer.SetFileName(self.path('compressed'))
            self.assertTrue(writer.Write())
            path = self.path('compressed')
            self.assertIsNone(read_file(path)[0].offset)
            (image,) = read(path)
            np.testing.assert_array_equal(image, expected)

    def test_no_decoder(self):
        path = self.slice()
        found = read_file(path)[0]
        header = replace(found.header, syntax='1.2.840.10008.1.2.4.999')
        change(path, PixelData=None)
        self.assert_defect(
            'NO_DECODER', [replace(found, offset=None, header=header)]
        )

    def test_undecodable(self):
        path = self.path('rle')
        image = pydicom.dcmread(os.path.join(TEST_FILES, 'MR_small_RLE.dcm'))
        self.assertEqual(image.file_meta.TransferSyntaxUID, RLELossless)
        found = None
        for cut in 10, 400:
            image = pydicom.dcmread(
                os.path.join(TEST_FILES, 'MR_small_RLE.dcm')
            )
            image.PixelData = image.PixelData[:-cut]
            image.save_as(path)
            try:
                found = read_file(path)
            except DefectError:
                continue
            self.assert_defect('UNDECODABLE_PIXELS', found)
        self.assertIsNotNone(found)


class ChangedTest(PixelsTest):
    """Files that change after their header was read."""

    def test_cut_short(self):
        path = self.slice()
        found = read_file(path)
        with open(path, 'rb+') as file:
            file.truncate(os.path.getsize(path) - 5)
        self.assert_defect('TRUNCATED_PIXELS', found)

    def test_gone(self):
        for syntax in ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian:
            path = self.slice(syntax=syntax)
            found = read_file(path)
            os.remove(path)
            with self.assertRaises(DefectError):
                list(read_slices(found))
