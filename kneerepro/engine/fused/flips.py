"""Filters that are kept flipped.

Theano's convolutions flip their filters, PyTorch's do not. To flip a parameter
takes a pass over memory in each direction of a network, and one more for its
gradient. So where a parameter is trained by elementwise operations, these are
carried out on flipped values; the parameter, and what an optimiser keeps for
it, lie in memory flipped from then on. As arrays they have negative strides, so
that everybody sees what they saw before.

On other devices than the CPU, where there are no such strides, a parameter is
flipped once for all convolutions that use it.
"""

import copy

import numpy as np
from theano.compile import optdb
from theano.gof import Apply, Constant, Op
from theano.gof.opt import Optimizer
from theano.tensor import Sum
from theano.tensor.elemwise import Elemwise

from ..dispatch import register
from ..kernels.conv import FORWARD, GRAD_INPUTS, GRAD_WEIGHTS
from ..values import Reversed, reverse, to_device
from .adam import AdamStep
from .conv_bias import ConvolutionWithBias
from .patterns import CPU_TAG, CUDA_TAG, TAG


class Flip(Op):
    """Reverses some axes.

    Parameters
    ----------
    axes : tuple of int
    kept : bool
        Whether the result is the new value of an input, which is then kept as
        it is in memory: nothing is moved.
    resident : bool
        Whether inputs of the graph are tensors on the device.
    """

    __props__ = 'axes', 'kept', 'resident'
    view_map = {0: [0]}

    def __init__(self, axes, kept=False, resident=False):
        self.axes, self.kept, self.resident = axes, kept, resident

    def make_node(self, x):
        return Apply(self, [x], [x.type()])

    def infer_shape(self, node, shapes):
        return shapes

    def perform(self, node, inputs, outputs):
        outputs[0][0] = np.flip(inputs[0], self.axes)


def _is_input(variable):
    return variable.owner is None and not isinstance(variable, Constant)


def _is_of_array(node):
    return not node.op.resident and _is_input(node.inputs[0])


@register(
    Flip, device=True, host=lambda node: [0] if _is_of_array(node) else []
)
def build_flip(op, node, device):
    if op.kept:
        return lambda x: Reversed(x, op.axes)
    if not _is_of_array(node):
        return lambda x: x.flip(op.axes)

    def flip(array):
        # It may be reversed in memory already. And zeros, as an optimiser
        # begins with, are the same in any order.
        flipped = reverse(array, op.axes)
        if (
            min(flipped.strides) < 0
            and not any(array.flat[:1])
            and (not array.any())
        ):
            flipped = array
        return to_device(flipped, device)

    return flip


class KeepFlipped(Optimizer):
    """Have convolutions take flipped filters, and trained filters be kept so.

    Their gradients, and what elementwise operations make of those, are
    flipped as late as possible: at best, when they are stored.
    """

    def apply(self, fgraph):
        updates = getattr(fgraph, 'update_mapping', None)
        if not updates:
            return
        later = _Later(fgraph.inputs[i] for i in updates.values())
        for node in fgraph.toposort():
            new = _without_flip(node) or later.instead_of(node)
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
    """Have convolutions take flipped parameters, of which Theano then makes
    one of equal ones.
    """

    def apply(self, fgraph):
        for node in fgraph.toposort():
            op = getattr(node.op, 'convolution', node.op)
            new = (
                None
                if isinstance(op, GRAD_WEIGHTS)
                else _without_flip(node, resident=True)
            )
            if new:
                fgraph.replace_all_validate(
                    list(zip(node.outputs, new)), reason='torch_flip_once'
                )


def _without_flip(node, resident=False):
    """A convolution, or gradient, that flips an input of the graph or
    what it returns: what takes its place.
    """
    op = getattr(node.op, 'convolution', node.op)
    if not isinstance(op, FORWARD + GRAD_INPUTS + GRAD_WEIGHTS) or (
        not op.filter_flip or op.unshared
    ):
        return None
    axes, inputs = tuple(range(2, 2 + op.convdim)), list(node.inputs)
    if not isinstance(op, GRAD_WEIGHTS):
        filters = int(isinstance(op, FORWARD))
        if not _is_input(inputs[filters]):
            return None
        inputs[filters] = Flip(axes, resident=resident)(inputs[filters])
    op = copy.copy(op)
    op.filter_flip = False
    if isinstance(node.op, ConvolutionWithBias):
        op = ConvolutionWithBias(op)
    result = op(*inputs)
    return [Flip(axes)(result) if isinstance(op, GRAD_WEIGHTS) else result]


class _Later:
    """Puts off flips.

    Parameters
    ----------
    kept : iterable of Variable
        Inputs of the graph that may be kept flipped.
    """

    def __init__(self, kept):
        self._kept, self._found = set(kept), {}

    def instead_of(self, node):
        """For an operation on what was flipped, its results if it is carried
        out before the flip; or None.
        """
        axes = next(
            (
                variable.owner.op.axes
                for variable in node.inputs
                if variable.owner
                and isinstance(variable.owner.op, Flip)
                and not _is_input(variable.owner.inputs[0])
            ),
            None,
        )
        if axes is None:
            return None
        if isinstance(node.op, Sum):
            summed = node.op.axis
            return (
                [node.op(node.inputs[0].owner.inputs[0])]
                if summed is None or set(axes) <= set(summed)
                else None
            )
        if not isinstance(node.op, (AdamStep, Elemwise)):
            return None
        inputs = [self._flipped(variable, axes) for variable in node.inputs]
        if None in inputs:
            return None
        return list(map(Flip(axes), node.op(*inputs, return_list=True)))

    def _flipped(self, variable, axes):
        """A variable with axes reversed, if nothing has to be moved for that;
        or None.
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
            or (len(node.outputs) > 1)
        ):
            return None
        inputs = [self._flipped(one, axes) for one in node.inputs]
        return None if None in inputs else node.op(*inputs)


# When updates and biases are in their operations, and before Theano makes one
# of equal ones.
optdb.register('torch_keep_flipped', KeepFlipped(), 48.92, TAG, CPU_TAG)
optdb.register('torch_flip_once', FlipOnce(), 48.92, TAG, CUDA_TAG)
