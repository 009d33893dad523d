"""Operations in C++ that arrange numbers without computing with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from theano.compile.ops import (
    DeepCopyOp,
    OutputGuard,
    Rebroadcast,
    SpecifyShape,
    ViewOp,
)
from theano.gof import Apply
from theano.tensor.basic import (
    Alloc,
    AllocEmpty,
    Flatten,
    Join,
    Reshape,
    Split,
)
from theano.tensor.elemwise import DimShuffle
from theano.tensor.extra_ops import CpuContiguous
from theano.tensor.opt import Assert, MakeVector
from theano.tensor.subtensor import (
    AdvancedIncSubtensor1,
    AdvancedSubtensor1,
    IncSubtensor,
    Subtensor,
)
from theano.tensor.type_other import MakeSlice

from ..fused.parts import PutParts
from ..kernels.scalar_code import NotSupportedError
from ..layout import contiguous_strides
from .arrays import Array
from .graph import Graph, emits

# Nanoseconds to copy an element.
_COPY = 0.2


def _spend_copy(graph, size):
    graph.source.spend(20 + _COPY * size, _COPY * size)


@emits(DimShuffle)
def _emit_dimshuffle(graph: Graph, node: Apply) -> Sequence[Array]:
    x, order = graph.array(node.inputs[0]), node.op.new_order
    if any(n != 1 for axis, n in enumerate(x.shape) if axis not in order):
        raise NotSupportedError('a dropped axis that is not of size 1')
    graph.source.spend(0, 0)
    return [
        x.viewed(
            [1 if axis == 'x' else x.shape[axis] for axis in order],
            [0 if axis == 'x' else x.strides[axis] for axis in order],
        )
    ]


@emits(Rebroadcast, ViewOp, OutputGuard)
def _emit_view(graph: Graph, node: Apply) -> Sequence[Array]:
    return [graph.array(node.inputs[0])]


@emits(DeepCopyOp, CpuContiguous)
def _emit_copy(graph: Graph, node: Apply) -> Sequence[Array]:
    x = graph.array(node.inputs[0])
    _spend_copy(graph, x.size)
    return [graph.source.copied(x)]


@emits(Assert, SpecifyShape)
def _emit_check(graph: Graph, node: Apply) -> Sequence[Array]:
    # The check was passed when the graph was run to find the shapes.
    for condition in node.inputs[1:]:
        graph.known(condition)
    return [graph.array(node.inputs[0])]


@emits(Reshape, Flatten)
def _emit_reshape(graph: Graph, node: Apply) -> Sequence[Array]:
    for variable in node.inputs[1:]:
        graph.known(variable)
    x = graph.source.contiguous(graph.array(node.inputs[0]))
    shape = graph.shape(node.outputs[0])
    graph.source.spend(20 + _COPY * x.size, 0)
    return [x.viewed(shape, contiguous_strides(shape))]


@emits(Alloc)
def _emit_alloc(graph: Graph, node: Apply) -> Sequence[Array]:
    for size in node.inputs[1:]:
        graph.known(size)
    graph.source.spend(0, 0)
    # Nobody writes to the result, so one element may stand for many.
    value = graph.array(node.inputs[0])
    return [value.broadcast(graph.shape(node.outputs[0]))]


@emits(AllocEmpty)
def _emit_alloc_empty(graph: Graph, node: Apply) -> Sequence[Array]:
    for size in node.inputs:
        graph.known(size)
    graph.source.spend(0, 0)
    return [graph.new(node.outputs[0])]


@emits(PutParts)
def _emit_put_parts(graph: Graph, node: Apply) -> Sequence[Array]:
    op, ndim = node.op, node.op.kind.ndim
    for size in node.inputs[:ndim]:
        graph.known(size)
    result = graph.new(node.outputs[0])
    parts = list(map(graph.array, node.inputs[ndim:]))
    if sum(part.size for part in parts) < result.size:
        graph.source.loop(result.shape, [result], lambda to: f'{to} = 0;')
    for (start, stop), part in zip(op.bounds, parts):
        shape, stride = list(result.shape), result.strides[op.axis]
        shape[op.axis] = len(
            range(*slice(start, stop).indices(shape[op.axis]))
        )
        target = result.viewed(shape, result.strides, start * stride)
        graph.source.copy(target, part)
    _spend_copy(graph, result.size)
    return [result]


@emits(MakeVector)
def _emit_make_vector(graph: Graph, node: Apply) -> Sequence[Array]:
    result = graph.new(node.outputs[0])
    for k, variable in enumerate(node.inputs):
        value = graph.array(variable)
        graph.source.emit(f'{result.at(str(k))} = {value.at()};')
    _spend_copy(graph, result.size)
    return [result]


@emits(Join)
def _emit_join(graph: Graph, node: Apply) -> Sequence[Array]:
    axis, parts = int(graph.known(node.inputs[0])), node.inputs[1:]
    result, start = graph.new(node.outputs[0]), 0
    axis %= len(result.shape)
    for variable in parts:
        part = graph.array(variable)
        graph.source.copy(
            result.viewed(
                part.shape, result.strides, start * result.strides[axis]
            ),
            part,
        )
        start += part.shape[axis]
    _spend_copy(graph, result.size)
    return [result]


@emits(Split)
def _emit_split(graph: Graph, node: Apply) -> Sequence[Array]:
    x, axis = graph.array(node.inputs[0]), int(graph.known(node.inputs[1]))
    graph.known(node.inputs[2])
    axis %= len(x.shape)
    results, start = [], 0
    for variable in node.outputs:
        shape = graph.shape(variable)
        results.append(x.viewed(shape, x.strides, start * x.strides[axis]))
        start += shape[axis]
    graph.source.spend(0, 0)
    return results


# ------------------------------------------------------------------- indices


@emits(MakeSlice)
def _emit_slice(graph: Graph, node: Apply) -> Sequence[Any]:
    # This raises if one of them is not known.
    return [slice(*(graph.known(variable) for variable in node.inputs))]


@emits(Subtensor)
def _emit_subtensor(graph: Graph, node: Apply) -> Sequence[Array]:
    graph.source.spend(0, 0)
    shape = graph.shape(node.outputs[0])
    return [
        _part(
            graph, node.op, graph.array(node.inputs[0]), node.inputs[1:], shape
        )
    ]


@emits(IncSubtensor)
def _emit_inc_subtensor(graph: Graph, node: Apply) -> Sequence[Array]:
    x, y = map(graph.array, node.inputs[:2])
    result = graph.new(node.outputs[0])
    graph.source.copy(result, x)
    # The shape of the part follows from the index alone.
    part = _part(graph, node.op, result, node.inputs[2:], None)
    sign = '=' if node.op.set_instead_of_inc else '+='
    graph.source.loop(
        part.shape, [part, y], lambda to, value: f'{to} {sign} {value};'
    )
    _spend_copy(graph, result.size + part.size)
    return [result]


def _part(graph, op, x, indices, shape):
    """The part of an array at a basic index.

    Where the index varies from call to call, the shape of the part must not.
    """
    rest, sizes, strides, offsets = iter(indices), [], [], []
    for axis, entry in enumerate(op.idx_list):
        n, stride = x.shape[axis], x.strides[axis]
        if not isinstance(entry, slice):
            place = _bound(graph, entry, rest)
            offsets.append((_checked_place(graph, place, n), stride))
            continue
        start, stop, step = (
            _bound(graph, bound, rest)
            for bound in (entry.start, entry.stop, entry.step)
        )
        if not any(isinstance(bound, Array) for bound in (start, stop, step)):
            places = range(*slice(start, stop, step).indices(n))
            size, first = len(places), places.start if len(places) else 0
            strides.append(stride * places.step)
        else:
            if shape is None or step not in (None, 1):
                raise NotSupportedError('an index that varies')
            size = shape[len(sizes)]
            first = _checked_start(graph, start, stop, n, size)
            strides.append(stride)
        sizes.append(size)
        offsets.append((first, stride))
    rest_axes = len(op.idx_list)
    offset = ' + '.join(
        f'({first}) * {stride}' for first, stride in offsets if stride
    )
    return x.viewed(
        [*sizes, *x.shape[rest_axes:]],
        [*strides, *x.strides[rest_axes:]],
        f'({offset})' if offset else 0,
    )


def _bound(graph, entry, rest):
    """A number of an index: known, an array of one number, or None."""
    if entry is None or isinstance(entry, (int, np.integer)):
        return entry
    variable = next(rest)
    if not graph.is_known(variable):
        return graph.array(variable)
    value = graph.known(variable)
    return None if value is None else int(value)


def _checked_place(graph, place, n):
    """An index from 0 on; the code gives up if it is out of range."""
    if not isinstance(place, Array):
        if not -n <= place < n:
            raise NotSupportedError('an index out of range')
        return place % n
    name = graph.source.name('k')
    graph.source.emit(f'long {name} = {place.at()};')
    graph.source.emit(f'if ({name} < 0) {name} += {n};')
    graph.source.emit(f'if ({name} < 0 || {name} >= {n}) return 1;')
    return name


def _checked_start(graph, start, stop, n, size):
    """The start of a slice; the code gives up if it has another size."""
    names = []
    for bound, default in (start, 0), (stop, n):
        name = graph.source.name('k')
        value = default if bound is None else bound
        expression = value.at() if isinstance(value, Array) else value
        graph.source.emit(f'long {name} = {expression};')
        graph.source.emit(f'if ({name} < 0) {name} += {n};')
        graph.source.emit(
            f'{name} = {name} < 0 ? 0 : {name} > {n} ? {n} : {name};'
        )
        names.append(name)
    first, last = names
    graph.source.emit(f'if ({last} - {first} != {size}) return 1;')
    return first


@emits(AdvancedSubtensor1)
def _emit_take_rows(graph: Graph, node: Apply) -> Sequence[Array]:
    x, rows = map(graph.array, node.inputs)
    result, source = graph.new(node.outputs[0]), graph.source
    place, row = _row_loop(graph, rows, x)
    source.copy(result.part(place), x.part(row))
    source.emit('}')
    _spend_copy(graph, result.size)
    return [result]


@emits(AdvancedIncSubtensor1)
def _emit_change_rows(graph: Graph, node: Apply) -> Sequence[Array]:
    x, y, rows = map(graph.array, node.inputs)
    result, source = graph.new(node.outputs[0]), graph.source
    source.copy(result, x)
    y = y.broadcast(rows.shape + x.shape[1:])
    sign = '=' if node.op.set_instead_of_inc else '+='
    place, row = _row_loop(graph, rows, x)
    target = result.part(row)
    source.loop(
        target.shape,
        [target, y.part(place)],
        lambda to, value: f'{to} {sign} {value};',
    )
    source.emit('}')
    _spend_copy(graph, result.size + y.size)
    return [result]


def _row_loop(graph, rows, x):
    """Begin a loop over an array of rows; returns names of the place in the
    array and of the row.
    """
    source, place, row = (
        graph.source,
        graph.source.name('i'),
        graph.source.name('k'),
    )
    n = x.shape[0]
    source.emit(f'for (long {place} = 0; {place} < {rows.size}; ++{place}) {{')
    source.emit(f'long {row} = {rows.at(place)};')
    source.emit(f'if ({row} < 0) {row} += {n};')
    source.emit(f'if ({row} < 0 || {row} >= {n}) return 1;')
    return place, row
