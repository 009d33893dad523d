"""Convolutions by minimal filtering, on the CPU.

:mod:`kneerepro.engine.kernels.winograd_axis` describes the algorithm. Images
and results have their channels last in memory.
"""

from __future__ import annotations

import ctypes
import functools
import math
from collections.abc import Sequence

import torch

from ..layout import channels_to_end
from . import winograd_axis
from .conv_gemm import output_sizes
from .winograd_code import PANEL, library, start

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
    return library(*_key(kernel, stride, padding, dtype)) is not None


def start_compiling(
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dtype: torch.dtype,
) -> None:
    """Start to compile the algorithm for filters that it :func:`fits`."""
    start(*_key(kernel, stride, padding, dtype))


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
    per_filter = 20 if task == 'grad_weights' else 50
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
        'forward', images, filters, bias, stride, padding, outputs
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
    filters = filters.transpose(0, 1)
    return _convolve(
        'grad_inputs', grad_output, filters, bias, stride, padding, shape[2:]
    )


def _convolve(task, images, filters, bias, stride, padding, outputs):
    images = channels_to_end(images)
    result = images.new_empty((len(images), *outputs, len(filters)))
    if bias is not None:
        bias = bias.contiguous()
        if bias.shape != (len(filters),):
            raise ValueError(
                f'a bias of shape {tuple(bias.shape)} does not fit '
                f'{len(filters)} filters'
            )
    call = _call(
        task,
        images.shape,
        filters.shape,
        result.shape,
        tuple(stride),
        tuple(padding),
        images.dtype,
        torch.get_num_threads(),
    )
    call(
        images.data_ptr(),
        filters.data_ptr(),
        _strides(filters.stride()),
        None if bias is None else bias.data_ptr(),
        result.data_ptr(),
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
    call = _call(
        'grad_weights',
        images.shape,
        tuple(shape),
        grad_output.shape,
        tuple(stride),
        tuple(padding),
        images.dtype,
        torch.get_num_threads(),
    )
    call(images.data_ptr(), grad_output.data_ptr(), result.data_ptr())
    return result.movedim(-1, 1)


# A training step makes the same calls again and again.
@functools.lru_cache(1024)
def _call(task, images, filters, outputs, stride, padding, dtype, threads):
    """The function of a task for tensors of these shapes, which takes the
    addresses of their numbers.

    Parameters
    ----------
    task : {'forward', 'grad_weights', 'grad_inputs'}
    images, filters, outputs : tuple of int
        Shapes: ``(batch, ..., channels)``, ``(filters, channels, ...)`` and
        ``(batch, ..., filters)``. In a transposed convolution, images are the
        outputs' gradient.
    stride, padding : tuple of int
    dtype : torch.dtype
    threads : int

    Raises
    ------
    ValueError
        If the shapes do not fit each other.
    """
    if (images[-1], outputs[-1], outputs[0]) != (
        filters[1],
        filters[0],
        images[0],
    ):
        raise ValueError(
            f'{filters[0]} filters for {filters[1]} channels do not fit '
            f'{images[0]} images with {images[-1]} channels and '
            f'{outputs[0]} results with {outputs[-1]}'
        )
    kernel = tuple(filters[2:])
    starts = [-pad for pad in padding]
    if task == 'grad_inputs':
        starts = [
            winograd_axis.transposed(*axis)[1]
            for axis in zip(kernel, stride, padding)
        ]
    count, *sizes, channels = images
    # A plane is a volume with one slice.
    missing = 3 - len(sizes)
    numbers = _numbers(
        count,
        channels,
        filters[0],
        *[1] * missing,
        *sizes,
        *[1] * missing,
        *outputs[1:-1],
        *[0] * missing,
        *starts,
        threads,
    )
    function = getattr(library(*_key(kernel, stride, padding, dtype)), task)
    function.argtypes = [ctypes.c_void_p] * (
        4 if task == 'grad_weights' else 6
    )
    function.restype = None
    return functools.partial(function, numbers)


@functools.lru_cache(1024)
def _strides(strides):
    """What the code takes for the strides of filters."""
    first, second, *others = strides
    return _numbers(first, second, *[0] * (3 - len(others)), *others)


def _numbers(*values):
    return (ctypes.c_int64 * len(values))(*values)


def _key(kernel, stride, padding, dtype):
    """What distinguishes the library for filters from others."""
    shift = (pad % s for pad, s in zip(padding, stride))
    return tuple(kernel), tuple(stride), tuple(shift), dtype
