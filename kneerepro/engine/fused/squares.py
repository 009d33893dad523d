"""Sums of squares in one pass over memory; on CUDA, where PyTorch has a kernel
for norms that is as exact as that for sums.
"""

import numpy as np
import torch
from theano.compile import optdb
from theano.gof import Apply, Op
from theano.gof.opt import local_optimizer, out2in
from theano.tensor import Sum

from ..dispatch import register
from .patterns import CUDA_TAG, TAG, floats_multiplied, if_like


class SquareSum(Op):
    """The sum of squares of a tensor.

    Parameters
    ----------
    axes : tuple of int
        Those that are summed over.
    """

    __props__ = ('axes',)

    def __init__(self, axes):
        self.axes = axes

    def make_node(self, x):
        return Apply(self, [x], [Sum(self.axes)(x).type()])

    def infer_shape(self, node, shapes):
        return [
            tuple(
                size
                for axis, size in enumerate(shapes[0])
                if axis not in self.axes
            )
        ]

    def perform(self, node, inputs, outputs):
        (x,) = inputs
        outputs[0][0] = np.asarray((x**2).sum(self.axes))


@register(SquareSum, fresh=True)
def build_square_sum(op, node):
    def square_sum(x):
        return torch.linalg.vector_norm(x, 2, op.axes).square_()

    return square_sum


@local_optimizer([Sum])
def sum_squares(node):
    """``sum(x ** 2)``, if nothing else needs the square."""
    x, other = floats_multiplied(node.inputs[0]) or (None, None)
    if not isinstance(node.op, Sum) or x is None or x is not other:
        return False
    axes = node.op.axis
    axes = tuple(range(x.ndim) if axes is None else axes)
    return if_like(SquareSum(axes)(x), node.outputs[0]) if axes else False


# After what sums for each channel.
optdb.register('torch_square_sums', out2in(sum_squares), 49.03, TAG, CUDA_TAG)
