"""The order in which images and filters lie in memory."""

import torch


def channels_last(x):
    """Images or filters with the channels last in memory."""
    kind = torch.channels_last if x.ndim == 4 else torch.channels_last_3d
    if x.shape[1] == 1 and x.is_contiguous():
        # Either order is the same then, but PyTorch goes by the strides.
        return x.as_strided(x.shape, torch.empty(
            x.shape, device='meta', memory_format=kind).stride())
    if x.movedim((1, 0), (-2, -1)).is_contiguous() and x.numel():
        # PyTorch transposes a matrix faster than it permutes axes.
        matrix = x.movedim(1, -1).flatten(1).contiguous()
        return matrix.view(len(x), *x.shape[2:], x.shape[1]).movedim(-1, 1)
    return x.contiguous(memory_format=kind)
