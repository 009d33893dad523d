"""Pooling over the last axes, and its gradients."""

import itertools

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
    """Where the windows of a pooling lie.

    Parameters
    ----------
    shape : sequence of int
        Of the axes that are pooled.
    sizes, strides, pads : sequences of int
    outputs : sequence of int
        How many windows there are along each axis.
    """

    def __init__(self, shape, sizes, strides, pads, outputs):
        self.shape = [int(n) for n in shape]
        self.sizes, self.strides, self.pads = (
            [int(n) for n in values] for values in (sizes, strides, pads)
        )
        self.outputs = outputs
        # What the windows cover; it may reach beyond the padding or end
        # before it.
        self.covered = [
            (n - 1) * stride + size
            for n, stride, size in zip(outputs, self.strides, self.sizes)
        ]

    def padded(self, x, value):
        """What the windows cover of a tensor."""
        pads = []
        for length, pad, covered in zip(
            reversed(self.shape), reversed(self.pads), reversed(self.covered)
        ):
            pads += [pad, covered - length - pad]
        return torch.nn.functional.pad(x, pads, value=value)

    def none(self, x):
        """The result where there is no window."""
        return x.new_empty(
            tuple(x.shape[: x.ndim - len(self.outputs)]) + tuple(self.outputs)
        )

    def unpadded(self, x):
        """The inverse, for gradients."""
        pads = []
        for length, pad, covered in zip(
            reversed(self.shape), reversed(self.pads), reversed(self.covered)
        ):
            pads += [-pad, length + pad - covered]
        return torch.nn.functional.pad(x, pads)

    def each(self):
        """Indices of the first elements of all windows, of the second ..."""
        for offsets in itertools.product(*map(range, self.sizes)):
            yield (...,) + tuple(
                slice(offset, offset + (count - 1) * stride + 1, stride)
                for offset, count, stride in zip(
                    offsets, self.outputs, self.strides
                )
            )

    def counts(self, like, with_padding):
        """How many elements each window holds."""
        ones = torch.ones(self.shape, dtype=like.dtype, device=like.device)
        if with_padding:
            pads = [pad for pad in reversed(self.pads) for _ in range(2)]
            ones = torch.nn.functional.pad(ones, pads, value=1)
            whole = _Windows(
                ones.shape,
                self.sizes,
                self.strides,
                [0] * len(self.pads),
                self.outputs,
            )
            ones = whole.padded(ones, 0)
        else:
            ones = self.padded(ones, 0)
        return sum(ones[index] for index in self.each())


def _least(dtype):
    return float('-inf') if dtype.is_floating_point else torch.iinfo(dtype).min


def _windows(op, x, sizes, strides, pads, outputs=None):
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
def build_pool(op, node):
    def pool(x, sizes, strides, pads):
        windows = _windows(op, x, sizes, strides, pads)
        if 0 in windows.outputs:
            return windows.none(x)
        if op.mode == 'max':
            padded = windows.padded(x, _least(x.dtype))
            value = None
            for index in windows.each():
                part = padded[index]
                value = part if value is None else torch.maximum(value, part)
            return value.clone()
        padded = windows.padded(x, 0)
        value = sum(padded[index] for index in windows.each())
        if op.mode == 'sum':
            return value
        return value / windows.counts(x, op.mode == 'average_inc_pad')

    return pool


@register(MaxPoolGrad, host=[3, 4, 5])
def build_max_pool_grad(op, node):
    def gradient(x, greatest, by_output, sizes, strides, pads):
        windows = _windows(
            op, x, sizes, strides, pads, greatest.shape[x.ndim - op.ndim :]
        )
        if 0 in windows.outputs:
            return torch.zeros_like(x)
        padded = windows.padded(x, _least(x.dtype))
        result = torch.zeros_like(padded)
        for index in windows.each():
            # Each of several greatest elements gets the whole gradient.
            result[index] += torch.where(
                padded[index] == greatest, by_output, 0
            )
        return windows.unpadded(result)

    return gradient


@register(AveragePoolGrad, host=[2, 3, 4])
def build_average_pool_grad(op, node):
    def gradient(x, by_output, sizes, strides, pads):
        windows = _windows(
            op, x, sizes, strides, pads, by_output.shape[x.ndim - op.ndim :]
        )
        if 0 in windows.outputs:
            return torch.zeros_like(x)
        if op.mode != 'sum':
            by_output = by_output / windows.counts(
                x, op.mode == 'average_inc_pad'
            )
        result = torch.zeros(
            tuple(x.shape[: x.ndim - op.ndim]) + tuple(windows.covered),
            dtype=by_output.dtype,
            device=x.device,
        )
        for index in windows.each():
            result[index] += by_output
        return windows.unpadded(result)

    return gradient


@register(DownsampleFactorMaxGradGrad, host=[3, 4, 5])
def build_max_pool_grad_grad(op, node):
    def gradient(x, greatest, by_gradient, sizes, strides, pads):
        windows = _windows(
            op, x, sizes, strides, pads, greatest.shape[x.ndim - op.ndim :]
        )
        if 0 in windows.outputs:
            return windows.none(x)
        padded = windows.padded(x, _least(x.dtype))
        by_gradient = windows.padded(by_gradient, 0)
        return sum(
            torch.where(padded[index] == greatest, by_gradient[index], 0)
            for index in windows.each()
        )

    return gradient


@register(MaxPoolRop, host=[2, 3, 4])
def build_max_pool_rop(op, node):
    def derivative(x, direction, sizes, strides, pads):
        windows = _windows(op, x, sizes, strides, pads)
        if 0 in windows.outputs:
            return windows.none(x)
        padded = windows.padded(x, _least(x.dtype))
        direction = windows.padded(direction, 0)
        best = value = None
        for index in windows.each():
            if best is None:
                best, value = padded[index], direction[index]
            else:
                better = padded[index] > best
                best = torch.where(better, padded[index], best)
                value = torch.where(better, direction[index], value)
        return value.clone()

    return derivative
