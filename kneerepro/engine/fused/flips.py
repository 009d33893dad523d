"""Filters that are kept flipped.

Theano's convolutions flip their filters, PyTorch's do not. Flipping a
parameter takes a pass over memory in each direction of a network, and another
for its gradient. So if a parameter is trained by elementwise operations, these
work on flipped values. The parameter, and what the optimiser keeps for it, are
then stored flipped. As NumPy arrays they have negative strides, so users see
the same values as before.

Only the CPU has such strides. On other devices, a parameter is flipped once
for all convolutions that use it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable

import numpy as np
import theano
from theano.gof import Apply, Constant, FunctionGraph, Op
from theano.gof.opt import Optimizer
from theano.tensor import Sum
from theano.tensor.elemwise import Elemwise

from ..dispatch import register
from ..kernels.conv import FORWARD, GRAD_INPUTS, GRAD_WEIGHTS
from ..values import Reversed, reversed_view, to_device
from .adam import AdamStep
from .conv_bias import ConvolutionWithBias


class Flip(Op):
    """Reverses some axes.

    Parameters
    ----------
    axes : tuple of int
    kept : bool
        Whether the result is the new value of an input that is kept flipped.
        Then nothing moves in memory.
    resident : bool
        Whether inputs of the graph are tensors on the device.
    """

    __props__ = 'axes', 'kept', 'resident'
    view_map = {0: [0]}

    def __init__(
        self,
        axes: tuple[int, ...],
        kept: bool = False,
        resident: bool = False,
    ):
        self.axes, self.kept, self.resident = axes, kept, resident

    def make_node(self, x):
        """Make a node for a tensor."""
        return Apply(self, [x], [x.type()])

    def infer_shape(self, node, shapes):
        """The shape stays the same."""
        return shapes

    def perform(self, node, inputs, outputs):
        """Compute the result in NumPy."""
        outputs[0][0] = np.flip(inputs[0], self.axes)


def _is_input(variable):
    return variable.owner is None and not isinstance(variable, Constant)


def _takes_array(node):
    """Whether a flip is applied to a NumPy array, an input of the graph."""
    return not node.op.resident and _is_input(node.inputs[0])


@register(
    Flip, device=True, host=lambda node: [0] if _takes_array(node) else []
)
def _build_flip(op, node, device):
    if op.kept:
        return lambda x: Reversed(x, op.axes)
    if not _takes_array(node):
        return lambda x: x.flip(op.axes)

    def flip(array):
        # The array may already be reversed in memory. And zeros, with which
        # optimisers begin, are the same in any order.
        flipped = reversed_view(array, op.axes)
        if (
            min(flipped.strides) < 0
            and not any(array.flat[:1])
            and not array.any()
        ):
            flipped = array
        return to_device(flipped, device)

    return flip


class KeepFlipped(Optimizer):
    """Let convolutions take flipped filters, and keep trained filters flipped.

    Their gradients, and what elementwise operations compute from those, are
    flipped as late as possible: at best when they are stored.
    """

    def apply(self, fgraph: FunctionGraph) -> None:
        """Rewrite a graph."""
        updates = getattr(fgraph, 'update_mapping', None)
        if updates is None:
            return  # a graph inside an Op, whose inputs are tensors
        postponer = _FlipPostponer(fgraph.inputs[i] for i in updates.values())
        for node in fgraph.toposort():
            new = _without_flip(node) or postponer.replacement_of(node)
            if new:
                fgraph.replace_all_validate(
                    list(zip(node.outputs, new)), reason='torch_keep_flipped'
                )
        for i in updates:
            node = fgraph.outputs[i].owner
            if (
                node is not None
                and isinstance(node.op, Flip)
                and len(node.outputs[0].clients) == 1
            ):
                fgraph.replace_validate(
                    fgraph.outputs[i],
                    Flip(node.op.axes, kept=True)(*node.inputs),
                    reason='torch_keep_flipped',
                )


class FlipOnce(Optimizer):
    """Let convolutions take flipped parameters.

    Theano then merges the equal flips of each parameter.
    """

    def apply(self, fgraph: FunctionGraph) -> None:
        """Rewrite a graph."""
        for node in fgraph.toposort():
            op = getattr(node.op, 'convolution', node.op)
            if isinstance(op, GRAD_WEIGHTS):
                continue
            new = _without_flip(node, resident=True)
            if new:
                fgraph.replace_all_validate(
                    list(zip(node.outputs, new)), reason='torch_flip_once'
                )


def _without_flip(
    node: Apply, resident: bool = False
) -> list[theano.Variable] | None:
    """Replacements for the outputs of a convolution or gradient that flips an
    input of the graph, or its own result; None for other nodes.

    In them, an Op of its own does the flip.
    """
    op = getattr(node.op, 'convolution', node.op)
    if (
        not isinstance(op, FORWARD + GRAD_INPUTS + GRAD_WEIGHTS)
        or not op.filter_flip
        or op.unshared
    ):
        return None
    axes, inputs = tuple(range(2, 2 + op.convdim)), list(node.inputs)
    if not isinstance(op, GRAD_WEIGHTS):
        # A convolution takes images, then filters; a gradient with respect to
        # the images takes filters first.
        filters = 1 if isinstance(op, FORWARD) else 0
        if not _is_input(inputs[filters]):
            return None
        inputs[filters] = Flip(axes, resident=resident)(inputs[filters])
    op = copy.copy(op)
    op.filter_flip = False
    if isinstance(node.op, ConvolutionWithBias):
        op = ConvolutionWithBias(op)
    result = op(*inputs)
    return [Flip(axes)(result) if isinstance(op, GRAD_WEIGHTS) else result]


class _FlipPostponer:
    """Moves flips behind the operations on what was flipped.

    Parameters
    ----------
    kept : iterable of Variable
        Inputs of the graph that may be kept flipped.
    """

    def __init__(self, kept: Iterable[theano.Variable]):
        self._kept = set(kept)
        self._found: dict = {}

    def replacement_of(self, node: Apply) -> list[theano.Variable] | None:
        """The results of an operation on flipped values, if it runs before the
        flip; or None if it is not such an operation.
        """
        axes = self._flipped_axes(node)
        if axes is None:
            return None
        if isinstance(node.op, Sum):
            summed = node.op.axis
            if summed is None or set(axes) <= set(summed):
                return [node.op(node.inputs[0].owner.inputs[0])]
            return None
        if not isinstance(node.op, (AdamStep, Elemwise)):
            return None
        inputs = [self._flipped(variable, axes) for variable in node.inputs]
        if None in inputs:
            return None
        return list(map(Flip(axes), node.op(*inputs, return_list=True)))

    def _flipped_axes(self, node):
        """The axes in which the first flipped input is flipped, or None."""
        for variable in node.inputs:
            if (
                variable.owner
                and isinstance(variable.owner.op, Flip)
                and not _is_input(variable.owner.inputs[0])
            ):
                return variable.owner.op.axes
        return None

    def _flipped(self, variable, axes):
        """A variable with axes reversed, if that needs no move in memory; or
        None.
        """
        if (variable, axes) not in self._found:
            self._found[variable, axes] = self._find_flipped(variable, axes)
        return self._found[variable, axes]

    def _find_flipped(self, variable, axes):
        node = variable.owner
        if not variable.ndim or all(
            variable.broadcastable[axis] for axis in axes
        ):
            return variable
        if variable in self._kept:
            return Flip(axes)(variable)
        if node is not None and node.op == Flip(axes):
            return node.inputs[0]
        if (
            node is None
            or not isinstance(node.op, Elemwise)
            or len(node.outputs) > 1
        ):
            return None
        inputs = [self._flipped(operand, axes) for operand in node.inputs]
        return None if None in inputs else node.op(*inputs)
