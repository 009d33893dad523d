"""Consecutive elementwise operations as one.

This is for CUDA, where :mod:`kneerepro.engine.kernels.jit` compiles them.
"""

from __future__ import annotations

from theano.gof import FunctionGraph
from theano.gof.opt import Optimizer
from theano.scalar import Add, Mul, Sub
from theano.tensor.elemwise import Elemwise
from theano.tensor.opt import local_elemwise_fusion_op

from ..kernels.jit import MAX_INPUTS, code_of

_fuse = local_elemwise_fusion_op(Elemwise, lambda node: MAX_INPUTS)


def fuse_elementwise(node):
    """Fuse an operation with those whose results only it needs, if there is
    code for the whole.
    """
    new = _fuse(node)
    if not new:
        return False
    fused = new[0].owner
    dtypes = [variable.dtype for variable in fused.inputs]
    return False if code_of(fused.op.scalar_op, dtypes) is None else new


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
