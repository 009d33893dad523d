"""Convolutions in plain NumPy, written as their definitions."""

import numpy as np


def as_tuple(value, n):
    return tuple(value) if np.ndim(value) else (value,) * n


def pad_of(pad, filter_size, n):
    if pad == 'full':
        return tuple(k - 1 for k in filter_size)
    if pad == 'same':
        return tuple(k // 2 for k in filter_size)
    return as_tuple(0 if pad == 'valid' else pad, n)


def flipped(W):
    return W[(Ellipsis,) + (slice(None, None, -1),) * (W.ndim - 2)]


def convolution(x, W, stride=1, pad=0, flip_filters=True):
    """Compute y[i] = sum over k of x[stride * i + k - pad] W[k]."""
    n = x.ndim - 2
    W = flipped(W) if flip_filters else W
    size, stride = W.shape[2:], as_tuple(stride, n)
    x = np.pad(x, [(0, 0)] * 2 + [(p, p) for p in pad_of(pad, size, n)])
    shape = [
        (length - k) // s + 1
        for length, k, s in zip(x.shape[2:], size, stride)
    ]
    y = np.empty((len(x), len(W)) + tuple(shape))
    for i in np.ndindex(*shape):
        window = tuple(
            slice(j * s, j * s + k) for j, s, k in zip(i, stride, size)
        )
        y[(Ellipsis,) + i] = np.tensordot(
            x[(Ellipsis,) + window], W, (range(1, n + 2), range(1, n + 2))
        )
    return y


def transposed_convolution(
    y, W, stride=1, crop=0, flip_filters=False, output_size=None
):
    """Compute x[stride * i + k - crop] += y[i] W[k] for all i and k.

    Each input value spreads a filter over the output.
    """
    n = y.ndim - 2
    W = W if flip_filters else flipped(W)
    size, stride = W.shape[2:], as_tuple(stride, n)
    crop = pad_of(crop, size, n)
    if output_size is None:
        output_size = [
            (length - 1) * s + k - 2 * c
            for length, s, k, c in zip(y.shape[2:], stride, size, crop)
        ]
    output_size = as_tuple(output_size, n)
    # Large enough for all the spread filters and for the requested part.
    x = np.zeros(
        (len(y), W.shape[1])
        + tuple(
            max((length - 1) * s + k, c + out)
            for length, s, k, c, out in zip(
                y.shape[2:], stride, size, crop, output_size
            )
        )
    )
    for i in np.ndindex(*y.shape[2:]):
        window = tuple(
            slice(j * s, j * s + k) for j, s, k in zip(i, stride, size)
        )
        x[(Ellipsis,) + window] += np.tensordot(y[(Ellipsis,) + i], W, 1)
    return x[
        (Ellipsis,)
        + tuple(slice(c, c + out) for c, out in zip(crop, output_size))
    ]
