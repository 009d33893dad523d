"""Elementwise operations, one after the other, as one; on CUDA, where
:mod:`kneerepro.engine.kernels.jit` compiles it."""

from theano.compile import optdb
from theano.tensor.elemwise import Elemwise
from theano.tensor.opt import FusionOptimizer, local_elemwise_fusion_op

from ..kernels.jit import MOST_INPUTS, code_of

#: The name of the rewrite, for devices that have a compiler.
FUSE = 'torch_composites'

_fuse = local_elemwise_fusion_op(Elemwise, lambda node: MOST_INPUTS)


def fuse_elementwise(node):
    """An operation, and those that nothing else needs the results of, as
    one, if there is code for it."""
    new = _fuse(node)
    if not new:
        return False
    made = new[0].owner
    if code_of(made.op.scalar_op,
               [variable.dtype for variable in made.inputs]) is None:
        return False
    return new


# After Theano has made one of equal operations.
optdb.register(FUSE, FusionOptimizer(fuse_elementwise), 49.1)
