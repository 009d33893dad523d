"""Convolutions in two and three dimensions, and their gradients."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from types import ModuleType
from typing import Any

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
from .conv_choice import faster_than_pytorch, is_for_minimal_filtering

#: Theano's Ops for convolutions, and for their gradients with respect to the
#: images and to the filters.
FORWARD = AbstractConv2d, AbstractConv3d
GRAD_INPUTS = AbstractConv2d_gradInputs, AbstractConv3d_gradInputs
GRAD_WEIGHTS = AbstractConv2d_gradWeights, AbstractConv3d_gradWeights

# The types of numbers that our own algorithms compute with.
_OWN_TYPES = torch.float32, torch.float64


class Convolution:
    """A convolution and its gradients, with the parameters of an Op.

    PyTorch's algorithms are fastest when images and filters have their
    channels last in memory, so both are brought into that order. The results
    have it as well, and keep it through the elementwise operations up to the
    next convolution.

    Parameters
    ----------
    op : AbstractConv2d, AbstractConv3d or one of their gradients
    """

    def __init__(self, op: Any) -> None:
        self.dimensions = op.convdim
        self.border_mode = op.border_mode
        self.stride = tuple(op.subsample)
        self.dilation = tuple(op.filter_dilation)
        self.groups = op.num_groups
        # Theano's convolution flips the filter, PyTorch's does not.
        self.flip = list(range(-op.convdim, 0)) if op.filter_flip else []
        # They are asked for at each call, for few different sizes.
        self._padding = functools.lru_cache(self._find_padding)
        self._outputs = functools.lru_cache(self._find_outputs)
        self._output_padding = functools.lru_cache(self._find_output_padding)

    def forward(
        self,
        images: torch.Tensor,
        filters: torch.Tensor,
        bias: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The convolution, of shape ``(batch, filters, ...)``.

        Parameters
        ----------
        images : tensor, shape (batch, channels, ...)
        filters : tensor, shape (filters, channels / groups, ...)
        bias : tensor, shape (filters,), optional
        """
        if self._is_smaller_than_filter(images, filters.shape[2:]):
            return self.forward(images.float(), filters.float(), bias)
        filters = self._flipped(filters)
        padding, extra = self._padding(filters.shape[2:])
        if extra:
            images = torch.nn.functional.pad(images, extra)
        outputs = self._outputs(images.shape[2:], filters.shape[2:])
        if 0 in images.shape or 0 in filters.shape:
            return self._empty_sum(
                images, bias, (len(images), len(filters), *outputs)
            )
        own = self._own_algorithm('forward', images, filters.shape, outputs)
        if own:
            return own.forward(
                images, filters, bias, self.stride, padding, self.dilation
            )
        function = torch.conv2d if self.dimensions == 2 else torch.conv3d
        in_layout = _layout_for(images, outputs)
        return function(
            in_layout(images),
            in_layout(filters),
            bias,
            self.stride,
            padding,
            self.dilation,
            self.groups,
        )

    def grad_weights(
        self,
        images: torch.Tensor,
        grad_output: torch.Tensor,
        shape: Sequence[int],
    ) -> torch.Tensor:
        """The gradient with respect to the filters.

        Parameters
        ----------
        images : tensor, shape (batch, channels, ...)
        grad_output : tensor, shape (batch, filters, ...)
        shape : sequence of int
            Of the filters, and so of the result.
        """
        if self._is_smaller_than_filter(images, shape[2:]):
            return self.grad_weights(
                images.float(), grad_output.float(), shape
            )
        padding, extra = self._padding(shape[2:])
        if extra:
            images = torch.nn.functional.pad(images, extra)
        outputs = grad_output.shape[2:]
        self._output_padding(images.shape[2:], shape[2:], padding, outputs)
        if 0 in images.shape or 0 in grad_output.shape:
            return self._empty_sum(images, None, shape)
        own = self._own_algorithm('grad_weights', images, shape, outputs)
        if own:
            result = own.grad_weights(
                images,
                grad_output,
                shape,
                self.stride,
                padding,
                self.dilation,
                self._prefers_channels_last(images, shape, outputs),
            )
        else:
            result = self._pytorch_grad_weights(
                images, grad_output, shape, padding
            )
        return self._flipped(result)

    def _pytorch_grad_weights(self, images, grad_output, shape, padding):
        outputs, stride = grad_output.shape[2:], self.stride
        if max(shape[2:]) == 1 and not any(padding):
            # With strides, PyTorch 2.13 writes out of bounds for filters of
            # one element, so pick the elements that they see beforehand.
            seen = [
                slice(None, (n - 1) * s + 1, s)
                for n, s in zip(outputs, stride)
            ]
            images = images[(..., *seen)]
            stride = [1] * self.dimensions
        in_layout = _layout_for(images, outputs)
        _, result, _ = torch.ops.aten.convolution_backward(
            in_layout(grad_output),
            in_layout(images),
            # Stands for the filters: PyTorch uses only their shape.
            grad_output.new_empty(()).expand(shape),
            None,
            stride,
            padding,
            self.dilation,
            False,
            [0] * self.dimensions,
            self.groups,
            [False, True, False],
        )
        return result

    def grad_inputs(
        self,
        filters: torch.Tensor,
        grad_output: torch.Tensor,
        shape: Sequence[int],
        bias: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The gradient with respect to the images: the transposed convolution.

        Parameters
        ----------
        filters : tensor, shape (filters, channels / groups, ...)
        grad_output : tensor, shape (batch, filters, ...)
        shape : sequence of int
            Of the images, and so of the result.
        bias : tensor, shape (channels,), optional
            Added to the result.
        """
        filters = self._flipped(filters)
        kernel = filters.shape[2:]
        padding, extra = self._padding(kernel)
        sizes = list(shape[2:])
        if extra:
            for axis in range(self.dimensions):
                sizes[-1 - axis] += sum(extra[2 * axis : 2 * axis + 2])
        outputs = grad_output.shape[2:]
        output_padding = self._output_padding(
            tuple(sizes), kernel, padding, outputs
        )
        padded_shape = *shape[:2], *sizes
        if 0 in grad_output.shape or 0 in filters.shape:
            result = self._empty_sum(grad_output, bias, padded_shape)
        elif own := self._own_algorithm(
            'grad_inputs', grad_output, filters.shape, outputs
        ):
            result = own.grad_inputs(
                filters,
                grad_output,
                padded_shape,
                bias,
                self.stride,
                padding,
                self.dilation,
            )
        else:
            result = self._pytorch_grad_inputs(
                filters, grad_output, bias, padding, output_padding
            )
        if extra:
            return torch.nn.functional.pad(result, [-pad for pad in extra])
        return result

    def _pytorch_grad_inputs(
        self, filters, grad_output, bias, padding, output_padding
    ):
        function = (
            torch.conv_transpose2d
            if self.dimensions == 2
            else torch.conv_transpose3d
        )
        return function(
            channels_last(grad_output),
            channels_last(filters),
            bias,
            self.stride,
            padding,
            output_padding,
            self.groups,
            self.dilation,
        )

    def start_compiling(
        self,
        task: str,
        dtype: torch.dtype | None,
        images: Sequence[int],
        filters: Sequence[int],
    ) -> None:
        """Start to compile the algorithm that will be chosen on the CPU.

        Parameters
        ----------
        task : {'forward', 'grad_weights', 'grad_inputs'}
        dtype : torch.dtype or None
            None if PyTorch does not have the type.
        images, filters : sequence of int
            Shapes.
        """
        if self.groups != 1 or dtype not in _OWN_TYPES:
            return
        kernel = tuple(filters[2:])
        padding, extra = self._padding(kernel)
        if not extra and is_for_minimal_filtering(
            task,
            images[0],
            filters,
            self._outputs(tuple(images[2:]), kernel),
            self.stride,
            self.dilation,
        ):
            conv_winograd.start_compiling(kernel, self.stride, padding, dtype)

    def _find_outputs(self, sizes, kernel):
        """The sizes of the output for padded images and filters."""
        return tuple(
            conv_gemm.output_sizes(
                sizes,
                kernel,
                self.stride,
                self._padding(kernel)[0],
                self.dilation,
            )
        )

    def _find_padding(self, kernel):
        """The padding in two parts.

        Returns
        -------
        symmetric : tuple of int
            For each axis.
        extra : list of int
            What is left on either side, as ``torch.nn.functional.pad`` takes
            it; empty if there is nothing left.
        """
        dilated = [
            (size - 1) * step + 1 for size, step in zip(kernel, self.dilation)
        ]
        pads = border_mode_to_pad(self.border_mode, self.dimensions, dilated)
        symmetric = tuple(min(pad) for pad in pads)
        extra = []
        for (before, after), both in zip(reversed(pads), reversed(symmetric)):
            extra += [before - both, after - both]
        return symmetric, extra if any(extra) else []

    def _empty_sum(self, like, bias, shape):
        """The result where there are no elements to sum over, since PyTorch
        refuses some of these cases.
        """
        result = like.new_zeros(shape)
        if bias is not None:
            result += bias.reshape(-1, *[1] * self.dimensions)
        return result

    def _find_output_padding(self, sizes, kernel, padding, outputs):
        """The number of elements at the end of each axis of the images that
        no filter reaches.

        Raises
        ------
        ValueError
            If the sizes of images, filters and outputs do not go together.
        """
        unreached = [
            size - ((n - 1) * stride - 2 * pad + step * (k - 1) + 1)
            for size, n, stride, pad, step, k in zip(
                sizes, outputs, self.stride, padding, self.dilation, kernel
            )
        ]
        if any(
            not 0 <= n < stride for n, stride in zip(unreached, self.stride)
        ):
            expected = conv_gemm.output_sizes(
                sizes, kernel, self.stride, padding, self.dilation
            )
            raise ValueError(
                f'the gradient of a convolution has size {tuple(outputs)}, '
                f'but images of size {tuple(sizes)} (with their asymmetric '
                f'padding) and filters of size {tuple(kernel)} give outputs '
                f'of size {tuple(expected)}; ask for the gradient in the '
                'shape of the images or filters that were convolved'
            )
        return unreached

    def _is_smaller_than_filter(self, images, kernel):
        """Whether images in bfloat16 are smaller than the filters: on the CPU,
        PyTorch 2.13 then computes with uninitialised memory.
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

    def _prefers_channels_last(self, images, shape, outputs):
        """Whether the gradient with respect to filters of a `shape` should
        have the channels last in memory, because an algorithm that uses these
        filters prefers that. The matrix product takes either order, and puts
        the filters last by default.
        """
        return any(
            self._own_algorithm(task, images, shape, outputs) is not conv_gemm
            for task in ('forward', 'grad_inputs')
        )

    def _own_algorithm(
        self,
        task: str,
        x: torch.Tensor,
        shape: Sequence[int],
        outputs: Sequence[int],
    ) -> ModuleType | None:
        """Our own algorithm if it is faster than PyTorch's, or None.

        Parameters
        ----------
        task : {'forward', 'grad_weights', 'grad_inputs'}
        x : tensor
            The images, or the gradient of the output for 'grad_inputs'.
        shape : sequence of int
            Of the filters.
        outputs : sequence of int
            Spatial size of the convolution's output.
        """
        if (
            x.device.type != 'cpu'
            or self.groups != 1
            or x.dtype not in _OWN_TYPES
        ):
            return None
        return _chosen(
            task,
            len(x),
            tuple(shape),
            tuple(outputs),
            self.stride,
            self._padding(shape[2:])[0],
            self.dilation,
            x.dtype,
        )


# The choice is made at each call, for few different sizes.
_chosen = functools.lru_cache(4096)(faster_than_pytorch)


def _layout_for(images, outputs):
    """The function that brings tensors into the memory order that PyTorch's
    convolutions need.
    """
    if images.shape[1] == 1 and 1 in outputs:
        # With a single output along an axis, PyTorch 2.13 takes the strides of
        # a single channel for those of another memory order.
        return torch.Tensor.contiguous
    return channels_last


@register(*FORWARD, fresh=True)
def _build_convolution(op, node):
    return Convolution(op).forward


def _spatial_sizes(op, vector):
    """The sizes in the vector that a gradient takes.

    As in Theano, more numbers than axes are ignored, and fewer are an
    IndexError.
    """
    return [int(vector[i]) for i in range(op.convdim)]


@register(*GRAD_WEIGHTS, host=[2], fresh=True)
def _build_grad_weights(op, node):
    convolution = Convolution(op)

    def grad_weights(images, grad_output, sizes):
        filters = grad_output.shape[1]
        channels = images.shape[1] // op.num_groups
        return convolution.grad_weights(
            images,
            grad_output,
            (filters, channels, *_spatial_sizes(op, sizes)),
        )

    return grad_weights


@register(*GRAD_INPUTS, host=[2], fresh=True)
def _build_grad_inputs(op, node):
    convolution = Convolution(op)

    def grad_inputs(filters, grad_output, sizes):
        channels = filters.shape[1] * op.num_groups
        return convolution.grad_inputs(
            filters,
            grad_output,
            (len(grad_output), channels, *_spatial_sizes(op, sizes)),
        )

    return grad_inputs
