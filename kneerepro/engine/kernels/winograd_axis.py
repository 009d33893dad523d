"""Minimal filtering along one axis.

Two neighbouring outputs of a filter with r elements take r + 1 products
instead of 2 r [1]_. The image and the filter are evaluated at r + 1 points,
their values are multiplied there, and the outputs are sums of these products.
In several dimensions the savings multiply [2]_.

A filter with a stride of 2 is treated as two filters of half its size, one for
the even elements of the images and one for the odd ones; they are called
phases here. At the points that both phases have, the products of both are
added before anything else is done with them. A filter of 5 elements with
stride 2, for example, has phases of 3 and 2 elements, which take 4 + 3
products for two outputs. So a filter of 5 x 5 takes ``3.5**2 = 12.25``
products per output instead of 25, and one of 5 x 5 x 5 takes ``3.5**3``, about
43, instead of 125.

In a transposed convolution, the phases belong to the outputs: those at even
places depend on one phase of the filter, and those at odd places on the other.

References
----------
.. [1] S. Winograd (1980): Arithmetic complexity of computations. SIAM.
.. [2] A. Lavin, S. Gray (2015): Fast algorithms for convolutional neural
       networks. arXiv:1509.09308.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Union

#: A sum of elements: the factor of each, by its place.
Form = dict[int, float]
Point = Union[int, str]  # a number, or _INFINITY

_INFINITY = 'infinity'

# By the number of filter elements: the elements of the images, and those of
# the filter, whose sum is the value at a point.
_IMAGES: dict[int, dict[Point, Form]] = {
    1: {0: {0: 1}, _INFINITY: {1: 1}},
    2: {0: {0: 1, 1: -1}, 1: {1: 1}, _INFINITY: {2: 1, 1: -1}},
    3: {
        0: {0: 1, 2: -1},
        1: {1: 1, 2: 1},
        _INFINITY: {3: 1, 1: -1},
        -1: {2: 1, 1: -1},
    },
}
_FILTERS: dict[int, dict[Point, Form]] = {
    1: {0: {0: 1}, _INFINITY: {0: 1}},
    2: {0: {0: 1}, 1: {0: 1, 1: 1}, _INFINITY: {1: 1}},
    3: {
        0: {0: 1},
        1: {0: 0.5, 1: 0.5, 2: 0.5},
        _INFINITY: {2: 1},
        -1: {0: 0.5, 1: -0.5, 2: 0.5},
    },
}
# The factors of the product at a point in the first and the second output.
_OUTPUTS: dict[Point, tuple[int, int]] = {
    0: (1, 0),
    1: (1, 1),
    _INFINITY: (0, 1),
    -1: (1, -1),
}


@dataclass(frozen=True)
class Axis:
    """The algorithm along one axis, for a tile: two neighbouring outputs, or
    two of each phase in a transposed convolution.

    Attributes
    ----------
    size : int
        Elements of the filter.
    span, step : int
        The elements of the images that a tile depends on, and how far they are
        from those of the next tile.
    images, filters : sequence of dict
        The values to be multiplied, of which the images and the filter have
        the same number: sums of a tile's elements and of the filter's.
    points : sequence of int
        For each value, the point that it belongs to. The products at a point
        are added.
    outputs : sequence of dict
        The outputs of a tile: sums of what is at the points.
    """

    size: int
    span: int
    step: int
    images: Sequence[Form]
    filters: Sequence[Form]
    points: Sequence[int]
    outputs: Sequence[Form]


#: An axis that there is not: images and filters have one element along it.
NO_AXIS = Axis(1, 1, 1, [{0: 1}], [{0: 1}], [0], [{0: 1}])


@functools.cache
def convolution(size: int, stride: int) -> Axis:
    """The algorithm for a filter's elements and a stride of 1 or 2."""
    taps = _taps(size, stride)
    points = list(_IMAGES[max(taps)])
    values = [
        (point, phase)
        for point in points
        for phase in range(stride)
        if point in _IMAGES[taps[phase]]
    ]
    return Axis(
        size=size,
        span=max(
            stride * count + phase + 1 for phase, count in enumerate(taps)
        ),
        step=2 * stride,
        images=[
            {
                stride * place + phase: sign
                for place, sign in _IMAGES[taps[phase]][point].items()
            }
            for point, phase in values
        ],
        filters=[
            {
                stride * place + phase: factor
                for place, factor in _FILTERS[taps[phase]][point].items()
            }
            for point, phase in values
        ],
        points=[points.index(point) for point, _ in values],
        outputs=_outputs(points, 0),
    )


@functools.cache
def transposed(size: int, stride: int, padding: int) -> tuple[Axis, int]:
    """The algorithm for the convolution's gradient with respect to images.

    It takes the filter flipped, with its last element first. For a stride of 1
    it is then that of a convolution.

    Parameters
    ----------
    size, stride : int
        As for :func:`convolution`.
    padding : int

    Returns
    -------
    axis : Axis
    start : int
        The first of the convolution's outputs, of which the gradient is known,
        that the first tile depends on; it may be less than 0.
    """
    taps = _taps(size, stride)
    images: list[Form] = []
    filters: list[Form] = []
    by_phase = []
    # Element i of the images is at the place i + padding, on which the outputs
    # from (i + padding) // stride on backwards depend.
    phases = [
        ((i + padding) % stride, (i + padding) // stride)
        for i in range(stride)
    ]
    starts = [last - taps[phase] + 1 for phase, last in phases]
    for (phase, _), start in zip(phases, starts):
        count = taps[phase]
        points = list(_IMAGES[count])
        by_phase.append(_outputs(points, len(images)))
        images += [
            {start - min(starts) + place: sign for place, sign in form.items()}
            for form in _IMAGES[count].values()
        ]
        # The first element of the flipped filter that is of this phase.
        first = (size - 1 - phase) % stride
        filters += [
            {stride * place + first: factor for place, factor in form.items()}
            for form in _FILTERS[count].values()
        ]
    axis = Axis(
        size=size,
        span=1 + max(max(form) for form in images),
        step=2,
        images=images,
        filters=filters,
        points=list(range(len(images))),
        outputs=[outputs[i] for i in range(2) for outputs in by_phase],
    )
    return axis, min(starts)


def _taps(size, stride):
    """The number of the filter's elements in each phase."""
    return [len(range(phase, size, stride)) for phase in range(stride)]


def _outputs(points, first):
    """Two outputs, from the products at points that are numbered from `first`
    on.
    """
    return [
        {
            first + i: _OUTPUTS[point][place]
            for i, point in enumerate(points)
            if _OUTPUTS[point][place]
        }
        for place in range(2)
    ]
