"""The generator MRG31k3p [1]_ on NumPy arrays.

It combines two recursions of order three, modulo 2**31 - 1 and 2**31 - 21069.
All numbers fit into 32 bits without a sign, so a processor computes eight or
sixteen streams at a time, as it cannot with 64 bits.

References
----------
.. [1] P. L'Ecuyer, R. Touzin (2000): Fast combined multiple recursive
       generators with multipliers of the form a = +-2^q +- 2^r.
"""

from __future__ import annotations

import numpy as np

#: The moduli of the two recursions.
M1 = 2**31 - 1
M2 = 2**31 - 21069

# As many streams are advanced together as fit into a core's cache, with all
# intermediate results.
_BLOCK = 2**14


def _constants(*numbers):
    # Python's integers would make older versions of NumPy look at each value.
    return tuple(map(np.uint32, numbers))


_M1, _M2, _1, _7, _9, _16, _24 = _constants(M1, M2, 1, 7, 9, 16, 24)
_MASK9, _MASK16, _MASK24 = _constants(2**9 - 1, 2**16 - 1, 2**24 - 1)
_SHIFT15, _SHIFT22, _MULTIPLIER = _constants(2**15, 2**22, 21069)


def draw(state: np.ndarray, samples: np.ndarray) -> None:
    """Draw samples from streams in turn.

    Parameters
    ----------
    state : array of int32, shape (streams, 6)
        The last three numbers of each recursion, the newest first. It is
        overwritten by the state afterwards.
    samples : array of int32, shape (n,)
        It is filled with integers from 1 to 2**31 - 1.
    """
    streams, count = len(state), len(samples)
    for first in range(0, min(streams, count), _BLOCK):
        block = state[first : first + _BLOCK]
        columns = list(np.array(block.T, np.uint32, order='C'))
        spare = np.empty((2, len(block)), np.uint32)
        for start in range(first, count, streams):
            end = min(start + len(block), count)
            if end - start < len(block):
                # The last samples come from the first of these streams.
                _store(columns, block)
                columns = [column[: end - start] for column in columns]
            _advance(
                columns,
                samples[start:end].view(np.uint32),
                *spare[:, : end - start],
            )
        _store(columns, block)


def _store(columns, block):
    for i, column in enumerate(columns):
        block[: len(column), i] = column


def _advance(columns, sample, a, b):
    """Compute the next number of each recursion and the sample that combines
    them. The columns are rotated: the newest number takes the place of the
    oldest.

    `a` and `b` are overwritten. All arrays have the same shape.
    """
    x11, x12, x13, x21, x22, x23 = columns
    # (x12 & 511) * 2**22 + (x12 >> 9) + (x13 & (2**24 - 1)) * 2**7
    # + (x13 >> 24) + x13
    np.bitwise_and(x12, _MASK9, a)
    np.multiply(a, _SHIFT22, a)
    np.right_shift(x12, _9, b)
    np.add(a, b, a)
    np.bitwise_and(x13, _MASK24, b)
    np.left_shift(b, _7, b)
    np.add(a, b, a)
    np.right_shift(x13, _24, b)
    np.add(a, b, a)
    _reduce(a, _M1, b)
    new1 = np.add(x13, a, x13)
    _reduce(new1, _M1, b)

    # (x23 & 65535) * 2**15 + 21069 * (x23 >> 16) + x23, and the same of x21
    _multiply(x23, a, b)
    new2 = np.add(x23, a, x23)
    _reduce(new2, _M2, b)
    _multiply(x21, a, b)
    np.add(new2, a, new2)
    _reduce(new2, _M2, b)

    # new1 - new2 if that is positive, else new1 - new2 + M1. Without a sign,
    # and less 1, the smaller of the two is the right one.
    np.subtract(new1, new2, a)
    np.subtract(a, _1, a)
    np.add(a, _M1, b)
    np.minimum(a, b, sample)
    np.add(sample, _1, sample)
    columns[:] = new1, x11, x12, new2, x21, x22


def _multiply(x, result, spare):
    """Multiply by 2**15 modulo 2**31 - 21069, the upper 15 bits apart from the
    lower 16.
    """
    np.bitwise_and(x, _MASK16, result)
    np.multiply(result, _SHIFT15, result)
    np.right_shift(x, _16, spare)
    np.multiply(spare, _MULTIPLIER, spare)
    np.add(result, spare, result)
    _reduce(result, _M2, spare)


def _reduce(x, modulus, spare):
    """Subtract the modulus where x is not less.

    Where it is less, the difference wraps around and is the larger number.
    """
    np.subtract(x, modulus, spare)
    np.minimum(x, spare, x)
