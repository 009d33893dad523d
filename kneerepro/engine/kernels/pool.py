"""Pooling over the last axes, and its gradients."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import torch
from theano.tensor.signal.pool import (
    AveragePoolGrad,
    DownsampleFactorMaxGradGrad,
    MaxPoolGrad,
    MaxPoolRop,
    Pool,
)

from ..dispatch import register


class _Windows:
    """The positions of the windows of a pooling.

    Parameters
    ----------
    shape : sequence of int
        Lengths of the pooled axes.
    sizes, strides, pads : sequence of int
        Of the windows, along each axis.
    outputs : sequence of int
        The number of windows along each axis.

    Attributes
    ----------
    covered : list of int
        The number of elements along each axis from the first to the last that
        the windows cover. It may include more or less than the padding.
    """

    def __init__(
        self,
        shape: Sequence[int],
        sizes: Sequence[int],
        strides: Sequence[int],
        pads: Sequence[int],
        outputs: Sequence[int],
    ) -> None:
        self.shape = [int(n) for n in shape]
        self.sizes = [int(n) for n in sizes]
        self.strides = [int(n) for n in strides]
        self.pads = [int(n) for n in pads]
        self.outputs = outputs
        self.covered = [
            (n - 1) * stride + size
            for n, stride, size in zip(outputs, self.strides, self.sizes)
        ]

    def _paddings(self):
        """What to add before and after each axis, as
        ``torch.nn.functional.pad`` takes it.
        """
        pads = []
        for length, pad, covered in zip(
            reversed(self.shape), reversed(self.pads), reversed(self.covered)
        ):
            pads += [pad, covered - length - pad]
        return pads

    def pad(self, x: torch.Tensor, value: float) -> torch.Tensor:
        """The elements of a tensor that the windows cover, with `value`
        outside the tensor.
        """
        return torch.nn.functional.pad(x, self._paddings(), value=value)

    def unpad(self, x: torch.Tensor) -> torch.Tensor:
        """The inverse of :meth:`pad`, for gradients."""
        return torch.nn.functional.pad(x, [-pad for pad in self._paddings()])

    def empty_result(self, x: torch.Tensor) -> torch.Tensor:
        """The pooled tensor where there is no window."""
        return x.new_empty(
            (*x.shape[: x.ndim - len(self.outputs)], *self.outputs)
        )

    def indices(self) -> Iterator[tuple]:
        """An index for the first elements of all windows, one for the second
        elements, and so on.
        """
        for offsets in itertools.product(*map(range, self.sizes)):
            yield (
                ...,
                *(
                    slice(offset, offset + (count - 1) * stride + 1, stride)
                    for offset, count, stride in zip(
                        offsets, self.outputs, self.strides
                    )
                ),
            )

    def counts(self, like: torch.Tensor, with_padding: bool) -> torch.Tensor:
        """The number of elements in each window, in the type of `like`."""
        ones = torch.ones(self.shape, dtype=like.dtype, device=like.device)
        if with_padding:
            pads = [pad for pad in reversed(self.pads) for _ in range(2)]
            ones = torch.nn.functional.pad(ones, pads, value=1)
            windows = _Windows(
                ones.shape,
                self.sizes,
                self.strides,
                [0] * len(self.pads),
                self.outputs,
            )
        else:
            windows = self
        ones = windows.pad(ones, 0)
        first, *others = (ones[index] for index in self.indices())
        return sum(others, first)


def _smallest(dtype):
    """The smallest number of a type."""
    return float('-inf') if dtype.is_floating_point else torch.iinfo(dtype).min


def _windows(op, x, sizes, strides, pads, outputs=None):
    """The windows of a pooling of `x`. Their number along each axis follows
    from the sizes if `outputs` does not give it.
    """
    for name, given in ('ws', sizes), ('stride', strides), ('pad', pads):
        if len(given) != op.ndim:
            raise ValueError(
                f'{name} must be a vector of size {op.ndim}, one number for '
                f'each axis that is pooled, but is {given.tolist()}'
            )
    shape = x.shape[x.ndim - op.ndim :]
    if outputs is None:
        outputs = Pool.out_shape(
            [int(n) for n in x.shape],
            [int(n) for n in sizes],
            op.ignore_border,
            [int(n) for n in strides],
            [int(n) for n in pads],
            op.ndim,
        )
        outputs = [int(n) for n in outputs[x.ndim - op.ndim :]]
    return _Windows(shape, sizes, strides, pads, outputs)


@register(Pool, host=[1, 2, 3])
def _build_pool(op, node):
    def pool(x, sizes, strides, pads):
        windows = _windows(op, x, sizes, strides, pads)
        if 0 in windows.outputs:
            return windows.empty_result(x)
        if op.mode == 'max':
            padded = windows.pad(x, _smallest(x.dtype))
            value = None
            for index in windows.indices():
                part = padded[index]
                value = part if value is None else torch.maximum(value, part)
            return value.clone()
        padded = windows.pad(x, 0)
        value = sum(padded[index] for index in windows.indices())
        if op.mode == 'sum':
            return value
        return value / windows.counts(x, op.mode == 'average_inc_pad')

    return pool


@register(MaxPoolGrad, host=[3, 4, 5])
def _build_max_pool_grad(op, node):
    def gradient(x, maxima, grad_output, sizes, strides, pads):
        windows = _windows(
            op, x, sizes, strides, pads, maxima.shape[x.ndim - op.ndim :]
        )
        if 0 in windows.outputs:
            return torch.zeros_like(x)
        padded = windows.pad(x, _smallest(x.dtype))
        result = torch.zeros_like(padded)
        for index in windows.indices():
            # Where several elements are the maximum, each of them gets the
            # whole gradient.
            result[index] += torch.where(
                padded[index] == maxima, grad_output, 0
            )
        return windows.unpad(result)

    return gradient


@register(AveragePoolGrad, host=[2, 3, 4])
def _build_average_pool_grad(op, node):
    def gradient(x, grad_output, sizes, strides, pads):
        windows = _windows(
            op, x, sizes, strides, pads, grad_output.shape[x.ndim - op.ndim :]
        )
        if 0 in windows.outputs:
            return torch.zeros_like(x)
        if op.mode != 'sum':
            grad_output = grad_output / windows.counts(
                x, op.mode == 'average_inc_pad'
            )
        result = torch.zeros(
            (*x.shape[: x.ndim - op.ndim], *windows.covered),
            dtype=grad_output.dtype,
            device=x.device,
        )
        for index in windows.indices():
            result[index] += grad_output
        return windows.unpad(result)

    return gradient


@register(DownsampleFactorMaxGradGrad, host=[3, 4, 5])
def _build_max_pool_grad_grad(op, node):
    def gradient(x, maxima, grad_gradient, sizes, strides, pads):
        windows = _windows(
            op, x, sizes, strides, pads, maxima.shape[x.ndim - op.ndim :]
        )
        if 0 in windows.outputs:
            return windows.empty_result(x)
        padded = windows.pad(x, _smallest(x.dtype))
        grad_gradient = windows.pad(grad_gradient, 0)
        return sum(
            torch.where(padded[index] == maxima, grad_gradient[index], 0)
            for index in windows.indices()
        )

    return gradient


@register(MaxPoolRop, host=[2, 3, 4])
def _build_max_pool_rop(op, node):
    def derivative(x, direction, sizes, strides, pads):
        windows = _windows(op, x, sizes, strides, pads)
        if 0 in windows.outputs:
            return windows.empty_result(x)
        padded = windows.pad(x, _smallest(x.dtype))
        direction = windows.pad(direction, 0)
        best = value = None
        for index in windows.indices():
            if best is None:
                best, value = padded[index], direction[index]
            else:
                better = padded[index] > best
                best = torch.where(better, padded[index], best)
                value = torch.where(better, direction[index], value)
        return value.clone()

    return derivative
