"""MATLAB's ``imresize``, which the thesis used to resize (section 2.2)."""

from __future__ import annotations

import functools

import numpy as np
import scipy.sparse


def resize(array: np.ndarray, length: int, axis: int) -> np.ndarray:
    """Resize one axis of an array as MATLAB's ``imresize`` does.

    Cubic convolution [1]_ with a = -0.5. When shrinking, the kernel is
    stretched by the factor of the reduction, so that it also averages
    (antialiasing). Borders are reflected. MATLAB resizes rows and columns one
    after the other: call this once for each.

    Parameters
    ----------
    array : array of float
    length : int
        New length of the axis.
    axis : int

    Returns
    -------
    array
        Of the same type as `array`.

    References
    ----------
    .. [1] R. Keys (1981): Cubic convolution interpolation for digital image
           processing. IEEE Transactions on Acoustics, Speech, and Signal
           Processing 29(6).
    """
    if array.shape[axis] == length:
        return array.copy()
    weights = _sparse_weights(array.shape[axis], length, array.dtype.char)
    moved = np.moveaxis(array, axis, 0)
    resized = weights @ np.ascontiguousarray(moved).reshape(len(moved), -1)
    return np.moveaxis(resized.reshape((length,) + moved.shape[1:]), 0, axis)


@functools.lru_cache(maxsize=16)
def _sparse_weights(old, new, dtype):
    # Each new sample depends on few old ones. Besides, a sparse product has
    # one order of summation whatever the number of threads; a dense one has
    # not.
    return scipy.sparse.csr_matrix(_weights(old, new).astype(dtype))


def _weights(old, new):
    """The weight of each old sample in each new one, shape (new, old)."""
    scale = new / old
    stretch = max(1, 1 / scale)
    # The centres of the new samples among the old ones, which are at
    # 0, 1, ...
    centres = (np.arange(new) + 0.5) / scale - 0.5
    reach = int(np.ceil(2 * stretch)) + 1
    samples = np.floor(centres)[:, None] + np.arange(-reach, reach + 1)
    weights = _cubic((centres[:, None] - samples) / stretch)
    weights /= weights.sum(axis=1, keepdims=True)
    # Reflect at the borders, with the border sample twice: ... 1 0 | 0 1 ...
    samples = np.mod(samples.astype(int), 2 * old)
    samples = np.where(samples < old, samples, 2 * old - 1 - samples)
    matrix = np.zeros((new, old))
    np.add.at(matrix, (np.arange(new)[:, None], samples), weights)
    return matrix


def _cubic(x):
    """Keys' cubic convolution kernel with a = -0.5."""
    x = np.abs(x)
    return np.where(
        x <= 1,
        1.5 * x**3 - 2.5 * x**2 + 1,
        np.where(x <= 2, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2, 0),
    )
