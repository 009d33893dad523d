"""Convolutions by minimal filtering, on the CPU.

See :mod:`kneerepro.engine.kernels.winograd_plan` for how that goes. Images and
results have their channels last in memory.
"""

import math

import torch

from ..layout import channels_last, channels_to_end
from .conv_gemm import output_sizes
from .winograd_plan import plan_of

_MOST = 2**25  # of the transformed filters, which all are there at once


def fits(kernel, stride, dilation):
    """Whether there is such an algorithm for filters of a size, and it saves
    products.
    """
    return all(
        step == 1 and s in (1, 2) and s < k <= 3 * s
        for k, s, step in zip(kernel, stride, dilation)
    )


def cost(task, images, shape, outputs, stride):
    """What it costs, in the time of a product that matrices are multiplied
    with.

    Parameters
    ----------
    task : {'forward', 'by_filters', 'by_images'}
    images : int
    shape : sequence of int
        Of the filters.
    outputs, stride : sequence of int
        One for each spatial axis.
    """
    count, channels, *kernel = shape
    plan = plan_of(tuple(kernel), tuple(stride), (0,) * len(kernel))
    tiles = images * math.prod(-(-n // 2) for n in outputs)
    products = plan.products
    if products * channels * count > _MOST:
        return math.inf
    points = sum(points for points, _ in plan.sizes)
    # Measured: what it takes to bring each element to the points, or back. Of
    # few channels, the runs of memory are short.
    of_images = (66 if task != 'by_images' else 132) * (1 + 64 / channels)
    return (
        products * tiles * channels * count
        + of_images * products * tiles * channels
        + 41 * points * tiles * count
        + 66 * products * channels * count
    )


def forward(images, filters, bias, stride, padding, dilation):
    """As :func:`kneerepro.engine.kernels.conv_gemm.forward`, where the
    algorithm :func:`fits`; the gradients likewise.
    """
    plan = plan_of(tuple(filters.shape[2:]), tuple(stride), tuple(padding))
    outputs = output_sizes(
        images.shape[2:], filters.shape[2:], stride, padding, dilation
    )
    matrices = plan.of_filters(filters)
    result = images.new_empty((len(images), *outputs, len(filters)))
    for part in plan.parts(images.shape, outputs):
        products = [
            torch.bmm(values, matrix)
            for values, matrix in zip(plan.of_images(images, part), matrices)
        ]
        values = plan.to_outputs(products, part)
        target = result[part.batch, part.rows]
        values = values[tuple(map(slice, target.shape))]
        if bias is None:
            target.copy_(values)
        else:
            torch.add(values, bias, out=target)
    return result.movedim(-1, 1)


def by_filters(
    images,
    gradient,
    shape,
    stride,
    padding,
    dilation,
    want_channels_last=False,
):
    """The gradient of the convolution by the filters of a `shape`.

    `gradient` is that by the convolution, of its shape. In memory, the result
    has its filters last, or its channels if that is asked for.
    """
    plan = plan_of(tuple(shape[2:]), tuple(stride), tuple(padding))
    gradient = channels_to_end(gradient)
    sums = images.new_zeros((plan.products, shape[0] * shape[1]))
    for part in plan.parts(images.shape, gradient.shape[1:-1]):
        for total, values, by_values in zip(
            plan.by_group(sums, shape),
            plan.of_images(images, part),
            plan.of_outputs(gradient[part.batch, part.rows], part),
        ):
            total.baddbmm_(values.transpose(1, 2), by_values)
    result = plan.to_filters(sums, shape)
    return channels_last(result) if want_channels_last else result


def by_images(filters, gradient, shape, bias, stride, padding, dilation):
    """The gradient of the convolution by the images of a `shape`, which is
    the transposed convolution; a `bias` for each channel is added.
    """
    plan = plan_of(tuple(filters.shape[2:]), tuple(stride), tuple(padding))
    gradient = channels_to_end(gradient)
    matrices = [matrix.transpose(1, 2) for matrix in plan.of_filters(filters)]
    result = gradient.new_zeros((shape[0], *shape[2:], shape[1]))
    for part in plan.parts(shape, gradient.shape[1:-1]):
        values = plan.of_outputs(gradient[part.batch, part.rows], part)
        values = plan.to_images(
            [
                torch.bmm(value, matrix)
                for value, matrix in zip(values, matrices)
            ],
            part,
        )
        # Parts of the same images share some of their elements.
        places, within = part.places(shape[2:])
        result[(part.batch, *places)] += values[(slice(None), *within)]
    if bias is not None:
        result += bias
    return result.movedim(-1, 1)
