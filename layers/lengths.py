"""Lengths of an axis before and after a convolution."""

from __future__ import annotations

import numpy as np


def conv_output_length(input_length, filter_size, stride, pad=0):
    """Compute the length of a convolution's output along one axis.

    Parameters
    ----------
    input_length : int, symbolic scalar or None
        Length of the input along this axis.
    filter_size : int
        Length of the filter along this axis.
    stride : int
        Step between filter positions along this axis.
    pad : int, 'valid', 'full' or 'same'
        Zeros added at each end of the axis: the given number, 0,
        ``filter_size - 1``, or ``filter_size // 2``.

    Returns
    -------
    int, symbolic scalar or None
        ``(input_length + 2 * pad - filter_size) // stride + 1``, or None if
        `input_length` is None.

    Raises
    ------
    ValueError
        If `pad` is none of the above.

    Examples
    --------
    >>> conv_output_length(64, 5, 2, pad=2)
    32
    """
    if input_length is None:
        return None
    pad = pad_length(pad, filter_size)
    return (input_length + 2 * pad - filter_size) // stride + 1


def conv_input_length(output_length, filter_size, stride, pad=0):
    """Compute the length of a convolution's input along one axis.

    This is also the length of the output of the transposed convolution.

    Parameters
    ----------
    output_length : int, symbolic scalar or None
        Length of the convolution's output along this axis.
    filter_size, stride, pad
        As in :func:`conv_output_length`.

    Returns
    -------
    int, symbolic scalar or None
        ``(output_length - 1) * stride - 2 * pad + filter_size``, or None if
        `output_length` is None. This is the shortest input that gives
        `output_length`; inputs up to ``stride - 1`` longer give the same.

    Raises
    ------
    ValueError
        If `pad` is none of those that :func:`conv_output_length` takes.

    Examples
    --------
    >>> conv_input_length(32, 4, 2, pad=1)
    64
    >>> conv_input_length(32, 5, 2, pad=2)    # 64 would give 32 as well
    63
    """
    if output_length is None:
        return None
    pad = pad_length(pad, filter_size)
    return (output_length - 1) * stride - 2 * pad + filter_size


def pad_length(pad: int | str, filter_size: int) -> int:
    """Return the number of zeros that `pad` adds at each end of an axis."""
    if isinstance(pad, (int, np.integer)):
        return pad
    if pad == 'valid':
        return 0
    if pad == 'full':
        return filter_size - 1
    if pad == 'same':
        return filter_size // 2
    raise ValueError(f'Invalid pad: {pad}')


def integer(value, name: str) -> int:
    """Return an integer of any of NumPy's types as a Python int.

    Raises
    ------
    TypeError
        If `value` is anything else. The message calls it `name`.
    """
    if not isinstance(value, (int, np.integer)):
        raise TypeError(f'{name} must be an integer, got {value!r}')
    return int(value)


def integer_shape(shape) -> tuple[int | None, ...]:
    """Return the shape of a layer's input with its sizes as Python ints.

    Raises
    ------
    TypeError
        If a size is neither an integer nor None.
    """
    return tuple(
        None if size is None else integer(size, f'each size of {shape}')
        for size in shape
    )


def int_tuple(value, n: int | None = None) -> tuple[int, ...]:
    """Return `value`, an int or an iterable of n ints, as n Python ints.

    If `n` is None, any number of ints will do.

    Raises
    ------
    TypeError
        If `value` holds anything but integers.
    ValueError
        If `value` is an iterable of another length.

    Notes
    -----
    The messages are those of Lasagne's ``as_tuple``.
    """
    try:
        values = tuple(value)
    except TypeError:
        values = (value,) * (1 if n is None else n)
    if not all(isinstance(v, (int, np.integer)) for v in values):
        raise TypeError(
            'expected a single value or an iterable of int, '
            f'got {value} instead'
        )
    if n is not None and len(values) != n:
        raise ValueError(
            'expected a single value or an iterable with length '
            f'{n}, got {value} instead'
        )
    return tuple(int(v) for v in values)
