"""Products of sparse and dense matrices, from ``theano.sparse``.

Sparse matrices stay on the host. SciPy's compiled code multiplies them on the
CPU and does everything else that concerns them alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from theano.gof import Op
from theano.sparse import basic, opt
from theano.sparse.basic import (
    Dot,
    StructuredDot,
    StructuredDotGradCSC,
    StructuredDotGradCSR,
    Usmm,
)

from ..dispatch import register, register_on_host
from ..values import is_tensor, to_device, to_host, torch_dtype

_PRODUCTS = Dot, StructuredDot, Usmm
_GRADIENTS = StructuredDotGradCSC, StructuredDotGradCSR


def _has_sparse_factors_only(node):
    first = 1 if isinstance(node.op, Usmm) else 0
    return not any(map(is_tensor, node.inputs[first : first + 2]))


def _has_sparse_input(node):
    return not all(map(is_tensor, node.inputs))


register_on_host(
    *(
        value
        for module in (basic, opt)
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Op)
        and value is not Op
        and value not in _PRODUCTS + _GRADIENTS
    )
)
register_on_host(*_PRODUCTS, when=_has_sparse_factors_only)
register_on_host(*_GRADIENTS, when=_has_sparse_input)


@register(Dot, StructuredDot)
def _build_product(op, node):
    dtype = torch_dtype(node.outputs[0].dtype)
    return lambda x, y: product(x, y, dtype)


@register(Usmm)
def _build_scaled_sum(op, node):
    dtype = torch_dtype(node.outputs[0].dtype)

    def scaled_sum(alpha, x, y, z):
        return (alpha * product(x, y, dtype) + z).to(dtype)

    return scaled_sum


def product(x: Any, y: Any, dtype: torch.dtype) -> torch.Tensor:
    """The matrix product of a sparse and a dense factor.

    Parameters
    ----------
    x, y : scipy.sparse matrix, and tensor of one or two axes
        In either order.
    dtype : torch.dtype
        Of the result.

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """
    if x.shape[-1] != y.shape[0]:
        raise ValueError(
            f'the shapes {tuple(x.shape)} and {tuple(y.shape)} do not fit for '
            'a product with a sparse matrix: the last axis of the first must '
            'be as long as the first axis of the second'
        )
    if isinstance(x, torch.Tensor):
        result = product(y.T, x.T if x.ndim == 2 else x, dtype)
        return result.T if x.ndim == 2 else result
    if y.device.type == 'cpu':
        return to_device(x @ to_host(y), y.device).to(dtype)
    return multiplied_by_pytorch(x, y, dtype)


def multiplied_by_pytorch(
    x: Any, y: torch.Tensor, dtype: torch.dtype
) -> torch.Tensor:
    """The product of a sparse matrix and a tensor on the tensor's device."""
    x = x.tocoo()
    matrix = torch.sparse_coo_tensor(
        np.stack([x.row, x.col]).astype('int64'),
        x.data,
        x.shape,
        dtype=dtype,
        device=y.device,
        check_invariants=False,
    )
    columns = y if y.ndim == 2 else y[:, None]
    result = torch.sparse.mm(matrix, columns.to(dtype))
    return result if y.ndim == 2 else result[:, 0]


# The host waits to learn how many elements the result has.
@register(StructuredDotGradCSC, StructuredDotGradCSR, fresh=True, waits=True)
def _build_product_gradient(op, node):
    """The gradient by those elements of the sparse factor that are stored."""
    by_rows = isinstance(op, StructuredDotGradCSR)
    dtype = torch_dtype(node.outputs[0].dtype)

    def product_gradient(indices, starts, y, grad_output):
        outer = torch.repeat_interleave(
            torch.arange(len(starts) - 1, device=starts.device),
            torch.diff(starts.long()),
        )
        inner = indices[: len(outer)].long()
        rows, columns = (outer, inner) if by_rows else (inner, outer)
        return (grad_output[rows] * y[columns]).sum(1).to(dtype)

    return product_gradient
