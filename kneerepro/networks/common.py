"""Functions that the builders of the networks share."""

from __future__ import annotations

from lasagne.nonlinearities import LeakyRectify

#: "a negative slope of 0.2" (section 2.4.1)
leaky_relu = LeakyRectify(0.2)


def scale_filters(count: int, width: float) -> int:
    """Multiply a filter count by `width`, rounded and at least 1.

    Raises
    ------
    ValueError
        If `width` is not positive.
    """
    if not width > 0:
        raise ValueError(f'width must be positive, not {width}')
    return max(1, int(round(count * width)))


def check_positive_integers(**numbers: float) -> None:
    """Raise ValueError unless each keyword is a positive integer."""
    for name, number in numbers.items():
        if number != int(number) or number < 1:
            raise ValueError(
                f'{name} must be a positive integer, not {number}'
            )
