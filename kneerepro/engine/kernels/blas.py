"""Products of matrices by the names of BLAS.

Programs can call these Ops directly. Theano's own rewrites, which introduce
them into graphs, do not run for this engine.
"""

from __future__ import annotations

import torch
from theano.tensor.blas import Dot22, Dot22Scalar, Gemm, Gemv, Ger

from ..dispatch import register


@register(Dot22, fresh=True)
def _build_dot22(op, node):
    def dot22(x, y):
        _check_shapes('Dot22', x, y)
        return torch.matmul(x, y)

    return dot22


@register(Dot22Scalar, fresh=True)
def _build_dot22_scalar(op, node):
    def dot22_scalar(x, y, factor):
        _check_shapes('Dot22Scalar', x, y)
        return factor * torch.matmul(x, y)

    return dot22_scalar


@register(Gemm, fresh=True)
def _build_gemm(op, node):
    def gemm(z, a, x, y, b):
        _check_shapes('Gemm', x, y, z)
        return _scaled(b, z) + a * torch.matmul(x, y)

    return gemm


@register(Gemv, fresh=True)
def _build_gemv(op, node):
    def gemv(y, alpha, matrix, x, beta):
        _check_shapes('Gemv', matrix, x, y)
        return (_scaled(beta, y) + alpha * torch.matmul(matrix, x)).to(y.dtype)

    return gemv


@register(Ger, fresh=True)
def _build_ger(op, node):
    def ger(matrix, alpha, x, y):
        _check_shapes('Ger', x[:, None], y[None], matrix)
        return matrix + alpha * torch.outer(x, y)

    return ger


def _scaled(factor, x):
    """A product that is 0 for the factor 0, even if `x` is not finite."""
    return torch.where(factor == 0, 0, factor * x)


def _check_shapes(name, x, y, result=None):
    fits = x.shape[-1] == y.shape[0]
    if fits and result is not None:
        fits = result.shape == x.shape[:-1] + y.shape[1:]
    if not fits:
        factors = f'the shapes {tuple(x.shape)} and {tuple(y.shape)}'
        raise ValueError(
            f'{name}: {factors} do not fit for a product'
            if result is None
            else f'{name}: {factors} do not fit for a product of the shape '
            f'{tuple(result.shape)}'
        )
