"""Zeros with several parts set, written once.

The gradients of several parts of a tensor are added to the same zeros, one
after the other. Where the parts do not overlap, nothing has to be added.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from theano.gof import Apply, Constant, Op
from theano.gof.opt import local_optimizer
from theano.tensor import IncSubtensor, TensorType
from theano.tensor.subtensor import get_idx_list

from ..dispatch import register
from ..kernels.subtensor import is_zeros
from ..values import torch_dtype


class PutParts(Op):
    """Takes the sizes of a tensor and several parts of it, and returns the
    tensor, which is 0 elsewhere.

    Parameters
    ----------
    kind : TensorType
        The type of the result.
    axis : int
        The axis along which the parts lie.
    bounds : tuple of (int, int or None)
        The start and the stop of each part.
    """

    __props__ = 'kind', 'axis', 'bounds'

    def __init__(
        self,
        kind: TensorType,
        axis: int,
        bounds: Sequence[tuple[int, int | None]],
    ):
        self.kind, self.axis, self.bounds = kind, axis, tuple(bounds)

    def make_node(self, *inputs):
        """Make a node for sizes and parts."""
        return Apply(self, inputs, [self.kind()])

    def infer_shape(self, node, shapes):
        """The sizes are the first inputs."""
        return [node.inputs[: self.kind.ndim]]

    def indices(self):
        """The index of each part."""
        before = (slice(None),) * self.axis
        return [(*before, slice(*bounds)) for bounds in self.bounds]

    def perform(self, node, inputs, outputs):
        """Put the parts together in NumPy."""
        sizes, parts = inputs[: self.kind.ndim], inputs[self.kind.ndim :]
        result = np.zeros(list(map(int, sizes)), self.kind.dtype)
        for index, part in zip(self.indices(), parts):
            result[index] = part
        outputs[0][0] = result


@register(PutParts, host=lambda node: range(node.op.kind.ndim), fresh=True)
def _build_put_parts(op, node):
    ndim, indices = op.kind.ndim, op.indices()
    dtype = torch_dtype(op.kind.dtype)

    def put_parts(*inputs):
        sizes, parts = inputs[:ndim], inputs[ndim:]
        result = parts[0].new_empty([int(n) for n in sizes], dtype=dtype)
        if sum(part.numel() for part in parts) < result.numel():
            result.zero_()
        for index, part in zip(indices, parts):
            result[index].copy_(part)
        return result

    return put_parts


@local_optimizer([IncSubtensor])
def put_together(node):
    """Set parts of zeros at once if they do not overlap."""
    output = node.outputs[0]
    if any(_index_of(client) for client, _ in output.clients):
        return False  # it is part of a longer chain
    parts, axis = [], None
    while _index_of(node):
        part_axis, start, stop = _index_of(node)
        x, part = node.inputs[:2]
        if axis not in (None, part_axis) or part.type != x.type:
            return False
        axis = part_axis
        parts.insert(0, (start, stop, part))
        if is_zeros(x):
            break
        if x.owner is None or len(x.clients) > 1:
            return False
        node = x.owner
    else:
        return False
    ordered = sorted(parts, key=lambda part: part[0])
    if len(parts) < 2 or any(
        stop is None or stop > later
        for (_, stop, _), (later, _, _) in zip(ordered, ordered[1:])
    ):
        return False
    op = PutParts(
        output.type, axis, [(start, stop) for start, stop, _ in parts]
    )
    return [op(*x.owner.inputs[1:], *(part for _, _, part in parts))]


def _index_of(node):
    """The axis, the start and the stop of the part that a node changes; None
    if it is not known, or changes others.
    """
    if node == 'output' or not isinstance(node.op, IncSubtensor):
        return None
    if not all(isinstance(x, Constant) for x in node.inputs[2:]):
        return None
    values = [x.data for x in node.inputs[2:]]
    *whole, last = get_idx_list([None, *values], node.op.idx_list)
    if any(index != slice(None) for index in whole):
        return None
    if not isinstance(last, slice) or last.step not in (None, 1):
        return None
    start, stop = last.start or 0, last.stop
    if min(start, stop or 0) < 0:
        return None
    return len(whole), int(start), None if stop is None else int(stop)
