"""Operations that reshape, join, create, repeat and sort tensors."""

from __future__ import annotations

import torch
from theano.compile.ops import (
    DeepCopyOp,
    OutputGuard,
    Rebroadcast,
    SpecifyShape,
    ViewOp,
)
from theano.tensor.basic import (
    Alloc,
    AllocDiag,
    AllocEmpty,
    ExtractDiag,
    Flatten,
    Join,
    Nonzero,
    Reshape,
    Split,
    Tile,
)
from theano.tensor.elemwise import DimShuffle
from theano.tensor.extra_ops import CpuContiguous, DiffOp, RepeatOp
from theano.tensor.opt import Assert, MakeVector
from theano.tensor.sort import ArgSortOp, SortOp

from ..dispatch import register, register_on_host
from ..values import computable, torch_dtype


def _all_but_first(node):
    return range(1, len(node.inputs))


@register(DimShuffle)
def _build_dimshuffle(op, node):
    order = [axis for axis in op.new_order if axis != 'x']
    dropped = [
        axis
        for axis in range(len(op.input_broadcastable))
        if axis not in order
    ]
    permutation = order + dropped
    in_order = permutation == sorted(permutation)
    if in_order and not dropped and len(order) == 1:
        # A vector: its only size need not be asked for.
        shape = [1 if axis == 'x' else -1 for axis in op.new_order]
        return lambda x: x.view(shape)

    def shuffle(x):
        shape = x.shape
        for axis in dropped:
            if shape[axis] != 1:
                raise ValueError(
                    f'dimshuffle cannot drop axis {axis} of shape '
                    f'{tuple(shape)}: only axes of length 1 can be dropped'
                )
        if not in_order:
            x = x.permute(permutation)
        return x.view(
            [1 if axis == 'x' else shape[axis] for axis in op.new_order]
        )

    return shuffle


@register(Reshape, host=[1])
def _build_reshape(op, node):
    def reshape(x, shape):
        shape = [int(n) for n in shape]
        if len(shape) != op.ndim:
            raise ValueError(
                f'Cannot reshape a tensor of shape {tuple(x.shape)} to '
                f'{tuple(shape)}: the shape has length {len(shape)}, but the '
                f'result has {op.ndim} dimensions'
            )
        try:
            return x.reshape(shape)
        except RuntimeError:
            if min(shape) < -1:
                # NumPy infers the size for any negative number.
                return reshape(x, [max(n, -1) for n in shape])
            raise ValueError(
                f'Cannot reshape a tensor of shape {tuple(x.shape)} to '
                f'{tuple(shape)}: the number of elements must be the same, '
                'and at most one size can be -1'
            ) from None

    return reshape


@register(Flatten)
def _build_flatten(op, node):
    keep = op.outdim - 1
    return lambda x: x.reshape(
        tuple(x.shape[:keep]) + (x.shape[keep:].numel(),)
    )


@register(Rebroadcast)
def _build_rebroadcast(op, node):
    known = [axis for axis, value in op.axis.items() if value]

    def rebroadcast(x):
        for axis in known:
            if x.shape[axis] != 1:
                raise ValueError(
                    f'dimension {axis} of a tensor of shape {tuple(x.shape)} '
                    'should be 1: it was declared broadcastable'
                )
        return x

    return rebroadcast


@register(SpecifyShape, host=[1])
def _build_specify_shape(op, node):
    def specify(x, shape):
        if tuple(x.shape) != tuple(int(n) for n in shape):
            raise AssertionError(
                f'SpecifyShape: got shape {tuple(x.shape)}, '
                f'expected {tuple(map(int, shape))}, as the graph says'
            )
        return x

    return specify


@register(Assert, host=_all_but_first)
def _build_assert(op, node):
    def check(x, *conditions):
        for condition in conditions:
            if not condition.all():
                raise AssertionError(op.msg)
        return x

    return check


@register(ViewOp, OutputGuard)
def _build_view(op, node):
    return lambda x: x


@register(DeepCopyOp, CpuContiguous)
def _build_copy(op, node):
    return torch.clone


@register(Alloc, host=_all_but_first)
def _build_alloc(op, node):
    def alloc(value, *shape):
        shape = [int(n) for n in shape]
        try:
            # To PyTorch, -1 is the size that the value has.
            if -1 not in shape:
                # Nobody writes to the result, so one element may stand for
                # many.
                return value.expand(shape)
        except RuntimeError:
            pass
        raise ValueError(
            f'cannot broadcast a value of shape {tuple(value.shape)} to '
            f'{tuple(shape)}: its axes must be 1 or as long as those of the '
            'result, and no size can be negative'
        )

    return alloc


@register(AllocEmpty, host=lambda node: range(len(node.inputs)), device=True)
def _build_alloc_empty(op, node, device):
    dtype = torch_dtype(op.dtype)
    return lambda *shape: torch.empty(
        [int(n) for n in shape], dtype=dtype, device=device
    )


@register(MakeVector, device=True)
def _build_make_vector(op, node, device):
    dtype = torch_dtype(op.dtype)

    def make(*values):
        if not values:
            return torch.empty(0, dtype=dtype, device=device)
        return torch.stack([value.to(dtype) for value in values])

    return make


@register(Join, host=[0])
def _build_join(op, node):
    dtype = torch_dtype(node.outputs[0].dtype)

    def join(axis, *parts):
        axis = int(axis)
        others = [list(part.shape) for part in parts]
        try:
            for shape in others:
                del shape[axis]
        except IndexError:
            raise IndexError(
                f'Join axis {axis} out of bounds: the tensors have '
                f'{parts[0].ndim} axes'
            ) from None
        if any(shape != others[0] for shape in others):
            shapes = ', '.join(str(tuple(part.shape)) for part in parts)
            raise ValueError(
                f'Cannot join tensors of shapes {shapes} along axis {axis}: '
                'all other dimensions must be the same'
            )
        return torch.cat([part.to(dtype) for part in parts], axis)

    return join


@register(Split, host=[1, 2])
def _build_split(op, node):
    def split(x, axis, sizes):
        axis, sizes = int(axis), [int(n) for n in sizes]
        if len(sizes) != op.len_splits:
            raise ValueError(
                f'In Split, the number of sizes is {len(sizes)}, expected '
                f'{op.len_splits}: give one size for each part'
            )
        try:
            length = x.shape[axis]
        except IndexError:
            raise ValueError(
                f'Split cannot split axis {axis} of a tensor of shape '
                f'{tuple(x.shape)}: choose one of its axes'
            ) from None
        if sum(sizes) != length or min(sizes) < 0:
            raise ValueError(
                f'The splits {sizes} do not sum to {length}, the length of '
                f'axis {axis}, or one of them is negative'
            )
        parts = torch.split(x, sizes, axis)
        return parts if len(parts) > 1 else parts[0]

    return split


@register(RepeatOp, host=[1], waits=lambda node: node.inputs[1].ndim > 0)
def _build_repeat(op, node):
    def repeat(x, repeats):
        if repeats.ndim:
            repeats = torch.as_tensor(repeats.astype('int64'), device=x.device)
        else:
            repeats = int(repeats)
        if op.axis is None:
            return torch.repeat_interleave(x.reshape(-1), repeats)
        return torch.repeat_interleave(x, repeats, op.axis)

    return repeat


@register(Tile, host=[1])
def _build_tile(op, node):
    def tile(x, times):
        result = x.tile([int(n) for n in times])
        if result.ndim != op.ndim:
            raise ValueError(
                f'Tile would repeat a tensor of shape {tuple(x.shape)} '
                f'{tuple(map(int, times))} times along its axes, but the '
                f'result has {op.ndim} dimensions: give one number for each'
            )
        return result

    return tile


@register(DiffOp)
def _build_diff(op, node):
    return lambda x: torch.diff(computable(x), op.n, op.axis).to(x.dtype)


@register(ExtractDiag)
def _build_extract_diag(op, node):
    return lambda x: torch.diagonal(x, op.offset, op.axis1, op.axis2).clone()


@register(AllocDiag)
def _build_alloc_diag(op, node):
    return lambda x: torch.diag_embed(x, op.offset, op.axis1, op.axis2)


@register(Nonzero, waits=True)
def _build_nonzero(op, node):
    # Theano wants a row for each dimension, PyTorch returns a column.
    return lambda x: torch.nonzero(computable(x)).t().contiguous()


# PyTorch does not sort complex numbers, and may have no kernel for unsigned
# integers on CUDA. Other unsigned integers are sorted as int64, but uint64
# does not fit into it.
register_on_host(
    SortOp,
    ArgSortOp,
    when=lambda node: (
        node.inputs[0].dtype in ('complex64', 'complex128', 'uint64')
    ),
)


@register(SortOp, host=[1])
def _build_sort(op, node):
    return lambda x, axis: torch.sort(
        computable(x), dim=int(axis), stable=True
    )[0].to(x.dtype)


@register(ArgSortOp, host=[1])
def _build_argsort(op, node):
    dtype = torch_dtype(node.outputs[0].dtype)
    return lambda x, axis: torch.argsort(
        computable(x), dim=int(axis), stable=True
    ).to(dtype)
