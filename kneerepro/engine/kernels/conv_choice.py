"""Choice between our algorithms of convolution and PyTorch's, on the CPU."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import ModuleType

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

# Measured time per product of the algorithm that minimal filtering would
# replace, in the unit of conv_winograd.cost: matrix products, or PyTorch's
# convolutions in two and three dimensions.
_TIME_PER_PRODUCT = {'gemm': 0.92, 2: 0.7, 3: 0.8}


def faster_than_pytorch(
    task: str,
    images: int,
    shape: Sequence[int],
    outputs: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
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
    stride, dilation : sequence of int
        One number for each spatial axis.
    """
    gemm_is_faster = _GEMM_IS_FASTER[task](*shape)
    if conv_winograd.fits(shape[2:], stride, dilation):
        products = math.prod(shape) * math.prod(outputs) * images
        time = _TIME_PER_PRODUCT['gemm' if gemm_is_faster else len(outputs)]
        if (
            conv_winograd.cost(task, images, shape, outputs, stride)
            < products * time
        ):
            return conv_winograd
    return conv_gemm if gemm_is_faster else None
