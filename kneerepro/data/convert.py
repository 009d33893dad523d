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
from kneerepro.data.reading.grid import Grid
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
        Which axes to reverse, before anything is padded.

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
    axes = [axis for axis, reverse in enumerate(flips) if reverse]
    return _pad_to_square(np.flip(volume, axes), options.size)


def _pad_to_square(volume, size):
    before, after = _padding(volume.shape[1:], size)
    return np.pad(
        volume,
        [(0, 0), *zip(before, after)],
        constant_values=volume.min(),
    )


def _padding(lengths, size):
    """How much to add before and after rows and columns."""
    before = [(size - length) // 2 for length in lengths]
    return before, [
        size - length - first for length, first in zip(lengths, before)
    ]


def network_grid(original: Grid, options: Options) -> Grid:
    """Where the voxels of a volume lie after :func:`make_volume`.

    Parameters
    ----------
    original : Grid
        Of the volume at its original size, after `flips`.
    options : Options

    Returns
    -------
    Grid
        Of shape (depth, size, size).
    """
    _, rows, columns = original.shape
    fitted = fit_to_square(rows, columns, original.spacing[1:], options.size)
    before, _ = _padding(fitted, options.size)
    return original.resized((options.depth, *fitted)).extended(
        (0, *before), (options.depth, options.size, options.size)
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
