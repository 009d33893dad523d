"""Rectifiers, leaky or not, and their gradients.

``theano.tensor.nnet.relu`` writes them as ``a x + b |x|``, and the gradient
is ``a g + b g sgn(x)``.
"""

import numpy as np
import torch
from theano.compile import optdb
from theano.gof.opt import in2out, local_optimizer
from theano.scalar import (
    Abs, Add, BinaryScalarOp, Sgn, Sub, UnaryScalarOp)
from theano.scalar.basic import same_out, upcast_out
from theano.tensor import mul
from theano.tensor.elemwise import Elemwise

from ..kernels.elemwise import register_scalar
from .patterns import TAG, factors, inputs_of, scaled


class _Slopes:
    """Two slopes, left and right of 0."""

    def __init__(self, negative, positive, output_types):
        super().__init__(output_types)
        self.negative, self.positive = negative, positive

    def __eq__(self, other):
        return type(self) is type(other) and (
            self.negative, self.positive) == (other.negative, other.positive)

    def __hash__(self):
        return hash((type(self), self.negative, self.positive))

    def __str__(self):
        return f'{type(self).__name__}{{{self.negative}, {self.positive}}}'


class Rectifier(_Slopes, UnaryScalarOp):
    """``negative * x`` below 0, ``positive * x`` above."""

    def __init__(self, negative, positive):
        super().__init__(negative, positive, same_out)

    def impl(self, x):
        return x * (self.positive if x > 0 else self.negative)


class RectifierGradient(_Slopes, BinaryScalarOp):
    """``g`` times the slope at ``x``; at 0, the mean of both."""

    def __init__(self, negative, positive):
        super().__init__(negative, positive, upcast_out)

    def impl(self, x, g):
        if x == 0:
            return g * (self.positive + self.negative) / 2
        return g * (self.positive if x > 0 else self.negative)


@register_scalar(Rectifier)
def _rectify(op):
    if op.positive == 0:
        return lambda x: torch.clamp(x, max=0) * op.negative
    slope = op.negative / op.positive
    if op.positive == 1:
        return lambda x: torch.nn.functional.leaky_relu(x, slope)
    return lambda x: torch.nn.functional.leaky_relu(x, slope) * op.positive


@register_scalar(RectifierGradient)
def _rectify_gradient(op):
    mean = (op.positive + op.negative) / 2
    half = (op.positive - op.negative) / 2

    def gradient(x, g):
        if (op.positive == 1 and x.device.type == 'cpu'
                and torch.count_nonzero(x) == x.numel()):
            # PyTorch's own, a third of the work, is right but at 0. (To ask
            # this of a GPU would keep it waiting.)
            return torch.ops.aten.leaky_relu_backward(g, x, op.negative,
                                                      False)
        return torch.addcmul(g * mean, g, torch.sign(x), value=half)

    return gradient


@local_optimizer([Elemwise])
def fuse_sum(node):
    """``a x + b |x|`` and ``a g + b g sgn(x)``, each perhaps with factors."""
    output = node.outputs[0]
    sign = 1 if inputs_of(output, Add, 2) else -1
    terms = inputs_of(output, Add if sign > 0 else Sub, 2)
    if terms is None or not output.dtype.startswith('float'):
        return False
    (a, first), (b, second) = map(factors, terms)
    terms = (a, first), (sign * b, second)
    for (a, plain), (b, other) in (terms, terms[::-1]):
        # As the sum would be rounded.
        a, b = (np.dtype(output.dtype).type(number) for number in (a, b))
        slopes = float(a - b), float(a + b)
        for variable in other:
            rest = list(other)
            rest.remove(variable)
            x = inputs_of(variable, Abs)
            if x and _same(plain, rest + x):
                return _product(
                    rest + [Elemwise(Rectifier(*slopes))(*x)], output)
            x = inputs_of(variable, Sgn)
            if x and rest and _same(plain, rest):
                g = mul(*rest) if len(rest) > 1 else rest[0]
                return _product(
                    [Elemwise(RectifierGradient(*slopes))(*x, g)], output)
    return False


@local_optimizer([Elemwise])
def fuse_scale(node):
    """A rectifier times a number."""
    output = node.outputs[0]
    x, number = scaled(output) or (None, None)
    if x is None or x.owner is None or not isinstance(
            getattr(x.owner.op, 'scalar_op', None), Rectifier):
        return False
    op = x.owner.op.scalar_op
    return _product([Elemwise(Rectifier(
        op.negative * number, op.positive * number))(*x.owner.inputs)],
        output)


def _same(variables, others):
    return sorted(map(id, variables)) == sorted(map(id, others))


def _product(variables, like):
    result = mul(*variables) if len(variables) > 1 else variables[0]
    return [result] if result.type == like.type else False


optdb.register('torch_rectifiers', in2out(fuse_sum, fuse_scale,
                                          name='torch_rectifiers'),
               48.7, TAG)
