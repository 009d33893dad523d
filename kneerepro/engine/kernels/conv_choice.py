"""Choice between our algorithms of convolution and PyTorch's, on the CPU."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import ModuleType

import torch

from . import conv_gemm, conv_winograd

# Where products of matrices are faster than PyTorch's convolution, by the
# shape of the filters: measured on processors with AVX2 and with AVX-512, in
# two and three dimensions.
_GEMM_IS_FASTER: dict[str, Callable[..., bool]] = {
    'forward': lambda filters, channels, *kernel: (
        filters * channels * kernel[0] * kernel[1] > 5e6
    ),
    'grad_inputs': lambda filters, channels, *kernel: (
        channels == 1 or filters * channels * kernel[0] * kernel[1] > 1e7
    ),
    'grad_weights': lambda filters, channels, *kernel: (
        filters * channels * kernel[0] * kernel[1] > 3e6
        or len(kernel) == 3
        and channels > 1
        and filters >= 256
    ),
}

# Measured time per product of the algorithms that minimal filtering would
# replace, in the unit of conv_winograd.cost: matrix products, and PyTorch's
# convolutions.
_GEMM_PER_PRODUCT, _PYTORCH_PER_PRODUCT = 0.95, 1.0
# With fewer channels or filters, PyTorch has faster algorithms of its own.
_FEW = 8


def faster_than_pytorch(
    task: str,
    images: int,
    shape: Sequence[int],
    outputs: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    dtype: torch.dtype,
) -> ModuleType | None:
    """The module of our own algorithm that is estimated to be the fastest, or
    None if PyTorch's is.

    Parameters
    ----------
    task : {'forward', 'grad_weights', 'grad_inputs'}
    images : int
        The number of images.
    shape : sequence of int
        Of the filters: ``(filters, channels, ...)``.
    outputs : sequence of int
        Spatial size of the convolution's output.
    stride, padding, dilation : sequence of int
        One number for each spatial axis.
    dtype : torch.dtype
    """
    if is_for_minimal_filtering(
        task, images, shape, outputs, stride, dilation
    ) and conv_winograd.is_available(shape[2:], stride, padding, dtype):
        return conv_winograd
    return conv_gemm if _GEMM_IS_FASTER[task](*shape) else None


def is_for_minimal_filtering(
    task: str,
    images: int,
    shape: Sequence[int],
    outputs: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
) -> bool:
    """Whether minimal filtering is estimated to be the fastest algorithm,
    where the machine can compile it. Arguments as for
    :func:`faster_than_pytorch`.
    """
    if min(shape[:2]) < _FEW or not conv_winograd.fits(
        shape[2:], stride, dilation
    ):
        return False
    gemm_is_faster = _GEMM_IS_FASTER[task](*shape)
    time = _GEMM_PER_PRODUCT if gemm_is_faster else _PYTORCH_PER_PRODUCT
    products = math.prod(shape) * math.prod(outputs) * images
    cost = conv_winograd.cost(task, images, shape, outputs, stride)
    return cost < products * time
