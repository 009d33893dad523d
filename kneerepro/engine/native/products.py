"""Sums, extremes and matrix products in C++."""

from __future__ import annotations

from collections.abc import Sequence

import theano.scalar.basic as scalar
from theano.gof import Apply
from theano.tensor.basic import Argmax, Dot, MaxAndArgmax
from theano.tensor.elemwise import CAReduce, CAReduceDtype, Prod, Sum

from ..fused.channel_sums import Moments, ProductSums
from ..kernels.scalar_code import NotSupportedError, c_type
from .arrays import Array
from .graph import Graph, emits

# Nanoseconds for an element of a sum, in C++ and on PyTorch.
_SUM = 0.5, 0.2
# Nanoseconds for a product and its sum, in C++ and on PyTorch.
_PRODUCT = 0.15, 0.03


def _axes(op, x):
    axis = op.axis
    if axis is None:
        return tuple(range(len(x.shape)))
    return (axis,) if isinstance(axis, int) else tuple(axis)


@emits(CAReduce, CAReduceDtype, Sum, Prod)
def _emit_reduction(graph: Graph, node: Apply) -> Sequence[Array]:
    x, kind = graph.array(node.inputs[0]), type(node.op.scalar_op)
    axes = _axes(node.op, x)
    output = node.outputs[0]
    graph.source.spend(20 + _SUM[0] * x.size, _SUM[1] * x.size)
    if kind in (scalar.Maximum, scalar.Minimum):
        return [
            _extreme(graph, x, axes, '>' if kind is scalar.Maximum else '<')
        ]
    if kind not in (scalar.Add, scalar.Mul) or output.dtype == 'bool':
        raise NotSupportedError(f'a reduction by {node.op.scalar_op}')
    dtype = getattr(node.op, 'acc_dtype', None) or output.dtype
    sign = '+' if kind is scalar.Add else '*'
    total = _accumulated(graph, x, axes, dtype, sign)
    result = graph.new(output)
    graph.source.copy(result, total)
    return [result]


def _accumulated(graph, x, axes, dtype, sign):
    """The sum or product of an array along axes, in a type."""
    source = graph.source
    kept = [axis for axis in range(len(x.shape)) if axis not in axes]
    total = source.new(dtype, [x.shape[axis] for axis in kept])
    start = '0' if sign == '+' else '1'
    source.loop(total.shape, [total], lambda to: f'{to} = {start};')
    if not x.size:
        return total
    # Memory is walked in order, as far as possible.
    order = sorted(
        range(len(x.shape)),
        key=lambda axis: (x.shape[axis] > 1, -abs(x.strides[axis])),
    )
    order = [axis for axis in order if x.shape[axis] > 1]
    steps = {axis: total.strides[k] for k, axis in enumerate(kept)}
    places = {axis: source.name('i') for axis in order}
    inner = order[-1] if order and order[-1] in axes else None
    for axis in order:
        if axis == inner:
            local = source.name('a')
            source.emit(f'{{ {c_type(dtype)} {local} = {start};')
            source.emit(f'#pragma omp simd reduction({sign}:{local})')
        place = places[axis]
        source.emit(
            f'for (long {place} = 0; {place} < {x.shape[axis]}; ++{place})'
        )
    target = total.viewed(
        [1] * len(order), [steps.get(axis, 0) for axis in order]
    ).at(*places.values())
    value = x.viewed([1] * len(order), [x.strides[axis] for axis in order]).at(
        *places.values()
    )
    if inner is None:
        source.emit(f'{target} {sign}= {value};')
    else:
        source.emit(f'{local} {sign}= {value};')
        source.emit(f'{target} {sign}= {local}; }}')
    return total


@emits(Moments)
def _emit_moments(graph: Graph, node: Apply) -> Sequence[Array]:
    x, source = graph.array(node.inputs[0]), graph.source
    total = _channel_sum(graph, x)
    count = max(1, x.size // max(1, x.shape[1]))
    squares = source.new('float64', x.shape)
    source.loop(
        x.shape,
        [squares, x, _along_channels(total, x)],
        lambda to, value, total: (
            f'const double d = {value} - {total} / {count}; {to} = d * d;'
        ),
    )
    return _sums(graph, node, x, [total, _channel_sum(graph, squares)])


@emits(ProductSums)
def _emit_product_sums(graph: Graph, node: Apply) -> Sequence[Array]:
    g, x, *offsets = map(graph.array, node.inputs)
    if g.shape != x.shape:
        raise NotSupportedError('products of several shapes')
    source = graph.source
    products = source.new('float64', x.shape)
    source.loop(
        x.shape,
        [products, g, x, *(_along_channels(v, x) for v in offsets)],
        lambda to, g, x, *offset: (
            f'{to} = (double) {g} * ({" - ".join([x, *offset])});'
        ),
    )
    sums = [_channel_sum(graph, g), _channel_sum(graph, products)]
    return _sums(graph, node, x, sums)


def _channel_sum(graph, x):
    """The sum along all axes but the second."""
    axes = (0, *range(2, len(x.shape)))
    return _accumulated(graph, x, axes, 'float64', '+')


def _along_channels(vector, x):
    """A vector over the channels of `x`, to be broadcast with it."""
    rest = len(x.shape) - 2
    return vector.viewed(
        vector.shape + (1,) * rest, vector.strides + (0,) * rest
    )


def _sums(graph, node, x, sums):
    graph.source.spend(20 + 3 * _SUM[0] * x.size, 3 * _SUM[1] * x.size)
    results = list(map(graph.new, node.outputs))
    for result, value in zip(results, sums):
        graph.source.copy(result, value)
    return results


def _extreme(graph, x, axes, sign):
    """The largest or smallest elements along axes; NaN if there is one."""
    source = graph.source
    kept = [axis for axis in range(len(x.shape)) if axis not in axes]
    result = source.new(x.dtype, [x.shape[axis] for axis in kept])
    if not x.size or x.dtype == 'bool':
        raise NotSupportedError('an extreme of nothing, or of truth values')
    first = x.viewed(result.shape, [x.strides[axis] for axis in kept])
    source.copy(result, first)
    ordered = x.viewed(
        [x.shape[axis] for axis in (*kept, *axes)],
        [x.strides[axis] for axis in (*kept, *axes)],
    )
    target = result.viewed(
        ordered.shape, [*result.strides, *(0 for _ in axes)]
    )
    source.loop(
        ordered.shape,
        [ordered, target],
        lambda value, to: (
            f'if ({value} {sign} {to} || {value} != {value}) {to} = {value};'
        ),
    )
    return result


@emits(MaxAndArgmax, Argmax)
def _emit_argmax(graph: Graph, node: Apply) -> Sequence[Array]:
    x = graph.array(node.inputs[0])
    axes = sorted(_axes(node.op, x))
    if not x.size or x.dtype == 'bool' or len(axes) != 1:
        raise NotSupportedError('an argmax along several axes')
    (axis,) = axes
    source = graph.source
    kept = [k for k in range(len(x.shape)) if k != axis]
    shape = [x.shape[k] for k in kept]
    largest = source.copied(x.viewed(shape, [x.strides[k] for k in kept]))
    places = source.new('int64', shape)
    source.loop(shape, [places], lambda to: f'{to} = 0;')
    place = source.name('i')
    source.emit(
        f'for (long {place} = 1; {place} < {x.shape[axis]}; ++{place}) {{'
    )
    row = x.viewed(
        shape, [x.strides[k] for k in kept], f'{place} * {x.strides[axis]}'
    )
    # The first NaN counts as the largest.
    source.loop(
        shape,
        [row, largest, places],
        lambda value, to, where: (
            f'if ({to} == {to} && ({value} > {to} || {value} != {value})) '
            f'{{ {to} = {value}; {where} = {place}; }}'
        ),
    )
    source.emit('}')
    graph.source.spend(20 + 1.0 * x.size, _SUM[1] * x.size)
    return [places] if isinstance(node.op, Argmax) else [largest, places]


@emits(Dot)
def _emit_dot(graph: Graph, node: Apply) -> Sequence[Array]:
    x, y = map(graph.array, node.inputs)
    output = node.outputs[0]
    if not output.dtype.startswith('float'):
        raise NotSupportedError('a product of matrices of integers')
    result = graph.new(output)
    rows = x if len(x.shape) == 2 else x.viewed((1, *x.shape), (0, *x.strides))
    columns = (
        y if len(y.shape) == 2 else y.viewed((*y.shape, 1), (*y.strides, 0))
    )
    target = result.viewed(
        (rows.shape[0], columns.shape[1]),
        (
            result.strides[0] if len(x.shape) == 2 else 0,
            result.strides[-1] if len(y.shape) == 2 else 0,
        ),
    )
    product(graph, rows, columns, target)
    return [result]


def product(graph: Graph, x: Array, y: Array, target: Array) -> None:
    """Write the product of two matrices.

    Parameters
    ----------
    graph : Graph
    x, y, target : Array
        Of shapes (m, k), (k, n) and (m, n).
    """
    source, kind = graph.source, c_type(target.dtype)
    (m, inner), n = x.shape, y.shape[1]
    i, j, k = (source.name('i') for _ in range(3))
    along = y.strides[0] == 1 and x.strides[1] == 1
    if n == 1 and x.strides[0] == 1 and m > 1 and not along:
        # A product with a vector is walked along the columns of the matrix.
        flipped = [
            array.viewed(array.shape[::-1], array.strides[::-1])
            for array in (y, x, target)
        ]
        product(graph, *flipped)
        return
    if along or n == 1:
        # The sums go along memory.
        local = source.name('a')
        source.emit(f'for (long {i} = 0; {i} < {m}; ++{i})')
        source.emit(f'for (long {j} = 0; {j} < {n}; ++{j}) {{')
        source.emit(f'{kind} {local} = 0;')
        source.emit(f'#pragma omp simd reduction(+:{local})')
        source.emit(f'for (long {k} = 0; {k} < {inner}; ++{k})')
        source.emit(f'{local} += {x.at(i, k)} * {y.at(k, j)};')
        source.emit(f'{target.at(i, j)} = {local}; }}')
    else:
        # The rows of the result are sums of the rows of y.
        row = source.name('r')
        source.emit(f'for (long {i} = 0; {i} < {m}; ++{i}) {{')
        source.emit(f'{kind} {row}[{max(n, 1)}] ALIGNED = {{0}};')
        source.emit(f'for (long {k} = 0; {k} < {inner}; ++{k}) {{')
        source.emit(f'const {kind} factor = {x.at(i, k)};')
        source.emit('#pragma omp simd')
        source.emit(f'for (long {j} = 0; {j} < {n}; ++{j})')
        source.emit(f'{row}[{j}] += factor * {y.at(k, j)}; }}')
        source.emit(f'for (long {j} = 0; {j} < {n}; ++{j})')
        source.emit(f'{target.at(i, j)} = {row}[{j}]; }}')
    count = m * n * inner
    source.spend(20 + _PRODUCT[0] * count, _PRODUCT[1] * count)
