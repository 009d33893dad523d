"""Compare the pixels that are read with those that pydicom decodes."""

import os
import struct

import numpy as np
import pydicom
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from kneerepro.data.reading.pixels import read_slices
from tests.data.series import read_file, write_slice

SYNTAXES = ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian


def check_square(folder, size, syntax, trailing=False):
    """Compare a square image, perhaps with an element of padding behind."""
    pixels = np.arange(size * size).reshape(size, size) % 2**16
    check_pixels(folder, pixels, syntax, _padding_element(syntax, trailing))


def check_pixels(folder, pixels, syntax, behind=b'', **elements):
    """Compare one image."""
    path = os.path.join(folder, 'pixels')
    write_slice(path, pixels, syntax, SeriesInstanceUID='1.2.3', **elements)
    with open(path, 'ab') as file:
        file.write(behind)
    expected = pydicom.dcmread(path).pixel_array
    ((image, scale, offset),) = read_slices(read_file(path))
    assert (scale, offset) == (1, 0)
    np.testing.assert_array_equal(image, expected, f'{syntax} {pixels.shape}')


def _padding_element(syntax, trailing):
    """DataSetTrailingPadding."""
    if not trailing:
        return b''
    if syntax == ImplicitVRLittleEndian:
        return struct.pack('<HHL', 0xFFFC, 0xFFFC, 4) + bytes(4)
    order = '>' if syntax == ExplicitVRBigEndian else '<'
    element = struct.pack(f'{order}HH2sHL', 0xFFFC, 0xFFFC, b'OB', 0, 4)
    return element + bytes(4)
