"""Diagonal stripes of tensors, from ``theano.tensor.nnet.conv3d2d``.

In a matrix of ``n`` rows and ``m`` columns, the stripe has ``n - m + 1`` rows:
its element ``[i, j]`` is ``[i + m - 1 - j, j]`` of the matrix.
"""

from __future__ import annotations

import torch
from theano.tensor.nnet.conv3d2d import DiagonalSubtensor, IncDiagonalSubtensor

from ..dispatch import register


@register(DiagonalSubtensor, host=[1, 2], fresh=True)
def _build_diagonal_subtensor(op, node):
    def diagonal_subtensor(x, rows, columns):
        columns = int(columns)
        stripe = _reversed_stripe(torch.flip(x, [columns]), int(rows), columns)
        return torch.flip(stripe, [columns])

    return diagonal_subtensor


@register(IncDiagonalSubtensor, host=[1, 2], fresh=True)
def _build_inc_diagonal_subtensor(op, node):
    def inc_diagonal_subtensor(x, rows, columns, amount):
        columns = int(columns)
        result = torch.flip(x, [columns])
        stripe = _reversed_stripe(result, int(rows), columns)
        stripe += torch.flip(amount, [columns])
        return torch.flip(result, [columns])

    return inc_diagonal_subtensor


def _reversed_stripe(x, rows, columns):
    """The stripe as a view, if the columns of `x` and those of the stripe are
    in reverse order. Only then are all strides positive, as PyTorch needs.
    """
    size, strides = list(x.shape), list(x.stride())
    if size[rows] < size[columns]:
        raise NotImplementedError(
            f'a diagonal stripe of a tensor of shape {tuple(x.shape)}: it '
            f'needs at least as many elements along axis {rows} as along '
            f'axis {columns}'
        )
    size[rows] -= size[columns] - 1
    strides[columns] += strides[rows]
    return x.as_strided(size, strides)
