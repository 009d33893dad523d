"""Decode the pixels of slices, in the units of the modality."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pydicom

from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.series import Slice


def read_slices(
    slices: list[Slice],
) -> Iterator[tuple[np.ndarray, float, float]]:
    """Decode slices one after the other.

    Parameters
    ----------
    slices : list of kneerepro.data.reading.series.Slice

    Yields
    ------
    image : array, shape (rows, columns), float32
        The stored values, except that padding pixels (PixelPaddingValue)
        have the darkest value of the others, or NaN if there are no others.
    scale, offset : float
        ``scale * image + offset`` is in the units of the modality, brighter
        where there is more signal. The caller applies it, because that is
        cheaper after resizing.

    Raises
    ------
    DefectError
        UNDECODABLE_PIXELS, NO_DECODER, TRUNCATED_PIXELS or UNREADABLE.
    """
    path: str | None = None
    decoded: Any = None  # all frames of that file
    for image in slices:
        if image.offset is not None:
            stored = _read_plain(image)
        else:
            if image.path != path:
                path, decoded = image.path, _decode(image)
            stored = decoded[image.index]
        yield (_without_padding(stored, image.header), *_rescale(image.header))


def _read_plain(image):
    """Read pixels stored as plain integers, without parsing the file again."""
    header = image.header
    dtype = np.dtype(
        f'{"i" if header.signed else "u"}{header.bits_allocated // 8}'
    ).newbyteorder('<' if header.little_endian else '>')
    wanted = header.rows * header.columns * dtype.itemsize
    try:
        with open(image.path, 'rb', buffering=0) as file:
            file.seek(image.offset)
            content = file.read(wanted)
    except OSError as error:
        raise DefectError(
            'UNREADABLE',
            'one of its files can no longer be read, though its header was: '
            f'{error.strerror}',
        ) from None
    if len(content) < wanted:
        raise DefectError(
            'TRUNCATED_PIXELS',
            'one of its files was cut short after its header was read',
        )
    values = np.frombuffer(content, dtype).reshape(header.rows, header.columns)
    unused = header.bits_allocated - header.bits_stored
    if 0 < unused < header.bits_allocated:
        # The unused bits may hold anything (DICOM part 5, 8.1.1).
        values = values << unused >> unused
    return values


def _decode(image):
    """Decode all frames of a file, shape (frames, rows, columns)."""
    header = image.header
    try:
        pixels = pydicom.dcmread(image.path).pixel_array
    except Exception as error:
        # Decoders raise whatever damaged data provoke.
        if _lacks_decoder(header.syntax):
            raise DefectError(
                'NO_DECODER',
                'no decoder for its transfer syntax '
                f'{header.syntax} is installed: install python-gdcm',
            ) from None
        raise DefectError(
            'UNDECODABLE_PIXELS',
            'the pixels of one of its files cannot be decoded '
            f'({type(error).__name__})',
        ) from None
    shape = header.frames, header.rows, header.columns
    if pixels.size != math.prod(shape):
        raise DefectError(
            'UNDECODABLE_PIXELS',
            f'one of its files decodes to pixels of shape {pixels.shape}, '
            f'but its header declares {shape}',
        )
    return pixels.reshape(shape)


def _lacks_decoder(syntax):
    try:
        from pydicom.pixels import get_decoder
    except ImportError:  # before pydicom 3
        handlers = [
            handler
            for handler in pydicom.config.pixel_data_handlers
            if handler.is_available()
        ]
        return not any(
            handler.supports_transfer_syntax(syntax) for handler in handlers
        )
    try:
        return not get_decoder(syntax).is_available
    except NotImplementedError:
        return True


def _without_padding(stored, header):
    """Stored values as float32, with the darkest in place of padding."""
    image = stored.astype('float32')
    if header.padding:
        low, high = header.padding
        missing = (stored >= low) & (stored <= high)
        if missing.any():
            kept = stored[~missing]
            # MONOCHROME1 shows the greatest value darkest.
            darkest = max if header.photometric == 'MONOCHROME1' else min
            image[missing] = (
                darkest(kept.min(), kept.max()) if len(kept) else np.nan
            )
    return image


def _rescale(header):
    sign = -1.0 if header.photometric == 'MONOCHROME1' else 1.0
    return sign * header.slope, sign * header.intercept
