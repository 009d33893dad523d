"""Reductions along axes."""

from __future__ import annotations

import math

import theano.scalar.basic as scalar
import torch
from theano.tensor.basic import Argmax, MaxAndArgmax
from theano.tensor.elemwise import (
    CAReduce,
    MulWithoutZeros,
    Prod,
    ProdWithoutZeros,
    Sum,
)
from theano.tensor.extra_ops import CumOp

from ..dispatch import register, register_on_host
from ..values import computable, torch_dtype

_EXTREMES = {scalar.Maximum: torch.amax, scalar.Minimum: torch.amin}
# Each function with its neutral element.
_BITWISE = {
    scalar.AND: (torch.bitwise_and, -1),
    scalar.OR: (torch.bitwise_or, 0),
    scalar.XOR: (torch.bitwise_xor, 0),
}
_ON_DEVICE = (scalar.Add, scalar.Mul, MulWithoutZeros, *_BITWISE)
# Types whose extremes PyTorch cannot find, or finds differently from NumPy.
_UNORDERED = {'complex64', 'complex128', 'uint64'}


def _needs_numpy(node):
    """Whether a reduction is beyond PyTorch."""
    kind = type(node.op.scalar_op)
    if kind in _EXTREMES:
        return node.inputs[0].dtype in _UNORDERED
    return kind not in _ON_DEVICE


register_on_host(CAReduce, when=_needs_numpy)
register_on_host(
    Argmax, MaxAndArgmax, when=lambda node: node.inputs[0].dtype in _UNORDERED
)


def _axes(op, node):
    axis = op.axis
    if axis is None:
        return tuple(range(node.inputs[0].ndim))
    return (axis,) if isinstance(axis, int) else tuple(axis)


@register(CAReduce, Sum, Prod, ProdWithoutZeros, fresh=True)
def _build_reduction(op, node):
    kind, axes = type(op.scalar_op), _axes(op, node)
    dtype = torch_dtype(node.outputs[0].dtype)
    # The type in which to accumulate.
    inner = torch_dtype(
        getattr(op, 'acc_dtype', None) or node.outputs[0].dtype
    )
    if not axes:
        return lambda x: x.to(dtype, copy=True)
    if {inner, dtype} & {torch.uint16, torch.uint32, torch.uint64}:
        inner = torch.int64
    if kind in _EXTREMES:
        return lambda x: _extreme(_EXTREMES[kind], x, axes)
    if kind is MulWithoutZeros:
        return lambda x: _product(_without_zeros(x.to(inner)), axes).to(dtype)
    if inner == torch.bool:
        return _logical_reduction(kind, axes)
    if kind is scalar.Add:
        return _sum(node.inputs[0].dtype, axes, inner, dtype)
    if kind is scalar.Mul:
        return lambda x: _product(x.to(inner), axes).to(dtype)
    function, start = _BITWISE[kind]
    return lambda x: _fold(function, x, axes, start)


def _sum(input_dtype, axes, inner, dtype):
    if inner == dtype:
        return lambda x: torch.sum(x, axes, dtype=dtype)
    if input_dtype == 'float32' and len(axes) > 1:
        first, *others = sorted(axes)

        def sum_in_two_steps(x):
            # Sums in single precision are accurate enough, since PyTorch adds
            # pairwise, and several times as fast as in double precision.
            if x.is_cuda:
                # One pass over memory, in as many threads as are free.
                return torch.sum(x, axes)
            return torch.sum(torch.sum(x, others), first, dtype=inner).to(
                dtype
            )

        return sum_in_two_steps
    return lambda x: torch.sum(computable(x), axes, dtype=inner).to(dtype)


def _logical_reduction(kind, axes):
    if kind is scalar.XOR:
        return lambda x: torch.sum(x, axes) % 2 == 1
    logical = torch.all if kind in (scalar.AND, scalar.Mul) else torch.any
    return lambda x: logical(x, axes)


def _product(x, axes):
    for axis in sorted(axes, reverse=True):
        x = torch.prod(x, axis)
    return x


def _without_zeros(x):
    return torch.where(x == 0, 1, x)


def _extreme(function, x, axes):
    """The largest or smallest elements along axes."""
    if any(x.shape[axis] == 0 for axis in axes):
        raise ValueError(
            'a maximum or minimum over no elements is not defined: the input '
            f'has shape {tuple(x.shape)} and the axes are {axes}; give it at '
            'least one element along each of them'
        )
    if x.dtype == torch.bool:
        return function(x.to(torch.uint8), axes).bool()
    return function(computable(x), axes).to(x.dtype)


def _fold(function, x, axes, start):
    """Apply a function of two tensors to the slices along each axis in turn,
    beginning with `start`.
    """
    for axis in sorted(axes, reverse=True):
        value = torch.full_like(
            x.select(axis, 0) if x.shape[axis] else x.sum(axis, dtype=x.dtype),
            start,
        )
        for i in range(x.shape[axis]):
            value = function(value, x.select(axis, i))
        x = value
    return x


def _flattened(x, axes):
    """A tensor with the given axes combined into one, at the end."""
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    count = math.prod(x.shape[axis] for axis in axes)
    return (
        computable(x)
        .permute([*kept, *sorted(axes)])
        .reshape([*(x.shape[axis] for axis in kept), count])
    )


@register(MaxAndArgmax)
def _build_max_and_argmax(op, node):
    axes = _axes(op, node)

    def max_and_argmax(x):
        values = _flattened(x, axes)
        maxima = _extreme(torch.amax, values, (-1,)).to(x.dtype)
        return maxima, _argmax(values)

    return max_and_argmax


@register(Argmax)
def _build_argmax(op, node):
    axes = _axes(op, node)
    return lambda x: _argmax(_flattened(x, axes))


def _argmax(values):
    """The index of the first of the largest elements along the last axis, as
    NumPy chooses it; NaN counts as the largest.
    """
    if values.shape[-1] == 0:
        raise ValueError(
            'the argmax over no elements is not defined: the input, with the '
            f'reduced axes as the last one, has shape {tuple(values.shape)}; '
            'give it at least one element along them'
        )
    if values.dtype == torch.bool:
        values = values.to(torch.uint8)
    largest = torch.amax(values, -1, keepdim=True)
    found = values == largest
    if values.is_floating_point():
        found |= torch.isnan(values)
    places = torch.arange(values.shape[-1], device=values.device)
    return torch.where(found, places, values.shape[-1]).amin(-1)


@register(CumOp)
def _build_cumulative(op, node):
    function = torch.cumsum if op.mode == 'add' else torch.cumprod
    dtype = torch_dtype(node.outputs[0].dtype)
    inner = torch.int64 if str(dtype).startswith('torch.uint') else dtype
    if op.axis is None:
        return lambda x: function(
            computable(x).reshape(-1), 0, dtype=inner
        ).to(dtype)
    return lambda x: function(computable(x), op.axis, dtype=inner).to(dtype)
