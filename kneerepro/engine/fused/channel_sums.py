"""Sums for each channel of images, two in one pass over memory; on CUDA, where
PyTorch has kernels for them.

The statistics of batch normalisation are such a pair, and what its gradients
need are others.
"""

import numpy as np
import torch
from theano.compile import optdb
from theano.gof import Apply, Op
from theano.gof.graph import ancestors
from theano.gof.opt import local_optimizer, out2in
from theano.scalar import Sub
from theano.tensor import Sum, TensorType

from ..dispatch import register
from .patterns import CUDA_TAG, TAG, floats_multiplied, inputs_of, of_channels
from .sums import sum_in_difference, sum_of


class _ChannelSums(Op):
    """Takes tensors of shape (n, channels, ...); returns two vectors, of
    sums along all axes but the second.
    """

    __props__ = ()

    def make_node(self, *inputs):
        kind = TensorType(inputs[0].dtype, inputs[0].broadcastable[1:2])
        return Apply(self, inputs, [kind(), kind()])

    def infer_shape(self, node, shapes):
        return [(shapes[0][1],)] * 2

    def perform(self, node, inputs, outputs):
        axes = _axes(inputs[0])
        with np.errstate(invalid='ignore'):  # means of no elements
            for output, terms in zip(outputs, self.terms(*inputs)):
                output[0] = terms.sum(axes)


class Moments(_ChannelSums):
    """The sum of a tensor, and that of the squares of its differences from
    the mean.
    """

    def terms(self, x):
        mean = x.sum(_axes(x), keepdims=True) / (x.size / max(1, x.shape[1]))
        return x, (x - mean) ** 2


class ProductSums(_ChannelSums):
    """The sum of a tensor `g`, and that of its products with another one,
    `x`, or with `x` minus a vector for the channels, a third input.
    """

    def terms(self, g, x, offset=None):
        _check(g, x, offset)
        if offset is not None:
            x = x - offset.reshape(-1, *[1] * (x.ndim - 2))
        return g, g * x


def _axes(x):
    return (0, *range(2, x.ndim))


def _check(g, x, offset):
    if (
        g.shape != x.shape
        or offset is not None
        and (len(offset) != x.shape[1])
    ):
        raise ValueError(
            'Input dimension mis-match: products of '
            f'{tuple(g.shape)} and {tuple(x.shape)}'
            + ('' if offset is None else f', minus {len(offset)} numbers')
        )


@register(Moments, fresh=True)
def build_moments(op, node):
    def moments(x):
        if not x.numel():
            return x.sum(_axes(x)), x.sum(_axes(x))
        mean, variance = torch.batch_norm_update_stats(x, None, None, 0.0)
        count = x.numel() // x.shape[1]
        return mean.mul_(count), variance.mul_(count)

    return moments


@register(ProductSums, fresh=True)
def build_product_sums(op, node):
    def product_sums(g, x, offset=None):
        if x.device.type == 'cpu' or not x.numel():
            return tuple(
                terms.sum(_axes(x)) for terms in op.terms(g, x, offset)
            )
        _check(g, x, offset)  # before it reads memory of something else
        if offset is None:
            offset = x.new_zeros(x.shape[1])
        # It would take the last vector for something that is not asked for.
        return torch.batch_norm_backward_reduce(
            g, x, offset, offset, None, True, False, False
        )[:2]

    return product_sums


@local_optimizer([Sum])
def sum_moments(node):
    """``sum((x - mean(x)) ** 2)``, and the sum that the mean is made of."""
    a, b = _product(node) or (None, None)
    total = None if a is None or a is not b else sum_in_difference(a, node.op)
    if total is None:
        return False
    sums = Moments()(*total.owner.inputs)
    return {total: sums[0], node.outputs[0]: sums[1]}


@local_optimizer([Sum])
def sum_products(node):
    """``sum(g x)`` and ``sum(g (x - c))``, and ``sum(g)`` if that is
    there.
    """
    pair = _product(node)
    if pair is None or pair[0] is pair[1]:
        return False  # there is a kernel for squares alone
    choices = []
    for g, x in pair, pair[::-1]:
        x = _with_offset(x)
        total = sum_of(g, node)
        if total in ancestors(x):
            total = None
        choices.append((g, total, x))
    # A difference need not be computed in memory, if it is not `g`.
    g, total, x = max(
        choices,
        key=lambda choice: (
            len(choice[2]),
            choice[1] is not None,
            -len(choice[0].clients),
        ),
    )
    sums = ProductSums()(g, *x)
    return {
        node.outputs[0]: sums[1],
        **({} if total is None else {total: sums[0]}),
    }


def _product(node):
    """The two tensors whose product is summed for each channel, or None."""
    product, axes = node.inputs[0], getattr(node.op, 'axis', None)
    if (
        not isinstance(node.op, Sum)
        or axes is None
        or product.ndim < 2
        or (
            sorted(axes) != [0, *range(2, product.ndim)]
            or product.dtype != node.outputs[0].dtype
        )
    ):
        return None
    return floats_multiplied(product)


def _with_offset(x):
    """A difference of a tensor and of a vector for the channels as these; or
    a tensor alone.
    """
    terms = inputs_of(x, Sub, 2)
    vector = terms and of_channels(terms[1])
    return (
        [x]
        if vector is None
        or terms[0].type != x.type
        or (vector.dtype != x.dtype)
        else [terms[0], vector]
    )


# After Theano has made one of equal operations.
optdb.register('torch_moments', out2in(sum_moments), 49.01, TAG, CUDA_TAG)
optdb.register(
    'torch_product_sums', out2in(sum_products), 49.02, TAG, CUDA_TAG
)
