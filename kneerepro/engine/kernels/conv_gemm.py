"""Convolutions as products of matrices, on the CPU.

Each row of a matrix holds what one filter position sees of an image; times
the filters, that is the convolution. It is faster than PyTorch's own where
there are many filters, since the price of making the matrix is shared by
them. The matrix is made in parts that stay in the processor's cache.

Images and filters have their channels last in memory here, so that a row is
made of runs of whole channels, and results are as well.
"""

import itertools
import math

import torch

from ..layout import channels_last, channels_to_end

_PART = 2**22  # elements of the matrix at a time, but as many as filters
# Outputs beyond which it takes less time to transpose a gradient than to
# compute it transposed.
_TRANSPOSE_PAYS = 1024


def output_sizes(sizes, kernel, stride, padding, dilation):
    """Positions of a filter along each axis."""
    return [
        (size + 2 * pad - step * (k - 1) - 1) // s + 1
        for size, k, s, pad, step in zip(
            sizes, kernel, stride, padding, dilation
        )
    ]


def forward(images, filters, bias, stride, padding, dilation):
    """The convolution, without flipping the filters.

    Parameters
    ----------
    images : tensor, shape (batch, channels, ...)
    filters : tensor, shape (filters, channels, ...)
    bias : tensor, shape (filters,), or None
    stride, padding, dilation : list of int
        One for each spatial axis.

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
    gradient = channels_to_end(gradient)
    count, kernel, outputs = shape[0], shape[2:], gradient.shape[1:-1]
    # With the channels last, the product takes a fifth longer.
    transposed = want_channels_last and (
        math.prod(gradient.shape[:-1]) <= _TRANSPOSE_PAYS
    )
    width = math.prod(shape[1:])
    result = images.new_zeros((count, width) if transposed else (width, count))
    for batch, rows, patches in _parts(
        images, shape, outputs, stride, padding, dilation
    ):
        gradients = gradient[batch, rows].reshape(-1, count)
        if transposed:
            result.addmm_(gradients.t(), patches)
        else:
            result.addmm_(patches.t(), gradients)
    result = result if transposed else result.t()
    result = result.view(count, *kernel, shape[1]).movedim(-1, 1)
    return channels_last(result) if want_channels_last else result


def by_images(filters, gradient, shape, bias, stride, padding, dilation):
    """The gradient of the convolution by the images of a `shape`, which is
    the transposed convolution; a `bias` for each channel is added.
    """
    gradient = channels_to_end(gradient)
    kernel, outputs = filters.shape[2:], gradient.shape[1:-1]
    channels, sizes = shape[1], shape[2:]
    matrix = _as_matrix(filters)
    result = gradient.new_empty((shape[0], *sizes, channels))
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
    for batch, steps in _slices(len(gradient), outputs, *matrix.shape[::-1]):
        gradients = gradient[batch]
        images = gradient.new_zeros((len(gradients), *covered, channels))
        for rows in steps:
            part = gradients[:, rows]
            patches = _patches(part, matrix, kernel, channels)
            for place in itertools.product(*map(range, kernel)):
                seen = [
                    slice(i * step, i * step + (n - 1) * s + 1, s)
                    for i, step, n, s in zip(
                        place, dilation, part.shape[1:], stride
                    )
                ]
                start = rows.start * stride[0]
                seen[0] = slice(
                    seen[0].start + start, seen[0].stop + start, stride[0]
                )
                images[(slice(None), *seen)] += patches[place]
        images = images[inside]
        if bias is None:
            result[batch] = images
        else:
            torch.add(images, bias, out=result[batch])
    return result.movedim(-1, 1)


def _patches(gradients, matrix, kernel, channels):
    """What each filter position adds to the images that it sees.

    Parameters
    ----------
    gradients : tensor, shape (batch, ..., filters)
    matrix : tensor, shape (filters, product of kernel * channels)
    kernel : list of int
    channels : int

    Returns
    -------
    tensor, shape (*kernel, batch, ..., channels)
        In memory, places of the kernel come first for a single channel, whose
        values would otherwise be a whole kernel apart from each other.
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
    """A row for each filter."""
    return filters.movedim(1, -1).reshape(len(filters), -1)


def _slices(count, outputs, width, filters):
    """Which images, and which first indices of filter positions in them, to
    take at a time.
    """
    # Each part reads all filters again.
    part = max(_PART, width * filters)
    each = math.prod(outputs) * width
    images = max(1, part // each)
    rows = max(1, min(outputs[0], part * outputs[0] // each))
    steps = [
        slice(start, min(start + rows, outputs[0]))
        for start in range(0, outputs[0], rows)
    ]
    for start in range(0, count, images):
        yield slice(start, min(start + images, count)), steps


def _parts(images, shape, outputs, stride, padding, dilation):
    """The matrix in parts, with the images and rows that each belongs to, for
    filters of a `shape`.
    """
    filters, *_ = shape
    kernel, width = shape[2:], math.prod(shape[1:])
    pads = [0, 0]
    for pad in reversed(padding):
        pads += [pad, pad]
    for batch, steps in _slices(len(images), outputs, width, filters):
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
