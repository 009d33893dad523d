import os
from dataclasses import replace
from unittest import mock

import numpy as np
import pydicom
import pydicom.data
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from kneerepro.data.reading import pixels as module
from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.pixels import (
    _image_bits,
    _needed_packages,
    read_slices,
)
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

    def test_high_bit(self):
        """Twelve bits to the left of what is no part of the image."""
        self.assert_image(PIXELS, PIXELS * 16 + 5, BitsStored=12, HighBit=15)
        self.assert_image(PIXELS, PIXELS * 4 + 3, BitsStored=12, HighBit=13)
        negative = PIXELS - 2000
        self.assert_image(
            negative,
            (negative & 0xFFF) * 16 + 5,
            BitsStored=12,
            HighBit=15,
            PixelRepresentation=1,
        )

    def test_padding_with_unused_bits(self):
        padded = PIXELS.copy()
        padded[0, :2] = 63
        expected = PIXELS.copy()
        expected[0, :2] = np.delete(PIXELS.ravel(), [0, 1]).min()
        for value in 63, 0xA000 + 63:
            self.assert_image(
                expected,
                padded + 0xA000,
                BitsStored=12,
                HighBit=11,
                PixelPaddingValue=value,
            )

    def test_32_bits(self):
        cells = PIXELS.astype('<u4') + 0xABC00000
        self.assert_image(
            PIXELS,
            BitsAllocated=32,
            BitsStored=20,
            HighBit=19,
            PixelData=cells.tobytes(),
        )

    def test_other_numbers_of_bits(self):
        bits = np.arange(16).reshape(4, 4) % 3 % 2
        self.assert_image(
            bits,
            bits,
            BitsAllocated=1,
            BitsStored=1,
            HighBit=0,
            PixelData=np.packbits(bits.ravel(), bitorder='little').tobytes(),
        )
        path = self.slice(BitsAllocated=12, BitsStored=12, HighBit=11)
        self.assert_defect('UNDECODABLE_PIXELS', read_file(path))

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

    def compressed(self, source):
        """The path of a copy in each of the lossless syntaxes of gdcm, which
        the codecs extra installs.
        """
        try:
            import gdcm
        except ImportError:
            self.skipTest('without python-gdcm')
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
            yield self.path('compressed')

    def test_lossless(self):
        source = os.path.join(TEST_FILES, 'MR_small.dcm')
        (expected,) = read(source)
        for path in self.compressed(source):
            self.assertIsNone(read_file(path)[0].offset)
            (image,) = read(path)
            np.testing.assert_array_equal(image, expected)

    def test_unused_bits(self):
        """Compressed with all their bits, of which twelve are the image's."""
        for signed, pixels in [
            (0, np.arange(1024).reshape(32, 32)),
            (1, np.arange(1024).reshape(32, 32) - 512),
        ]:
            cells = (pixels & 0xFFF) | 0x5000
            source = self.slice(cells, PixelRepresentation=signed)
            for path in self.compressed(source):
                change(path, BitsStored=12, HighBit=11)
                (image,) = read(path)
                np.testing.assert_array_equal(image, pixels)

    def test_unused_bits_of_rle(self):
        pixels = PIXELS - 2000
        path = self.slice((pixels & 0xFFF) | 0x5000, PixelRepresentation=1)
        image = pydicom.dcmread(path)
        image.compress(RLELossless)
        image.BitsStored, image.HighBit = 12, 11
        image.save_as(path)
        np.testing.assert_array_equal(read(path)[0], pixels)

    def test_deflated(self):
        pixels = PIXELS - 2000
        self.assert_image(
            pixels,
            (pixels & 0xFFF) | 0x5000,
            syntax=DeflatedExplicitVRLittleEndian,
            PixelRepresentation=1,
            BitsStored=12,
            HighBit=11,
        )

    def test_high_bit(self):
        """Only where values are stored as they are does it mean anything."""
        self.assert_image(
            PIXELS,
            PIXELS * 16 + 5,
            syntax=DeflatedExplicitVRLittleEndian,
            BitsStored=12,
            HighBit=15,
        )
        (image,) = read_file(os.path.join(TEST_FILES, 'MR_small_RLE.dcm'))
        for syntax in '1.2.840.10008.1.2.4.90', '1.2.840.10008.1.2.4.70':
            header = replace(
                image.header, syntax=syntax, bits_stored=12, high_bit=15
            )
            with self.assertRaises(DefectError) as caught:
                _image_bits(np.zeros((2, 2), 'u2'), header)
            self.assertEqual(caught.exception.code, 'UNDECODABLE_PIXELS')

    def test_lossy(self):
        """Values that compression made too large stay bright."""
        (image,) = read_file(self.slice(BitsStored=12, HighBit=11))
        header = replace(image.header, syntax='1.2.840.10008.1.2.4.91')
        np.testing.assert_array_equal(
            _image_bits(np.array([0, 4095, 4097], 'u2'), header),
            [0, 4095, 4095],
        )
        np.testing.assert_array_equal(
            _image_bits(np.array([-2050, 7, 2049], 'i2'), header),
            [-2048, 7, 2047],
        )

    def test_number_of_frames_that_cannot_be_read(self):
        path = self.slice(
            syntax=DeflatedExplicitVRLittleEndian, NumberOfFrames=-1
        )
        self.assertEqual(read_file(path)[0].header.frames, 1)
        np.testing.assert_array_equal(read(path), [PIXELS])

    def message(self, syntax):
        """What is said of pixels that nobody can decode."""
        path = self.slice()
        (found,) = read_file(path)
        header = replace(found.header, syntax=syntax)
        change(path, PixelData=None)
        with self.assertRaises(DefectError) as caught:
            list(read_slices([replace(found, offset=None, header=header)]))
        return str(caught.exception)

    def test_no_decoder(self):
        self.assertEqual(
            self.message('1.2.840.10008.1.2.4.999'),
            'NO_DECODER: there is no decoder for 1.2.840.10008.1.2.4.999: '
            'convert the files',
        )
        self.assertIn(
            'no decoder for an unknown transfer syntax',
            self.message('somebody'),
        )

    def test_no_decoder_installed(self):
        with mock.patch.object(
            module, '_needed_packages', lambda syntax: ['python-gdcm>=3']
        ):
            self.assertEqual(
                self.message('1.2.840.10008.1.2.4.70'),
                'NO_DECODER: no decoder for JPEG Lossless, '
                'Non-Hierarchical, First-Order Prediction (Process 14 '
                '[Selection Value 1]) is installed: install python-gdcm>=3',
            )

    def test_decoder_that_is_installed(self):
        """Its failure is no reason to install it."""
        self.assertIn(
            'UNDECODABLE_PIXELS: the pixels of one of its files cannot be '
            'decoded from RLE Lossless',
            self.message(RLELossless),
        )
        self.assertEqual(_needed_packages(RLELossless), [])

    def test_needed_packages(self):
        for syntax in '1.2.840.10008.1.2.4.70', '1.2.840.10008.1.2.4.90':
            try:
                import gdcm  # noqa: F401
            except ImportError:
                self.assertIn(
                    'python-gdcm', str(_needed_packages(UID(syntax)))
                )
            else:
                self.assertEqual(_needed_packages(UID(syntax)), [])

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
            self.assert_defect('UNREADABLE', found)
