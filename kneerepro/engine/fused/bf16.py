"""Convolutions and products of matrices on bfloat16 numbers.

Unlike the other rewrites, this one changes the numbers, so that it has a tag
of its own, which a mode asks for by its precision. Theano knows no bfloat16:
in the graph all stays float32, and the conversion is the kernels' affair.
Parameters, what an optimiser keeps, batch normalisation, losses and sums
remain float32 on the device as well.
"""

import numpy as np
import torch
from theano.compile import optdb
from theano.gof import Apply, Op
from theano.gof.opt import local_optimizer, out2in
from theano.tensor.basic import Dot
from theano.tensor.blas import BatchedDot
from theano.tensor.elemwise import DimShuffle
from theano.tensor.nnet.abstract_conv import BaseAbstractConv

from ..dispatch import build, register
from ..kernels.conv import FORWARD, GRAD_INPUTS, GRAD_WEIGHTS
from .conv_bias import ConvolutionWithBias

#: That of the rewrite in Theano's ``optdb``.
BF16_TAG = 'torch_bf16'

_PRODUCTS = (
    FORWARD
    + GRAD_INPUTS
    + GRAD_WEIGHTS
    + (ConvolutionWithBias, Dot, BatchedDot)
)


class Rounded(Op):
    """A float32 variable rounded to bfloat16: to the nearest of the numbers
    with 8 significant bits, of two as near to the even one.

    Notes
    -----
    On the device its value is a tensor of bfloat16, which :class:`InBfloat16`
    alone takes, as it is or with its axes permuted; one conversion serves all
    that use a variable, in both directions of a network.
    """

    __props__ = ()

    def make_node(self, x):
        return Apply(self, [x], [x.type()])

    def infer_shape(self, node, shapes):
        return shapes

    def perform(self, node, inputs, outputs):
        outputs[0][0] = _rounded(inputs[0])


class InBfloat16(Op):
    """A product of float32 variables, carried out on them as rounded to
    bfloat16.

    Parameters
    ----------
    op : theano.Op
        A convolution, one of its gradients, or a product of matrices.

    Notes
    -----
    In NumPy, the sums of products are float32 and are left as they are;
    PyTorch's kernels round them to bfloat16 before they become float32 again.
    """

    __props__ = ('op',)

    def __init__(self, op):
        self.op = op

    def make_node(self, *inputs):
        outputs = self.op.make_node(*inputs).outputs
        return Apply(self, list(inputs), [x.type() for x in outputs])

    def perform(self, node, inputs, outputs):
        self.op.perform(
            _inner(node),
            [
                _rounded(value) if variable.dtype == 'float32' else value
                for variable, value in zip(node.inputs, inputs)
            ],
            outputs,
        )


def _inner(node):
    """The node that the Op of a node stands for."""
    return Apply(node.op.op, node.inputs, [x.type() for x in node.outputs])


def _rounded(x):
    """float32 numbers as rounded to bfloat16, their upper halves."""
    bits = np.ascontiguousarray(x).view('uint32').reshape(x.shape)
    even = bits + (0x7FFF + (bits >> 16 & 1))
    # An infinity is its own upper half; what is not a number has to stay so.
    return np.where(np.isnan(x), x, (even & 0xFFFF0000).view('float32'))


@register(Rounded)
def build_rounded(op, node):
    return torch.Tensor.bfloat16


@register(
    InBfloat16,
    device=True,
    host=lambda node: build(_inner(node), None).host,
    fresh=True,
)
def build_in_bfloat16(op, node, device):
    function = build(_inner(node), device).function
    numbers = [x.dtype == 'float32' for x in node.inputs]

    def product(*inputs):
        return function(
            *(
                x.bfloat16() if number else x
                for x, number in zip(inputs, numbers)
            )
        ).float()

    return product


@local_optimizer(_PRODUCTS)
def to_bfloat16(node):
    """A convolution or product of matrices, if all its numbers are float32."""
    if (
        not isinstance(node.op, _PRODUCTS)
        or node.outputs[0].dtype != 'float32'
        or any(x.dtype in ('float16', 'float64') for x in node.inputs)
        # A product of vectors is a sum.
        or all(x.ndim < 2 for x in node.inputs)
        or isinstance(node.op, BaseAbstractConv)
        and node.op.unshared
    ):
        return False
    op, inputs, bias = node.op, node.inputs, None
    if isinstance(op, ConvolutionWithBias):
        op, (*inputs, bias) = op.convolution, inputs
    product = InBfloat16(op)(
        *(_rounding(x) if x.dtype == 'float32' else x for x in inputs)
    )
    if bias is not None:
        # Within the convolution, cuDNN would add it to what is rounded
        # already, and round once more.
        product += bias.dimshuffle('x', 0, *['x'] * op.convdim)
    return [product]


def _rounding(x):
    """A variable, rounded before its axes are permuted, so that a matrix and
    its transpose share the conversion.
    """
    if x.owner is not None and isinstance(x.owner.op, DimShuffle):
        return x.owner.op(_rounding(x.owner.inputs[0]))
    return Rounded()(x)


# When all is in its last form; of equal conversions Theano makes one after it.
optdb.register('torch_products', out2in(to_bfloat16), 48.95, BF16_TAG)
