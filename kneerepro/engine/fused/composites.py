"""Elementwise operations, one after the other, as one; on CUDA, where
:mod:`kneerepro.engine.kernels.jit` compiles it.
"""

from theano.compile import optdb
from theano.gof.opt import Optimizer
from theano.scalar import Add, Mul, Sub
from theano.tensor.elemwise import Elemwise
from theano.tensor.opt import FusionOptimizer, local_elemwise_fusion_op

from ..kernels.jit import MOST_INPUTS, code_of
from .patterns import CUDA_TAG, TAG

_fuse = local_elemwise_fusion_op(Elemwise, lambda node: MOST_INPUTS)


def fuse_elementwise(node):
    """An operation, and those that nothing else needs the results of, as
    one, if there is code for it.
    """
    new = _fuse(node)
    if not new:
        return False
    made = new[0].owner
    if (
        code_of(
            made.op.scalar_op, [variable.dtype for variable in made.inputs]
        )
        is None
    ):
        return False
    return new


class ComputeAgain(Optimizer):
    """Have each elementwise operation that needs a tensor plus, minus or
    times a smaller one compute that itself, rather than read it from
    memory.
    """

    def apply(self, fgraph):
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
    """Whether to compute it takes no more than to read the result."""
    output = node.outputs[0]
    return (
        output.dtype.startswith('float')
        and isinstance(getattr(node.op, 'scalar_op', None), (Add, Mul, Sub))
        and sum(x.type == output.type for x in node.inputs) == 1
    )


# After Theano has made one of equal operations. It does so again at last, for
# those that were not fused after all.
optdb.register('torch_compute_again', ComputeAgain(), 49.05, TAG, CUDA_TAG)
optdb.register(
    'torch_composites', FusionOptimizer(fuse_elementwise), 49.1, TAG, CUDA_TAG
)
