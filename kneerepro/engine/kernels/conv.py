"""Convolutions in two and three dimensions, and their gradients."""

import math

import torch
from theano.tensor.nnet.abstract_conv import (
    AbstractConv2d,
    AbstractConv2d_gradInputs,
    AbstractConv2d_gradWeights,
    AbstractConv3d,
    AbstractConv3d_gradInputs,
    AbstractConv3d_gradWeights,
    border_mode_to_pad,
)

from ..dispatch import register
from ..layout import channels_last
from . import conv_gemm, conv_winograd

#: The Ops: convolutions, and their gradients by images and by filters.
FORWARD = AbstractConv2d, AbstractConv3d
BY_IMAGES = AbstractConv2d_gradInputs, AbstractConv3d_gradInputs
BY_FILTERS = AbstractConv2d_gradWeights, AbstractConv3d_gradWeights


class Convolution:
    """A convolution and its gradients, with the parameters of an Op.

    Images and filters are taken with their channels last in memory, where
    PyTorch's algorithms are at their fastest; the results are so as well, and
    stay so through the elementwise operations up to the next convolution.

    Parameters
    ----------
    op : AbstractConv2d, AbstractConv3d or one of their gradients
    """

    def __init__(self, op):
        self.dimensions = op.convdim
        self.border_mode = op.border_mode
        self.stride = list(op.subsample)
        self.dilation = list(op.filter_dilation)
        self.groups = op.num_groups
        # Theano's convolution flips the filter, PyTorch's does not.
        self.flip = list(range(-op.convdim, 0)) if op.filter_flip else []

    def forward(self, images, filters, bias=None):
        """The convolution, of shape ``(batch, filters, ...)``."""
        if self._too_small(images, filters.shape[2:]):
            return self.forward(images.float(), filters.float(), bias)
        filters = self._flipped(filters)
        padding, extra = self._padding(filters.shape[2:])
        if extra:
            images = torch.nn.functional.pad(images, extra)
        outputs = conv_gemm.output_sizes(
            images.shape[2:],
            filters.shape[2:],
            self.stride,
            padding,
            self.dilation,
        )
        if 0 in images.shape or 0 in filters.shape:
            return self._empty_sum(
                images, bias, (len(images), len(filters), *outputs)
            )
        own = self._own('forward', images, filters.shape, outputs)
        if own:
            return own.forward(
                images, filters, bias, self.stride, padding, self.dilation
            )
        function = torch.conv2d if self.dimensions == 2 else torch.conv3d
        placed = _place_for(images, outputs)
        return function(
            placed(images),
            placed(filters),
            bias,
            self.stride,
            padding,
            self.dilation,
            self.groups,
        )

    def by_filters(self, images, gradient, shape):
        """The gradient by the filters of a shape."""
        if self._too_small(images, shape[2:]):
            return self.by_filters(images.float(), gradient.float(), shape)
        padding, extra = self._padding(shape[2:])
        if extra:
            images = torch.nn.functional.pad(images, extra)
        self._missing(images.shape[2:], shape[2:], padding, gradient.shape[2:])
        if 0 in images.shape or 0 in gradient.shape:
            return self._empty_sum(images, None, shape)
        own = self._own('by_filters', images, shape, gradient.shape[2:])
        if own:
            result = own.by_filters(
                images,
                gradient,
                shape,
                self.stride,
                padding,
                self.dilation,
                self._takes_channels_last(images, shape, gradient.shape[2:]),
            )
        else:
            stride = self.stride
            if max(shape[2:]) == 1 and not any(padding):
                # With strides in the images, PyTorch 2.13 writes out of
                # bounds.
                images = images[
                    (
                        ...,
                        *(
                            slice(None, (n - 1) * s + 1, s)
                            for n, s in zip(gradient.shape[2:], stride)
                        ),
                    )
                ]
                stride = [1] * self.dimensions
            placed = _place_for(images, gradient.shape[2:])
            result = torch.ops.aten.convolution_backward(
                placed(gradient),
                placed(images),
                # Only its shape counts.
                gradient.new_empty(()).expand(shape),
                None,
                stride,
                padding,
                self.dilation,
                False,
                [0] * self.dimensions,
                self.groups,
                [False, True, False],
            )[1]
        return self._flipped(result)

    def by_images(self, filters, gradient, shape, bias=None):
        """The gradient by the images of a shape: the transposed
        convolution. A bias for each of their channels is added.
        """
        filters = self._flipped(filters)
        kernel = filters.shape[2:]
        padding, extra = self._padding(kernel)
        sizes = list(shape[2:])
        for axis in range(self.dimensions):
            sizes[-1 - axis] += sum(extra[2 * axis : 2 * axis + 2])
        missing = self._missing(sizes, kernel, padding, gradient.shape[2:])
        if 0 in gradient.shape or 0 in filters.shape:
            result = self._empty_sum(gradient, bias, (*shape[:2], *sizes))
        elif own := self._own(
            'by_images', gradient, filters.shape, gradient.shape[2:]
        ):
            result = own.by_images(
                filters,
                gradient,
                (*shape[:2], *sizes),
                bias,
                self.stride,
                padding,
                self.dilation,
            )
        else:
            function = (
                torch.conv_transpose2d
                if self.dimensions == 2
                else torch.conv_transpose3d
            )
            result = function(
                channels_last(gradient),
                channels_last(filters),
                bias,
                self.stride,
                padding,
                missing,
                self.groups,
                self.dilation,
            )
        return (
            torch.nn.functional.pad(result, [-pad for pad in extra])
            if extra
            else result
        )

    def _padding(self, kernel):
        """Symmetric padding, and what there is beyond that: as
        torch.nn.functional.pad wants it, or [].
        """
        dilated = [
            (size - 1) * step + 1 for size, step in zip(kernel, self.dilation)
        ]
        pads = border_mode_to_pad(self.border_mode, self.dimensions, dilated)
        common = [min(pad) for pad in pads]
        extra = []
        for (before, after), least in zip(reversed(pads), reversed(common)):
            extra += [before - least, after - least]
        return common, extra if any(extra) else []

    def _empty_sum(self, like, bias, shape):
        """The result where there are no elements to sum over; PyTorch refuses
        some such.
        """
        result = like.new_zeros(shape)
        if bias is not None:
            result += bias.reshape(-1, *[1] * self.dimensions)
        return result

    def _missing(self, sizes, kernel, padding, outputs):
        """How many elements at the end of each axis of the images no filter
        reaches.
        """
        missing = [
            size - ((n - 1) * stride - 2 * pad + step * (k - 1) + 1)
            for size, n, stride, pad, step, k in zip(
                sizes, outputs, self.stride, padding, self.dilation, kernel
            )
        ]
        if any(not 0 <= n < stride for n, stride in zip(missing, self.stride)):
            raise ValueError(
                f'the convolution of images of {tuple(sizes)} with filters '
                f'of {tuple(kernel)} is not of {tuple(outputs)}'
            )
        return missing

    def _too_small(self, images, kernel):
        """Whether images of bfloat16 are smaller than the filters: PyTorch
        2.13 then computes with what happens to be in memory, on the CPU.
        """
        return (
            images.dtype == torch.bfloat16
            and images.device.type == 'cpu'
            and any(
                step * (k - 1) >= size
                for step, k, size in zip(
                    self.dilation, kernel, images.shape[2:]
                )
            )
        )

    def _flipped(self, filters):
        return filters.flip(self.flip) if self.flip else filters

    def _takes_channels_last(self, images, shape, outputs):
        """Whether filters of a shape are better kept channels last, for what
        is computed with them, than with the filters last, as our own
        algorithms give their gradient.
        """
        chosen = [
            self._own(task, images, shape, outputs)
            for task in ('forward', 'by_images')
        ]
        # The product of matrices takes either.
        return chosen.count(None) > chosen.count(conv_winograd)

    def _own(self, task, x, shape, outputs):
        """Which of our own algorithms is faster than PyTorch's, for filters
        of a shape: a module, or None.
        """
        if (
            x.device.type != 'cpu'
            or self.groups != 1
            or x.dtype not in (torch.float32, torch.float64)
        ):
            return None
        by_gemm = _GEMM_PAYS[task](*shape)
        if conv_winograd.fits(shape[2:], self.stride, self.dilation):
            direct = (
                math.prod(shape)
                * math.prod(outputs)
                * len(x)
                * (0.92 if by_gemm else 0.7 if self.dimensions == 2 else 0.8)
            )
            if (
                conv_winograd.cost(task, len(x), shape, outputs, self.stride)
                < direct
            ):
                return conv_winograd
        return conv_gemm if by_gemm else None


# Where products of matrices are faster than PyTorch's convolution, by the
# shape of the filters: measured on processors with AVX2 and with AVX-512, in
# two and three dimensions.
_GEMM_PAYS = {
    'forward': lambda filters, channels, *kernel: (
        filters * channels * kernel[0] * kernel[1] > 5e6
    ),
    'by_images': lambda filters, channels, *kernel: (
        channels == 1 or filters * channels * kernel[0] * kernel[1] > 1e7
    ),
    'by_filters': lambda filters, channels, *kernel: (
        filters * channels * kernel[0] * kernel[1] > 3e6
        or len(kernel) == 3
        and channels > 1
        and filters >= 256
    ),
}


def _place_for(images, outputs):
    """How PyTorch's convolutions want tensors to lie in memory."""
    if images.shape[1] == 1 and 1 in outputs:
        # With a single output along an axis, PyTorch 2.13 confuses the
        # strides of a single channel with another order.
        return torch.Tensor.contiguous
    return channels_last


@register(*FORWARD, fresh=True)
def build_convolution(op, node):
    return Convolution(op).forward


@register(*BY_FILTERS, host=[2], fresh=True)
def build_by_filters(op, node):
    convolution = Convolution(op)

    def by_filters(images, gradient, sizes):
        return convolution.by_filters(
            images,
            gradient,
            (
                gradient.shape[1],
                images.shape[1] // op.num_groups,
                *map(int, sizes),
            ),
        )

    return by_filters


@register(*BY_IMAGES, host=[2], fresh=True)
def build_by_images(op, node):
    convolution = Convolution(op)

    def by_images(filters, gradient, sizes):
        return convolution.by_images(
            filters,
            gradient,
            (
                gradient.shape[0],
                filters.shape[1] * op.num_groups,
                *map(int, sizes),
            ),
        )

    return by_images
