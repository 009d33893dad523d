"""Where the pixel data of a DICOM file begin, and whether they are complete.

Nothing is decoded here: lengths alone tell whether pixels can be there.
"""

from __future__ import annotations

import pydicom

from kneerepro.data.reading.header import (
    BIG_ENDIAN,
    EXPLICIT,
    IMPLICIT,
    FileHeader,
)

# A file that declares an image larger than this must hold at least a
# thousandth of it, however well it is compressed.
_ALWAYS_PLAUSIBLE = 64 * 2**20  # bytes
_MAX_COMPRESSION = 1000

_PIXEL_GROUP = 0x7FE0
# Float Pixel Data, Double Float Pixel Data, Pixel Data
_PIXEL_ELEMENTS = 0x0008, 0x0009, 0x0010
_PIXEL_DATA = 0x0010


def locate_pixels(
    path: str, file: FileHeader
) -> tuple[int | None, str | None]:
    """Find the pixels of a file.

    Parameters
    ----------
    path : str
    file : FileHeader
        What :func:`kneerepro.data.reading.header.read_header` returns for
        that path.

    Returns
    -------
    start : int or None
        The offset of the first pixel in the file if the pixels are stored
        as plain integers of 8 or 16 bits; otherwise they need a decoder.
    defect : str or None
        NO_PIXEL_DATA, SIZE_ABSURD, TRUNCATED_PIXELS or UNDECODABLE_PIXELS.
    """
    if file.end is None:
        return None, _defect_of_deflated(path)
    header = file.common
    element, length, start = _element_at(file)
    if element is None:
        return None, 'NO_PIXEL_DATA'
    uncompressed = header.syntax in (IMPLICIT, EXPLICIT, BIG_ENDIAN)
    available = file.size - start
    if uncompressed:
        available = min(length, available)
    defect = _defect_of_size(header, available, uncompressed)
    plain = (
        defect is None
        and uncompressed
        and element == _PIXEL_DATA
        and header.samples == 1
        and header.bits_allocated in (8, 16)
    )
    return (start if plain else None), defect


def _element_at(file):
    """The number of the pixels' element (None if the header is followed by
    anything else), its length and where its value begins.
    """
    order = 'little' if file.common.little_endian else 'big'

    def integer(part):
        return int.from_bytes(part, order)

    element = file.head[file.end : file.end + 12]
    group, number = integer(element[:2]), integer(element[2:4])
    if group != _PIXEL_GROUP or number not in _PIXEL_ELEMENTS:
        return None, 0, file.end
    # With an explicit VR, its two letters and two unused bytes come before
    # the length.
    if element[4:6].isalpha():
        return number, integer(element[8:12]), file.end + 12
    return number, integer(element[4:8]), file.end + 8


def _defect_of_size(header, available, uncompressed):
    """Compare the declared size with the bytes that are available."""
    declared = (
        header.rows
        * header.columns
        * header.samples
        * header.frames
        * header.bits_allocated
        / 8
    )
    if declared <= 0:
        return 'NO_PIXEL_DATA'
    if (
        declared > _ALWAYS_PLAUSIBLE
        and declared > _MAX_COMPRESSION * available
    ):
        return 'SIZE_ABSURD'
    if uncompressed and declared > available or available < 1:
        return 'TRUNCATED_PIXELS'
    return None


def _defect_of_deflated(path):
    """A deflated file has to be read as a whole to find its pixels."""
    try:
        found = 'PixelData' in pydicom.dcmread(path)
        return None if found else 'NO_PIXEL_DATA'
    except Exception:
        # pydicom lets through whatever a damaged file provokes.
        return 'UNDECODABLE_PIXELS'
