"""The order in which images and filters lie in memory."""

import torch


def channels_last(x):
    """Images or filters with the channels last in memory."""
    kind = torch.channels_last if x.ndim == 4 else torch.channels_last_3d
    if x.shape[1] > 1 and x.is_contiguous(memory_format=kind):
        return x
    if x.shape[1] == 1 and x.is_contiguous():
        # Either order is the same then, but PyTorch goes by the strides.
        return x.as_strided(
            x.shape,
            torch.empty(x.shape, device='meta', memory_format=kind).stride(),
        )
    if x.movedim((1, 0), (-2, -1)).is_contiguous() and x.numel():
        # PyTorch transposes a matrix faster than it permutes axes.
        matrix = x.movedim(1, -1).flatten(1).contiguous()
        return matrix.view(len(x), *x.shape[2:], x.shape[1]).movedim(-1, 1)
    return x.contiguous(memory_format=kind)


def placed(x):
    """A tensor in the order in which it is to stay on a device: filters as
    convolutions take them, so that none has to bring them into it at each
    step.
    """
    return channels_last(x) if x.ndim in (4, 5) else x


def channels_to_end(x):
    """Images with their channels as the last axis, of which each element lies
    beside the one before.
    """
    return x.movedim(1, -1).contiguous()


def memory_order(x):
    """The axes of a tensor, from those that are far apart in memory to those
    that are close.
    """
    return sorted(range(x.ndim), key=lambda axis: (-x.stride(axis), axis))


def in_order(x):
    """A tensor as one whose axes are in their order in memory, without gaps:
    itself if it is so, or, as nothing but zeros on the CPU, in its own memory;
    or a copy.
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
