"""Convolutions by minimal filtering, on the CPU.

:mod:`kneerepro.engine.kernels.winograd_axis` describes the algorithm. Images
and results have their channels last in memory.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence

import torch

from ..layout import channels_to_end
from . import winograd_axis
from .conv_gemm import output_sizes
from .winograd_code import PANEL, library

# Elements of the transformed filters, which are all in memory at once.
_MAX_TRANSFORMED = 2**25


def fits(
    kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> bool:
    """Whether the algorithm exists for filters of this size, and takes fewer
    products than the convolution itself.
    """
    return all(
        step == 1 and s in (1, 2) and s < k <= 3 * s
        for k, s, step in zip(kernel, stride, dilation)
    )


def is_available(
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dtype: torch.dtype,
) -> bool:
    """Whether the machine can compile the algorithm for filters that it
    :func:`fits`.
    """
    return _library(kernel, stride, padding, dtype) is not None


def cost(
    task: str,
    images: int,
    shape: Sequence[int],
    outputs: Sequence[int],
    stride: Sequence[int],
) -> float:
    """The estimated time, in units of what one product takes.

    Parameters
    ----------
    task : {'forward', 'grad_weights', 'grad_inputs'}
    images : int
        The number of images.
    shape : sequence of int
        Of the filters.
    outputs, stride : sequence of int
        One number for each spatial axis.
    """
    # Incomplete panels take the time of complete ones.
    count, channels = (-(-n // PANEL) * PANEL for n in shape[:2])
    values, points = _counts(shape[2:], stride)
    if task == 'grad_inputs':
        count, channels, points = channels, count, values
    transformed = values * channels * count
    if transformed > _MAX_TRANSFORMED:
        return math.inf
    tiles = _tiles(images, outputs)
    # Measured on a processor with AVX-512.
    per_image, per_output = 10, 5
    per_filter = 35 if task == 'grad_weights' else 50
    return (
        transformed * tiles
        + per_image * values * tiles * channels
        + per_output * points * tiles * count
        + per_filter * transformed
    )


def products(
    images: int,
    shape: Sequence[int],
    outputs: Sequence[int],
    stride: Sequence[int],
) -> int:
    """The number of multiplications of values of images and filters, which is
    the same for a convolution and its gradients. Arguments as for
    :func:`cost`.
    """
    values, _ = _counts(shape[2:], stride)
    return values * _tiles(images, outputs) * math.prod(shape[:2])


def _counts(kernel, stride):
    """The numbers of values and of points of a tile."""
    axes = [winograd_axis.convolution(*axis) for axis in zip(kernel, stride)]
    return (
        math.prod(len(axis.images) for axis in axes),
        math.prod(len(set(axis.points)) for axis in axes),
    )


def _tiles(images, outputs):
    return images * math.prod(-(-n // 2) for n in outputs)


def forward(
    images: torch.Tensor,
    filters: torch.Tensor,
    bias: torch.Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
) -> torch.Tensor:
    """The same as :func:`kneerepro.engine.kernels.conv_gemm.forward`, where
    the algorithm :func:`fits`.
    """
    outputs = output_sizes(
        images.shape[2:], filters.shape[2:], stride, padding, dilation
    )
    return _convolve(
        'forward',
        images,
        filters,
        bias,
        stride,
        padding,
        outputs,
        starts=[-pad for pad in padding],
    )


def grad_inputs(
    filters: torch.Tensor,
    grad_output: torch.Tensor,
    shape: Sequence[int],
    bias: torch.Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
) -> torch.Tensor:
    """The same as :func:`kneerepro.engine.kernels.conv_gemm.grad_inputs`,
    where the algorithm :func:`fits`.
    """
    return _convolve(
        'grad_inputs',
        grad_output,
        filters.transpose(0, 1),
        bias,
        stride,
        padding,
        shape[2:],
        starts=[
            winograd_axis.transposed(*axis)[1]
            for axis in zip(filters.shape[2:], stride, padding)
        ],
    )


def _convolve(task, images, filters, bias, stride, padding, outputs, starts):
    images = channels_to_end(images)
    result = images.new_empty((len(images), *outputs, len(filters)))
    bias = None if bias is None else bias.contiguous()
    function = _function(task, filters.shape, stride, padding, images.dtype)
    function(
        _sizes(images, outputs, len(filters), starts),
        *map(_address, (images, filters)),
        _strides(filters),
        *map(_address, (bias, result)),
    )
    return result.movedim(-1, 1)


def grad_weights(
    images: torch.Tensor,
    grad_output: torch.Tensor,
    shape: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    want_channels_last: bool = True,
) -> torch.Tensor:
    """The same as :func:`kneerepro.engine.kernels.conv_gemm.grad_weights`,
    where the algorithm :func:`fits`. The result always has the channels last.
    """
    images, grad_output = map(channels_to_end, (images, grad_output))
    result = images.new_empty((shape[0], *shape[2:], shape[1]))
    function = _function('grad_weights', shape, stride, padding, images.dtype)
    function(
        _sizes(
            images,
            grad_output.shape[1:-1],
            shape[0],
            starts=[-pad for pad in padding],
        ),
        *map(_address, (images, grad_output, result)),
    )
    return result.movedim(-1, 1)


def _function(task, shape, stride, padding, dtype):
    return getattr(_library(shape[2:], stride, padding, dtype), task)


def _library(kernel, stride, padding, dtype):
    shift = (pad % s for pad, s in zip(padding, stride))
    return library(tuple(kernel), tuple(stride), tuple(shift), dtype)


def _address(x):
    return ctypes.c_void_p(None if x is None else x.data_ptr())


def _sizes(images, outputs, filters, starts):
    """What the code calls Sizes. A plane is a volume with one slice."""
    count, *sizes, channels = images.shape
    missing = 3 - len(sizes)
    return _numbers(
        count,
        channels,
        filters,
        *[1] * missing,
        *sizes,
        *[1] * missing,
        *outputs,
        *[0] * missing,
        *starts,
        torch.get_num_threads(),
    )


def _strides(filters):
    first, second, *others = filters.stride()
    return _numbers(first, second, *[0] * (3 - len(others)), *others)


def _numbers(*values):
    return (ctypes.c_int64 * len(values))(*values)
