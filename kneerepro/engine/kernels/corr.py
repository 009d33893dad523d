"""Correlations by the names of Theano's C code: ``CorrMM``, ``Corr3dMM`` and
their gradients.

Programs can call these Ops directly. Theano's own rewrites, which introduce
them into graphs, do not run for this engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from theano.tensor.nnet.abstract_conv import (
    AbstractConv2d,
    AbstractConv3d,
    border_mode_to_pad,
)
from theano.tensor.nnet.corr import (
    CorrMM,
    CorrMM_gradInputs,
    CorrMM_gradWeights,
)
from theano.tensor.nnet.corr3d import (
    Corr3dMM,
    Corr3dMM_gradInputs,
    Corr3dMM_gradWeights,
)

from ..dispatch import register
from .conv import Convolution


def _is_float(node):
    """Whether a node has a type for which Theano has C code."""
    return node.outputs[0].dtype in ('float32', 'float64')


def _sizes_on_host(node):
    """The positions of the sizes that a gradient may take."""
    return range(2, len(node.inputs))


@register(CorrMM, Corr3dMM, fresh=True, covers=_is_float)
def _build_correlation(op, node):
    correlation = _correlation(op)

    def correlate(images, filters):
        correlation.check(images.shape, filters.shape)
        return correlation.forward(images, filters)

    return correlate


@register(
    CorrMM_gradWeights,
    Corr3dMM_gradWeights,
    host=_sizes_on_host,
    fresh=True,
    covers=_is_float,
)
def _build_grad_weights(op, node):
    correlation = _correlation(op)

    def grad_weights(images, grad_output, *sizes):
        shape = correlation.filters_shape(
            images.shape, grad_output.shape, list(map(int, sizes))
        )
        correlation.check(images.shape, shape, grad_output.shape)
        return correlation.grad_weights(images, grad_output, shape)

    return grad_weights


@register(
    CorrMM_gradInputs,
    Corr3dMM_gradInputs,
    host=_sizes_on_host,
    fresh=True,
    covers=_is_float,
)
def _build_grad_inputs(op, node):
    correlation = _correlation(op)

    def grad_inputs(filters, grad_output, *sizes):
        shape = correlation.images_shape(
            filters.shape, grad_output.shape, list(map(int, sizes))
        )
        correlation.check(shape, filters.shape, grad_output.shape)
        return correlation.grad_inputs(filters, grad_output, shape)

    return grad_inputs


def _correlation(op):
    if getattr(op, 'unshared', False):
        return _UnsharedCorrelation(op)
    return _Correlation(op)


class _Shapes:
    """The shapes of images, filters and outputs, which depend on each other.

    Parameters
    ----------
    op : CorrMM, Corr3dMM or one of their gradients
    """

    #: How many axes the filters have for the positions where each is used.
    positions = 0

    def __init__(self, op: Any) -> None:
        self.name = type(op).__name__
        self.border_mode = op.border_mode
        self.stride = op.subsample
        self.dilation = op.filter_dilation
        self.groups = op.num_groups

    def filters_shape(
        self,
        images: Sequence[int],
        grad_output: Sequence[int],
        kernel: Sequence[int],
    ) -> tuple[int, ...]:
        """The shape of the filters.

        Parameters
        ----------
        images, grad_output : sequence of int
            Shapes.
        kernel : sequence of int
            The size of the filters. If it is empty, the strides are 1, and the
            size follows from the other shapes.
        """
        if not kernel:
            kernel = self._kernel(images[2:], grad_output[2:])
        return (
            grad_output[1],
            *grad_output[2 : 2 + self.positions],
            images[1] // self.groups,
            *kernel,
        )

    def _kernel(self, sizes, outputs):
        if self.border_mode == 'full':
            spans = [n - size for n, size in zip(outputs, sizes)]
        else:
            pads = border_mode_to_pad(self.border_mode, len(sizes), None)
            spans = [
                size + sum(pad) - n
                for n, size, pad in zip(outputs, sizes, pads)
            ]
        return [span // step + 1 for span, step in zip(spans, self.dilation)]

    def images_shape(
        self,
        filters: Sequence[int],
        grad_output: Sequence[int],
        sizes: Sequence[int],
    ) -> tuple[int, ...]:
        """The shape of the images.

        Parameters
        ----------
        filters, grad_output : sequence of int
            Shapes.
        sizes : sequence of int
            The spatial size of the images. If it is empty, the strides are 1,
            and the size follows from the other shapes.
        """
        dilated, pads = self._dilated_and_pads(filters)
        if not sizes:
            sizes = [
                output - 1 + size - sum(pad)
                for output, size, pad in zip(grad_output[2:], dilated, pads)
            ]
        channels = filters[1 + self.positions] * self.groups
        return (grad_output[0], channels, *sizes)

    def _dilated_and_pads(self, filters):
        dilated = [
            (size - 1) * step + 1
            for size, step in zip(filters[2 + self.positions :], self.dilation)
        ]
        pads = border_mode_to_pad(self.border_mode, len(self.stride), dilated)
        return dilated, pads

    def check(
        self,
        images: Sequence[int],
        filters: Sequence[int],
        outputs: Sequence[int] | None = None,
    ) -> None:
        """Raise ValueError if shapes do not go together, as Theano does."""
        dilated, pads = self._dilated_and_pads(filters)
        expected = (
            images[0],
            filters[0],
            *(
                (size + sum(pad) - seen) // stride + 1
                for size, pad, seen, stride in zip(
                    images[2:], pads, dilated, self.stride
                )
            ),
        )
        if (
            images[1] != filters[1 + self.positions] * self.groups
            or filters[0] % self.groups
            or min(*images[2:], *filters[2:], *expected[2:]) < 1
            or (self.positions and filters[1:3] != expected[2:])
            or outputs not in (None, expected)
        ):
            raise ValueError(
                f'{self.name}: images of shape {tuple(images)}, filters of '
                f'shape {tuple(filters)}'
                + (
                    f' and outputs of shape {tuple(outputs)}'
                    if outputs
                    else ''
                )
                + f' do not go together; padding {tuple(pads)}, stride '
                f'{self.stride}, dilation {self.dilation}, {self.groups} '
                'groups'
            )


class _Correlation(_Shapes):
    """A correlation and its gradients, by the kernels of convolutions."""

    def __init__(self, op):
        super().__init__(op)
        convolution = (
            AbstractConv2d if len(op.subsample) == 2 else AbstractConv3d
        )
        self._convolution = Convolution(
            convolution(
                border_mode=op.border_mode,
                subsample=op.subsample,
                filter_flip=False,
                filter_dilation=op.filter_dilation,
                num_groups=op.num_groups,
            )
        )
        self.forward = self._convolution.forward
        self.grad_weights = self._convolution.grad_weights
        self.grad_inputs = self._convolution.grad_inputs


class _UnsharedCorrelation(_Shapes):
    """A correlation with other filters at each position, in two dimensions.

    The patches that the filters see are the columns of one matrix for each
    image, of shape (channels * kernel, positions).
    """

    positions = 2

    def forward(
        self, images: torch.Tensor, filters: torch.Tensor
    ) -> torch.Tensor:
        """The correlation, of shape (batch, filters, rows, columns).

        Parameters
        ----------
        images : tensor, shape (batch, channels, ...)
        filters : tensor, shape (filters, output rows, output columns,
                  channels / groups, rows, columns)
        """
        patches = self._patches(images, filters.shape)
        result = torch.einsum(
            'bgkp,gfpk->bgfp', patches, self._grouped(filters)
        )
        return result.reshape(len(images), len(filters), *filters.shape[1:3])

    def grad_weights(
        self,
        images: torch.Tensor,
        grad_output: torch.Tensor,
        shape: Sequence[int],
    ) -> torch.Tensor:
        """The gradient with respect to the filters, in the given shape."""
        result = torch.einsum(
            'bgkp,bgfp->gfpk',
            self._patches(images, shape),
            self._by_groups(grad_output),
        )
        return result.reshape(tuple(shape))

    def grad_inputs(
        self,
        filters: torch.Tensor,
        grad_output: torch.Tensor,
        shape: Sequence[int],
    ) -> torch.Tensor:
        """The gradient with respect to the images, in the given shape."""
        patches = torch.einsum(
            'gfpk,bgfp->bgkp',
            self._grouped(filters),
            self._by_groups(grad_output),
        )
        _, pads = self._dilated_and_pads(filters.shape)
        padded = torch.nn.functional.fold(
            patches.flatten(1, 2),
            tuple(size + sum(pad) for size, pad in zip(shape[2:], pads)),
            filters.shape[4:],
            self.dilation,
            0,
            self.stride,
        )
        rows, columns = (
            slice(before, before + size)
            for size, (before, _) in zip(shape[2:], pads)
        )
        return padded[..., rows, columns].contiguous()

    def _patches(self, images, filters):
        """Return patches: (batch, groups, channels * kernel, positions)."""
        _, pads = self._dilated_and_pads(filters)
        columns = torch.nn.functional.unfold(
            torch.nn.functional.pad(images, [*pads[1], *pads[0]]),
            filters[4:],
            self.dilation,
            0,
            self.stride,
        )
        return columns.unflatten(1, (self.groups, -1))

    def _grouped(self, filters):
        """Filters of shape (groups, filters, positions, channels * kernel)."""
        return filters.flatten(3).flatten(1, 2).unflatten(0, (self.groups, -1))

    def _by_groups(self, outputs):
        """Outputs of shape (batch, groups, filters, positions)."""
        return outputs.flatten(2).unflatten(1, (self.groups, -1))
