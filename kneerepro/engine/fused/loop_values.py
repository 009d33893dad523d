"""Values of loops: the gradient of a ``theano.scan`` takes from the loop what
that has computed.

Theano's gradient of a loop is another loop, which runs through the steps in
reverse order. It reads the states, and computes from them once more whatever
else the derivatives need. This saves memory, but costs as much time as the
loop itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import theano
from theano.gof import Apply, FunctionGraph
from theano.gof.graph import io_toposort
from theano.gof.opt import Optimizer
from theano.scalar import ScalarConstant
from theano.scan_module import scan_utils
from theano.scan_module.scan_op import Scan
from theano.tensor import Subtensor, TensorConstant, TensorType
from theano.tensor.basic import Dot
from theano.tensor.nnet.abstract_conv import BaseAbstractConv

from .scans import may_change, reading

# What depends on such an operation is worth the memory of all steps.
_EXPENSIVE = Dot, BaseAbstractConv

# The constants that are equal if their values are.
_NUMBERS = ScalarConstant, TensorConstant

#: Where the elements of a sequence come from: the variable, and the bounds of
#: its part. The second bound may be None.
Part = tuple[theano.Variable, int, Any]


class TakeValues(Optimizer):
    """Let gradients of loops read values instead of computing them again.

    The loop then returns these values for all steps. Only what depends on a
    product of matrices or on a convolution is taken. Loops with ``until`` stay
    as they are, and so do those with a mode of their own.
    """

    def apply(self, fgraph: FunctionGraph) -> None:
        """Rewrite a graph."""
        for node in fgraph.toposort():
            if node not in fgraph.apply_nodes or not may_change(node):
                continue
            for loop in _loops_before(node):
                replacements = _take(node, loop)
                if replacements:
                    fgraph.replace_all_validate(
                        replacements, reason='torch_loop_values'
                    )
                    break


def _loops_before(node):
    """The loops whose results are sequences of another one, reversed."""
    loops = [
        source.owner
        for sequence in node.op.outer_seqs(node)
        for source, *_ in _reversed_parts(sequence)
        if source.owner is not None and may_change(source.owner)
    ]
    return list(dict.fromkeys(loops))


def _take(node: Apply, loop: Apply) -> list[tuple]:
    """What to replace so that a node takes values from a loop; nothing if
    there are no such values.
    """
    op = node.op
    inputs, outputs = scan_utils.reconstruct_graph(op.inputs, op.outputs)
    same = _Same(loop)
    same.match(node, inputs, outputs)
    taken = same.expensive(inputs, outputs)
    if not taken:
        return []
    # Equal values become one.
    wanted = dict.fromkeys(same.found[value] for value in taken)
    parts = same.output_parts()
    missing = [value for value in wanted if value not in parts]
    new = _with_outputs(loop, missing)
    first = loop.op.n_outs + loop.op.n_nit_sot
    for place, value in enumerate(missing, first):
        parts[value] = new[place], 0
    shared = new[first + len(missing) :]
    replacements = dict(zip(loop.outputs, new[:first] + shared))
    sequences = []
    for value in wanted:
        result, start = parts[value]
        sequences.append(replacements.get(result, result)[start:][::-1])
    elements = {value: value.type() for value in wanted}
    steps, *others = [replacements.get(x, x) for x in node.inputs]
    gradient = reading(
        op, inputs, outputs, {x: elements[same.found[x]] for x in taken}
    )
    results = gradient(
        steps, *(x[:steps] for x in sequences), *others, return_list=True
    )
    return [*replacements.items(), *zip(node.outputs, results)]


def _with_outputs(loop, values):
    """The outputs of a loop that also returns certain values of its inner
    graph.
    """
    op, steps = loop.op, loop.inputs[0]
    inner = op.outputs
    count = len(inner) - op.n_shared_outs
    place = op.nit_sot_arg_offset + op.n_nit_sot
    # Its inputs begin with the number of steps.
    outer = [
        *loop.inputs[:place],
        *[steps] * len(values),
        *loop.inputs[place:],
    ]
    new = Scan(
        *scan_utils.reconstruct_graph(
            op.inputs, [*inner[:count], *values, *inner[count:]]
        ),
        {**op.info, 'n_nit_sot': op.n_nit_sot + len(values)},
    )
    return new(*outer, return_list=True)


class _Same:
    """The values of a loop that another loop has as well.

    Parameters
    ----------
    loop : theano.gof.Apply

    Attributes
    ----------
    found : dict of Variable to Variable
        The inner variables of the other loop, with those of this one.
    """

    def __init__(self, loop: Apply):
        self._loop = loop
        self.found: dict[theano.Variable, theano.Variable] = {}
        # Of equal inner variables, one stands for all.
        self._first: dict[theano.Variable, theano.Variable] = {}
        self._nodes: dict[tuple, Apply] = {}
        self._expensive: set[theano.Variable] = set()
        for node in io_toposort(loop.op.inputs, loop.op.outputs):
            equal = self._nodes.setdefault(self._key(node, self._first), node)
            self._first.update(zip(node.outputs, equal.outputs))
            if isinstance(node.op, _EXPENSIVE) or any(
                x in self._expensive for x in node.inputs
            ):
                self._expensive.update(node.outputs)

    def match(self, node, inputs, outputs):
        """Find the values that a node has as well, in reverse order.

        Parameters
        ----------
        node : theano.gof.Apply
        inputs, outputs : list of Variable
            Its inner graph.
        """
        op, parts = node.op, dict(self._parts())
        for inner, sequence in zip(op.inner_seqs(inputs), op.outer_seqs(node)):
            for part in _reversed_parts(sequence):
                if part in parts:
                    self.found[inner] = self._first.get(
                        parts[part], parts[part]
                    )
        known = dict(
            zip(
                self._loop.op.outer_non_seqs(self._loop),
                self._loop.op.inner_non_seqs(self._loop.op.inputs),
            )
        )
        for inner, outer in zip(
            op.inner_non_seqs(inputs), op.outer_non_seqs(node)
        ):
            if outer in known:
                self.found[inner] = known[outer]
        for step in io_toposort(inputs, outputs):
            equal = self._nodes.get(self._key(step, self.found))
            if equal is not None and all(
                a.type == b.type for a, b in zip(step.outputs, equal.outputs)
            ):
                self.found.update(zip(step.outputs, equal.outputs))

    def _key(self, node, names):
        return node.op, tuple(
            x.signature() if isinstance(x, _NUMBERS) else names.get(x, x)
            for x in node.inputs
        )

    def expensive(self, inputs, outputs):
        """The values that were expensive, and that something else in the
        inner graph needs.
        """
        needed = list(outputs)
        for step in io_toposort(inputs, outputs):
            if not all(x in self.found for x in step.outputs):
                needed += step.inputs
        return [
            value
            for value in dict.fromkeys(needed)
            if value.owner is not None
            and self.found.get(value) in self._expensive
            and isinstance(value.type, TensorType)
        ]

    def _parts(self) -> Iterator[tuple[Part, theano.Variable]]:
        """The sequences that the loop reads or writes, each with the inner
        variable for its element.
        """
        op, loop = self._loop.op, self._loop
        for outer, inner in zip(op.outer_seqs(loop), op.inner_seqs(op.inputs)):
            yield (outer, 0, None), inner
        taps = iter([*op.inner_mitsot(op.inputs), *op.inner_sitsot(op.inputs)])
        for place in range(op.n_mit_mot, op.n_outs):
            for tap in op.tap_array[place]:
                yield (
                    (loop.outputs[place], tap - op.mintaps[place], tap),
                    next(taps),
                )
        for inner, (outer, start) in self.output_parts().items():
            yield (outer, start, None), inner

    def output_parts(self) -> dict[theano.Variable, tuple]:
        """The inner variables that the loop returns, each with the output
        and the number of elements before that of the first step.
        """
        op, loop = self._loop.op, self._loop
        inner = [
            *op.inner_mitsot_outs(op.outputs),
            *op.inner_sitsot_outs(op.outputs),
            *op.inner_nitsot_outs(op.outputs),
        ]
        outer = loop.outputs[op.n_mit_mot :]
        before = [-tap for tap in op.mintaps[op.n_mit_mot :]]
        before += [0] * op.n_nit_sot
        return {
            self._first.get(value, value): (result, count)
            for value, result, count in zip(inner, outer, before)
        }


def _reversed_parts(sequence: theano.Variable) -> Iterator[Part]:
    """The variables of which a sequence may be a part, in reverse order.

    Theano's gradients write them as ``x[start:stop][::-1][:steps]`` or
    ``x[::-1][:-start][:steps]``.
    """
    x, index = _slice_of(sequence)
    if index is None or index[0] != 0 or index[2] != 1:
        return
    backwards, index = _slice_of(x)
    if index == (0, None, -1):
        yield backwards, 0, None
        x, index = _slice_of(backwards)
        if index is not None and index[2] == 1:
            yield x, index[0], index[1]
    elif index is not None and index[::2] == (0, 1):
        x, reverse = _slice_of(backwards)
        if reverse == (0, None, -1) and isinstance(index[1], int):
            yield x, -index[1], None


def _slice_of(x):
    """The variable that is sliced along its first axis alone, and the start,
    stop and step of the slice; None for these if `x` is no such slice.

    A stop that is not known stays a variable.
    """
    op = getattr(x.owner, 'op', None)
    if not isinstance(op, Subtensor) or len(op.idx_list) != 1:
        return x, None
    (index,) = op.get_constant_idx(x.owner.inputs, allow_partial=True)
    if not isinstance(index, slice):
        return x, None
    start, stop, step = (
        value
        if value is None or isinstance(value, theano.Variable)
        else int(value)
        for value in (index.start, index.stop, index.step)
    )
    return x.owner.inputs[0], (start or 0, stop, step or 1)
