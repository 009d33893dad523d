"""Where the pixel data of a DICOM file begin, and whether they are complete.

Nothing is decoded here: lengths alone tell whether pixels can be there.
"""

from __future__ import annotations

from dataclasses import dataclass

from kneerepro.data.reading.header import MAX_FRAMES, FileHeader
from kneerepro.data.reading.parsing import NATIVE, read_image
from kneerepro.data.reading.plausibility import is_plausible

_PIXEL_GROUP = 0x7FE0
# Float Pixel Data, Double Float Pixel Data, Pixel Data
_PIXEL_ELEMENTS = 0x0008, 0x0009, 0x0010
_PIXEL_DATA = 0x0010

# Types of elements whose length has four bytes, behind two unused ones.
_LONG_TYPES = b'OB', b'OW', b'OF', b'OD', b'OL', b'OV', b'UN'

_UNDEFINED_LENGTH = 0xFFFFFFFF
# Compressed pixels come in items, which begin with the element (FFFE,E000).
_ITEM = b'\xfe\xff\x00\xe0', b'\xff\xfe\xe0\x00'


@dataclass(frozen=True)
class PixelData:
    """Where the pixels of a file are, or why they are of no use.

    Attributes
    ----------
    start : int or None
        The offset of the first pixel in the file if the pixels are stored
        as plain integers of 8 or 16 bits; otherwise they need a decoder.
    defect : str or None
        NO_PIXEL_DATA, SIZE_ABSURD, TRUNCATED_PIXELS or UNDECODABLE_PIXELS.
    frames : int
        As given or, if that is 1 or None, as many as there are pixels for.
    """

    start: int | None
    defect: str | None
    frames: int


@dataclass(frozen=True)
class _Element:
    """The element of the pixels: the end of its tag, its type (where types
    are implicit, that of pixels), its length and where its value begins.
    """

    number: int
    type: bytes
    length: int
    start: int


def locate_pixels(
    path: str, file: FileHeader, frames: int | None
) -> PixelData:
    """Find the pixels of a file.

    Parameters
    ----------
    path : str
    file : FileHeader
        What :func:`kneerepro.data.reading.header.read_header` returns for
        that path.
    frames : int or None
        In the file; None if unknown.

    Returns
    -------
    PixelData
    """
    if file.end is None:
        return PixelData(None, _defect_of_deflated(path, file), frames or 1)
    element = _element_at(file)
    if element is None:
        return PixelData(None, 'NO_PIXEL_DATA', frames or 1)
    header = file.common
    native = header.syntax in NATIVE
    available = file.size - element.start
    if native:
        available = min(element.length, available)
    if native and frames in (None, 1):
        frames = _count_frames(header, available, frames)
    frames = frames or 1
    defect = _defect_of_encoding(file, element) or _defect_of_size(
        header, frames, available, native
    )
    plain = (
        defect is None
        and native
        and element.number == _PIXEL_DATA
        and header.samples == 1
        and header.bits_allocated in (8, 16)
        # In big endian, words of two pixels would have to be swapped.
        and (
            header.little_endian
            or header.bits_allocated == 16
            or element.type != b'OW'
        )
    )
    return PixelData(element.start if plain else None, defect, frames)


def _element_at(file):
    """The element that follows the header, if it is one of pixels."""
    order = 'little' if file.common.little_endian else 'big'

    def integer(part):
        return int.from_bytes(part, order)

    head = file.head[file.end : file.end + 12]
    group, number = integer(head[:2]), integer(head[2:4])
    if group != _PIXEL_GROUP or number not in _PIXEL_ELEMENTS:
        return None
    if file.implicit:
        # Whatever the bytes of the length look like, they are no type.
        return _Element(number, b'OW', integer(head[4:8]), file.end + 8)
    return _Element(number, head[4:6], integer(head[8:]), file.end + 12)


def _defect_of_encoding(file, element):
    """UNDECODABLE_PIXELS if the header contradicts itself or leaves out what
    the values are.
    """
    header = file.common
    place = element.start
    is_compressed = (
        element.length == _UNDEFINED_LENGTH
        and file.head[place : place + 4] in _ITEM
    )
    if (
        element.type not in _LONG_TYPES
        or not 0 < header.bits_stored <= header.bits_allocated
        or header.signed is None
        and element.number == _PIXEL_DATA
        or is_compressed
        and header.syntax in NATIVE
    ):
        return 'UNDECODABLE_PIXELS'
    return None


def _count_frames(header, available, stated):
    """How many frames there are pixels for.

    Several whole frames count even if the header speaks of one or none: to
    use the first alone would leave out the others without a word.
    """
    bits = _bits_of_a_frame(header)
    whole, rest = divmod(8 * available, bits) if bits else (1, 0)
    if rest >= 16:  # more than a byte of padding
        return min(stated or whole + 1, MAX_FRAMES)
    return min(max(1, whole), MAX_FRAMES)


def _bits_of_a_frame(header):
    return (
        header.rows * header.columns * header.samples * header.bits_allocated
    )


def _defect_of_size(header, frames, available, native):
    """Compare the declared size with the bytes that are available."""
    declared = frames * _bits_of_a_frame(header) / 8
    if declared <= 0:
        return 'NO_PIXEL_DATA'
    if not is_plausible(declared, available):
        return 'SIZE_ABSURD'
    if native and declared > available or available < 1:
        return 'TRUNCATED_PIXELS'
    return None


def _defect_of_deflated(path, file):
    """A deflated file has to be read as a whole to find its pixels."""
    try:
        found = 'PixelData' in read_image(path, file.common.syntax)
        return None if found else 'NO_PIXEL_DATA'
    except Exception:
        # pydicom lets through whatever a damaged file provokes.
        return 'UNDECODABLE_PIXELS'
