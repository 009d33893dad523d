"""Read the slices of a series or of a volume, whatever its format."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kneerepro.data.reading import arrays, images, pixels
from kneerepro.data.reading.arrays import ArrayVolume
from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.images import ImageVolume
from kneerepro.data.reading.series import Series
from kneerepro.data.reading.tolerances import MAX_LABELS

# To compare so many tells almost every image of a scanner from a mask.
_FIRST_PIXELS = 1024


def read_slices(
    source: Series | ArrayVolume,
) -> Iterator[tuple[np.ndarray, float, float]]:
    """Read slices one after the other.

    Parameters
    ----------
    source : Series or ArrayVolume
        What :func:`kneerepro.data.reading.records.load_series` returns.

    Yields
    ------
    image : array, shape (rows, columns), float32
    scale, offset : float
        See :func:`kneerepro.data.reading.pixels.read_slices`.

    Raises
    ------
    DefectError
        As the readers of each format; FEW_VALUES after the last slice.
    """
    values = np.empty(0, 'float32')  # distinct ones, until they are enough
    for image, scale, offset in _slices_of(source):
        values = _with_values_of(image, values)
        yield image, scale, offset
    # A single value has a defect of its own.
    if 1 < len(values) <= MAX_LABELS:
        raise DefectError(
            'FEW_VALUES',
            f'it has {len(values)} distinct values, as a segmentation mask; '
            f'an image has more than {MAX_LABELS}',
        )


def _slices_of(source):
    if isinstance(source, Series):
        return pixels.read_slices(source.slices)
    if isinstance(source, ImageVolume):
        return images.read_slices(source)
    return ((image, 1.0, 0.0) for image in arrays.read_volume(source))


def _with_values_of(image, values):
    """These values and those that an image has beside them, until they are
    enough.
    """
    pixels = image.reshape(-1)
    start, size = 0, _FIRST_PIXELS
    while start < len(pixels) and len(values) <= MAX_LABELS:
        block = pixels[start : start + size]
        others = block[~np.isnan(block) & ~np.isin(block, values)]
        values = np.union1d(values, others)
        # Those of a mask are few, however many pixels are compared.
        start, size = start + size, 4 * size
    return values
