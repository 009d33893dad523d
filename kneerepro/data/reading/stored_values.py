"""Find, check and decompress the values of volumes in files.

NumPy and SimpleITK do not notice each truncated or damaged file: SimpleITK
decodes such a MetaImage file to noise without a word.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator

from kneerepro.data.reading.arrays import check_plausible
from kneerepro.data.reading.defects import DefectError

_BLOCK = 2**20


def values_path(path: str, data: str) -> str:
    """The file that holds the values of a volume.

    Parameters
    ----------
    path : str
        The file with the header.
    data : str
        The name of another file in the same folder, or ''.
    """
    return os.path.join(os.path.dirname(path), data) if data else path


def check_length(
    path: str, encoding: str, start: int | None, count: float, size: float
) -> None:
    """Make sure that a file can hold what its header declares.

    Parameters
    ----------
    path : str
        The file that holds the values.
    encoding : {'raw', 'deflate', 'text', 'other'}
    start : int or None
        Byte of the file at which they begin, if it is known.
    count, size : float
        Numbers in the file, and their bytes when decoded.

    Raises
    ------
    DefectError
        TRUNCATED_PIXELS.
    """
    available = os.path.getsize(path)
    needed = {
        'raw': size + (start or 0),
        'text': 2 * count - 1,  # a digit each, and spaces between them
    }.get(encoding, 0)
    if needed > available:
        raise DefectError(
            'TRUNCATED_PIXELS',
            f'it declares {needed:,.0f} bytes, but the file has {available:,}',
        )
    check_plausible(size, available)


def inflate(path: str, start: int, size: int) -> Iterator[bytes]:
    """Decompress a stream in a file, and verify its checksums.

    Parameters
    ----------
    path : str
    start : int
        Byte of the file at which the stream begins: one of zlib, or the
        members of a gzip file.
    size : int
        Bytes that it must have when decompressed. What comes after the member
        that holds the last of them does not matter.

    Yields
    ------
    bytes

    Raises
    ------
    DefectError
        TRUNCATED_PIXELS or UNDECODABLE_PIXELS.
    """
    with open(path, 'rb') as file:
        file.seek(start)
        try:
            yield from _members(file, size)
        except zlib.error:
            raise DefectError(
                'UNDECODABLE_PIXELS', 'its compressed values are damaged'
            ) from None


def _members(file, size):
    """What each member holds; a checksum follows it."""
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
