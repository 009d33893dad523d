"""Convolutions and transposed convolutions that add a bias."""

from __future__ import annotations

from typing import Any

import numpy as np
from theano.gof import Apply, Op
from theano.gof.opt import local_optimizer
from theano.scalar import Add
from theano.tensor.elemwise import Elemwise

from ..dispatch import register
from ..kernels.conv import FORWARD, GRAD_INPUTS, Convolution
from .patterns import channel_vector, elemwise_inputs


class ConvolutionWithBias(Op):
    """A convolution or transposed convolution, plus a number for each channel.

    Parameters
    ----------
    convolution : theano.tensor.nnet.abstract_conv.BaseAbstractConv
        Takes all inputs of this Op but the last, which is the bias.
    """

    __props__ = ('convolution',)

    def __init__(self, convolution: Any):
        self.convolution = convolution

    def make_node(self, *inputs):
        """Make a node for the inputs of the convolution and the bias."""
        node = self.convolution.make_node(*inputs[:-1])
        return Apply(
            self, node.inputs + [inputs[-1]], [node.outputs[0].type()]
        )

    def perform(self, node, inputs, outputs):
        """Compute the result in NumPy."""
        inner = self.convolution.make_node(*node.inputs[:-1])
        result = [None]
        self.convolution.perform(inner, inputs[:-1], [result])
        bias = inputs[-1].reshape(-1, *[1] * (result[0].ndim - 2))
        outputs[0][0] = np.asarray(result[0] + bias, result[0].dtype)


def _sizes_input(node):
    """The input of a transposed convolution that has the sizes of its
    result.
    """
    return [2] if len(node.inputs) == 4 else []


@register(ConvolutionWithBias, host=_sizes_input, fresh=True)
def _build_convolution_with_bias(op, node):
    convolution = Convolution(op.convolution)

    def forward(images, filters, bias):
        _check_bias(bias, len(filters))
        return convolution.forward(images, filters, bias)

    def transposed(filters, images, sizes, bias):
        channels = filters.shape[1] * op.convolution.num_groups
        _check_bias(bias, channels)
        return convolution.grad_inputs(
            filters, images, (len(images), channels, *map(int, sizes)), bias
        )

    return forward if isinstance(op.convolution, FORWARD) else transposed


def _check_bias(bias, channels):
    if len(bias) != channels:
        raise ValueError(
            f'Input dimension mis-match: a bias of length {len(bias)} is '
            f'added to a convolution with {channels} channels, and must have '
            'as many elements'
        )


@local_optimizer([Elemwise])
def fuse_bias(node):
    """Let a convolution add the bias, a vector along the channels, itself."""
    terms = elemwise_inputs(node.outputs[0], Add, 2) or []
    for convolved, bias in zip(terms, terms[::-1]):
        inner = convolved.owner
        vector = channel_vector(bias)
        if (
            inner is not None
            and isinstance(inner.op, FORWARD + GRAD_INPUTS)
            and not inner.op.unshared
            and vector is not None
            and len(convolved.clients) == 1
            and convolved.type == node.outputs[0].type
            and vector.dtype == convolved.dtype
            and not vector.broadcastable[0]
        ):
            return [ConvolutionWithBias(inner.op)(*inner.inputs, vector)]
    return False
