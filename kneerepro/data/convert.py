"""Slices to a volume of the dataset (section 2.2).

"[...] resize the images to 64x64x160 pixels [...] Secondly, the intensity
values were normalized to be between 0 and 1."
"""

from collections import namedtuple

import numpy as np

from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.geometry import field
from kneerepro.data.resize import resize

NORMALISATIONS = 'volume', 'slice', 'slice-max', 'dataset'

Options = namedtuple(
    'Options',
    'depth size normalise flip_left',
    defaults=(160, 64, 'volume', False),
)
Options.__doc__ = """How volumes are made.

Attributes
----------
depth : int
    Slices of a volume; those of a series are kept where it has that many, as
    in the thesis, and resampled where not.
size : int
    Rows and columns.
normalise : {'volume', 'slice', 'slice-max', 'dataset'}
    How values are scaled to [0, 1] (E17): from the minimum and maximum of
    each volume, of each slice, or of the whole dataset; 'slice-max' divides
    each slice by its maximum.
flip_left : bool
    Whether left knees are mirrored to look like right ones (E18).
"""


def make_volume(images, count, pixel_spacing, options, flips=(False,) * 3):
    """Resize slices, in the plane and in depth.

    Parameters
    ----------
    images : iterable of (array, float, float)
        Of shape (rows, columns), float32, each with the scale and the offset
        that make its units the modality's; see
        :func:`kneerepro.data.reading.pixels.read_slices`.
    count : int
        Of images.
    pixel_spacing : tuple of 2 floats, or None
    options : Options
    flips : tuple of 3 bools
        Axes of the result to reverse.

    Returns
    -------
    array, shape (depth, size, size), float32
        In the units of the modality. A field that is not square has been
        padded to one, with the least value of the volume.

    Raises
    ------
    DefectError
        NOT_FINITE or CONSTANT_IMAGE.
    """
    volume = None
    for i, (image, scale, offset) in enumerate(images):
        if volume is None:
            rows, columns = field(*image.shape, pixel_spacing, options.size)
            volume = np.empty((count, rows, columns), 'float32')
        volume[i] = resize(resize(image, rows, 0), columns, 1)
        # Resizing takes means, so scaling may follow it, at a 36th the cost.
        volume[i] *= scale
        volume[i] += offset
    empty = np.isnan(volume).all(axis=(1, 2))  # slices of padding alone
    if empty.all() or not np.isfinite(volume[~empty]).all():
        raise DefectError('NOT_FINITE', 'it has values that are not finite')
    volume[empty] = volume[~empty].min()
    volume = resize(volume, options.depth, 0)
    low = volume.min()
    if low == volume.max():
        raise DefectError('CONSTANT_IMAGE', 'all its pixels are equal')
    missing = [options.size - n for n in volume.shape[1:]]
    volume = np.pad(
        volume,
        [(0, 0)] + [(n // 2, n - n // 2) for n in missing],
        constant_values=low,
    )
    axes = [axis for axis, reverse in enumerate(flips) if reverse]
    return np.ascontiguousarray(np.flip(volume, axes))


def normalise(volume, how='volume', limits=None):
    """Scale the values of a volume to [0, 1] (E17).

    Parameters
    ----------
    volume : array, shape (depth, rows, columns), float32
    how : {'volume', 'slice', 'slice-max', 'dataset'}
        'slice-max' divides each slice by its maximum, as the thesis's
        released code does; values below 0, which the thesis's images do not
        have, become 0, and so does a slice without positive values. The
        others subtract the minimum and divide by the range of each volume, of
        each slice (a slice of one value becomes 0) or of the dataset.
    limits : tuple of 2 floats
        Minimum and maximum of the dataset, for 'dataset'.

    Returns
    -------
    array of the same shape, float32
    """
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
        low, high = np.float32(limits[0]), np.float32(limits[1])
    # Rounding can leave the largest a hair above 1.
    return np.minimum((volume - low) / (high - low), 1).astype('float32')
