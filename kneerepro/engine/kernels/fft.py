"""Fourier transforms of real numbers, from ``theano.tensor.fft``.

The real and imaginary parts lie along the last axis.
"""

from __future__ import annotations

import torch
from theano.tensor.fft import IRFFTOp, RFFTOp

from ..dispatch import register


def _is_supported(node):
    return node.inputs[0].dtype in ('float32', 'float64')


@register(RFFTOp, host=[1], fresh=True, covers=_is_supported)
def _build_rfft(op, node):
    def rfft(x, sizes):
        sizes = _sizes(sizes, x.ndim)
        return torch.view_as_real(torch.fft.rfftn(x, sizes))

    return rfft


@register(IRFFTOp, host=[1], fresh=True, covers=_is_supported)
def _build_irfft(op, node):
    def irfft(x, sizes):
        sizes = _sizes(sizes, x.ndim - 1)
        # Theano leaves it to the caller to divide by the number of elements.
        return torch.fft.irfftn(
            torch.view_as_complex(x.contiguous()), sizes, norm='forward'
        )

    return irfft


def _sizes(sizes, ndim):
    """The lengths of the last axes, along which to transform."""
    if len(sizes) > ndim or min(sizes, default=0) < 1:
        raise ValueError(
            f'a Fourier transform of a tensor with {ndim} axes cannot have '
            f'the lengths {tuple(map(int, sizes))}: give at least one, at '
            'most one for each axis, and none below 1'
        )
    return [int(size) for size in sizes]
