"""Turn slices into a volume of the dataset (section 2.2).

"[...] resize the images to 64x64x160 pixels [...] Secondly, the intensity
values were normalized to be between 0 and 1."
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.geometry import fit_to_square
from kneerepro.data.resize import resize

NORMALISATIONS = 'volume', 'slice', 'slice-max', 'dataset'


@dataclass(frozen=True)
class Options:
    """How volumes are made.

    Attributes
    ----------
    depth : int
        Slices of a volume. A series with this many keeps its own, as in the
        thesis; another number is resampled.
    size : int
        Rows and columns.
    normalise : {'volume', 'slice', 'slice-max', 'dataset'}
        How values are scaled to [0, 1] (E17): by the minimum and maximum of
        each volume, of each slice or of the whole dataset; 'slice-max'
        divides each slice by its maximum.
    flip_left : bool
        Whether left knees are mirrored to look like right ones (E18).
    """

    depth: int = 160
    size: int = 64
    normalise: str = 'volume'
    flip_left: bool = False


def make_volume(
    images: Iterable[tuple[np.ndarray, float, float]],
    count: int,
    pixel_spacing: tuple[float, float] | None,
    options: Options,
    flips: Sequence[bool] = (False, False, False),
) -> np.ndarray:
    """Resize slices in the plane and in depth.

    Parameters
    ----------
    images : iterable of (array, float, float)
        Arrays of shape (rows, columns), float32, each with its scale and
        offset to the units of the modality, as
        :func:`kneerepro.data.reading.pixels.read_slices` yields them.
    count : int
        Number of images.
    pixel_spacing : tuple of 2 floats, or None
        Between rows and between columns, in mm.
    options : Options
    flips : 3 bools
        Which axes of the result to reverse.

    Returns
    -------
    array, shape (depth, size, size), float32
        In the units of the modality. A field of view that is not square is
        padded to a square with the least value of the volume.

    Raises
    ------
    DefectError
        NOT_FINITE or CONSTANT_IMAGE.
    """
    for i, (image, scale, offset) in enumerate(images):
        if i == 0:
            rows, columns = fit_to_square(
                image.shape[0], image.shape[1], pixel_spacing, options.size
            )
            volume = np.empty((count, rows, columns), 'float32')
        volume[i] = resize(resize(image, rows, 0), columns, 1)
        # Resizing is linear, so scaling may follow it. From 384 x 384 to
        # 64 x 64 it then costs a 36th.
        volume[i] *= scale
        volume[i] += offset
    empty = np.isnan(volume).all(axis=(1, 2))  # slices of padding alone
    if empty.all() or not np.isfinite(volume[~empty]).all():
        raise DefectError('NOT_FINITE', 'it has values that are not finite')
    volume[empty] = volume[~empty].min()
    volume = resize(volume, options.depth, 0)
    if volume.min() == volume.max():
        raise DefectError('CONSTANT_IMAGE', 'all its pixels are equal')
    volume = _pad_to_square(volume, options.size)
    axes = [axis for axis, reverse in enumerate(flips) if reverse]
    return np.ascontiguousarray(np.flip(volume, axes))


def _pad_to_square(volume, size):
    missing = [size - length for length in volume.shape[1:]]
    return np.pad(
        volume,
        [(0, 0)] + [(n // 2, n - n // 2) for n in missing],
        constant_values=volume.min(),
    )


def normalise(
    volume: np.ndarray,
    how: str = 'volume',
    limits: tuple[float, float] | None = None,
) -> np.ndarray:
    """Scale the values of a volume to [0, 1] (E17).

    Parameters
    ----------
    volume : array, shape (depth, rows, columns), float32
    how : {'volume', 'slice', 'slice-max', 'dataset'}
        'slice-max' divides each slice by its maximum, as the thesis's
        released code does. Values below 0, which the thesis's images do not
        have, become 0, and so does a slice without positive values. The
        others compute ``(x - min) / (max - min)`` over each volume, each
        slice (a slice of one value becomes 0) or the dataset.
    limits : tuple of 2 floats
        Minimum and maximum of the dataset, for 'dataset'.

    Returns
    -------
    array of the same shape, float32
    """
    low: Any
    high: Any
    if how == 'slice-max':
        volume = np.maximum(volume, 0)
        low, high = 0, volume.max(axis=(1, 2), keepdims=True)
        high = np.where(high > 0, high, 1)
    elif how == 'slice':
        low = volume.min(axis=(1, 2), keepdims=True)
        high = volume.max(axis=(1, 2), keepdims=True)
        high = np.where(high > low, high, low + 1)
    elif how == 'volume':
        low, high = volume.min(), volume.max()
    else:
        assert limits is not None, 'a dataset has limits'
        low, high = np.float32(limits[0]), np.float32(limits[1])
    # Rounding can leave the largest value slightly above 1.
    return np.minimum((volume - low) / (high - low), 1).astype('float32')
