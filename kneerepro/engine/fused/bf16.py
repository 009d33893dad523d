"""Convolutions and matrix products of bfloat16 numbers.

Unlike the other rewrites, this one changes the numbers. So it has a tag of its
own, for which a mode asks by its precision. Theano has no bfloat16. In the
graph everything stays float32, and the kernels convert. Parameters, the state
of the optimiser, batch normalisation, losses and sums remain float32 on the
device as well.
"""

from __future__ import annotations

import numpy as np
import torch
from theano.gof import Apply, Op
from theano.gof.opt import local_optimizer
from theano.tensor.basic import Dot
from theano.tensor.blas import BatchedDot
from theano.tensor.elemwise import DimShuffle
from theano.tensor.nnet.abstract_conv import BaseAbstractConv

from ..dispatch import build, register
from ..kernels.conv import FORWARD, GRAD_INPUTS, GRAD_WEIGHTS
from .conv_bias import ConvolutionWithBias

_PRODUCTS = (
    FORWARD
    + GRAD_INPUTS
    + GRAD_WEIGHTS
    + (ConvolutionWithBias, Dot, BatchedDot)
)


class Rounded(Op):
    """A float32 variable rounded to bfloat16.

    Each number becomes the nearest one with 8 significant bits. If two are
    equally near, it becomes the even one.

    Notes
    -----
    On the device the value is a tensor of bfloat16. Only :class:`InBfloat16`
    takes it, directly or with its axes permuted. One conversion of a variable
    serves all products that use it, in both directions of a network.
    """

    __props__ = ()

    def make_node(self, x):
        """Make a node for a tensor."""
        return Apply(self, [x], [x.type()])

    def infer_shape(self, node, shapes):
        """The shape stays the same."""
        return shapes

    def perform(self, node, inputs, outputs):
        """Compute the result in NumPy."""
        outputs[0][0] = _rounded(inputs[0])


class InBfloat16(Op):
    """A product of float32 variables, computed after rounding them to
    bfloat16.

    Parameters
    ----------
    op : theano.Op
        A convolution, one of its gradients, or a matrix product.

    Notes
    -----
    In NumPy, the sums of products are float32 and stay as they are. PyTorch's
    kernels round them to bfloat16 before they become float32 again.
    """

    __props__ = ('op',)

    def __init__(self, op: Op):
        self.op = op

    def make_node(self, *inputs):
        """Make a node for the inputs of `op`."""
        outputs = self.op.make_node(*inputs).outputs
        return Apply(self, list(inputs), [x.type() for x in outputs])

    def perform(self, node, inputs, outputs):
        """Compute the result in NumPy."""
        self.op.perform(
            _inner(node),
            [
                _rounded(value) if variable.dtype == 'float32' else value
                for variable, value in zip(node.inputs, inputs)
            ],
            outputs,
        )


def _inner(node):
    """The node of `op` that a node of :class:`InBfloat16` stands for."""
    return Apply(node.op.op, node.inputs, [x.type() for x in node.outputs])


def _rounded(x):
    """Round float32 numbers to bfloat16, whose bits are their upper halves."""
    bits = np.ascontiguousarray(x).view('uint32').reshape(x.shape)
    # Adding almost half of the last place kept, and one more where that place
    # is odd, rounds to the nearest, and to even in the middle.
    even = bits + (0x7FFF + (bits >> 16 & 1))
    # Infinities come out right. A NaN could become something else.
    return np.where(np.isnan(x), x, (even & 0xFFFF0000).view('float32'))


@register(Rounded)
def _build_rounded(op, node):
    return torch.Tensor.bfloat16


@register(
    InBfloat16,
    device=True,
    host=lambda node: build(_inner(node), None).host,
    fresh=True,
)
def _build_in_bfloat16(op, node, device):
    function = build(_inner(node), device).function
    is_float32 = [x.dtype == 'float32' for x in node.inputs]

    # Otherwise PyTorch would round sums within a product as well.
    sums_in_float32 = device.type == 'cpu' and not (
        torch.ops.mkldnn._is_mkldnn_bf16_supported()
    )

    def rounded(x):
        x = x.bfloat16()
        return x.float() if sums_in_float32 else x

    def product(*inputs):
        result = function(
            *(
                rounded(x) if convert else x
                for x, convert in zip(inputs, is_float32)
            )
        )
        return result.bfloat16().float()

    return product


@local_optimizer(_PRODUCTS)
def to_bfloat16(node):
    """Compute a convolution or matrix product of float32 in bfloat16."""
    if not isinstance(node.op, _PRODUCTS) or not _is_convertible(node):
        return False
    op, inputs, bias = node.op, node.inputs, None
    if isinstance(op, ConvolutionWithBias):
        op, (*inputs, bias) = op.convolution, inputs
    product = InBfloat16(op)(
        *(_rounding(x) if x.dtype == 'float32' else x for x in inputs)
    )
    if bias is not None:
        # Within the convolution, cuDNN would add the bias to a sum that is
        # already rounded, and round once more.
        product += bias.dimshuffle('x', 0, *['x'] * op.convdim)
    return [product]


def _is_convertible(node):
    if isinstance(node.op, BaseAbstractConv) and node.op.unshared:
        return False
    return (
        node.outputs[0].dtype == 'float32'
        and not any(x.dtype in ('float16', 'float64') for x in node.inputs)
        # A product of two vectors is a sum.
        and any(x.ndim >= 2 for x in node.inputs)
    )


def _rounding(x):
    """A variable that is rounded before its axes are permuted, so that a
    matrix and its transpose share the conversion.
    """
    if x.owner is not None and isinstance(x.owner.op, DimShuffle):
        return x.owner.op(_rounding(x.owner.inputs[0]))
    return Rounded()(x)
