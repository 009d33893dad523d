"""Reductions along axes."""

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

_EXTREMES = scalar.Maximum, scalar.Minimum
# Types in which PyTorch finds no extremes, or other ones than NumPy.
_UNORDERED = {'complex64', 'complex128', 'uint64'}


def _needs_numpy(node):
    """Whether a reduction is beyond PyTorch."""
    kind = type(node.op.scalar_op)
    if kind in _EXTREMES:
        return node.inputs[0].dtype in _UNORDERED
    return kind not in (
        scalar.Add,
        scalar.Mul,
        MulWithoutZeros,
        scalar.AND,
        scalar.OR,
        scalar.XOR,
    )


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
def build_reduction(op, node):
    axes = _axes(op, node)
    dtype = torch_dtype(node.outputs[0].dtype)
    inner = torch_dtype(
        getattr(op, 'acc_dtype', None) or node.outputs[0].dtype
    )
    if not axes:
        return lambda x: x.to(dtype, copy=True)
    if {inner, dtype} & {torch.uint16, torch.uint32, torch.uint64}:
        inner = torch.int64
    kind = type(op.scalar_op)
    if kind is scalar.Add and inner != torch.bool:
        if inner == dtype:
            return lambda x: torch.sum(x, axes, dtype=dtype)
        if node.inputs[0].dtype == 'float32' and len(axes) > 1:
            # Single sums are exact enough (PyTorch adds pairwise), and read
            # memory several times as fast as a sum in double precision.
            first, *others = sorted(axes)
            return lambda x: (
                # There, that is one pass, in as many threads as are free.
                torch.sum(x, axes)
                if x.is_cuda
                else torch.sum(torch.sum(x, others), first, dtype=inner).to(
                    dtype
                )
            )
        return lambda x: torch.sum(computable(x), axes, dtype=inner).to(dtype)
    if kind is scalar.Mul and inner != torch.bool:
        return lambda x: _product(x.to(inner), axes).to(dtype)
    if kind is MulWithoutZeros:
        return lambda x: _product(_without_zeros(x.to(inner)), axes).to(dtype)
    if kind is scalar.Maximum:
        return lambda x: _extreme(torch.amax, x, axes)
    if kind is scalar.Minimum:
        return lambda x: _extreme(torch.amin, x, axes)
    if inner == torch.bool:
        if kind is scalar.XOR:
            return lambda x: torch.sum(x, axes) % 2 == 1
        logical = torch.all if kind in (scalar.AND, scalar.Mul) else torch.any
        return lambda x: logical(x, axes)
    function = {
        scalar.AND: torch.bitwise_and,
        scalar.OR: torch.bitwise_or,
        scalar.XOR: torch.bitwise_xor,
    }[kind]
    start = -1 if kind is scalar.AND else 0
    return lambda x: _fold(function, x, axes, start)


def _product(x, axes):
    for axis in sorted(axes, reverse=True):
        x = torch.prod(x, axis)
    return x


def _without_zeros(x):
    return torch.where(x == 0, 1, x)


def _extreme(function, x, axes):
    if any(x.shape[axis] == 0 for axis in axes):
        raise ValueError(
            'there is no greatest or smallest of no elements: '
            f'shape {tuple(x.shape)}, axes {axes}'
        )
    if x.dtype == torch.bool:
        return function(x.to(torch.uint8), axes).bool()
    return function(computable(x), axes).to(x.dtype)


def _fold(function, x, axes, start):
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
    """The axes as one, at the end."""
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    count = 1
    for axis in axes:
        count *= x.shape[axis]
    return (
        computable(x)
        .permute([*kept, *sorted(axes)])
        .reshape([x.shape[axis] for axis in kept] + [count])
    )


@register(MaxAndArgmax)
def build_max_and_argmax(op, node):
    axes = _axes(op, node)

    def max_and_argmax(x):
        values = _flattened(x, axes)
        return (
            _extreme(torch.amax, values, (-1,)).to(x.dtype),
            _argmax(values),
        )

    return max_and_argmax


@register(Argmax)
def build_argmax(op, node):
    axes = _axes(op, node)
    return lambda x: _argmax(_flattened(x, axes))


def _argmax(values):
    """Of the first one where there are several, as NumPy."""
    if values.shape[-1] == 0:
        raise ValueError('there is no greatest of no elements')
    if values.dtype == torch.bool:
        values = values.to(torch.uint8)
    best = torch.amax(values, -1, keepdim=True)
    found = values == best
    if values.is_floating_point():
        found |= torch.isnan(values)
    places = torch.arange(values.shape[-1], device=values.device)
    return torch.where(found, places, values.shape[-1]).amin(-1)


@register(CumOp)
def build_cumulative(op, node):
    function = torch.cumsum if op.mode == 'add' else torch.cumprod
    dtype = torch_dtype(node.outputs[0].dtype)
    inner = torch.int64 if str(dtype).startswith('torch.uint') else dtype
    if op.axis is None:
        return lambda x: function(
            computable(x).reshape(-1), 0, dtype=inner
        ).to(dtype)
    return lambda x: function(computable(x), op.axis, dtype=inner).to(dtype)
