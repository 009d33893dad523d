"""Minimal filtering along one axis.

:mod:`kneerepro.engine.kernels.winograd_plan` describes the algorithm, and
combines the axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Union

Point = Union[int, str]  # a number, or _INFINITY

_INFINITY = 'infinity'

# By the number of filter elements: which elements of the images make the value
# at a point, as pairs of place and sign. The first sign is positive.
_IMAGE_TERMS: dict[int, dict[Point, list[tuple[int, int]]]] = {
    1: {0: [(0, 1)], _INFINITY: [(1, 1)]},
    2: {0: [(0, 1), (1, -1)], 1: [(1, 1)], _INFINITY: [(2, 1), (1, -1)]},
    3: {
        0: [(0, 1), (2, -1)],
        1: [(1, 1), (2, 1)],
        -1: [(2, 1), (1, -1)],
        _INFINITY: [(3, 1), (1, -1)],
    },
}
# The factors of the filter's elements in its value at a point.
_FILTER_FACTORS: dict[int, dict[Point, list[float]]] = {
    1: {0: [1], _INFINITY: [1]},
    2: {0: [1, 0], 1: [1, 1], _INFINITY: [0, 1]},
    3: {
        0: [1, 0, 0],
        1: [0.5, 0.5, 0.5],
        -1: [0.5, -0.5, 0.5],
        _INFINITY: [0, 0, 1],
    },
}
#: The factors of the product at a point in the first and the second output.
OUTPUT_FACTORS: dict[Point, tuple[int, int]] = {
    0: (1, 0),
    1: (1, 1),
    -1: (1, -1),
    _INFINITY: (0, 1),
}


@dataclass(frozen=True)
class Group:
    """Points along an axis, and the phases that are evaluated at them."""

    points: Sequence[Point]
    phases: Sequence[int]


class Axis:
    """The algorithm along one axis.

    Parameters
    ----------
    size : int
        Elements of the filter.
    stride : {1, 2}
    padding : int

    Attributes
    ----------
    taps : list of int
        Elements of the filter in each phase.
    groups : list of Group
        The points that all phases share; then those that only the longer
        phase has, if there are any.
    """

    def __init__(self, size: int, stride: int, padding: int) -> None:
        self.size, self.stride, self.padding = size, stride, padding
        self.taps = [
            len(range(phase, size, stride)) for phase in range(stride)
        ]
        longest = max(self.taps)
        shared = list(_IMAGE_TERMS[min(self.taps)])
        self.groups = [Group(points=shared, phases=range(stride))]
        more = [
            point for point in _IMAGE_TERMS[longest] if point not in shared
        ]
        if more:
            phases = [
                phase
                for phase, taps in enumerate(self.taps)
                if taps == longest
            ]
            self.groups.append(Group(points=more, phases=phases))

    def span(self, tiles: int) -> int:
        """The number of elements that `tiles` pairs of outputs depend on."""
        return max(
            self.stride * (2 * tiles - 2 + taps) + phase + 1
            for phase, taps in enumerate(self.taps)
        )

    def image_terms(self, group: Group) -> list[list[list[tuple[int, int]]]]:
        """For each point and phase, the place and the sign of each element of
        the images whose sum is the value for the first pair of outputs.
        """
        return [
            [
                [
                    (self.stride * place + phase, sign)
                    for place, sign in _IMAGE_TERMS[self.taps[phase]][point]
                ]
                for phase in group.phases
            ]
            for point in group.points
        ]

    def filter_factors(self, point: Point, phase: int) -> list[float]:
        """The factors of all elements of the filter in its value at a point;
        those of the other phase are 0.
        """
        row: list[float] = [0] * self.size
        row[phase :: self.stride] = _FILTER_FACTORS[self.taps[phase]][point]
        return row
