"""Products of matrices, inverses and determinants."""

from __future__ import annotations

import torch
from theano.tensor.basic import Dot
from theano.tensor.blas import BatchedDot
from theano.tensor.nlinalg import Det, MatrixInverse

from ..dispatch import register, register_on_host
from ..values import torch_dtype


def _is_of_integers(node):
    return node.outputs[0].dtype.startswith(('int', 'uint'))


# PyTorch has no matrix products of integers on CUDA.
register_on_host(Dot, BatchedDot, when=_is_of_integers)


@register(Dot, fresh=True)
def _build_dot(op, node):
    dtype = torch_dtype(node.outputs[0].dtype)

    def dot(x, y):
        if x.shape[-1] != y.shape[0]:
            raise ValueError(
                f'the shapes {tuple(x.shape)} and {tuple(y.shape)} do not fit '
                'for a matrix product: the last axis of the first must be as '
                'long as the first axis of the second'
            )
        return _product(x, y, dtype)

    return dot


def _product(x, y, dtype):
    if dtype == torch.bool:
        return torch.matmul(x.float(), y.float()) > 0
    if x.dtype != y.dtype:
        x, y = x.to(dtype), y.to(dtype)
    return torch.matmul(x, y)


@register(BatchedDot, fresh=True)
def _build_batched_dot(op, node):
    dtype = torch_dtype(node.outputs[0].dtype)

    def batched_dot(x, y):
        if x.shape[0] != y.shape[0]:
            raise ValueError(
                'Shape mismatch: batch sizes unequal: a batched product of '
                f'shapes {tuple(x.shape)} and {tuple(y.shape)}, whose first '
                'axes must have the same length'
            )
        rows = x if x.ndim == 3 else x[:, None]
        columns = y if y.ndim == 3 else y[:, :, None]
        value = _product(rows, columns, dtype)
        if x.ndim == 2:
            value = value[:, 0]
        return value if y.ndim == 3 else value[..., 0]

    return batched_dot


# The host waits to learn from the device whether the matrix is singular.
@register(MatrixInverse, waits=True)
def _build_inverse(op, node):
    return torch.linalg.inv


@register(Det)
def _build_det(op, node):
    return torch.linalg.det
