"""Check the values of volumes in files before SimpleITK decodes them.

It replaces what a truncated NIfTI file lacks, and what is not finite in one,
by zeros, and decodes a damaged MetaImage file to noise, all without a word.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator

import numpy as np

from kneerepro.data.reading.arrays import check_plausible
from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.image_headers import ImageHeader

_BLOCK = 2**20


def check_length(
    path: str, header: ImageHeader, count: float, size: float
) -> None:
    """Make sure that a file can hold what its header declares.

    Parameters
    ----------
    path : str
        The file that holds the values.
    header : ImageHeader
    count, size : float
        Numbers in the file, and their bytes.

    Raises
    ------
    DefectError
        TRUNCATED_PIXELS.
    """
    available = os.path.getsize(path)
    needed = {
        'raw': size + (header.start or 0),
        'text': 2 * count - 1,  # a digit each, and spaces between them
    }.get(header.encoding, 0)
    if needed > available:
        raise DefectError(
            'TRUNCATED_PIXELS',
            f'it declares {needed:,.0f} bytes, but the file has {available:,}',
        )
    check_plausible(size, available)


def check_values(
    path: str, header: ImageHeader, size: int, part: range
) -> None:
    """Make sure that values are all there, undamaged and finite.

    Parameters
    ----------
    path : str
        The file that holds the values.
    header : ImageHeader
    size : int
        Bytes of all values.
    part : range
        The bytes among them that must be finite.

    Raises
    ------
    DefectError
        TRUNCATED_PIXELS, UNDECODABLE_PIXELS or NOT_FINITE.
    """
    stored = header.stored
    if header.start is None:
        return
    is_float = stored is not None and stored.kind == 'f'
    if header.encoding == 'deflate':
        blocks = _within(_inflated(path, header, size), part)
    elif header.encoding == 'raw' and is_float:
        blocks = _read(path, header.start + part.start, len(part))
    else:
        return
    rest = b''
    for block in blocks:
        if stored is not None and stored.kind == 'f':
            rest += block
            count = len(rest) // stored.itemsize
            if not np.isfinite(np.frombuffer(rest, stored, count)).all():
                raise DefectError(
                    'NOT_FINITE', 'it has values that are not finite'
                )
            rest = rest[count * stored.itemsize :]


def _read(path, start, length):
    with open(path, 'rb') as file:
        file.seek(start)
        for place in range(0, length, _BLOCK):
            yield file.read(min(_BLOCK, length - place))


def _within(blocks, part):
    """Those bytes of blocks that lie in a part of them."""
    place = 0
    for block in blocks:
        yield block[max(part.start - place, 0) : max(part.stop - place, 0)]
        place += len(block)


def _inflated(path: str, header: ImageHeader, size: int) -> Iterator[bytes]:
    """The values, from the first one on, with what may follow them."""
    with open(path, 'rb') as file:
        skip = 0
        if header.reader == 'NiftiImageIO':
            skip = header.start or 0  # the header is compressed as well
        else:
            file.seek(header.start or 0)
        length = -skip
        try:
            for block in _members(file, skip + size):
                yield block[max(-length, 0) :]
                length += len(block)
        except zlib.error:
            raise DefectError(
                'UNDECODABLE_PIXELS', 'its compressed values are damaged'
            ) from None


def _members(file, size):
    """What the members of a gzip file contain, or that of a zlib stream.

    Each ends with a checksum. Once `size` bytes are found, what comes after
    it does not matter.
    """
    decoder, length = zlib.decompressobj(47), 0
    for packed in iter(lambda: file.read(_BLOCK), b''):
        while packed:
            block = decoder.decompress(packed, _BLOCK)
            yield block
            length += len(block)
            packed = decoder.unconsumed_tail
            if decoder.eof:
                if length >= size:
                    return
                packed, decoder = decoder.unused_data, zlib.decompressobj(47)
    raise DefectError(
        'TRUNCATED_PIXELS', 'its compressed values end too early'
    )
