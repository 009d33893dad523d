"""Rectifiers, leaky or not, and their gradients.

``theano.tensor.nnet.relu`` writes a rectifier as ``a x + b |x|``. Its gradient
is ``a g + b g sgn(x)``. Where possible, the gradient is computed from the
rectifier's output, so that its input need not be kept in memory.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from theano.gof.opt import local_optimizer
from theano.scalar import Abs, Add, BinaryScalarOp, Sgn, Sub, UnaryScalarOp
from theano.scalar.basic import same_out, upcast_out
from theano.tensor.elemwise import Elemwise

from ..dispatch import takes_out
from ..kernels.scalars import register_scalar
from .patterns import (
    elemwise_inputs,
    number_and_factors,
    product_of,
    replacement,
    scaled_variable,
)


class _Slopes:
    """A scalar Op with two slopes, left and right of 0."""

    def __init__(self, negative, positive, output_types):
        super().__init__(output_types)
        self.negative, self.positive = negative, positive

    def __eq__(self, other):
        return type(self) is type(other) and (
            self.negative,
            self.positive,
        ) == (other.negative, other.positive)

    def __hash__(self):
        return hash((type(self), self.negative, self.positive))

    def __str__(self):
        return f'{type(self).__name__}{{{self.negative}, {self.positive}}}'

    def c_code(self, node, name, inputs, outputs, sub):
        """The result in C, which also compiles for CUDA."""
        kind = node.outputs[0].type.dtype_specs()[1]
        # The sign of x decides which slope y is multiplied by.
        return self._code.format(
            x=inputs[0],
            y=inputs[-1],
            z=outputs[0],
            **{
                name: f'({kind}){float(number)!r}'
                for name, number in [
                    ('negative', self.negative),
                    ('positive', self.positive),
                    ('mean', (self.negative + self.positive) / 2),
                ]
            },
        )


class Rectifier(_Slopes, UnaryScalarOp):
    """``negative * x`` below 0, ``positive * x`` above.

    At 0 the result is 0 without a sign. For x < 0 it may be -0.
    """

    _code = (
        '{z} = {x} == 0 ? 0 : {x} > 0 ? {y} * {positive} : {y} * {negative};'
    )

    def __init__(self, negative: float, positive: float):
        super().__init__(negative, positive, same_out)

    def impl(self, x):
        """Compute the result for a number, in Python."""
        # For 0 and -0, the square is 0.
        return x * (self.positive if x > 0 else self.negative) if x else x * x


class RectifierGradient(_Slopes, BinaryScalarOp):
    """``g`` times the slope at ``x``; at 0, the mean of both slopes."""

    _code = (
        '{z} = {x} == 0 ? {y} * {mean} : {x} > 0 ? {y} * {positive} '
        ': {y} * {negative};'
    )

    def __init__(self, negative: float, positive: float):
        super().__init__(negative, positive, upcast_out)

    def impl(self, x, g):
        """Compute the result for numbers, in Python."""
        if x == 0:
            return g * (self.positive + self.negative) / 2
        return g * (self.positive if x > 0 else self.negative)


class RectifierGradientByOutput(_Slopes, BinaryScalarOp):
    """``g`` times the slope that gave the output ``y`` of a
    :class:`Rectifier`; where its input was 0, the mean of both slopes.

    The slopes must not be negative. If the left one is 0, negative inputs give
    -0, which differs from the 0 that an input of 0 gives.
    """

    def __init__(self, negative: float, positive: float):
        super().__init__(negative, positive, upcast_out)
        self._code = (
            RectifierGradient._code
            if negative
            else (
                '{z} = {x} > 0 ? {y} * {positive} : {x} == 0 && 1 / {x} > 0 '
                '? {y} * {mean} : {y} * {negative};'
            )
        )

    def impl(self, y, g):
        """Compute the result for numbers, in Python."""
        if y == 0 and (self.negative or math.copysign(1, y) > 0):
            return g * (self.positive + self.negative) / 2
        return g * (self.positive if y > 0 else self.negative)


@register_scalar(Rectifier)
def _rectify(op):
    if op.positive == 0:
        return lambda x: torch.clamp(x, max=0) * op.negative
    slope = op.negative / op.positive

    @takes_out
    def rectify(x, out=None):
        if slope == 0:
            x = out = torch.add(x, 0, out=out)  # turns -0 into 0
        out = torch._C._nn.leaky_relu(x, slope, out=out)
        return out if op.positive == 1 else out.mul_(op.positive)

    return rectify


@register_scalar(RectifierGradient)
def _rectify_gradient(op):
    return _gradient(op, lambda x: x)


@register_scalar(RectifierGradientByOutput)
def _rectify_gradient_by_output(op):
    if op.negative:
        return _gradient(op, lambda y: y)
    # As integers, the bits of 0 are 0, and those of -0 are not.
    return _gradient(op, lambda y: y.view(_INTEGERS[y.dtype]))


_INTEGERS = {
    torch.float16: torch.int16,
    torch.float32: torch.int32,
    torch.float64: torch.int64,
}


def _never_zero(x):
    """Whether a tensor is known to have no zeros.

    On a GPU this is never known, because counting them would make the host
    wait.
    """
    return x.device.type == 'cpu' and torch.count_nonzero(x) == x.numel()


def _gradient(op, marker):
    """The kernel of a gradient.

    Parameters
    ----------
    op : RectifierGradient or RectifierGradientByOutput
    marker : callable
        A function of the tensor that is 0 where the rectifier's input was.
    """
    mean = (op.positive + op.negative) / 2

    def except_at_zero(x, g, out):
        if op.positive == 0:
            above = x > 0
            return torch.mul(g, op.negative, out=out).masked_fill_(above, 0)
        arguments = g, x, op.negative / op.positive, False
        if out is None:
            out = torch.ops.aten.leaky_relu_backward(*arguments)
        else:
            torch.ops.aten.leaky_relu_backward.grad_input(
                *arguments, grad_input=out
            )
        return out if op.positive == 1 else out.mul_(op.positive)

    def everywhere(x, g, out):
        # Read x and g first: `out` may be one of them.
        zero, at_zero = marker(x) == 0, g * mean
        out = except_at_zero(x, g, out)
        return torch.where(zero, at_zero, out, out=out)

    @takes_out
    def gradient(x, g, out=None):
        if _never_zero(marker(x)):
            return except_at_zero(x, g, out)
        if out is None or out.ndim == 0 or out.device.type != 'cpu':
            return everywhere(x, g, out)
        # One image at a time takes less memory.
        for x_i, g_i, out_i in zip(x.expand_as(out), g.expand_as(out), out):
            everywhere(x_i, g_i, out_i)
        return out

    return gradient


@local_optimizer([Elemwise])
def fuse_rectifier(node):
    """Fuse ``a x + b |x|`` and ``a g + b g sgn(x)``, with further factors or
    without.
    """
    output = node.outputs[0]
    sign = 1 if elemwise_inputs(output, Add, 2) else -1
    terms = elemwise_inputs(output, Add if sign > 0 else Sub, 2)
    if terms is None or not output.dtype.startswith('float'):
        return False
    (a, first), (b, second) = map(number_and_factors, terms)
    terms = (a, first), (sign * b, second)
    for (a, plain), (b, other) in (terms, terms[::-1]):
        # Round like the sum would be rounded.
        a, b = (np.dtype(output.dtype).type(number) for number in (a, b))
        slopes = float(a - b), float(a + b)
        for variable in other:
            rest = list(other)
            rest.remove(variable)
            x = elemwise_inputs(variable, Abs)
            if x and _are_same(plain, rest + x):
                rectified = Elemwise(Rectifier(*slopes))(*x)
                return replacement(product_of([*rest, rectified]), output)
            x = elemwise_inputs(variable, Sgn)
            if x and rest and _are_same(plain, rest):
                gradient = RectifierGradient(*slopes)
                return replacement(
                    Elemwise(gradient)(*x, product_of(rest)), output
                )
    return False


@local_optimizer([Elemwise])
def fuse_scale(node):
    """Multiply the slopes of a rectifier by the number that follows it."""
    output = node.outputs[0]
    x, number = scaled_variable(output) or (None, None)
    if (
        x is None
        or x.owner is None
        or not isinstance(getattr(x.owner.op, 'scalar_op', None), Rectifier)
    ):
        return False
    op = x.owner.op.scalar_op
    scaled = Rectifier(op.negative * number, op.positive * number)
    return replacement(Elemwise(scaled)(*x.owner.inputs), output)


@local_optimizer([Elemwise])
def take_from_output(node):
    """Compute the gradient from the rectifier's output, if nothing but the
    rectifier and its gradients needs the input.
    """
    op = getattr(node.op, 'scalar_op', None)
    if (
        not isinstance(op, RectifierGradient)
        or op.negative < 0
        or op.positive <= 0
    ):
        return False
    x, g = node.inputs
    slopes = op.negative, op.positive
    clients = [
        getattr(getattr(client, 'op', None), 'scalar_op', None)
        for client, _ in x.clients
    ]
    if not all(
        isinstance(client, _Slopes)
        and (client.negative, client.positive) == slopes
        for client in clients
    ):
        return False
    for client, _ in x.clients:
        if isinstance(client.op.scalar_op, Rectifier):
            return replacement(
                Elemwise(RectifierGradientByOutput(*slopes))(
                    client.outputs[0], g
                ),
                node.outputs[0],
            )
    return False


def _are_same(variables, others):
    return sorted(map(id, variables)) == sorted(map(id, others))
