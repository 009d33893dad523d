"""``theano.scan`` in C++: the inner graph is the body of a loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from theano.gof import Apply
from theano.scan_module.scan_op import Scan

from ..kernels.scalar_code import NotSupportedError
from ..kernels.scan import first_inputs
from ..program import Program
from .arrays import Array
from .graph import DISPATCH, Graph, emits


@emits(Scan)
def _emit_scan(graph: Graph, node: Apply) -> Sequence[Array]:
    kernel: Any = graph.program.scope.kernel(node)[1].function
    op, step = node.op, kernel.step
    if op.as_while or not isinstance(step, Program):
        raise NotSupportedError('a scan whose number of steps is not known')
    return _Loop(graph, node, step).write()


class _Loop:
    """Writes a scan.

    Parameters
    ----------
    graph : Graph
    node : theano.gof.Apply
    step : Program
        The program of the inner graph.
    """

    def __init__(self, graph: Graph, node: Apply, step: Program):
        self._graph, self._node, self._step = graph, node, step
        self._op, self._source = node.op, graph.source
        self._count = int(graph.known(node.inputs[0]))
        if self._count < 1:
            raise NotSupportedError('a scan of no steps')
        op, inputs = self._op, node.inputs[1:]
        ends = np.cumsum(
            [op.n_seqs, op.n_outs, op.n_shared_outs, op.n_nit_sot]
        ).tolist()
        self._sequences = list(map(graph.array, inputs[: ends[0]]))
        self._buffers: list[Any] = [
            self._source.copied(graph.array(variable))
            for variable in inputs[ends[0] : ends[1]]
        ]
        self._shared = [
            self._source.copied(graph.array(variable))
            for variable in inputs[ends[1] : ends[2]]
        ]
        self._lengths = [array.shape[0] for array in self._buffers] + [
            int(graph.known(variable))
            for variable in inputs[ends[2] : ends[3]]
        ]
        self._others = inputs[ends[3] :]
        self._time = self._source.name('t')

    def write(self) -> list[Array]:
        """Write the loop; returns its results."""
        source, op, t = self._source, self._op, self._time
        compiled, eager = source.compiled, source.eager
        source.emit(f'for (long {t} = 0; {t} < {self._count}; ++{t}) {{')
        inner = Graph(
            source,
            self._step,
            self._inner_inputs(),
            first_inputs(
                op,
                [
                    self._graph.example(variable)
                    for variable in self._node.inputs
                ],
            ),
        )
        outputs = [
            value
            if isinstance(value, Array)
            else source.constant(np.asarray(value, variable.dtype))
            for value, variable in zip(inner.outputs, op.outputs)
        ]
        self._store(outputs)
        source.emit('}')
        source.compiled = compiled + self._count * (source.compiled - compiled)
        source.eager = eager + self._count * (
            source.eager - eager + DISPATCH * 2 * len(outputs)
        )
        return [*self._in_order(), *self._shared]

    def _inner_inputs(self) -> list[Any]:
        op, graph, t = self._op, self._graph, self._time
        inputs: list[Any] = [array.part(t) for array in self._sequences]
        inputs += [
            self._buffers[i].part(self._place(i, tap))
            for i in range(op.n_outs)
            for tap in op.tap_array[i]
        ]
        inputs += self._shared
        inputs += [
            graph.known(variable)
            if graph.is_known(variable)
            else graph.array(variable)
            for variable in self._others
        ]
        return inputs

    def _place(self, i: int, tap: int = 0) -> str:
        """Where the result that is `tap` steps later lies in a buffer."""
        length = self._lengths[i]
        start = tap - self._op.mintaps[i]
        if 0 <= start <= length - self._count:
            return f'{self._time} + {start}'
        return f'({self._time} + {start % length}) % {length}'

    def _store(self, outputs: Sequence[Array]) -> None:
        """Write the assignments of the results of a step."""
        op, source, buffers = self._op, self._source, self._buffers
        outputs = [self._apart(value) for value in outputs]
        rest = iter(outputs)
        for i, taps in enumerate(op.mit_mot_out_slices[: op.n_mit_mot]):
            for tap in taps:
                place = f'{self._place(i)} + {tap}'
                source.copy(buffers[i].part(place), next(rest))
        for i in range(op.n_mit_mot, op.n_outs + op.n_nit_sot):
            value = next(rest)
            if i >= op.n_outs:
                buffers.append(
                    source.new(value.dtype, (self._lengths[i], *value.shape))
                )
            if value.shape != buffers[i].shape[1:]:
                raise NotSupportedError('results of several shapes')
            source.copy(buffers[i].part(self._place(i)), value)
        for target, value in zip(self._shared, rest):
            source.copy(target, value)

    def _apart(self, value: Array) -> Array:
        """A result in memory that the assignments do not overwrite."""
        names = {array.buffer for array in [*self._buffers, *self._shared]}
        return self._source.copied(value) if value.buffer in names else value

    def _in_order(self) -> list[Array]:
        """Write what brings the earliest result first; returns the arrays."""
        op, source, results = self._op, self._source, []
        for i, buffer in enumerate(self._buffers):
            if i >= op.n_mit_mot:
                length = self._lengths[i]
                filled = self._count - op.mintaps[i]
                if length < filled:
                    start = filled % length
                    ordered = source.new(buffer.dtype, buffer.shape)
                    for first, count, to in (
                        (start, length - start, 0),
                        (0, start, length - start),
                    ):
                        step = buffer.strides[0]
                        shape = (count, *buffer.shape[1:])
                        source.copy(
                            ordered.viewed(shape, buffer.strides, to * step),
                            buffer.viewed(shape, buffer.strides, first * step),
                        )
                    buffer = ordered
                elif length > filled:
                    rest = buffer.viewed(
                        (length - filled, *buffer.shape[1:]),
                        buffer.strides,
                        filled * buffer.strides[0],
                    )
                    source.loop(rest.shape, [rest], lambda to: f'{to} = 0;')
            results.append(buffer)
        return results
