"""Decode the pixels of slices, in the units of the modality."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pydicom

from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.header import Header
from kneerepro.data.reading.parsing import DEFLATED, NATIVE, read_image
from kneerepro.data.reading.series import Slice
from kneerepro.utils.files import reason

# Transfer syntaxes in which each value is stored as it is, bits that do not
# belong to the image included.
_CELLS = *NATIVE, DEFLATED, '1.2.840.10008.1.2.5'  # the last is RLE
# Those that change values: JPEG, JPEG-LS and JPEG 2000, lossy.
_LOSSY = (
    '1.2.840.10008.1.2.4.50',
    '1.2.840.10008.1.2.4.51',
    '1.2.840.10008.1.2.4.81',
    '1.2.840.10008.1.2.4.91',
    '1.2.840.10008.1.2.4.203',
)


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
            f'{reason(error)}',
        ) from None
    if len(content) < wanted:
        raise DefectError(
            'TRUNCATED_PIXELS',
            'one of its files was cut short after its header was read',
        )
    cells = np.frombuffer(content, dtype).reshape(header.rows, header.columns)
    return _image_bits(cells, header)


def _decode(image):
    """Decode all frames of a file, shape (frames, rows, columns)."""
    header = image.header
    try:
        dataset = read_image(image.path, header.syntax)
        # The file's own may be missing, or no number.
        dataset.NumberOfFrames = header.frames
        if hasattr(dataset, 'pixel_array_options'):  # since pydicom 3
            dataset.pixel_array_options(correct_unused_bits=False)
        pixels = dataset.pixel_array
    except OSError as error:
        raise DefectError(
            'UNREADABLE',
            'one of its files can no longer be read, though its header was: '
            f'{reason(error)}',
        ) from None
    except Exception as error:
        # Decoders raise whatever damaged data provoke.
        missing = _missing_decoder(header.syntax)
        if missing:
            raise DefectError('NO_DECODER', missing) from None
        raise DefectError(
            'UNDECODABLE_PIXELS',
            'the pixels of one of its files cannot be decoded from '
            f'{_name(header.syntax)} ({type(error).__name__})',
        ) from None
    shape = header.frames, header.rows, header.columns
    if pixels.size != math.prod(shape):
        raise DefectError(
            'UNDECODABLE_PIXELS',
            f'one of its files decodes to pixels of shape {pixels.shape}, '
            f'but its header declares {shape}',
        )
    return _image_bits(pixels.reshape(shape), header)


def _image_bits(cells: np.ndarray, header: Header) -> np.ndarray:
    """Stored values without the bits that do not belong to the image.

    These may hold anything, such as overlays (DICOM part 5, 8.1.1).
    """
    if cells.dtype.kind not in 'iu':
        return cells
    bits = 8 * cells.dtype.itemsize
    stored, above = header.bits_stored, bits - 1 - header.high_bit
    if stored >= bits:
        return cells
    if header.syntax in _LOSSY:
        # Other bits do not survive such a compression. What it adds to the
        # brightest values must not turn them dark.
        low = -(2 ** (stored - 1)) if cells.dtype.kind == 'i' else 0
        return np.clip(cells, low, low + 2**stored - 1)
    if header.high_bit != stored - 1 and header.syntax not in _CELLS:
        raise DefectError(
            'UNDECODABLE_PIXELS',
            'the HighBit and BitsStored of compressed pixels contradict each '
            'other',
        )
    # To the left and back again, which also extends the sign.
    return cells << above >> bits - stored


def _name(syntax):
    """The name of a transfer syntax; its UID if the standard has none."""
    known = pydicom.uid.UID(syntax)
    if syntax.replace('.', '').isdigit():
        return known.name
    return 'an unknown transfer syntax'


def _missing_decoder(syntax):
    """What has to be installed to decode a transfer syntax, as a message; ''
    if a decoder is installed.
    """
    try:
        needed = _needed_packages(pydicom.uid.UID(syntax))
    except NotImplementedError:
        return f'there is no decoder for {_name(syntax)}: convert the files'
    if not needed:
        return ''
    return (
        f'no decoder for {_name(syntax)} is installed: '
        f'install {" or ".join(needed)}'
    )


def _needed_packages(syntax):
    """Packages of which one would decode a transfer syntax; none of them if
    a decoder is installed.

    Raises
    ------
    NotImplementedError
        If none could.
    """
    try:
        from pydicom.pixels import get_decoder
    except ImportError:  # before pydicom 3
        handlers = [
            handler
            for handler in pydicom.config.pixel_data_handlers
            if handler.supports_transfer_syntax(syntax)
        ]
        if not handlers:
            raise NotImplementedError from None
        if any(handler.is_available() for handler in handlers):
            return []
        names = [handler.HANDLER_NAME.lower() for handler in handlers]
    else:
        decoder = get_decoder(syntax)
        if decoder.is_available:
            return []
        names = [
            # 'gdcm - requires gdcm>=3.0.10'
            missing.split('requires ')[-1]
            for missing in decoder.missing_dependencies
        ]
    return [
        f'python-{name}' if name.startswith('gdcm') else name for name in names
    ]


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
