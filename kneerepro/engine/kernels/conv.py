"""Convolutions in two and three dimensions, and their gradients."""

import torch
from theano.tensor.nnet.abstract_conv import (
    AbstractConv2d, AbstractConv2d_gradInputs, AbstractConv2d_gradWeights,
    AbstractConv3d, AbstractConv3d_gradInputs, AbstractConv3d_gradWeights,
    border_mode_to_pad)

from ..dispatch import not_implemented, register


class _Geometry:
    """The parameters of a convolution, as PyTorch wants them."""

    def __init__(self, op, node):
        if op.unshared:
            raise not_implemented(node, 'unshared convolution')
        self.dimensions = op.convdim
        self.border_mode = op.border_mode
        self.stride = list(op.subsample)
        self.dilation = list(op.filter_dilation)
        self.groups = op.num_groups
        # Theano's convolution flips the filter, PyTorch's does not.
        self.flip = (list(range(-op.convdim, 0)) if op.filter_flip else [])

    def padding(self, filter_size):
        """Symmetric padding for PyTorch, and what there is beyond that: as
        torch.nn.functional.pad wants it, or []."""
        dilated = [(size - 1) * step + 1
                   for size, step in zip(filter_size, self.dilation)]
        pads = border_mode_to_pad(self.border_mode, self.dimensions, dilated)
        common = [min(pad) for pad in pads]
        extra = []
        for (before, after), least in zip(reversed(pads), reversed(common)):
            extra += [before - least, after - least]
        return common, extra if any(extra) else []

    def filters(self, filters):
        return filters.flip(self.flip) if self.flip else filters

    def backward(self, gradient, images, filters, mask):
        """PyTorch's gradient of the convolution."""
        padding, extra = self.padding(filters.shape[2:])
        if extra:
            images = torch.nn.functional.pad(images, extra)
        by_images, by_filters, _ = torch.ops.aten.convolution_backward(
            gradient, images, filters, None, self.stride, padding,
            self.dilation, False, [0] * self.dimensions, self.groups,
            [mask[0], mask[1], False])
        if mask[0] and extra:
            by_images = torch.nn.functional.pad(by_images,
                                                [-pad for pad in extra])
        return by_images if mask[0] else by_filters


@register(AbstractConv2d, AbstractConv3d)
def build_convolution(op, node):
    geometry = _Geometry(op, node)
    function = (torch.conv2d if op.convdim == 2 else torch.conv3d)

    def convolve(images, filters):
        padding, extra = geometry.padding(filters.shape[2:])
        if extra:
            images = torch.nn.functional.pad(images, extra)
        return function(images, geometry.filters(filters), None,
                        geometry.stride, padding, geometry.dilation,
                        geometry.groups)

    return convolve


@register(AbstractConv2d_gradWeights, AbstractConv3d_gradWeights, host=[2])
def build_by_filters(op, node):
    geometry = _Geometry(op, node)

    def by_filters(images, gradient, shape):
        shape = [gradient.shape[1], images.shape[1] // geometry.groups,
                 *map(int, shape)]
        # Only its shape counts.
        filters = gradient.new_empty(()).expand(shape)
        return geometry.filters(geometry.backward(
            gradient, images, filters, (False, True)))

    return by_filters


@register(AbstractConv2d_gradInputs, AbstractConv3d_gradInputs, host=[2])
def build_by_images(op, node):
    geometry = _Geometry(op, node)

    def by_images(filters, gradient, shape):
        shape = [gradient.shape[0], filters.shape[1] * geometry.groups,
                 *map(int, shape)]
        images = gradient.new_empty(()).expand(shape)
        return geometry.backward(gradient, images, geometry.filters(filters),
                                 (True, False))

    return by_images
