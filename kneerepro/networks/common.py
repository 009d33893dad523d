"""Functions that the builders of the networks share."""

from __future__ import annotations

import math

import numpy as np
from lasagne.nonlinearities import LeakyRectify

#: "a negative slope of 0.2" (section 2.4.1)
leaky_relu = LeakyRectify(0.2)


def scale_filters(count: int, width: float) -> int:
    """Multiply a filter count by `width`, rounded and at least 1.

    Raises
    ------
    ValueError
        If `width` is not positive and finite.
    """
    if not 0 < width < math.inf:
        raise ValueError(f'width must be positive and finite, not {width}')
    return max(1, int(round(count * width)))


def check_positive_integers(**numbers: int) -> None:
    """Raise ValueError unless each keyword is a positive integer.

    Integers may have any of NumPy's types. Floats are refused, even 2.0.
    """
    for name, number in numbers.items():
        if not isinstance(number, (int, np.integer)) or number < 1:
            raise ValueError(
                f'{name} must be a positive integer, not {number}'
            )


def check_sizes(**sizes: int) -> None:
    """Raise ValueError unless each keyword is a positive multiple of 16."""
    check_positive_integers(**sizes)
    for name, size in sizes.items():
        if size % 16:
            below, above = size // 16 * 16, (size // 16 + 1) * 16
            nearest = f'{below} or {above}' if below else f'{above}'
            raise ValueError(
                f'{name} must be a multiple of 16, not {size}: four '
                'convolutions halve it and four transposed convolutions '
                f'double it again. Nearest that works: {nearest}'
            )
