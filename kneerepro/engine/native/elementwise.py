"""Elementwise operations in C++, from Theano's own code for their elements."""

from __future__ import annotations

from collections.abc import Sequence

import theano.scalar.basic as scalar
from theano.gof import Apply
from theano.tensor.basic import ScalarFromTensor, TensorFromScalar
from theano.tensor.elemwise import Elemwise

from ..kernels.scalar_code import VECTORISED, scalar_code
from ..kernels.scalar_tables import CHEAP
from .arrays import Array
from .graph import Graph, emits

# Nanoseconds for each element, in C++ and on PyTorch.
_COSTS = (
    (CHEAP, 0.2, 0.2),
    (VECTORISED, 1.5, 0.7),
    (scalar.ScalarOp, 8.0, 0.7),
)


@emits(Elemwise)
def _emit_elementwise(graph: Graph, node: Apply) -> Sequence[Array]:
    results = [graph.new(variable) for variable in node.outputs]
    apply(graph, node.op.scalar_op, node, results)
    return results


def _emit_scalar(graph: Graph, node: Apply) -> Sequence[Array]:
    results = [graph.new(variable) for variable in node.outputs]
    apply(graph, node.op, node, results)
    return results


# Operations on single numbers, such as a graph's arithmetic with sizes.
for _kind in vars(scalar).values():
    if isinstance(_kind, type) and issubclass(_kind, scalar.ScalarOp):
        emits(_kind)(_emit_scalar)


@emits(ScalarFromTensor, TensorFromScalar)
def _emit_same(graph: Graph, node: Apply) -> Sequence[Array]:
    return [graph.array(node.inputs[0])]


def apply(
    graph: Graph, op: scalar.ScalarOp, node: Apply, results: Sequence[Array]
) -> None:
    """Write the loop that applies a scalar Op to the inputs of a node."""
    arrays = [graph.array(variable) for variable in node.inputs]
    shape = results[0].shape

    def body(*elements: str) -> str:
        return scalar_code(
            graph.source,
            op,
            [array.dtype for array in arrays],
            [array.dtype for array in results],
            elements[len(results) :],
            elements[: len(results)],
        )

    graph.source.loop(shape, [*results, *arrays], body)
    steps = [op]
    if isinstance(op, scalar.Composite):
        steps = [inner.op for inner in op.fgraph.apply_nodes]
    for step in steps:
        compiled, eager = next(
            costs for kinds, *costs in _COSTS if isinstance(step, kinds)
        )
        size = results[0].size
        graph.source.spend(20 + compiled * size, eager * size)
