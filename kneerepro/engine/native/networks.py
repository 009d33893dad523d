"""Operations of neural networks in C++: softmax, cross-entropy, Adam, and
random numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from theano.gof import Apply
from theano.sandbox.rng_mrg import mrg_uniform
from theano.tensor.nnet.nnet import (
    CrossentropyCategorical1Hot,
    CrossentropyCategorical1HotGrad,
    CrossentropySoftmax1HotWithBiasDx,
    CrossentropySoftmaxArgmax1HotWithBias,
    LogSoftmax,
    Softmax,
    SoftmaxGrad,
    SoftmaxWithBias,
)

from ..fused.adam import AdamStep
from ..kernels import mrg_code
from ..kernels.scalar_code import NotSupportedError, c_type
from ..kernels.vector_math import VECTOR_MATH
from .arrays import Array
from .graph import Graph, emits

# Nanoseconds for an element, in C++ and on PyTorch.
_EXPONENTIAL = 3.0, 2.0
_LOGARITHM = 8.0, 2.0
_PLAIN = 1.0, 0.5


def _spend(graph, costs, size):
    graph.source.spend(20 + costs[0] * size, costs[1] * size)


class _Rows:
    """The loop over the rows of a matrix, and over the elements of one.

    Parameters
    ----------
    graph : Graph
    shape : tuple of int
    """

    def __init__(self, graph: Graph, shape: Sequence[int]):
        self._source, (self._rows, self._columns) = graph.source, shape
        self.row, self.column = (self._source.name('i') for _ in range(2))

    def __enter__(self):
        i = self.row
        self._source.emit(f'for (long {i} = 0; {i} < {self._rows}; ++{i}) {{')
        return self

    def __exit__(self, *exception):
        self._source.emit('}')

    def at(self, array: Array) -> str:
        """The element of an array: a matrix, or a vector of columns."""
        if len(array.shape) == 1:
            return array.at(self.column)
        return array.at(self.row, self.column)

    def each(self, line: str) -> None:
        """Write a line for each element of the row."""
        j = self.column
        self._source.emit(
            f'for (long {j} = 0; {j} < {self._columns}; ++{j}) {{ {line} }}'
        )

    def label(self, labels: Array) -> str:
        """The label of the row; the code gives up if it is no column."""
        name = self._source.name('k')
        self._source.emit(f'const long {name} = {labels.at(self.row)};')
        self._source.emit(
            f'if ({name} < 0 || {name} >= {self._columns}) return 1;'
        )
        return name


def _softmax_row(graph, rows, x, bias, target, logarithms=None):
    """Write the softmax of a row, and its logarithm."""
    source, kind = graph.source, c_type(target.dtype)
    largest, total = source.name('m'), source.name('s')
    value = rows.at(x) if bias is None else f'({rows.at(x)} + {rows.at(bias)})'
    source.emit(f'{kind} {largest} = -INFINITY; double {total} = 0;')
    rows.each(
        f'const {kind} value = {value}; if (value > {largest} || value != '
        f'value) {largest} = value;'
    )
    source.support[VECTOR_MATH] = None
    rows.each(f'{rows.at(target)} = vector_exp({value} - {largest});')
    rows.each(f'{total} += {rows.at(target)};')
    rows.each(f'{rows.at(target)} /= ({kind}) {total};')
    if logarithms is not None:
        source.emit(f'const {kind} {total}_log = log({total});')
        rows.each(
            f'{rows.at(logarithms)} = {value} - {largest} - {total}_log;'
        )


def _check_matrix(x):
    if len(x.shape) != 2 or not x.size:
        raise NotSupportedError(f'a softmax of shape {x.shape}')


@emits(Softmax, SoftmaxWithBias)
def _emit_softmax(graph: Graph, node: Apply) -> Sequence[Array]:
    x, *bias = map(graph.array, node.inputs)
    _check_matrix(x)
    result = graph.new(node.outputs[0])
    with _Rows(graph, x.shape) as rows:
        _softmax_row(graph, rows, x, bias[0] if bias else None, result)
    _spend(graph, _EXPONENTIAL, x.size)
    return [result]


@emits(LogSoftmax)
def _emit_log_softmax(graph: Graph, node: Apply) -> Sequence[Array]:
    x = graph.array(node.inputs[0])
    _check_matrix(x)
    softmax, result = (graph.new(node.outputs[0]) for _ in range(2))
    with _Rows(graph, x.shape) as rows:
        _softmax_row(graph, rows, x, None, softmax, result)
    _spend(graph, _EXPONENTIAL, x.size)
    return [result]


@emits(SoftmaxGrad)
def _emit_softmax_grad(graph: Graph, node: Apply) -> Sequence[Array]:
    grad, softmax = map(graph.array, node.inputs)
    _check_matrix(softmax)
    result, source = graph.new(node.outputs[0]), graph.source
    grad, total = grad.broadcast(softmax.shape), source.name('s')
    with _Rows(graph, softmax.shape) as rows:
        source.emit(f'double {total} = 0;')
        rows.each(f'{total} += {rows.at(grad)} * {rows.at(softmax)};')
        rows.each(
            f'{rows.at(result)} = {rows.at(softmax)} * ({rows.at(grad)} - '
            f'({c_type(result.dtype)}) {total});'
        )
    _spend(graph, _PLAIN, softmax.size)
    return [result]


@emits(CrossentropySoftmaxArgmax1HotWithBias)
def _emit_cross_entropy_softmax(graph: Graph, node: Apply) -> Sequence[Any]:
    x, bias, labels = map(graph.array, node.inputs)
    _check_matrix(x)
    if node.outputs[2].clients:
        raise NotSupportedError('the argmax beside a cross-entropy')
    loss, softmax = map(graph.new, node.outputs[:2])
    logarithms = graph.new(node.outputs[1])
    with _Rows(graph, x.shape) as rows:
        label = rows.label(labels)
        _softmax_row(graph, rows, x, bias, softmax, logarithms)
        graph.source.emit(
            f'{loss.at(rows.row)} = -{logarithms.at(rows.row, label)};'
        )
    _spend(graph, _EXPONENTIAL, x.size)
    return [loss, softmax, None]


@emits(CrossentropySoftmax1HotWithBiasDx)
def _emit_cross_entropy_softmax_grad(
    graph: Graph, node: Apply
) -> Sequence[Array]:
    grad, softmax, labels = map(graph.array, node.inputs)
    _check_matrix(softmax)
    result = graph.new(node.outputs[0])
    grad = grad.broadcast(softmax.shape[:1])
    with _Rows(graph, softmax.shape) as rows:
        label = rows.label(labels)
        rows.each(
            f'{rows.at(result)} = ({rows.at(softmax)} - ({rows.column} == '
            f'{label})) * {grad.at(rows.row)};'
        )
    _spend(graph, _PLAIN, softmax.size)
    return [result]


@emits(CrossentropyCategorical1Hot)
def _emit_cross_entropy(graph: Graph, node: Apply) -> Sequence[Array]:
    coding, labels = map(graph.array, node.inputs)
    loss = graph.new(node.outputs[0])
    with _Rows(graph, coding.shape) as rows:
        label = rows.label(labels)
        graph.source.emit(
            f'{loss.at(rows.row)} = -log({coding.at(rows.row, label)});'
        )
    _spend(graph, _LOGARITHM, loss.size)
    return [loss]


@emits(CrossentropyCategorical1HotGrad)
def _emit_cross_entropy_grad(graph: Graph, node: Apply) -> Sequence[Array]:
    grad, coding, labels = map(graph.array, node.inputs)
    result = graph.new(node.outputs[0])
    with _Rows(graph, coding.shape) as rows:
        label = rows.label(labels)
        rows.each(f'{rows.at(result)} = 0;')
        graph.source.emit(
            f'{result.at(rows.row, label)} = -{grad.at(rows.row)} / '
            f'{coding.at(rows.row, label)};'
        )
    _spend(graph, _PLAIN, result.size)
    return [result]


@emits(AdamStep)
def _emit_adam(graph: Graph, node: Apply) -> Sequence[Array]:
    op, kind = node.op, c_type(node.outputs[0].dtype)
    results = list(map(graph.new, node.outputs))
    *state, gradient, rate = map(graph.array, node.inputs)
    if any(array.shape != gradient.shape for array in state):
        raise NotSupportedError('a step of Adam on several shapes')
    beta1, beta2, rest1, rest2, epsilon = (
        f'({kind}) {float(number)!r}'
        for number in (
            op.beta1,
            op.beta2,
            1 - op.beta1,
            1 - op.beta2,
            op.epsilon,
        )
    )

    def body(new_p, new_m, new_v, p, m, v, g, rate):
        return (
            f'const {kind} g = {g}, m = {beta1} * {m} + {rest1} * g, '
            f'v = {beta2} * {v} + {rest2} * g * g; {new_m} = m; {new_v} = v; '
            f'{new_p} = {p} - {rate} * m / (sqrt(v) + {epsilon});'
        )

    graph.source.loop(gradient.shape, [*results, *state, gradient, rate], body)
    _spend(graph, _PLAIN, gradient.size)
    return results


@emits(mrg_uniform)
def _emit_uniform(graph: Graph, node: Apply) -> Sequence[Array]:
    graph.known(node.inputs[1])
    state = graph.source.contiguous(graph.array(node.inputs[0]))
    new_state, samples = map(graph.new, node.outputs)
    factors = {'float32': '4.6566126e-10f', 'float64': '1.0 / 2147483648.0'}
    if samples.dtype not in factors:
        raise NotSupportedError(f'random numbers of type {samples.dtype}')
    graph.source.support[mrg_code.CODE] = None
    graph.source.emit(
        f'mrg_draw<{c_type(samples.dtype)}>({state.pointer}, '
        f'{new_state.pointer}, {samples.pointer}, {state.shape[0]}, '
        f'{samples.size}, {factors[samples.dtype]});'
    )
    rounds = samples.size // state.shape[0] + 1
    graph.source.spend(samples.size, 60_000 * rounds)
    return [new_state, samples]
