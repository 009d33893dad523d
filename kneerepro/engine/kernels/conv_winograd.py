"""Convolutions by minimal filtering, on the CPU.

:mod:`kneerepro.engine.kernels.winograd_plan` describes the algorithm. Images
and results have their channels last in memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from ..layout import channels_last, channels_to_end
from .conv_gemm import output_sizes
from .winograd_plan import plan_for

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


def cost(
    task: str,
    images: int,
    shape: Sequence[int],
    outputs: Sequence[int],
    stride: Sequence[int],
) -> float:
    """The estimated cost, in units of the time that one product takes inside
    a matrix product.

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
    count, channels, *kernel = shape
    plan = plan_for(tuple(kernel), tuple(stride), (0,) * len(kernel))
    tiles = images * math.prod(-(-n // 2) for n in outputs)
    products = plan.products
    if products * channels * count > _MAX_TRANSFORMED:
        return math.inf
    points = sum(points for points, _ in plan.group_sizes)
    # The measured cost of transforming one element to or from the points. With
    # few channels, the runs of memory are short.
    image_cost = (66 if task != 'grad_inputs' else 132) * (1 + 64 / channels)
    output_cost, filter_cost = 41, 66
    return (
        products * tiles * channels * count
        + image_cost * products * tiles * channels
        + output_cost * points * tiles * count
        + filter_cost * products * channels * count
    )


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
    plan = plan_for(tuple(filters.shape[2:]), tuple(stride), tuple(padding))
    outputs = output_sizes(
        images.shape[2:], filters.shape[2:], stride, padding, dilation
    )
    matrices = plan.transform_filters(filters)
    result = images.new_empty((len(images), *outputs, len(filters)))
    for part in plan.parts(images.shape, outputs):
        products = [
            torch.bmm(values, matrix)
            for values, matrix in zip(
                plan.transform_images(images, part), matrices
            )
        ]
        values = plan.to_outputs(products, part)
        target = result[part.batch, part.rows]
        values = values[tuple(map(slice, target.shape))]
        if bias is None:
            target.copy_(values)
        else:
            torch.add(values, bias, out=target)
    return result.movedim(-1, 1)


def grad_weights(
    images: torch.Tensor,
    grad_output: torch.Tensor,
    shape: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    want_channels_last: bool = False,
) -> torch.Tensor:
    """The same as :func:`kneerepro.engine.kernels.conv_gemm.grad_weights`,
    where the algorithm :func:`fits`.
    """
    plan = plan_for(tuple(shape[2:]), tuple(stride), tuple(padding))
    grad_output = channels_to_end(grad_output)
    sums = images.new_zeros((plan.products, shape[0] * shape[1]))
    for part in plan.parts(images.shape, grad_output.shape[1:-1]):
        for total, values, gradients in zip(
            plan.split_by_group(sums, shape),
            plan.transform_images(images, part),
            plan.transform_outputs(grad_output[part.batch, part.rows], part),
        ):
            total.baddbmm_(values.transpose(1, 2), gradients)
    result = plan.to_filters(sums, shape)
    return channels_last(result) if want_channels_last else result


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
    plan = plan_for(tuple(filters.shape[2:]), tuple(stride), tuple(padding))
    grad_output = channels_to_end(grad_output)
    matrices = [
        matrix.transpose(1, 2) for matrix in plan.transform_filters(filters)
    ]
    result = grad_output.new_zeros((shape[0], *shape[2:], shape[1]))
    for part in plan.parts(shape, grad_output.shape[1:-1]):
        gradients = plan.transform_outputs(
            grad_output[part.batch, part.rows], part
        )
        products = [
            torch.bmm(values, matrix)
            for values, matrix in zip(gradients, matrices)
        ]
        values = plan.to_images(products, part)
        # Parts of the same images overlap, so their results are added.
        places, within = part.places(shape[2:])
        result[(part.batch, *places)] += values[(slice(None), *within)]
    if bias is not None:
        result += bias
    return result.movedim(-1, 1)
