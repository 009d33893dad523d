"""Consecutive elementwise operations as one.

:mod:`kneerepro.engine.kernels.jit` compiles them for CUDA. For the CPU, see
:mod:`kneerepro.engine.fused.loop_groups`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import theano
from theano.gof import Apply, FunctionGraph
from theano.gof.opt import Optimizer
from theano.scalar import Add, Composite, Mul, Sub, get_scalar_type
from theano.tensor.elemwise import Elemwise

from ..kernels.jit import MAX_INPUTS, code_of


def fuse_into_kernel(node: Apply) -> Any:
    """Fuse an operation with those whose results only it needs, if there is
    code for them on CUDA.

    A local rewrite: see :class:`theano.tensor.opt.FusionOptimizer`.
    """
    if not _is_part(node):
        return False
    parts = _parts(node)
    if len(parts) == 1:
        return False
    (output,) = node.outputs
    (new,) = as_one_operation(parts, [output])
    if new.type != output.type or not _has_code(new.owner):
        return False
    return [new]


def _is_part(node):
    return (
        node is not None
        and type(node.op) is Elemwise
        and not isinstance(node.op.scalar_op, Composite)
        and len(node.outputs) == 1
        and _has_code(node)
    )


def _has_code(node):
    dtypes = [variable.dtype for variable in node.inputs]
    return code_of(node.op.scalar_op, dtypes) is not None


def as_one_operation(
    parts: Sequence[Apply], outputs: Sequence[theano.Variable]
) -> list[theano.Variable]:
    """The results of several elementwise operations, by one.

    Parameters
    ----------
    parts : list of Apply
        The operations, which may themselves be composite.
    outputs : list of Variable
        The results of theirs that are needed.
    """
    inputs: dict[theano.Variable, Any] = {}
    results: dict[theano.Variable, Any] = {}

    def number(variable):
        """The number of the composite operation for a variable."""
        if variable.owner not in parts:
            if variable not in inputs:
                inputs[variable] = get_scalar_type(variable.dtype)()
            return inputs[variable]
        if variable not in results:
            part = variable.owner
            results[variable] = _applied(
                part.op.scalar_op, list(map(number, part.inputs))
            )
        return results[variable]

    needed = list(map(number, outputs))
    composite = Composite(list(inputs.values()), needed)
    return Elemwise(composite)(*inputs, return_list=True)


def _applied(op, numbers):
    """The result of a scalar Op. That of a composite one is made of the
    results of its parts.
    """
    if not isinstance(op, Composite):
        return op(*numbers)
    values = dict(zip(op.fgraph.inputs, numbers))
    for inner in op.fgraph.toposort():
        (result,) = inner.outputs
        values[result] = inner.op(*(values.get(x, x) for x in inner.inputs))
    (output,) = op.fgraph.outputs
    return values[output]


def _parts(node: Apply) -> list[Apply]:
    """A node, and those before it that can be fused with it: nothing else
    needs their results, which have the type of its result.
    """
    (output,) = node.outputs
    parts, grows = [node], True
    while grows:
        grows = False
        # Not as a set: all processes of a training need the same graph.
        for variable in [x for part in parts for x in part.inputs]:
            part = variable.owner
            if (
                part not in parts
                and variable.type == output.type
                and _is_part(part)
                and all(client in parts for client, _ in variable.clients)
                and count_inputs([*parts, part]) <= MAX_INPUTS
            ):
                parts.append(part)
                grows = True
    return parts


def count_inputs(parts: Sequence[Apply]) -> int:
    """How many variables operations need that they do not compute."""
    return len(
        {x for part in parts for x in part.inputs if x.owner not in parts}
    )


class Rematerialise(Optimizer):
    """Let elementwise operations recompute a cheap input instead of reading
    it from memory.

    A cheap input is a tensor plus, minus or times a smaller one. Each
    operation that needs it gets its own copy of it, which can be fused.
    """

    def apply(self, fgraph: FunctionGraph) -> None:
        """Rewrite a graph."""
        for node in fgraph.toposort():
            clients = node.outputs[0].clients
            if (
                len(clients) < 2
                or not _is_cheap(node)
                or not all(
                    client != 'output' and isinstance(client.op, Elemwise)
                    for client, _ in clients
                )
            ):
                continue
            for client, i in clients[1:]:
                fgraph.change_input(
                    client,
                    i,
                    node.op(*node.inputs),
                    reason='torch_compute_again',
                )


def _is_cheap(node):
    """Whether computing the result costs no more than reading it."""
    output = node.outputs[0]
    return (
        output.dtype.startswith('float')
        and isinstance(getattr(node.op, 'scalar_op', None), (Add, Mul, Sub))
        and sum(x.type == output.type for x in node.inputs) == 1
    )
