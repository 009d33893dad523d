"""Products of matrices."""

import torch
from theano.tensor.basic import Dot
from theano.tensor.blas import BatchedDot
from theano.tensor.nlinalg import Det, MatrixInverse

from ..dispatch import register
from ..values import torch_dtype


@register(Dot)
def build_dot(op, node):
    dtype = torch_dtype(node.outputs[0].dtype)

    def dot(x, y):
        if x.shape[-1] != y.shape[0]:
            raise ValueError(f'shapes {tuple(x.shape)} and {tuple(y.shape)} '
                             'do not fit for a product')
        x, y = x.to(dtype), y.to(dtype)
        if dtype == torch.bool:
            return torch.matmul(x.float(), y.float()) > 0
        return torch.matmul(x, y)

    return dot


@register(BatchedDot)
def build_batched_dot(op, node):
    dtype = torch_dtype(node.outputs[0].dtype)

    def batched_dot(x, y):
        if x.shape[0] != y.shape[0]:
            raise TypeError('Shape mismatch: batch sizes unequal: '
                            f'{tuple(x.shape)} and {tuple(y.shape)}')
        x, y = x.to(dtype), y.to(dtype)
        rows = x if x.ndim == 3 else x[:, None]
        columns = y if y.ndim == 3 else y[:, :, None]
        value = torch.matmul(rows, columns)
        if x.ndim == 2:
            value = value[:, 0]
        return value if y.ndim == 3 else value[..., 0]

    return batched_dot


@register(MatrixInverse)
def build_inverse(op, node):
    return torch.linalg.inv


@register(Det)
def build_det(op, node):
    return torch.linalg.det
