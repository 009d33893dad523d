"""Convolutions and transposed convolutions that add a bias."""

import numpy as np
from theano.compile import optdb
from theano.gof import Apply, Op
from theano.gof.opt import local_optimizer, out2in
from theano.scalar import Add
from theano.tensor.elemwise import Elemwise

from ..dispatch import register
from ..kernels.conv import FORWARD, GRAD_INPUTS, Convolution
from .patterns import TAG, inputs_of, of_channels


class ConvolutionWithBias(Op):
    """A convolution, or a transposed one, plus a number for each channel.

    Parameters
    ----------
    convolution : theano.tensor.nnet.abstract_conv.BaseAbstractConv
        Takes the inputs of this Op but the last, the bias.
    """

    __props__ = ('convolution',)

    def __init__(self, convolution):
        self.convolution = convolution

    def make_node(self, *inputs):
        node = self.convolution.make_node(*inputs[:-1])
        return Apply(
            self, node.inputs + [inputs[-1]], [node.outputs[0].type()]
        )

    def perform(self, node, inputs, outputs):
        inner = self.convolution.make_node(*node.inputs[:-1])
        result = [None]
        self.convolution.perform(inner, inputs[:-1], [result])
        bias = inputs[-1].reshape(-1, *[1] * (result[0].ndim - 2))
        outputs[0][0] = np.asarray(result[0] + bias, result[0].dtype)


@register(
    ConvolutionWithBias,
    host=lambda node: [2] if len(node.inputs) == 4 else [],
    fresh=True,
)
def build_convolution_with_bias(op, node):
    convolution = Convolution(op.convolution)

    def forward(images, filters, bias):
        _check(bias, len(filters))
        return convolution.forward(images, filters, bias)

    def transposed(filters, images, sizes, bias):
        channels = filters.shape[1] * op.convolution.num_groups
        _check(bias, channels)
        return convolution.grad_inputs(
            filters, images, (len(images), channels, *map(int, sizes)), bias
        )

    return forward if isinstance(op.convolution, FORWARD) else transposed


def _check(bias, channels):
    if len(bias) != channels:
        raise ValueError(
            'Input dimension mis-match: a bias of '
            f'{len(bias)} for {channels} channels'
        )


@local_optimizer([Elemwise])
def fuse_bias(node):
    """A convolution plus a vector along the channels."""
    terms = inputs_of(node.outputs[0], Add, 2) or []
    for convolved, bias in zip(terms, terms[::-1]):
        inner = convolved.owner
        vector = of_channels(bias)
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


optdb.register('torch_conv_bias', out2in(fuse_bias), 48.8, TAG)
