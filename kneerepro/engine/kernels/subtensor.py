"""Parts of tensors, and tensors with parts changed."""

from __future__ import annotations

import theano
import torch
from theano.gof import Constant
from theano.tensor.basic import Alloc
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

from ..dispatch import register, takes_out
from ..values import computable, torch_dtype

# Signed integers of the same size.
_SIGNED = {
    torch.uint16: torch.int16,
    torch.uint32: torch.int32,
    torch.uint64: torch.int64,
}


def _after_first(node):
    return range(1, len(node.inputs))


def _after_second(node):
    return range(2, len(node.inputs))


def _integer(value):
    return None if value is None else int(value)


def _slice(value):
    return slice(
        _integer(value.start), _integer(value.stop), _integer(value.step)
    )


def _runs_backwards(entry):
    """Whether an entry of an index is a slice with a negative step."""
    return isinstance(entry, slice) and (entry.step or 1) < 0


def _is_mask(entry):
    return isinstance(entry, torch.Tensor) and entry.dtype == torch.bool


def _is_integer_array(entry):
    return isinstance(entry, torch.Tensor) and entry.dtype != torch.bool


def _reversed(x, axes):
    # PyTorch does not flip unsigned integers.
    return computable(x).flip(axes).to(x.dtype) if axes else x


# ------------------------------------------------------------- basic indices


def _basic_index(x, index, op):
    """The index of a basic Op as Python's integers and slices."""
    entries = get_idx_list((x, *index), op.idx_list)
    return [
        _slice(entry) if isinstance(entry, slice) else int(entry)
        for entry in entries
    ]


def _forwards(x, index):
    """The same part of `x` with positive steps only, since PyTorch knows no
    others.

    Returns
    -------
    forwards : tuple of int and slice
    axes : list of int
        The axes of the part that have to be reversed afterwards.
    """
    forwards, axes, axis = [], [], 0
    for dimension, entry in enumerate(index):
        if _runs_backwards(entry):
            places = range(*entry.indices(x.shape[dimension]))
            entry = (
                slice(places[-1], places[0] + 1, -places.step)
                if len(places)
                else slice(0, 0)
            )
            axes.append(axis)
        axis += isinstance(entry, slice)
        forwards.append(entry)
    return tuple(forwards), axes


def _constant_index(op, indices):
    """The index of a basic Op, if it is the same for tensors of all shapes,
    and None otherwise.
    """
    if not all(isinstance(variable, Constant) for variable in indices):
        return None
    values = [variable.data for variable in indices]
    index = _basic_index(None, values, op)
    return None if any(map(_runs_backwards, index)) else tuple(index)


@register(Subtensor, host=_after_first)
def _build_subtensor(op, node):
    known = _constant_index(op, node.inputs[1:])
    if known is not None:
        return lambda x, *index: x[known]

    def take(x, *index):
        index, axes = _forwards(x, _basic_index(x, index, op))
        return _reversed(x[index], axes)

    return take


def is_zeros(variable: theano.Variable) -> bool:
    """Whether a variable is a tensor of zeros, as the gradient of a part
    begins.
    """
    node = variable.owner
    return (
        node is not None
        and isinstance(node.op, Alloc)
        and isinstance(node.inputs[0], Constant)
        and not node.inputs[0].data.any()
    )


@register(IncSubtensor, host=_after_second)
def _build_inc_subtensor(op, node):
    dtype = torch_dtype(node.outputs[0].dtype)
    known = _constant_index(op, node.inputs[2:])
    from_zeros = is_zeros(node.inputs[0])
    sets = op.set_instead_of_inc or from_zeros

    @takes_out
    def change(x, y, *index, out=None):
        if known is not None:
            index, axes = known, []
        else:
            index, axes = _forwards(x, _basic_index(x, index, op))
        if from_zeros:
            result = x.new_empty(x.shape, dtype=dtype)
        elif out is x:  # it may also be `y`
            result = x
        else:
            result = x.to(dtype, copy=True).contiguous()
        result = computable(result)
        part = result[index]
        if from_zeros and part.numel() < result.numel():
            result.zero_()
        if axes:
            y = _reversed(y.expand(part.shape), axes)
        if sets:
            part.copy_(y)
        else:
            part.add_(y.to(part.dtype))
        return result.to(dtype)

    return change


# ---------------------------------------------------------- advanced indices


def _taken(x, index):
    """The part of a tensor at an advanced index."""
    if x.dtype in _SIGNED:
        # PyTorch may have no kernel for unsigned integers on CUDA.
        return x.view(_SIGNED[x.dtype])[index].view(x.dtype)
    return x[index]


def _put(target, places, values, op):
    """Set or increase elements, or rows, of a tensor, in place."""
    if op.set_instead_of_inc:
        # If a place occurs several times, the last value counts. PyTorch does
        # not define which one it writes, so every occurrence gets that value.
        numbers = torch.arange(
            max(len(target), len(places)), device=target.device
        )
        # Negative places count from the end; make them start at 0.
        places = numbers[: len(target)][places]
        last = places.new_zeros(len(target)).scatter_reduce_(
            0, places, numbers[: len(places)], 'amax'
        )
        values = values[last[places]]
    return target.index_put_(
        (places,), values, accumulate=not op.set_instead_of_inc
    )


@register(AdvancedSubtensor1)
def _build_take_rows(op, node):
    return lambda x, rows: _taken(x, rows.long())


@register(AdvancedIncSubtensor1)
def _build_change_rows(op, node):
    dtype = torch_dtype(node.outputs[0].dtype)

    def change(x, y, rows):
        rows = rows.long()
        result = computable(x.to(dtype, copy=True).contiguous())
        values = y.to(result.dtype).expand(rows.shape + tuple(x.shape[1:]))
        return _put(result, rows, values, op).to(dtype)

    return change


def _advanced_index(index):
    """The index of an advanced Op for PyTorch, with the meaning it has in
    NumPy.
    """
    dimensions = max(
        (entry.ndim for entry in index if _is_integer_array(entry)), default=0
    )
    result = []
    for entry in index:
        if isinstance(entry, slice):
            entry = _slice(entry)
        elif _is_integer_array(entry):
            entry = entry.long()
            if entry.ndim == 0 and dimensions:
                # PyTorch would apply a single number before the rest of the
                # index, which changes the order of the dimensions.
                entry = entry.reshape([1] * dimensions)
        result.append(entry)
    return tuple(result)


def _with_positive_steps(x, index):
    """A reversed tensor and an index with positive steps that select the same
    part as `index` does of `x`.
    """
    axis, flips, forwards = 0, [], []
    for entry in index:
        if _runs_backwards(entry):
            size = x.shape[axis]
            places = range(*entry.indices(size))
            entry = (
                slice(size - 1 - places[0], size - places[-1], -places.step)
                if len(places)
                else slice(0, 0)
            )
            flips.append(axis)
        forwards.append(entry)
        if entry is not None:
            axis += entry.ndim if _is_mask(entry) else 1
    return _reversed(x, flips), tuple(forwards)


def _has_mask(variables):
    """Whether the size of the part depends on how many elements of a mask are
    true.
    """
    return any(
        getattr(variable, 'dtype', None) == 'bool' for variable in variables
    )


@register(
    AdvancedSubtensor,
    AdvancedBooleanSubtensor,
    waits=lambda node: _has_mask(node.inputs[1:]),
)
def _build_advanced_subtensor(op, node):
    def take(x, *index):
        x, index = _with_positive_steps(x, _advanced_index(index))
        return _taken(x, index)

    return take


@register(
    AdvancedIncSubtensor,
    AdvancedBooleanIncSubtensor,
    waits=lambda node: _has_mask(node.inputs[2:]),
)
def _build_advanced_inc_subtensor(op, node):
    dtype = torch_dtype(node.outputs[0].dtype)

    def change(x, y, *index):
        result = computable(x.to(dtype, copy=True).contiguous())
        # Find the places by numbering all elements: a reversed tensor is a
        # copy, so nothing can be written through it.
        numbers = torch.arange(result.numel(), device=x.device)
        places, index = _with_positive_steps(
            numbers.reshape(result.shape), _advanced_index(index)
        )
        places = places[index]
        values = y.to(result.dtype).expand(places.shape)
        _put(result.view(-1), places.reshape(-1), values.reshape(-1), op)
        return result.to(dtype)

    return change
