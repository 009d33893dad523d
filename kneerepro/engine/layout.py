"""The order in which images and filters lie in memory."""

from __future__ import annotations

from collections.abc import Sequence

import torch


def channels_last(x: torch.Tensor) -> torch.Tensor:
    """Images or filters with the channels last in memory."""
    kind = torch.channels_last if x.ndim == 4 else torch.channels_last_3d
    if x.shape[1] > 1 and x.is_contiguous(memory_format=kind):
        return x
    if x.shape[1] == 1 and x.is_contiguous():
        # With one channel both orders are the same, but PyTorch chooses its
        # algorithm by the strides.
        return x.as_strided(
            x.shape,
            torch.empty(x.shape, device='meta', memory_format=kind).stride(),
        )
    if x.movedim((1, 0), (-2, -1)).is_contiguous() and x.numel():
        # PyTorch transposes a matrix faster than it permutes axes.
        matrix = x.movedim(1, -1).flatten(1).contiguous()
        return matrix.view(len(x), *x.shape[2:], x.shape[1]).movedim(-1, 1)
    return x.contiguous(memory_format=kind)


def preferred_layout(x: torch.Tensor) -> torch.Tensor:
    """A tensor in the memory order in which the device should keep it.

    Filters get the order that convolutions use, so that no convolution has to
    reorder them at every step. Other tensors stay as they are.
    """
    return channels_last(x) if x.ndim in (4, 5) else x


def channels_to_end(x: torch.Tensor) -> torch.Tensor:
    """A contiguous tensor with the channels moved from axis 1 to the end."""
    return x.movedim(1, -1).contiguous()


def memory_order(x: torch.Tensor) -> list[int]:
    """The axes of a tensor, sorted from the largest stride to the smallest."""
    strides = x.stride()
    return sorted(range(x.ndim), key=lambda axis: (-strides[axis], axis))


def as_contiguous(x: torch.Tensor) -> torch.Tensor:
    """A tensor in row-major order without gaps.

    Returns `x` itself if it is contiguous. A tensor on the CPU that holds only
    zeros, in a dense block in another order, becomes a view of its own memory.
    Anything else is copied.
    """
    if (
        not x.is_contiguous()
        and x.device.type == 'cpu'
        and x.permute(memory_order(x)).is_contiguous()
        and not x.any()
    ):
        return x.as_strided(
            x.shape, torch.empty(x.shape, device='meta').stride()
        )
    return x.contiguous()


def contiguous_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides of an array in C order, in elements."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= n
    return tuple(reversed(strides))


def in_one_order(tensors: list[torch.Tensor]) -> list[torch.Tensor]:
    """Tensors of one shape, with the channels last in memory if they are
    images or volumes that lie in different orders.
    """
    if tensors[0].ndim not in (4, 5) or dense_sizes(tensors) is not None:
        return tensors
    return list(map(channels_last, tensors))


def dense_sizes(
    tensors: Sequence[torch.Tensor],
) -> tuple[int, int, int] | None:
    """How the elements of tensors of one shape lie in memory.

    Parameters
    ----------
    tensors : sequence of tensor

    Returns
    -------
    tuple of int, or None
        How many times an index goes through its values before the channels
        (axis 1) do, the number of channels, and how many elements of a channel
        are next to each other. None if the tensors have several shapes, or if
        their elements have gaps or lie in different orders.
    """
    first = tensors[0]
    shape, ndim = first.shape, first.ndim
    if any(tensor.shape != shape for tensor in tensors[1:]):
        return None
    count = first.numel()
    if all(tensor.is_contiguous() for tensor in tensors):
        if ndim < 2 or not count:
            return 1, 1, count
        return shape[0], shape[1], count // (shape[0] * shape[1])
    if ndim > 2 and all(map(_CHANNELS_ARE_LAST.get(ndim, _are_last), tensors)):
        return count // shape[1], shape[1], 1
    return None


def _are_last(tensor):
    """Whether the channels of a contiguous tensor vary fastest."""
    return tensor.movedim(1, -1).is_contiguous()


# Asking for a memory format takes a third of the time of moving an axis.
_CHANNELS_ARE_LAST = {
    4: lambda x: x.is_contiguous(memory_format=torch.channels_last),
    5: lambda x: x.is_contiguous(memory_format=torch.channels_last_3d),
}
