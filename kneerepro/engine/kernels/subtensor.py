"""Parts of tensors, and tensors with parts changed."""

import torch
from theano.tensor.subtensor import (
    AdvancedBooleanIncSubtensor,
    AdvancedBooleanSubtensor,
    AdvancedIncSubtensor,
    AdvancedIncSubtensor1,
    AdvancedSubtensor,
    AdvancedSubtensor1,
    IncSubtensor,
    Subtensor,
    get_idx_list,
)

from ..dispatch import register
from ..values import computable, torch_dtype


def _integer(value):
    return None if value is None else int(value)


def _slice(value):
    return slice(
        _integer(value.start), _integer(value.stop), _integer(value.step)
    )


def _basic(index):
    """An index of host integers and slices as Python's own."""
    return [
        _slice(one) if isinstance(one, slice) else int(one) for one in index
    ]


def _forwards(x, index):
    """A basic index with steps forward only, which is all that PyTorch knows,
    and the axes of the result to reverse.
    """
    forwards, reverse, axis = [], [], 0
    for dimension, one in enumerate(index):
        if isinstance(one, slice) and (one.step or 1) < 0:
            places = range(*one.indices(x.shape[dimension]))
            one = (
                slice(places[-1], places[0] + 1, -places.step)
                if len(places)
                else slice(0, 0)
            )
            reverse.append(axis)
        axis += isinstance(one, slice)
        forwards.append(one)
    return tuple(forwards), reverse


def _reversed(x, axes):
    # PyTorch reverses no unsigned integers.
    return computable(x).flip(axes).to(x.dtype) if axes else x


def _after_first(node):
    return range(1, len(node.inputs))


def _after_second(node):
    return range(2, len(node.inputs))


@register(Subtensor, host=_after_first)
def build_subtensor(op, node):
    def take(x, *index):
        index, reverse = _forwards(
            x, _basic(get_idx_list((x,) + index, op.idx_list))
        )
        return _reversed(x[index], reverse)

    return take


@register(IncSubtensor, host=_after_second)
def build_inc_subtensor(op, node):
    dtype = torch_dtype(node.outputs[0].dtype)

    def change(x, y, *index):
        index, reverse = _forwards(
            x, _basic(get_idx_list((x,) + index, op.idx_list))
        )
        result = computable(x.to(dtype, copy=True).contiguous())
        part = result[index]
        if reverse:
            y = _reversed(y.expand(part.shape), reverse)
        if op.set_instead_of_inc:
            part.copy_(y)
        else:
            part.add_(y.to(part.dtype))
        return result.to(dtype)

    return change


# Signed integers of the same size.
_SIGNED = {
    torch.uint16: torch.int16,
    torch.uint32: torch.int32,
    torch.uint64: torch.int64,
}


def _taken(x, index):
    """What an advanced index takes out of a tensor."""
    if x.dtype in _SIGNED:
        # PyTorch may have no kernel for these on CUDA.
        return x.view(_SIGNED[x.dtype])[index].view(x.dtype)
    return x[index]


def _put(target, places, values, op):
    """Set or increase elements, or rows, of a tensor, in place."""
    if op.set_instead_of_inc:
        # Of several for one place the last one counts. PyTorch leaves open
        # which one does, so all get its value.
        numbers = torch.arange(
            max(len(target), len(places)), device=target.device
        )
        places = numbers[: len(target)][places]  # from 0 on
        last = places.new_zeros(len(target)).scatter_reduce_(
            0, places, numbers[: len(places)], 'amax'
        )
        values = values[last[places]]
    return target.index_put_(
        (places,), values, accumulate=not op.set_instead_of_inc
    )


@register(AdvancedSubtensor1)
def build_rows(op, node):
    return lambda x, rows: _taken(x, rows.long())


@register(AdvancedIncSubtensor1)
def build_change_rows(op, node):
    dtype = torch_dtype(node.outputs[0].dtype)

    def change(x, y, rows):
        rows = rows.long()
        result = computable(x.to(dtype, copy=True).contiguous())
        values = y.to(result.dtype).expand(rows.shape + tuple(x.shape[1:]))
        return _put(result, rows, values, op).to(dtype)

    return change


def _advanced(index):
    """An advanced index as PyTorch wants it, with NumPy's meaning."""
    index = [
        one.long()
        if isinstance(one, torch.Tensor) and one.dtype != torch.bool
        else one
        for one in index
    ]
    dimensions = max(
        [
            one.ndim
            for one in index
            if isinstance(one, torch.Tensor) and one.dtype != torch.bool
        ],
        default=0,
    )
    return tuple(
        _slice(one)
        if isinstance(one, slice)
        # PyTorch would take a single number out before anything else, which
        # changes the order of the dimensions.
        else one.reshape([1] * max(1, dimensions))
        if isinstance(one, torch.Tensor)
        and one.dtype != torch.bool
        and one.ndim == 0
        and dimensions
        else one
        for one in index
    )


def _turned(x, index):
    """A tensor and an index that give the same with steps forward only."""
    axis, flips, turned = 0, [], []
    for one in index:
        if isinstance(one, slice) and (one.step or 1) < 0:
            size = x.shape[axis]
            places = range(*one.indices(size))
            one = (
                slice(size - 1 - places[0], size - places[-1], -places.step)
                if len(places)
                else slice(0, 0)
            )
            flips.append(axis)
        turned.append(one)
        if one is not None:
            axis += (
                one.ndim
                if isinstance(one, torch.Tensor) and one.dtype == torch.bool
                else 1
            )
    return _reversed(x, flips), tuple(turned)


def _by_mask(variables):
    """Whether there is an index of which as many elements count as are
    true.
    """
    return any(
        getattr(variable, 'dtype', None) == 'bool' for variable in variables
    )


@register(
    AdvancedSubtensor,
    AdvancedBooleanSubtensor,
    waits=lambda node: _by_mask(node.inputs[1:]),
)
def build_advanced(op, node):
    def take(x, *index):
        x, index = _turned(x, _advanced(index))
        return _taken(x, index)

    return take


@register(
    AdvancedIncSubtensor,
    AdvancedBooleanIncSubtensor,
    waits=lambda node: _by_mask(node.inputs[2:]),
)
def build_change_advanced(op, node):
    dtype = torch_dtype(node.outputs[0].dtype)

    def change(x, y, *index):
        result = computable(x.to(dtype, copy=True).contiguous())
        # By the number of each element, since a turned tensor is a copy.
        places, index = _turned(
            torch.arange(result.numel(), device=x.device).reshape(
                result.shape
            ),
            _advanced(index),
        )
        places = places[index]
        values = y.to(result.dtype).expand(places.shape)
        _put(result.view(-1), places.reshape(-1), values.reshape(-1), op)
        return result.to(dtype)

    return change
