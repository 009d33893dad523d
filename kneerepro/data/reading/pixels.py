"""The pixels of slices, in the units of the modality."""

import numpy as np
import pydicom

from kneerepro.data.reading.defects import DefectError


def read_slices(slices):
    """Decode slices one after the other.

    Parameters
    ----------
    slices : list of kneerepro.data.reading.series.Slice

    Yields
    ------
    image : array, shape (rows, columns), float32
        As stored, but for pixels that stand for none (PixelPaddingValue):
        they hold the least value of the others, or NaN where there are none.
    scale, offset : float
        ``scale * image + offset`` is in the units of the modality, brighter
        where there is more signal. It is left to the caller, since resizing
        may come first, and is then cheaper.

    Raises
    ------
    DefectError
        UNDECODABLE_PIXELS, NO_DECODER, TRUNCATED_PIXELS or UNREADABLE.
    """
    path, decoded = None, None
    for one in slices:
        if one.offset is not None:
            stored = _plain(one)
        else:
            if one.path != path:
                path, decoded = one.path, _decode(one)
            stored = decoded[one.frame]
        yield (_prepared(stored, one.header),) + _transformation(one.header)


def _plain(one):
    """Pixels that are stored as they are: no need to parse the file again."""
    header = one.header
    dtype = np.dtype(
        f'{"i" if header.signed else "u"}{header.bits_allocated // 8}'
    ).newbyteorder('<' if header.little_endian else '>')
    wanted = header.rows * header.columns * dtype.itemsize
    try:
        with open(one.path, 'rb', buffering=0) as file:
            file.seek(one.offset)
            content = file.read(wanted)
    except OSError as error:
        raise DefectError(
            'UNREADABLE',
            'a file of it could be read before, '
            f'but no longer: {error.strerror}',
        ) from None
    if len(content) < wanted:
        raise DefectError(
            'TRUNCATED_PIXELS',
            'a file of it was cut short since its header was read',
        )
    image = np.frombuffer(content, dtype).reshape(header.rows, header.columns)
    unused = header.bits_allocated - header.bits_stored
    if 0 < unused < header.bits_allocated:
        # What the unused bits hold is not said (DICOM part 5, 8.1.1).
        image = image << unused >> unused
    return image


def _decode(one):
    """All frames of a file, shape (frames, rows, columns)."""
    header = one.header
    try:
        image = pydicom.dcmread(one.path)
        pixels = image.pixel_array
    except Exception as error:
        # Decoders raise whatever damaged data provoke.
        if _lacks_decoder(header.syntax):
            raise DefectError(
                'NO_DECODER',
                'no decoder for its transfer syntax '
                f'{header.syntax}: install python-gdcm',
            ) from None
        raise DefectError(
            'UNDECODABLE_PIXELS',
            'the pixels of a file of it '
            'cannot be decoded '
            f'({type(error).__name__})',
        ) from None
    shape = header.rows, header.columns
    if pixels.size != header.frames * shape[0] * shape[1]:
        raise DefectError(
            'UNDECODABLE_PIXELS',
            f'a file of it decodes to pixels of shape {pixels.shape}',
        )
    return pixels.reshape((header.frames,) + shape)


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


def _prepared(stored, header):
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


def _transformation(header):
    sign = -1.0 if header.photometric == 'MONOCHROME1' else 1.0
    return sign * header.slope, sign * header.intercept
