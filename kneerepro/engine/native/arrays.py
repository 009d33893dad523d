"""Arrays in generated code, and loops over their elements.

All shapes and strides are known when the code is written.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..kernels.scalar_code import NotSupportedError
from ..layout import contiguous_strides


@dataclass(frozen=True)
class Array:
    """An array in generated code.

    Attributes
    ----------
    buffer : str
        The name of the memory that it is in.
    offset : str
        An expression for the place of its first element there.
    dtype : str
    shape : tuple of int
    strides : tuple of int
        In elements.
    """

    buffer: str
    offset: str
    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def pointer(self) -> str:
        """An expression for the address of the first element."""
        return f'({self.buffer} + {self.offset})'

    @property
    def is_contiguous(self) -> bool:
        """Whether the elements are one after the other in memory."""
        return self.size <= 1 or all(
            n == 1 or stride == expected
            for n, stride, expected in zip(
                self.shape, self.strides, contiguous_strides(self.shape)
            )
        )

    def at(self, *places: str) -> str:
        """An expression for an element, given one for each of its indices."""
        return f'{self.pointer}[{index_expression(places, self.strides)}]'

    def viewed(
        self,
        shape: Sequence[int],
        strides: Sequence[int],
        offset: str | int = 0,
    ) -> Array:
        """Another array in the same memory; its offset is relative."""
        return replace(
            self,
            shape=tuple(shape),
            strides=tuple(strides),
            offset=f'{self.offset} + {offset}' if offset else self.offset,
        )

    def part(self, place: str) -> Array:
        """The part at an index of the first axis."""
        return self.viewed(
            self.shape[1:], self.strides[1:], f'({place}) * {self.strides[0]}'
        )

    def broadcast(self, shape: Sequence[int]) -> Array:
        """The array broadcast to a shape.

        Raises
        ------
        NotSupportedError
            If it does not fit.
        """
        missing = len(shape) - len(self.shape)
        sizes = (1,) * missing + self.shape
        if missing < 0 or any(
            size not in (1, n) for size, n in zip(sizes, shape)
        ):
            raise NotSupportedError(
                f'broadcasting the shape {self.shape} to {tuple(shape)}'
            )
        strides = (0,) * missing + self.strides
        return self.viewed(
            shape,
            [
                0 if size == 1 else stride
                for size, stride in zip(sizes, strides)
            ],
        )


def index_expression(places: Sequence[str], strides: Sequence[int]) -> str:
    """The place of an element in memory, relative to the first one."""
    terms = [
        place if stride == 1 else f'{place} * {stride}'
        for place, stride in zip(places, strides)
        if stride and place != '0'
    ]
    return ' + '.join(terms) or '0'


def merged_axes(
    shape: Sequence[int], strides: Sequence[Sequence[int]]
) -> tuple[list[int], list[list[int]]]:
    """Axes along which several arrays are walked together, as few as possible.

    Parameters
    ----------
    shape : sequence of int
        The common shape.
    strides : sequence of sequence of int
        The strides of each array.

    Returns
    -------
    sizes : list of int
    strides : list of list of int
        The strides of each array along these axes.
    """
    sizes: list[int] = []
    steps: list[list[int]] = [[] for _ in strides]
    for axis, n in enumerate(shape):
        if n == 1:
            continue
        if sizes and all(
            step[-1] == n * stride[axis]
            for step, stride in zip(steps, strides)
        ):
            sizes[-1] *= n
            for step, stride in zip(steps, strides):
                step[-1] = stride[axis]
        else:
            sizes.append(n)
            for step, stride in zip(steps, strides):
                step.append(stride[axis])
    return sizes, steps
