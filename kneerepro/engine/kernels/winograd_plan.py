"""Minimal filtering: convolutions with fewer products.

Along an axis, two neighbouring outputs of a filter with r elements take
r + 1 products instead of 2 r [1]_. The image and the filter are evaluated at
r + 1 points, their values are multiplied there, and the outputs are sums of
these products. In several dimensions the savings multiply [2]_. The products
at one point for all channels, filters and tiles (pairs of outputs along each
axis) form one matrix product.

A filter with a stride of 2 is treated as two filters of half its size, one for
the even elements of the images and one for the odd ones; they are called
phases here. At the points that both phases have, one matrix product also sums
over the phases. A filter of 5 elements with stride 2, for example, has phases
of 3 and 2 elements, which take 4 + 3 products for two outputs. So a filter of
5 x 5 takes ``3.5**2 = 12.25`` products per output instead of 25, and one of
5 x 5 x 5 takes ``3.5**3``, about 43, instead of 125.

References
----------
.. [1] S. Winograd (1980): Arithmetic complexity of computations. SIAM.
.. [2] A. Lavin, S. Gray (2015): Fast algorithms for convolutional neural
       networks. arXiv:1509.09308.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from .signed_sums import add_sum, every, neighbour_sums, write_sum
from .winograd_axis import OUTPUT_FACTORS, Axis, Group

_PART = 2**23  # elements of the transformed images at a time


@functools.cache
def plan_for(
    kernel: tuple[int, ...], stride: tuple[int, ...], padding: tuple[int, ...]
) -> Plan:
    """The :class:`Plan` for filters of a size, with one number per axis."""
    return Plan(
        [Axis(size, s, pad) for size, s, pad in zip(kernel, stride, padding)]
    )


@dataclass(frozen=True)
class Part:
    """Some images, some of their outputs, and the elements of the images that
    those outputs depend on.

    Attributes
    ----------
    batch, rows : slice
        Images, and outputs along the first axis.
    tiles : list of int
        The number of pairs of outputs along each axis.
    spans : list of (int, int)
        First and last element along each axis, the last one excluded.
    """

    batch: slice
    rows: slice
    tiles: list[int]
    spans: list[tuple[int, int]]

    def cut_out(self, images: torch.Tensor) -> torch.Tensor:
        """The part's elements, with the channels as the last axis and zeros
        beyond the images.
        """
        places, within = self.places(images.shape[2:])
        # torch.nn.functional.pad takes the last axis, the channels, first.
        pads = [0, 0]
        for place, (start, stop) in zip(
            reversed(within), reversed(self.spans)
        ):
            pads += [place.start, stop - start - place.stop]
        return torch.nn.functional.pad(
            images.movedim(1, -1)[(self.batch, *places)], pads
        ).contiguous()

    def places(self, sizes: Sequence[int]) -> tuple[list[slice], list[slice]]:
        """Which elements of images of a size belong to the part, and where
        they lie within the part: a slice for each axis.
        """
        places, within = [], []
        for (start, stop), size in zip(self.spans, sizes):
            first, last = max(start, 0), min(stop, size)
            if first >= last:  # nothing but padding
                first = last = start = 0
            places.append(slice(first, last))
            within.append(slice(first - start, last - start))
        return places, within


class Plan:
    """The algorithm for filters of a size.

    The points and phases of all axes combine: there is one combined group for
    each choice of a group on every axis. Lists of tensors have one tensor for
    each combined group.

    Attributes
    ----------
    axes : list of Axis
    group_sizes : list of (int, int)
        The numbers of points and of phases in each combined group.
    products : int
        The number of values that a filter is transformed to, for each channel.
    """

    def __init__(self, axes: list[Axis]) -> None:
        self.axes = axes
        self._groups = list(itertools.product(*(axis.groups for axis in axes)))
        self.group_sizes = [
            (
                math.prod(len(group.points) for group in groups),
                math.prod(len(group.phases) for group in groups),
            )
            for groups in self._groups
        ]
        self.products = sum(map(math.prod, self.group_sizes))
        self._filter_matrix = self._make_filter_matrix()

    def _make_filter_matrix(self):
        """The matrix that transforms filters: a row for each point and phase,
        a column for each element of the filter.
        """
        rows = []
        for groups in self._groups:
            for points in itertools.product(*(g.points for g in groups)):
                for phases in itertools.product(*(g.phases for g in groups)):
                    factors = [
                        axis.filter_factors(point, phase)
                        for axis, point, phase in zip(
                            self.axes, points, phases
                        )
                    ]
                    rows.append(
                        list(map(math.prod, itertools.product(*factors)))
                    )
        return torch.tensor(rows, dtype=torch.float64)

    def parts(
        self, shape: Sequence[int], outputs: Sequence[int]
    ) -> Iterator[Part]:
        """The parts in which to compute, for images of a shape and outputs of
        a spatial size.
        """
        tiles = [-(-n // 2) for n in outputs]
        row_size = math.prod(tiles[1:]) * shape[1] * self.products
        images = max(1, _PART // (row_size * tiles[0]))
        rows = max(1, min(tiles[0], _PART // row_size))
        for first in range(0, shape[0], images):
            for row in range(0, tiles[0], rows):
                taken = [min(rows, tiles[0] - row), *tiles[1:]]
                starts = [2 * row * self.axes[0].stride] + [0] * len(tiles[1:])
                yield Part(
                    batch=slice(first, min(first + images, shape[0])),
                    rows=slice(2 * row, min(2 * (row + rows), outputs[0])),
                    tiles=taken,
                    spans=[
                        (
                            start - axis.padding,
                            start - axis.padding + axis.span(count),
                        )
                        for axis, start, count in zip(self.axes, starts, taken)
                    ],
                )

    def transform_filters(self, filters: torch.Tensor) -> list[torch.Tensor]:
        """The values of filters at the points, as tensors of shape (points,
        phases * channels, filters).
        """
        columns = (
            filters.movedim(0, -1)
            .movedim(0, -2)
            .reshape(-1, filters.shape[0] * filters.shape[1])
        )
        return self.split_by_group(
            self._matrix_like(filters) @ columns, filters.shape
        )

    def split_by_group(
        self, values: torch.Tensor, shape: Sequence[int]
    ) -> list[torch.Tensor]:
        """Views of the rows for each combined group.

        Parameters
        ----------
        values : tensor, shape (products, filters * channels)
            A row for each point and phase.
        shape : sequence of int
            Of the filters.
        """
        counts = [math.prod(size) for size in self.group_sizes]
        return [
            rows.view(points, phases * shape[1], shape[0])
            for rows, (points, phases) in zip(
                values.split(counts), self.group_sizes
            )
        ]

    def to_filters(
        self, sums: torch.Tensor, shape: Sequence[int]
    ) -> torch.Tensor:
        """The gradient with respect to filters of a shape, from the gradient
        with respect to their values, which has a row for each point and phase.
        """
        return (
            (self._matrix_like(sums).t() @ sums)
            .view(*shape[2:], shape[1], shape[0])
            .movedim(-1, 0)
            .movedim(-1, 1)
        )

    def _matrix_like(self, x):
        return self._filter_matrix.to(x.dtype)

    def transform_images(
        self, images: torch.Tensor, part: Part
    ) -> list[torch.Tensor]:
        """The values of a part of the images at the points, as tensors of
        shape (points, tiles, phases * channels).
        """
        stacks = [part.cut_out(images)[None, ..., None, :]]
        for i, axis in enumerate(self.axes):
            stacks = [
                neighbour_sums(
                    stack,
                    dim=2 + i,
                    step=2 * axis.stride,
                    count=part.tiles[i],
                    terms=axis.image_terms(group),
                )
                for stack in stacks
                for group in axis.groups
            ]
        return [
            stack.view(len(stack), -1, stack.shape[-2] * stack.shape[-1])
            for stack in stacks
        ]

    def transform_outputs(
        self, grad_output: torch.Tensor, part: Part
    ) -> list[torch.Tensor]:
        """The values of the outputs' gradient at the points, as tensors of
        shape (points, tiles, filters).

        Parameters
        ----------
        grad_output : tensor, shape (batch, ..., filters)
            What belongs to the part.
        part : Part
        """
        sizes = grad_output.shape[1:-1]
        pads = [0, 0]
        for size, count in zip(reversed(sizes), reversed(part.tiles)):
            pads += [0, 2 * count - size]
        if any(pads):
            grad_output = torch.nn.functional.pad(grad_output, pads)
        stacks = [grad_output[None, ..., None, :]]
        for i, axis in enumerate(self.axes):
            stacks = [
                neighbour_sums(
                    stack,
                    dim=2 + i,
                    step=2,
                    count=part.tiles[i],
                    terms=[[_output_terms(point)] for point in group.points],
                )
                for stack in stacks
                for group in axis.groups
            ]
        return [
            stack.view(len(stack), -1, stack.shape[-1]) for stack in stacks
        ]

    def to_outputs(
        self, products: list[torch.Tensor], part: Part
    ) -> torch.Tensor:
        """The outputs, from the products at the points."""
        stacks = self._unfolded(products, part, lambda groups: [])
        for i in reversed(range(len(self.axes))):
            stacks = [
                self._to_outputs_along(i, piece)
                for piece in self._pieces(stacks, i)
            ]
        return stacks[0]

    def _to_outputs_along(self, i, stacks):
        """The outputs along one axis, whose points are dimension `i`."""
        terms = [[], []]
        for group, stack in zip(self.axes[i].groups, stacks):
            for point, values in zip(group.points, stack.unbind(i)):
                for output_terms, sign in zip(terms, OUTPUT_FACTORS[point]):
                    if sign:
                        output_terms.append((sign, values))
        like = terms[0][0][1]
        # The tiles come after i dimensions of points, the images, and i
        # dimensions of tiles.
        dim = 2 * i + 1
        result = like.new_empty(
            (*like.shape[: dim + 1], 2, *like.shape[dim + 1 :])
        )
        for output_terms, target in zip(terms, result.unbind(dim + 1)):
            write_sum(output_terms, target)
        return result.flatten(dim, dim + 1)

    def to_images(
        self, products: list[torch.Tensor], part: Part
    ) -> torch.Tensor:
        """The gradient with respect to a part's elements of the images, from
        the gradient with respect to their values at the points.
        """
        stacks = self._unfolded(
            products,
            part,
            lambda groups: [len(group.phases) for group in groups],
        )
        for i in reversed(range(len(self.axes))):
            stacks = [
                self._to_images_along(i, piece, part.tiles[i])
                for piece in self._pieces(stacks, i)
            ]
        return stacks[0]

    def _to_images_along(self, i, stacks, count):
        """The gradient along one axis, whose points are dimension `i`, for so
        many tiles.
        """
        axis = self.axes[i]
        terms = {}
        for group, stack in zip(axis.groups, stacks):
            for row, values in zip(axis.image_terms(group), stack.unbind(i)):
                for places, value in zip(row, values.unbind(-2)):
                    for place, sign in places:
                        terms.setdefault(place, []).append((sign, value))
        step, dim = 2 * axis.stride, 2 * i + 1
        shape = list(terms[0][0][1].shape)
        shape[dim] = axis.span(count)
        result = terms[0][0][1].new_empty(shape)
        # The first `step` places of each tile are written, the others added
        # to. That initialises everything but the end.
        result.narrow(dim, step * count, shape[dim] - step * count).zero_()
        for place in sorted(terms):
            target = result[every(dim, place, step, count)]
            if place < step:
                write_sum(terms[place], target)
            else:
                add_sum(terms[place], target)
        return result

    def _unfolded(
        self,
        products: list[torch.Tensor],
        part: Part,
        phases: Callable[[Sequence[Group]], list[int]],
    ) -> list[torch.Tensor]:
        """Views with a dimension for the points and one for the tiles of each
        axis, and with the dimensions for the phases that `phases` asks for.
        """
        return [
            product.view(
                *(len(group.points) for group in groups),
                part.batch.stop - part.batch.start,
                *part.tiles,
                *phases(groups),
                -1,
            )
            for product, groups in zip(products, self._groups)
        ]

    def _pieces(self, stacks, i):
        """Lists of the stacks that differ only in their group on axis `i`."""
        count = len(self.axes[i].groups)
        return [
            stacks[start : start + count]
            for start in range(0, len(stacks), count)
        ]


def _output_terms(point):
    """The place and the sign of each output in the value at a point."""
    return [
        (place, sign)
        for place, sign in enumerate(OUTPUT_FACTORS[point])
        if sign
    ]
