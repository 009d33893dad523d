"""Minimal filtering: convolutions with fewer products.

Along an axis, two neighbouring outputs of a filter of three elements take four
products rather than six, and of two elements three rather than four [1]_: both
sides are evaluated at a few points, multiplied there, and the outputs taken
from the products. In several dimensions the savings multiply [2]_, and over the
channels the products at each point are one product of matrices.

A filter with a stride of 2 is two filters of half its size: one for the even
elements of the images, the other for the odd ones. These are called phases
here. At the points that they share, their channels are summed by the same
product of matrices. So a filter of 5 x 5 with stride 2 takes 12.25 products an
output, not 25; one of 5 x 5 x 5, 42.9, not 125.

References
----------
.. [1] S. Winograd (1980): Arithmetic complexity of computations. SIAM.
.. [2] A. Lavin, S. Gray (2015): Fast algorithms for convolutional neural
       networks. arXiv:1509.09308.
"""

import functools
import itertools
import math
from collections import namedtuple

import torch

_PART = 2**23  # elements of the transformed images at a time
_END = 'infinity'

# For filters of so many elements, which elements of the images make the value
# at a point: the first, and one that is added or subtracted.
_OF_IMAGES = {
    1: {0: [(0, 1)], _END: [(1, 1)]},
    2: {0: [(0, 1), (1, -1)], 1: [(1, 1)], _END: [(2, 1), (1, -1)]},
    3: {
        0: [(0, 1), (2, -1)],
        1: [(1, 1), (2, 1)],
        -1: [(2, 1), (1, -1)],
        _END: [(3, 1), (1, -1)],
    },
}
# What the filter's elements are multiplied by.
_OF_FILTERS = {
    1: {0: [1], _END: [1]},
    2: {0: [1, 0], 1: [1, 1], _END: [0, 1]},
    3: {
        0: [1, 0, 0],
        1: [0.5, 0.5, 0.5],
        -1: [0.5, -0.5, 0.5],
        _END: [0, 0, 1],
    },
}
# What the product at a point adds to the first and to the second output.
_OF_OUTPUTS = {0: (1, 0), 1: (1, 1), -1: (1, -1), _END: (0, 1)}

_Group = namedtuple('_Group', 'points phases')
_Group.__doc__ = 'Points along an axis, and the phases that have all of them.'


@functools.cache
def plan_of(kernel, stride, padding):
    """The :class:`Plan` for filters of a size, tuples."""
    return Plan([_Axis(*one) for one in zip(kernel, stride, padding)])


class _Axis:
    """The algorithm along one axis."""

    def __init__(self, size, stride, padding):
        self.size, self.stride, self.padding = size, stride, padding
        #: Elements of the filter in each phase.
        self.taps = [
            len(range(phase, size, stride)) for phase in range(stride)
        ]
        shared = list(_OF_IMAGES[min(self.taps)])
        self.groups = [_Group(shared, range(stride))]
        more = [
            point
            for point in _OF_IMAGES[max(self.taps)]
            if point not in shared
        ]
        if more:
            self.groups.append(
                _Group(
                    more,
                    [
                        phase
                        for phase in range(stride)
                        if self.taps[phase] == max(self.taps)
                    ],
                )
            )

    def span(self, tiles):
        """How many elements so many pairs of outputs are made of."""
        return max(
            self.stride * (2 * tiles - 2 + taps) + phase + 1
            for phase, taps in enumerate(self.taps)
        )

    def of_images(self, group):
        """For each point and phase, where the first terms lie, and their
        signs.
        """
        return [
            [
                [
                    (self.stride * place + phase, sign)
                    for place, sign in _OF_IMAGES[self.taps[phase]][point]
                ]
                for phase in group.phases
            ]
            for point in group.points
        ]

    def of_filter(self, point, phase):
        """What the elements of the filter are multiplied by."""
        row = [0] * self.size
        row[phase :: self.stride] = _OF_FILTERS[self.taps[phase]][point]
        return row


class Part(namedtuple('Part', 'batch rows tiles spans')):
    """Some images, some of their outputs, and which images' elements those
    are made of.

    Attributes
    ----------
    batch, rows : slice
        Images, and outputs along the first axis.
    tiles : list of int
        Pairs of outputs along each axis.
    spans : list of (int, int)
        First and last element along each axis, the last one excluded.
    """

    def of(self, images):
        """Its elements, channels last, zeros beyond the images."""
        places, within = self.places(images.shape[2:])
        pads = [0, 0]  # of the channels; then the last axis is the first
        for place, (start, stop) in zip(
            reversed(within), reversed(self.spans)
        ):
            pads += [place.start, stop - start - place.stop]
        return torch.nn.functional.pad(
            images.movedim(1, -1)[(self.batch, *places)], pads
        ).contiguous()

    def places(self, sizes):
        """Along each axis, which elements of images of a size are its own,
        and where they are among those: two lists of slices.
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
    """The algorithm for filters of a size."""

    def __init__(self, axes):
        self.axes = axes
        groups = list(itertools.product(*(axis.groups for axis in axes)))
        #: For each product of groups, how many points and phases it has.
        self.sizes = [
            (
                math.prod(len(group.points) for group in one),
                math.prod(len(group.phases) for group in one),
            )
            for one in groups
        ]
        #: Numbers that a filter becomes.
        self.products = sum(map(math.prod, self.sizes))
        # A row for each point and phase, a column for each element.
        self._matrix = torch.tensor(
            [
                [
                    math.prod(values)
                    for values in itertools.product(
                        *(
                            axis.of_filter(*one)
                            for axis, *one in zip(axes, points, phases)
                        )
                    )
                ]
                for one in groups
                for points in itertools.product(*(g.points for g in one))
                for phases in itertools.product(*(g.phases for g in one))
            ],
            dtype=torch.float64,
        )

    def parts(self, shape, outputs):
        """What is computed at a time, for images of a shape."""
        tiles = [-(-n // 2) for n in outputs]
        rows = math.prod(tiles[1:]) * shape[1] * self.products
        images = max(1, _PART // (rows * tiles[0]))
        rows = max(1, min(tiles[0], _PART // rows))
        for first in range(0, shape[0], images):
            for row in range(0, tiles[0], rows):
                taken = [min(rows, tiles[0] - row), *tiles[1:]]
                starts = [2 * row * self.axes[0].stride] + [0] * len(tiles[1:])
                yield Part(
                    slice(first, min(first + images, shape[0])),
                    slice(2 * row, min(2 * (row + rows), outputs[0])),
                    taken,
                    [
                        (
                            start - axis.padding,
                            start - axis.padding + axis.span(count),
                        )
                        for axis, start, count in zip(self.axes, starts, taken)
                    ],
                )

    def of_filters(self, filters):
        """Filters at the points: for each product of groups a tensor of shape
        (points, phases * channels, filters).
        """
        columns = (
            filters.movedim(0, -1)
            .movedim(0, -2)
            .reshape(-1, filters.shape[0] * filters.shape[1])
        )
        return self.by_group(self._like(filters) @ columns, filters.shape)

    def by_group(self, values, shape):
        """Rows for points and phases of filters of a shape, as views for each
        product of groups.
        """
        return [
            rows.view(points, phases * shape[1], shape[0])
            for rows, (points, phases) in zip(
                values.split([math.prod(one) for one in self.sizes]),
                self.sizes,
            )
        ]

    def to_filters(self, sums, shape):
        """The gradient by the filters of a shape, from that by their values at
        the points, a row for each.
        """
        return (
            (self._like(sums).t() @ sums)
            .view(*shape[2:], shape[1], shape[0])
            .movedim(-1, 0)
            .movedim(-1, 1)
        )

    def _like(self, x):
        return self._matrix.to(x.dtype)

    def of_images(self, images, part):
        """Images at the points: for each product of groups a tensor of shape
        (points, tiles, phases * channels).
        """
        stacks = [part.of(images)[None, ..., None, :]]
        for i, axis in enumerate(self.axes):
            stacks = [
                _evaluate(
                    stack,
                    2 + i,
                    2 * axis.stride,
                    part.tiles[i],
                    axis.of_images(group),
                )
                for stack in stacks
                for group in axis.groups
            ]
        return [
            stack.view(len(stack), -1, stack.shape[-2] * stack.shape[-1])
            for stack in stacks
        ]

    def of_outputs(self, y, part):
        """The outputs' gradient at the points: for each product of groups a
        tensor of shape (points, tiles, filters).
        """
        pads = [0, 0]
        for size, count in zip(y.shape[:0:-1][1:], reversed(part.tiles)):
            pads += [0, 2 * count - size]
        if any(pads):
            y = torch.nn.functional.pad(y, pads)
        stacks = [y[None, ..., None, :]]
        for i, axis in enumerate(self.axes):
            stacks = [
                _evaluate(
                    stack,
                    2 + i,
                    2,
                    part.tiles[i],
                    [
                        [
                            [
                                (place, sign)
                                for place, sign in enumerate(
                                    _OF_OUTPUTS[point]
                                )
                                if sign
                            ]
                        ]
                        for point in group.points
                    ],
                )
                for stack in stacks
                for group in axis.groups
            ]
        return [
            stack.view(len(stack), -1, stack.shape[-1]) for stack in stacks
        ]

    def to_outputs(self, products, part):
        """The outputs, from the products at the points."""
        stacks = self._unfolded(products, part, lambda groups: [])
        for i in reversed(range(len(self.axes))):
            stacks = [
                self._to_outputs(some, i) for some in self._of_axis(stacks, i)
            ]
        return stacks[0]

    def _to_outputs(self, stacks, i):
        """Along one axis, of which the points are dimension `i`."""
        terms = [[], []]
        for group, stack in zip(self.axes[i].groups, stacks):
            for point, values in zip(group.points, stack.unbind(i)):
                for into, sign in zip(terms, _OF_OUTPUTS[point]):
                    if sign:
                        into.append((sign, values))
        like = terms[0][0][1]
        dim = 2 * i + 1  # points of the axes before, the images, tiles
        result = like.new_empty(
            (*like.shape[: dim + 1], 2, *like.shape[dim + 1 :])
        )
        for into, target in zip(terms, result.unbind(dim + 1)):
            _sum(sorted(into, key=lambda term: -term[0]), target)
        return result.flatten(dim, dim + 1)

    def to_images(self, products, part):
        """The gradient by a part's elements of the images, from that by their
        values at the points.
        """
        stacks = self._unfolded(
            products,
            part,
            lambda groups: [len(group.phases) for group in groups],
        )
        for i in reversed(range(len(self.axes))):
            stacks = [
                self._to_images(some, i, part.tiles[i])
                for some in self._of_axis(stacks, i)
            ]
        return stacks[0]

    def _to_images(self, stacks, i, count):
        axis = self.axes[i]
        terms = {}
        for group, stack in zip(axis.groups, stacks):
            for row, values in zip(axis.of_images(group), stack.unbind(i)):
                for places, value in zip(row, values.unbind(-2)):
                    for place, sign in places:
                        terms.setdefault(place, []).append((sign, value))
        step, dim = 2 * axis.stride, 2 * i + 1
        shape = list(terms[0][0][1].shape)
        shape[dim] = axis.span(count)
        result = terms[0][0][1].new_empty(shape)
        # What the first `step` places of each pair of outputs write covers
        # all but the end.
        result.narrow(dim, step * count, shape[dim] - step * count).zero_()
        for place in sorted(terms):
            target = result[
                (slice(None),) * dim
                + (slice(place, place + step * (count - 1) + 1, step),)
            ]
            some = sorted(terms[place], key=lambda term: -term[0])
            if place < step:
                _sum(some, target)
            else:
                for sign, value in some:
                    target.add_(value, alpha=sign)
        return result

    def _unfolded(self, products, part, phases):
        """Each with a dimension for the points, and the tiles, of each axis;
        and of the phases, where those are asked for.
        """
        groups = itertools.product(*(axis.groups for axis in self.axes))
        shapes = [
            [
                *(len(group.points) for group in one),
                part.batch.stop - part.batch.start,
                *part.tiles,
                *phases(one),
            ]
            for one in groups
        ]
        return [
            product.view(*shape, -1)
            for product, shape in zip(products, shapes)
        ]

    def _of_axis(self, stacks, i):
        """Those that belong together along an axis."""
        count = len(self.axes[i].groups)
        return [
            stacks[start : start + count]
            for start in range(0, len(stacks), count)
        ]


def _evaluate(stack, dim, step, count, rows):
    """Sums of neighbours along a dimension: `count` of them, `step` apart.

    Of a tensor of shape (points, ..., phases, channels), one of shape (points
    * rows, ..., phases * columns, channels).
    """
    shape = list(stack.shape)
    shape[dim] = count
    result = stack.new_empty(
        (shape[0], len(rows), *shape[1:-1], len(rows[0]), shape[-1])
    )
    for i, row in enumerate(rows):
        for j, places in enumerate(row):
            _sum(
                [
                    (
                        sign,
                        stack[
                            (slice(None),) * dim
                            + (
                                slice(
                                    place, place + step * (count - 1) + 1, step
                                ),
                            )
                        ],
                    )
                    for place, sign in places
                ],
                result[:, i, ..., j, :],
            )
    return result.flatten(0, 1).flatten(-3, -2)


def _sum(terms, target):
    """Write a sum of tensors with signs, the first of which is positive."""
    (_, first), *terms = terms
    if not terms:
        target.copy_(first)
        return
    (sign, second), *terms = terms
    torch.add(first, second, alpha=sign, out=target)
    for sign, value in terms:
        target.add_(value, alpha=sign)
