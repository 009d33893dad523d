"""MATLAB's ``imresize``, with which the thesis resized (section 2.2)."""

import functools

import numpy as np
import scipy.sparse


def resize(array, length, axis):
    """Resize one axis of an array as MATLAB's ``imresize`` does.

    Cubic convolution with a = -0.5, and antialiased when shrinking: the
    kernel is stretched by the factor of the reduction, so that it also
    averages. Borders are reflected. MATLAB resizes rows and columns one after
    the other; call this once for each.

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
    # A new sample comes from few old ones. And unlike a dense product, a
    # sparse one has one order of summation, whatever the number of threads.
    return scipy.sparse.csr_matrix(resize_weights(old, new).astype(dtype))


def resize_weights(old, new):
    """Weights of the old samples in each new one, shape ``(new, old)``."""
    scale = new / old
    stretch = max(1, 1 / scale)
    # Where the centres of the new samples lie among the old, which are at
    # 0, 1, ...
    centres = (np.arange(new) + 0.5) / scale - 0.5
    reach = int(np.ceil(2 * stretch)) + 1
    samples = np.floor(centres)[:, None] + np.arange(-reach, reach + 1)
    weights = cubic((centres[:, None] - samples) / stretch)
    weights /= weights.sum(axis=1, keepdims=True)
    # Reflect at the borders, the border sample twice: ... 1 0 | 0 1 ...
    samples = np.mod(samples.astype(int), 2 * old)
    samples = np.where(samples < old, samples, 2 * old - 1 - samples)
    matrix = np.zeros((new, old))
    np.add.at(matrix, (np.arange(new)[:, None], samples), weights)
    return matrix


def cubic(x):
    """Keys' cubic convolution kernel with a = -0.5."""
    x = np.abs(x)
    return np.where(
        x <= 1,
        1.5 * x**3 - 2.5 * x**2 + 1,
        np.where(x <= 2, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2, 0),
    )
