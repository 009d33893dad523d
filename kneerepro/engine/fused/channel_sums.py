"""Sums for each channel of images, two in one pass over memory.

The statistics of batch normalisation are such a pair of sums, and its
gradients need others. PyTorch has kernels for CUDA;
:mod:`kneerepro.engine.kernels.channel_sums` has those for the CPU.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from theano.gof import Apply, Op
from theano.gof.graph import ancestors
from theano.gof.opt import local_optimizer
from theano.scalar import Sub
from theano.tensor import Sum, TensorType

from ..dispatch import register
from ..kernels import channel_sums
from ..values import torch_dtype
from .patterns import channel_vector, elemwise_inputs, product_pair
from .sums import existing_sum, sum_behind_deviation


class _ChannelSums(Op):
    """Takes tensors of shape (n, channels, ...) and returns two vectors: sums
    along all axes but the second.
    """

    __props__ = ()

    def make_node(self, *inputs):
        """Make a node for tensors."""
        vector = TensorType(inputs[0].dtype, inputs[0].broadcastable[1:2])
        return Apply(self, inputs, [vector(), vector()])

    def infer_shape(self, node, shapes):
        """Both sums have one element for each channel."""
        return [(shapes[0][1],)] * 2

    def perform(self, node, inputs, outputs):
        """Compute the sums in NumPy."""
        axes = _summed_axes(inputs[0])
        with np.errstate(invalid='ignore'):  # for means of no elements
            for output, terms in zip(outputs, self.terms(*inputs)):
                output[0] = terms.sum(axes)


class Moments(_ChannelSums):
    """The sum of a tensor, and the sum of its squared deviations from the
    mean.
    """

    def terms(self, x):
        """What is summed."""
        axes = _summed_axes(x)
        count = math.prod(x.shape) / max(1, x.shape[1])
        mean = x.sum(axes, keepdims=True) / count
        return x, (x - mean) ** 2


class ProductSums(_ChannelSums):
    """The sum of a tensor `g`, and the sum of its products with another
    tensor.

    The other tensor is `x`, or `x` minus a vector over the channels, which is
    then the third input.
    """

    def terms(self, g, x, offset=None):
        """What is summed."""
        _check_shapes(g, x, offset)
        if offset is not None:
            x = x - offset.reshape(-1, *[1] * (x.ndim - 2))
        return g, g * x


def _summed_axes(x):
    return (0, *range(2, x.ndim))


def _check_shapes(g, x, offset):
    if g.shape != x.shape:
        raise ValueError(
            'Input dimension mis-match in a sum of products: the tensors have '
            f'the shapes {tuple(g.shape)} and {tuple(x.shape)}, which must be '
            'equal'
        )
    if offset is not None and len(offset) != x.shape[1]:
        raise ValueError(
            'Input dimension mis-match in a sum of products: a vector of '
            f'length {len(offset)} is subtracted from a tensor of shape '
            f'{tuple(x.shape)}, which must have as many channels'
        )


def _exact_sums(op, *inputs):
    """What a node computes, in double precision."""
    x = inputs[0]
    inputs = [value if value is None else value.double() for value in inputs]
    return tuple(
        terms.sum(_summed_axes(x)).to(x.dtype) for terms in op.terms(*inputs)
    )


def _compile_ahead(node, device):
    """Compile while the rest of the graph is prepared."""
    if device.type == 'cpu':
        channel_sums.start(torch_dtype(node.outputs[0].dtype))


@register(Moments, device=True, fresh=True)
def _build_moments(op, node, device):
    _compile_ahead(node, device)

    def moments(x):
        sums = channel_sums.moments(x)
        if sums is not None:
            return sums
        if x.device.type == 'cpu' or not x.numel():
            return _exact_sums(op, x)
        mean, variance = torch.batch_norm_update_stats(x, None, None, 0.0)
        count = x.numel() // x.shape[1]
        return mean.mul_(count), variance.mul_(count)

    return moments


@register(ProductSums, device=True, fresh=True)
def _build_product_sums(op, node, device):
    _compile_ahead(node, device)

    def product_sums(g, x, offset=None):
        # The kernels would read beyond the end of a shorter tensor.
        _check_shapes(g, x, offset)
        sums = channel_sums.product_sums(g, x, offset)
        if sums is not None:
            return sums
        if x.device.type == 'cpu' or not x.numel():
            return _exact_sums(op, g, x, offset)
        if offset is None:
            offset = x.new_zeros(x.shape[1])
        # The kernel takes a mean and an inverse deviation. The latter is used
        # only for a result that is not asked for, so any vector will do.
        return torch.batch_norm_backward_reduce(
            g, x, offset, offset, None, True, False, False
        )[:2]

    return product_sums


@local_optimizer([Sum])
def sum_moments(node):
    """Fuse ``sum((x - mean(x)) ** 2)`` with the sum behind the mean."""
    a, b = _summed_pair(node) or (None, None)
    if a is None or a is not b:
        return False
    total = sum_behind_deviation(a, node.op)
    if total is None:
        return False
    sums = Moments()(*total.owner.inputs)
    return {total: sums[0], node.outputs[0]: sums[1]}


@local_optimizer([Sum])
def sum_products(node):
    """Fuse ``sum(g x)`` or ``sum(g (x - c))`` with ``sum(g)``, if the graph
    has that.
    """
    pair = _summed_pair(node)
    if pair is None or pair[0] is pair[1]:
        return False  # squares have a kernel of their own
    choices = []
    for g, x in pair, pair[::-1]:
        x = _with_offset(x)
        total = existing_sum(g, node)
        if total in ancestors(x):
            total = None
        choices.append((g, total, x))
    # Either of the two may be `g`. The better choice is the one whose `x` is a
    # difference, which then need not be written to memory; then the one whose
    # sum the graph has.
    g, total, x = max(
        choices,
        key=lambda choice: (
            len(choice[2]),
            choice[1] is not None,
            -len(choice[0].clients),
        ),
    )
    sums = ProductSums()(g, *x)
    replacements = {node.outputs[0]: sums[1]}
    if total is not None:
        replacements[total] = sums[0]
    return replacements


def _summed_pair(node):
    """The two tensors whose product is summed for each channel, or None."""
    product, axes = node.inputs[0], getattr(node.op, 'axis', None)
    if (
        not isinstance(node.op, Sum)
        or axes is None
        or product.ndim < 2
        or sorted(axes) != [0, *range(2, product.ndim)]
        or product.dtype != node.outputs[0].dtype
    ):
        return None
    return product_pair(product)


def _with_offset(x):
    """The tensor and the vector over the channels whose difference `x` is, or
    `x` alone if it is no such difference.
    """
    terms = elemwise_inputs(x, Sub, 2)
    vector = terms and channel_vector(terms[1])
    if vector is None or terms[0].type != x.type or vector.dtype != x.dtype:
        return [x]
    return [terms[0], vector]
