"""Dividing the rows of a minibatch among processes.

The graph of a function says what to compute from a whole minibatch. If a
tensor in it is marked as a minibatch (``distributed.divide``), and there are
several processes, the rewrites here change the graph so that each process
computes with its own rows only. The results stay the same. Theano has taken
all gradients before, of the whole computation, so they need no rules of their
own, whatever their order.

A tensor of the new graph is in one of three states:

whole
    All processes have the same tensor, as in the old graph. Parameters are
    whole, and so are the state of an optimiser and the numbers that a random
    stream draws: each process draws those of the whole minibatch.
rows
    Each process has a part along one axis. The activations of a network are
    like this, and so are the gradients by them.
partial
    The sum over the processes of what each has is the tensor of the old graph.
    Sums over the rows are like this: losses, statistics of batch
    normalisation, and gradients by parameters.

A partial tensor becomes whole by a sum over all processes
(:class:`.distributed.AllReduce`) where something else than a linear operation
needs it, or where several operations do. Rows become whole in the same way,
each process adding its part to zeros. This is what happens to the inputs of an
operation for which there is no rule below. So the results are right for every
graph, but making rows whole is expensive.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import theano
import theano.tensor as T
from theano.compile.ops import Rebroadcast, Shape_i
from theano.gof import Apply, FunctionGraph
from theano.gof.opt import MergeOptimizer, Optimizer
from theano.scalar import Add, Cast, Identity, Mul, Neg, Sub, TrueDiv
from theano.tensor import Dot, Join, Reshape, Split, Sum
from theano.tensor.elemwise import CAReduce, DimShuffle, Elemwise
from theano.tensor.nnet.nnet import (
    CrossentropyCategorical1Hot,
    CrossentropyCategorical1HotGrad,
    CrossentropySoftmax1HotWithBiasDx,
    CrossentropySoftmaxArgmax1HotWithBias,
    LogSoftmax,
    Softmax,
    SoftmaxGrad,
    SoftmaxWithBias,
)
from theano.tensor.opt import MakeVector
from theano.tensor.signal.pool import (
    AveragePoolGrad,
    DownsampleFactorMaxGradGrad,
    MaxPoolGrad,
    Pool,
)
from theano.tensor.subtensor import IncSubtensor, Subtensor

from . import processes
from .distributed import AllReduce, Minibatch, OwnRows, PlaceRows
from .fused.conv_bias import ConvolutionWithBias
from .fused.flips import Flip
from .fused.means import axis_sizes
from .fused.multiply_add import MultiplyAdd
from .fused.patterns import constant_value
from .kernels.conv import FORWARD, GRAD_INPUTS, GRAD_WEIGHTS

# Ops that treat each row by itself, with the positions of the inputs that
# have a row for each row of the results.
_ROW_BY_ROW: dict[type, tuple[int, ...]] = {
    Softmax: (0,),
    SoftmaxWithBias: (0,),
    LogSoftmax: (0,),
    SoftmaxGrad: (0, 1),
    CrossentropySoftmaxArgmax1HotWithBias: (0, 2),
    CrossentropySoftmax1HotWithBiasDx: (0, 1, 2),
    CrossentropyCategorical1Hot: (0, 1),
    CrossentropyCategorical1HotGrad: (0, 1, 2),
    Pool: (0,),
    MaxPoolGrad: (0, 1, 2),
    AveragePoolGrad: (0, 1),
    DownsampleFactorMaxGradGrad: (0, 1, 2),
}


class MarkMinibatches(Optimizer):
    """Prepare a graph for the number of processes.

    If there are several, variables with ``tag.minibatch`` get an Op as their
    mark, which Theano's optimisations keep. If there is one, sums over
    processes are removed.
    """

    def apply(self, fgraph: FunctionGraph) -> None:
        """Rewrite a graph."""
        if processes.size() == 1:
            self._remove_sums(fgraph)
        else:
            self._mark(fgraph)

    def _remove_sums(self, fgraph):
        for node in fgraph.toposort():
            if isinstance(node.op, AllReduce):
                processes.note_compiled_alone()
            if isinstance(node.op, (AllReduce, Minibatch)):
                fgraph.replace_validate(
                    node.outputs[0], node.inputs[0], reason='torch_minibatches'
                )

    def _mark(self, fgraph):
        computed = [
            variable for node in fgraph.toposort() for variable in node.outputs
        ]
        for variable in fgraph.inputs + computed:
            if (
                getattr(variable.tag, 'minibatch', False)
                and not variable.broadcastable[0]
            ):
                fgraph.replace_validate(
                    variable, Minibatch()(variable), reason='torch_minibatches'
                )


class Partition(Optimizer):
    """Let each process compute with its own rows of marked minibatches."""

    def apply(self, fgraph: FunctionGraph) -> None:
        """Rewrite a graph."""
        if not any(
            isinstance(node.op, Minibatch) for node in fgraph.apply_nodes
        ):
            return
        # Equal sums should be summed over processes once.
        MergeOptimizer().optimize(fgraph)
        parts = _Parts(fgraph)
        for node in fgraph.toposort():
            parts.add(node)
        replacements = [
            (variable, parts.whole(variable))
            for variable in dict.fromkeys(fgraph.outputs)
        ]
        fgraph.replace_all_validate(
            [(old, new) for old, new in replacements if new is not old],
            reason='torch_partition',
        )


@dataclass(frozen=True)
class _Rows:
    """A part of a variable of the old graph.

    Attributes
    ----------
    part : Variable
        What a process has.
    axis : int
        The axis that is divided.
    count : Variable
        The length of this axis in the old graph.
    """

    part: theano.Variable
    axis: int
    count: theano.Variable


class _Parts:
    """The new graph, as it is built.

    Parameters
    ----------
    fgraph : theano.gof.FunctionGraph
        The old graph.
    """

    def __init__(self, fgraph: FunctionGraph):
        self._shape_of = fgraph.shape_feature.shape_of
        self._whole: dict[theano.Variable, theano.Variable] = {}
        self._rows: dict[theano.Variable, _Rows] = {}
        self._partial: dict[theano.Variable, theano.Variable] = {}
        self._taken: dict[tuple, theano.Variable] = {}

    def add(self, node: Apply) -> None:
        """Add what corresponds to a node of the old graph, whose inputs have
        been added.
        """
        if isinstance(node.op, Minibatch):
            (x,), (marked,) = node.inputs, node.outputs
            self._whole[marked] = self.whole(x)
            self._set_rows(marked, self._own(x, 0), 0, self._shape_of[x][0])
            return
        if any(
            variable in self._rows or variable in self._partial
            for variable in node.inputs
        ):
            rule = _rule_of(node.op)
            if rule is not None and rule(self, node):
                return
        inputs = [self.whole(variable) for variable in node.inputs]
        if inputs != node.inputs:
            new = node.clone_with_new_inputs(inputs)
            self._whole.update(zip(node.outputs, new.outputs))

    def whole(self, variable: theano.Variable) -> theano.Variable:
        """The variable of the new graph that is whole and equal to one of the
        old graph.
        """
        if variable not in self._whole:
            if variable in self._partial:
                self._whole[variable] = AllReduce()(self._partial[variable])
            elif variable in self._rows:
                self._whole[variable] = _joined(self._rows[variable])
            else:
                self._whole[variable] = variable
        return self._whole[variable]

    def _set_rows(self, variable, part, axis, count):
        assert part.type == variable.type, (variable, part)
        self._rows[variable] = _Rows(part, axis, count)

    def _set_partial(self, variable, part):
        assert part.type == variable.type, (variable, part)
        self._partial[variable] = part
        if len(variable.clients) > 1:
            # Otherwise each of them might sum what it computes.
            self.whole(variable)
            del self._partial[variable]

    def _own(self, variable, axis):
        """The part that this process has of a variable, along an axis."""
        rows = self._rows.get(variable)
        if rows is not None and rows.axis == axis:
            return rows.part
        if (variable, axis) not in self._taken:
            self._taken[variable, axis] = OwnRows(axis)(self.whole(variable))
        return self._taken[variable, axis]

    def _first_rows(self, variables, axis=None):
        """The rows of the first variable that has any, along a certain axis if
        one is given; or None.
        """
        for variable in variables:
            rows = self._rows.get(variable)
            if rows is not None and axis in (None, rows.axis):
                return rows
        return None

    def _are_partial(self, variables):
        return all(variable in self._partial for variable in variables)

    # The rules: each adds what corresponds to a node, of which at least one
    # input is not whole, and returns whether it could.

    def elementwise(self, node: Apply) -> bool:
        """Compute rows from rows, or apply a linear operation to terms."""
        rows = self._first_rows(node.inputs)
        if rows is None:
            return self._linear(node)
        inputs = [
            self.whole(variable)
            if variable.broadcastable[rows.axis]
            else self._own(variable, rows.axis)
            for variable in node.inputs
        ]
        new = node.clone_with_new_inputs(inputs)
        for old, part in zip(node.outputs, new.outputs):
            self._set_rows(old, part, rows.axis, rows.count)
        return True

    def _linear(self, node):
        kind, inputs = node.op.scalar_op, node.inputs
        if isinstance(kind, Add) and not self._are_partial(inputs):
            return self._add_to_whole(node)
        partial = [variable in self._partial for variable in inputs]
        if isinstance(kind, (Add, Sub, Neg, Identity)):
            linear = all(partial)
        elif isinstance(kind, Cast):
            linear = node.outputs[0].dtype.startswith('float')
        elif isinstance(kind, Mul):
            linear = partial.count(True) == 1
        elif isinstance(kind, TrueDiv):
            linear = partial == [True, False]
        elif isinstance(kind, MultiplyAdd):
            linear = partial[0] and partial[1] != partial[2]
        else:
            linear = False
        if linear:
            self._compute_partial(node)
        return linear

    def _add_to_whole(self, node):
        """A sum of partial and whole terms: the partial ones first."""
        partial = [x for x in node.inputs if x in self._partial]
        others = [x for x in node.inputs if x not in self._partial]
        if len(partial) < 2:
            return False
        terms = AllReduce()(T.add(*map(self._partial.get, partial)))
        result = T.add(terms, *map(self.whole, others))
        if result.type != node.outputs[0].type:
            return False
        self._whole[node.outputs[0]] = result
        return True

    def _compute_partial(self, node):
        new = node.clone_with_new_inputs(
            [
                self._partial[variable]
                if variable in self._partial
                else self.whole(variable)
                for variable in node.inputs
            ]
        )
        for old, part in zip(node.outputs, new.outputs):
            self._set_partial(old, part)

    def _first_partial(self, node):
        """Apply an operation that is linear in its first input."""
        if node.inputs[0] not in self._partial:
            return False
        self._compute_partial(node)
        return True

    def _first_rows_to(self, node, axis):
        """Apply an operation to the rows of its first input."""
        x, *others = node.inputs
        new = node.clone_with_new_inputs(
            [self._rows[x].part, *map(self.whole, others)]
        )
        self._set_rows(
            node.outputs[0], new.outputs[0], axis, self._rows[x].count
        )
        return True

    def dimshuffle(self, node: Apply) -> bool:
        """Permute the axes."""
        (x,) = node.inputs
        if x not in self._rows:
            return self._first_partial(node)
        order, axis = list(node.op.new_order), self._rows[x].axis
        return axis in order and self._first_rows_to(node, order.index(axis))

    def flip(self, node: Apply) -> bool:
        """Reverse axes that are not divided."""
        (x,) = node.inputs
        if x not in self._rows:
            return self._first_partial(node)
        axis = self._rows[x].axis
        return axis not in node.op.axes and self._first_rows_to(node, axis)

    def rebroadcast(self, node: Apply) -> bool:
        """Tell the type which axes have a length of 1."""
        (x,) = node.inputs
        if x not in self._rows:
            return self._first_partial(node)
        axis = self._rows[x].axis
        return axis not in node.op.axis and self._first_rows_to(node, axis)

    def shape_i(self, node: Apply) -> bool:
        """The length of an axis."""
        (x,), (length,) = node.inputs, node.outputs
        if x in self._partial:
            self._whole[length] = node.op(self._partial[x])
        elif node.op.i == self._rows[x].axis:
            self._whole[length] = T.cast(self._rows[x].count, length.dtype)
        else:
            self._whole[length] = node.op(self._rows[x].part)
        return True

    def reduce(self, node: Apply) -> bool:
        """Sum, or compute another reduction, along axes."""
        (x,) = node.inputs
        is_sum = isinstance(node.op, Sum)
        if x not in self._rows:
            return is_sum and self._first_partial(node)
        axes = node.op.axis
        axes = range(x.ndim) if axes is None else axes
        rows = self._rows[x]
        if rows.axis not in axes:
            before = sum(axis < rows.axis for axis in axes)
            return self._first_rows_to(node, rows.axis - before)
        if not is_sum:
            return False
        new = node.clone_with_new_inputs([rows.part])
        self._set_partial(node.outputs[0], new.outputs[0])
        return True

    def dot(self, node: Apply) -> bool:
        """Multiply matrices and vectors."""
        x, y = node.inputs
        summed = x.ndim - 1, max(y.ndim - 2, 0)
        axis_x, axis_y = (
            self._rows[variable].axis if variable in self._rows else None
            for variable in node.inputs
        )
        if axis_x == summed[0] or axis_y == summed[1]:
            parts = [self._own(x, summed[0]), self._own(y, summed[1])]
            new = node.clone_with_new_inputs(parts)
            self._set_partial(node.outputs[0], new.outputs[0])
            return True
        if axis_x is not None and axis_y is None:
            return self._first_rows_to(node, 0)
        if axis_y is not None and axis_x is None:
            rows, (output,) = self._rows[y], node.outputs
            new = node.clone_with_new_inputs([self.whole(x), rows.part])
            self._set_rows(output, new.outputs[0], output.ndim - 1, rows.count)
            return True
        return False

    def convolution(self, node: Apply) -> bool:
        """Convolve images, or compute one of the gradients."""
        inner = getattr(node.op, 'convolution', node.op)
        # The positions of images, and of gradients by images.
        divided: tuple[int, ...]
        if isinstance(inner, GRAD_WEIGHTS):
            divided = (0, 1)
        else:
            divided = (0,) if isinstance(inner, FORWARD) else (1,)
        rows = self._first_rows((node.inputs[i] for i in divided), 0)
        if rows is None:
            return False
        new = _for_any_number_of_images(node.op)(
            *(
                self._own(variable, 0)
                if i in divided
                else self.whole(variable)
                for i, variable in enumerate(node.inputs)
            )
        )
        (output,) = node.outputs
        if new.type != output.type:
            return False
        if isinstance(inner, GRAD_WEIGHTS):
            self._set_partial(output, new)
        else:
            self._set_rows(output, new, 0, rows.count)
        return True

    def reshape(self, node: Apply) -> bool:
        """Change the shape, but not the number of rows."""
        x, shape = node.inputs
        if x not in self._rows:
            return self._first_partial(node)
        rows = self._rows[x]
        sizes = _elements(shape)
        if (
            rows.axis
            or not sizes
            or not self._is_number_of_rows(sizes, x, rows)
        ):
            return False
        own_sizes = [Shape_i(0)(rows.part), *map(self.whole, sizes[1:])]
        for i, size in enumerate(sizes[1:], 1):
            if constant_value(size) == -1:
                # A process may have no rows. From no elements, the size could
                # not be told.
                in_row = [Shape_i(k)(rows.part) for k in range(1, x.ndim)]
                others = own_sizes[1:i] + own_sizes[i + 1 :]
                own_sizes[i] = _product(in_row) // _product(others)
        new = node.clone_with_new_inputs(
            [
                rows.part,
                MakeVector(shape.dtype)(
                    *(T.cast(size, shape.dtype) for size in own_sizes)
                ),
            ]
        )
        self._set_rows(node.outputs[0], new.outputs[0], 0, rows.count)
        return True

    def _is_number_of_rows(self, sizes, x, rows):
        """Whether a shape, given by its sizes, begins with the number of rows
        of a variable.
        """
        first = constant_value(sizes[0])
        if first != -1:
            # An operation may know how many rows it gets.
            counts = rows.count, self._shape_of[x][0]
            return any(_same_size(sizes[0], count) for count in counts)
        # The rows stay if the sizes of what is in a row have one product.
        return _same_size(_product(sizes[1:]), _product(self._shape_of[x][1:]))

    def join(self, node: Apply) -> bool:
        """Join tensors along an axis that is not divided, or take one apart
        along it.
        """
        is_join = isinstance(node.op, Join)
        along = constant_value(node.inputs[0 if is_join else 1])
        tensors = node.inputs[1:] if is_join else node.inputs[:1]
        rows = self._first_rows(tensors)
        if (
            along is None
            or rows is None
            or along % tensors[0].ndim == rows.axis
        ):
            return False
        parts = iter([self._own(tensor, rows.axis) for tensor in tensors])
        new = node.clone_with_new_inputs(
            [
                next(parts) if variable in tensors else self.whole(variable)
                for variable in node.inputs
            ]
        )
        for old, part in zip(node.outputs, new.outputs):
            self._set_rows(old, part, rows.axis, rows.count)
        return True

    def subtensor(self, node: Apply) -> bool:
        """Index other axes than the first, or write there."""
        tensors = node.inputs[: 2 if isinstance(node.op, IncSubtensor) else 1]
        rows = self._first_rows(tensors, 0)
        indices = node.op.idx_list
        if rows is None or not indices or indices[0] != slice(None):
            return False
        numbers = sum(not isinstance(index, slice) for index in indices)
        ndims = node.inputs[0].ndim, node.inputs[0].ndim - numbers
        new = node.clone_with_new_inputs(
            [
                self._own(variable, 0)
                if variable.ndim == ndim and not variable.broadcastable[0]
                else self.whole(variable)
                for variable, ndim in zip(tensors, ndims)
            ]
            + list(map(self.whole, node.inputs[len(tensors) :]))
        )
        self._set_rows(node.outputs[0], new.outputs[0], 0, rows.count)
        return True

    def row_by_row(self, node: Apply) -> bool:
        """Apply an operation to each row."""
        divided = [
            i
            for i in _ROW_BY_ROW[type(node.op)]
            if not node.inputs[i].broadcastable[0]
        ]
        rows = self._first_rows((node.inputs[i] for i in divided), 0)
        if rows is None:
            return False
        new = node.clone_with_new_inputs(
            [
                self._own(variable, 0)
                if i in divided
                else self.whole(variable)
                for i, variable in enumerate(node.inputs)
            ]
        )
        for old, part in zip(node.outputs, new.outputs):
            self._set_rows(old, part, 0, rows.count)
        return True


_RULES: list[tuple[Any, Callable[[_Parts, Apply], bool]]] = [
    (Elemwise, _Parts.elementwise),
    (DimShuffle, _Parts.dimshuffle),
    (Flip, _Parts.flip),
    (Rebroadcast, _Parts.rebroadcast),
    (Shape_i, _Parts.shape_i),
    (CAReduce, _Parts.reduce),
    (Dot, _Parts.dot),
    (
        (*FORWARD, *GRAD_INPUTS, *GRAD_WEIGHTS, ConvolutionWithBias),
        _Parts.convolution,
    ),
    (Reshape, _Parts.reshape),
    ((Join, Split), _Parts.join),
    ((Subtensor, IncSubtensor), _Parts.subtensor),
    (tuple(_ROW_BY_ROW), _Parts.row_by_row),
]


def _rule_of(op):
    return next(
        (rule for kinds, rule in _RULES if isinstance(op, kinds)), None
    )


def _joined(rows):
    """The rows of all processes."""
    part = rows.part
    if part.dtype == 'bool':
        numbers = _joined(_Rows(T.cast(part, 'int8'), rows.axis, rows.count))
        return T.neq(numbers, 0)
    return AllReduce()(PlaceRows(rows.axis)(part, rows.count))


def _for_any_number_of_images(op):
    """A convolution that does not expect a certain number of images."""
    if isinstance(op, ConvolutionWithBias):
        return ConvolutionWithBias(_for_any_number_of_images(op.convolution))
    if op.imshp is not None and op.imshp[0] is not None:
        op = copy.copy(op)
        op.imshp = (None, *op.imshp[1:])
    return op


def _elements(vector):
    """The elements of a vector of sizes, or None if they are unknown."""
    if isinstance(vector, theano.Constant):
        return [T.constant(n, dtype=vector.dtype) for n in vector.data]
    if vector.owner is None:
        return None
    if isinstance(vector.owner.op, MakeVector):
        return vector.owner.inputs
    return None


def _product(sizes):
    return T.mul(1, *sizes) if sizes else T.constant(1)


def _same_size(a, b):
    """Whether two numbers are the same product of sizes of axes."""
    if a is b:
        return True
    a, b = axis_sizes(a), axis_sizes(b)
    return a is not None and b is not None and _factors(a) == _factors(b)


def _factors(sizes):
    number = 1
    for size in sizes:
        if isinstance(size, int):
            number *= size
    return number, Counter(size for size in sizes if not isinstance(size, int))
