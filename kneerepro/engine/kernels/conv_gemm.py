"""Convolutions as products of matrices, on the CPU.

One row of a matrix holds the patch of the image that a filter sees at one
position, so the matrix times the filters is the convolution (im2col). This
beats PyTorch's own algorithms when there are many filters, because they share
the cost of building the matrix. The matrix is built in parts that fit into the
processor's cache.

Images, filters and results have their channels last in memory, so that a row
consists of runs of all the channels.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import torch

from ..layout import channels_last, channels_to_end

# Elements of the matrix that are built at a time. Every part reads all the
# filters again, so a part is never smaller than the filters.
_PART = 2**22
# Up to this many outputs, computing the gradient transposed takes less time
# than transposing it afterwards.
_TRANSPOSED_UP_TO = 1024


def output_sizes(
    sizes: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
) -> list[int]:
    """The number of positions of a filter along each axis."""
    return [
        (size + 2 * pad - step * (k - 1) - 1) // s + 1
        for size, k, s, pad, step in zip(
            sizes, kernel, stride, padding, dilation
        )
    ]


def forward(
    images: torch.Tensor,
    filters: torch.Tensor,
    bias: torch.Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
) -> torch.Tensor:
    """The convolution, without flipping the filters.

    Parameters
    ----------
    images : tensor, shape (batch, channels, ...)
    filters : tensor, shape (filters, channels, ...)
    bias : tensor, shape (filters,), or None
    stride, padding, dilation : sequence of int
        One number for each spatial axis.

    Returns
    -------
    tensor, shape (batch, filters, ...)
    """
    count, kernel = len(filters), filters.shape[2:]
    outputs = output_sizes(images.shape[2:], kernel, stride, padding, dilation)
    matrix = _as_matrix(filters).t()
    result = images.new_empty((len(images), *outputs, count))
    for batch, rows, patches in _parts(
        images, filters.shape, outputs, stride, padding, dilation
    ):
        part = result[batch, rows].view(-1, count)
        if bias is None:
            torch.mm(patches, matrix, out=part)
        else:
            torch.addmm(bias, patches, matrix, out=part)
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
    """The gradient with respect to the filters.

    Parameters
    ----------
    images : tensor, shape (batch, channels, ...)
    grad_output : tensor, shape (batch, filters, ...)
    shape : sequence of int
        Of the filters.
    stride, padding, dilation : sequence of int
        One number for each spatial axis.
    want_channels_last : bool
        Whether the result should have the channels last in memory; otherwise
        it has the filters last.

    Returns
    -------
    tensor of the given shape
    """
    grad_output = channels_to_end(grad_output)
    count, kernel, outputs = shape[0], shape[2:], grad_output.shape[1:-1]
    # The product with the channels last takes a fifth longer.
    transposed = want_channels_last and (
        math.prod(grad_output.shape[:-1]) <= _TRANSPOSED_UP_TO
    )
    width = math.prod(shape[1:])
    result = images.new_zeros((count, width) if transposed else (width, count))
    for batch, rows, patches in _parts(
        images, shape, outputs, stride, padding, dilation
    ):
        gradients = grad_output[batch, rows].reshape(-1, count)
        if transposed:
            result.addmm_(gradients.t(), patches)
        else:
            result.addmm_(patches.t(), gradients)
    result = result if transposed else result.t()
    result = result.view(count, *kernel, shape[1]).movedim(-1, 1)
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
    """The gradient with respect to the images: the transposed convolution.

    Parameters
    ----------
    filters : tensor, shape (filters, channels, ...)
    grad_output : tensor, shape (batch, filters, ...)
    shape : sequence of int
        Of the images.
    bias : tensor, shape (channels,), or None
        Added to the result.
    stride, padding, dilation : sequence of int
        One number for each spatial axis.

    Returns
    -------
    tensor of the given shape
    """
    grad_output = channels_to_end(grad_output)
    kernel, outputs = filters.shape[2:], grad_output.shape[1:-1]
    channels, sizes = shape[1], shape[2:]
    matrix = _as_matrix(filters)
    result = grad_output.new_empty((shape[0], *sizes, channels))
    covered = [
        max((n - 1) * s + step * (k - 1) + 1, pad + size)
        for n, s, step, k, pad, size in zip(
            outputs, stride, dilation, kernel, padding, sizes
        )
    ]
    inside = (
        slice(None),
        *(slice(pad, pad + size) for pad, size in zip(padding, sizes)),
    )
    for batch, steps in _slices(
        len(grad_output), outputs, *matrix.shape[::-1]
    ):
        gradients = grad_output[batch]
        images = gradients.new_zeros((len(gradients), *covered, channels))
        for rows in steps:
            _add_patches(
                images, gradients, rows, matrix, kernel, stride, dilation
            )
        images = images[inside]
        if bias is None:
            result[batch] = images
        else:
            torch.add(images, bias, out=result[batch])
    return result.movedim(-1, 1)


def _add_patches(images, gradients, rows, matrix, kernel, stride, dilation):
    """Add to the padded images the gradient by some rows of the outputs."""
    part = gradients[:, rows]
    patches = _patches(part, matrix, kernel, images.shape[-1])
    for place in itertools.product(*map(range, kernel)):
        seen = [
            slice(i * step, i * step + (n - 1) * s + 1, s)
            for i, step, n, s in zip(place, dilation, part.shape[1:], stride)
        ]
        start = rows.start * stride[0]
        seen[0] = slice(seen[0].start + start, seen[0].stop + start, stride[0])
        images[(slice(None), *seen)] += patches[place]


def _patches(gradients, matrix, kernel, channels):
    """What each filter position adds to the part of the images that it sees.

    Parameters
    ----------
    gradients : tensor, shape (batch, ..., filters)
    matrix : tensor, shape (filters, product of kernel * channels)
    kernel : list of int
    channels : int

    Returns
    -------
    tensor, shape (*kernel, batch, ..., channels)
        With a single channel the axes of the kernel also come first in memory,
        because neighbouring values would otherwise lie a whole kernel apart.
    """
    rows = gradients.reshape(-1, matrix.shape[0])
    if channels == 1:
        return (matrix.t() @ rows.t()).view(*kernel, *gradients.shape[:-1], 1)
    patches = (rows @ matrix).view(*gradients.shape[:-1], *kernel, channels)
    first = gradients.dim() - 1
    return patches.movedim(
        tuple(range(first, first + len(kernel))), tuple(range(len(kernel)))
    )


def _as_matrix(filters):
    """A matrix with one row for each filter."""
    return filters.movedim(1, -1).reshape(len(filters), -1)


def _slices(
    count: int, outputs: Sequence[int], width: int, filters: int
) -> Iterator[tuple[slice, list[slice]]]:
    """The parts in which to compute: slices of the images and, within them,
    of the outputs' first axis.

    Parameters
    ----------
    count : int
        The number of images.
    outputs : sequence of int
        Spatial size of the output.
    width : int
        The number of elements of one patch.
    filters : int
        The number of filters.
    """
    part = max(_PART, width * filters)
    image_size = math.prod(outputs) * width
    images = max(1, part // image_size)
    rows = max(1, min(outputs[0], part * outputs[0] // image_size))
    steps = [
        slice(start, min(start + rows, outputs[0]))
        for start in range(0, outputs[0], rows)
    ]
    for start in range(0, count, images):
        yield slice(start, min(start + images, count)), steps


def _parts(images, shape, outputs, stride, padding, dilation):
    """The matrix of patches in parts, for filters of a `shape`.

    Yields
    ------
    batch, rows : slice
        The images, and the indices along the outputs' first axis.
    patches : tensor, shape (positions, elements of a patch)
    """
    kernel, width = shape[2:], math.prod(shape[1:])
    pads = [0, 0]
    for pad in reversed(padding):
        pads += [pad, pad]
    for batch, steps in _slices(len(images), outputs, width, shape[0]):
        padded = torch.nn.functional.pad(
            images[batch].movedim(1, -1), pads
        ).contiguous()
        strides = padded.stride()
        for rows in steps:
            patches = padded[:, rows.start * stride[0] :].as_strided(
                (
                    len(padded),
                    rows.stop - rows.start,
                    *outputs[1:],
                    *kernel,
                    images.shape[1],
                ),
                (
                    strides[0],
                    *(a * b for a, b in zip(strides[1:-1], stride)),
                    *(a * b for a, b in zip(strides[1:-1], dilation)),
                    1,
                ),
                rows.start * stride[0] * strides[1],
            )
            yield batch, rows, patches.reshape(-1, width)
