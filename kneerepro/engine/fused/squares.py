"""Sums of squares in one pass over memory.

This is for CUDA, where PyTorch's kernel for norms is as precise as its sums.
"""

from __future__ import annotations

import numpy as np
import torch
from theano.gof import Apply, Op
from theano.gof.opt import local_optimizer
from theano.tensor import Sum

from ..dispatch import register
from .patterns import product_pair, replacement


class SquareSum(Op):
    """The sum of squares of a tensor.

    Parameters
    ----------
    axes : tuple of int
        The axes that are summed over.
    """

    __props__ = ('axes',)

    def __init__(self, axes: tuple[int, ...]):
        self.axes = axes

    def make_node(self, x):
        """Make a node for a tensor."""
        return Apply(self, [x], [Sum(self.axes)(x).type()])

    def infer_shape(self, node, shapes):
        """The sizes of the axes that are not summed over."""
        return [
            tuple(
                size
                for axis, size in enumerate(shapes[0])
                if axis not in self.axes
            )
        ]

    def perform(self, node, inputs, outputs):
        """Compute the result in NumPy."""
        (x,) = inputs
        outputs[0][0] = np.asarray((x**2).sum(self.axes))


@register(SquareSum, fresh=True)
def _build_square_sum(op, node):
    def square_sum(x):
        return torch.linalg.vector_norm(x, 2, op.axes).square_()

    return square_sum


@local_optimizer([Sum])
def sum_squares(node):
    """Fuse ``sum(x ** 2)``, if nothing else needs the square."""
    x, other = product_pair(node.inputs[0]) or (None, None)
    if not isinstance(node.op, Sum) or x is None or x is not other:
        return False
    axes = node.op.axis
    axes = tuple(range(x.ndim) if axes is None else axes)
    return replacement(SquareSum(axes)(x), node.outputs[0]) if axes else False
