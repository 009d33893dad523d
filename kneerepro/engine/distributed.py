"""Training on several processes, on CPUs or on CUDA devices.

Each process runs the same program, which ``torchrun`` starts::

    torchrun --nproc-per-node=2 program.py

There are two ways to divide the work. In the first, one line marks a minibatch
whose rows the processes share::

    from kneerepro.engine import distributed
    distributed.initialise()
    x = distributed.divide(T.matrix('x'))

All processes call the compiled functions with the same whole minibatch. Each
computes a part of the rows, and all get the results of the whole.
``kneerepro.engine.partition`` explains how.

In the second, each process has examples of its own, and the program says what
is averaged::

    gradients = distributed.average(theano.grad(loss, params))
    updates = lasagne.updates.adam(gradients, params)

With one process, neither leaves a trace in the compiled function.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import theano
import theano.tensor as T
from theano.gof import Apply, Op
from theano.gof.type import generic
from theano.tensor import TensorType

from .processes import (
    LostProcessError,
    Traffic,
    broadcast,
    check_initialised,
    initialise,
    own_rows,
    rank,
    size,
    traffic,
)

__all__ = [
    'AllReduce',
    'LostProcessError',
    'Traffic',
    'average',
    'broadcast',
    'divide',
    'initialise',
    'own_rows',
    'rank',
    'size',
    'total',
    'traffic',
]


class AllReduce(Op):
    """The sum, or the mean, of a tensor over all processes.

    Every process has to carry it out, and gets the same result, to the bit.

    Parameters
    ----------
    mean : bool
        Whether to compute the mean instead of the sum.

    Notes
    -----
    Gradients follow this convention: **each process has a cost of its own, for
    its share of the examples, and what is differentiated is the sum of the
    costs of all processes**. Let the result be ``y = sum over q of x_q``, the
    same on all processes, and g_p the gradient of the cost of process p by y.
    The gradient by x_q of the sum of all costs is then::

        sum over p of g_p

    whatever q is. So the gradient of a sum over processes is the sum over
    processes of the gradients, that of a mean is their mean, and derivatives
    of any order follow.

    A parameter that all processes hold has a copy on each of them, and
    ``theano.grad`` gives the gradient by the local copy. The gradient by the
    parameter is the sum over the copies: ``total(theano.grad(cost,
    parameter))``.

    A cost that is itself a sum over processes, and therefore on each of them,
    counts once for each process: the gradient of ``total(cost)`` is as many
    times too large as there are processes. So differentiate the share of the
    cost that a process has, and use :func:`total` only to report it.
    """

    __props__ = ('mean',)

    def __init__(self, mean: bool = False):
        self.mean = mean

    def __str__(self):
        return f'AllReduce{{{"mean" if self.mean else "sum"}}}'

    def make_node(self, x):
        """Make a node for a tensor.

        Raises
        ------
        TypeError
            If it is not a tensor of numbers, or a mean of integers is asked
            for.
        RuntimeError
            If torchrun has started several processes and
            :func:`initialise` was not called.
        """
        x = T.as_tensor_variable(x)
        if x.dtype == 'bool' or (
            self.mean and x.dtype in theano.tensor.discrete_dtypes
        ):
            raise TypeError(
                f'{self} cannot be computed for {x}, which is of type '
                f'{x.dtype}: convert it with theano.tensor.cast first'
            )
        check_initialised()
        return Apply(self, [x], [x.type()])

    def infer_shape(self, node, shapes):
        """The shape stays the same."""
        return shapes

    def do_constant_folding(self, node):
        """Nothing is sent while a function is compiled."""
        return False

    def perform(self, node, inputs, outputs):
        """Copy the input if there is one process.

        Raises
        ------
        RuntimeError
            If there are several.
        """
        refuse_if_several(self)
        outputs[0][0] = np.array(inputs[0])

    def L_op(self, inputs, outputs, gradients):  # noqa: N802, Theano's name
        """The same Op, applied to the gradient."""
        if inputs[0].dtype in theano.tensor.discrete_dtypes:
            return [inputs[0].zeros_like(dtype=theano.config.floatX)]
        return [self(gradients[0])]

    def R_op(self, inputs, directions):  # noqa: N802, Theano's name
        """The same Op, applied to the direction."""
        return [None if x is None else self(x) for x in directions]


class StartAllReduce(Op):
    """Begins to sum tensors over all processes, in one call.

    The tensors are sent while the process computes something else. Only the
    engine carries this out.

    Parameters
    ----------
    mean : bool
    signature : str
        A description of what is summed. Before the first sum, the processes
        compare theirs.

    Notes
    -----
    The inputs have one type of numbers. The output is for a
    :class:`FinishAllReduce`.
    """

    __props__ = 'mean', 'signature'

    def __init__(self, mean: bool, signature: str):
        self.mean, self.signature = mean, signature

    def make_node(self, *tensors):
        """Make a node for tensors."""
        return Apply(self, list(tensors), [generic()])

    def do_constant_folding(self, node):
        """Nothing is sent while a function is compiled."""
        return False

    def perform(self, node, inputs, outputs):
        """Keep the inputs if there is one process."""
        refuse_if_several(self)
        outputs[0][0] = [np.array(x) for x in inputs]


class FinishAllReduce(Op):
    """Waits for the sums that a :class:`StartAllReduce` has begun.

    Parameters
    ----------
    types : tuple of TensorType
        The types of the sums.
    """

    __props__ = ('types',)

    def __init__(self, types: tuple[TensorType, ...]):
        self.types = types

    def __str__(self):
        return f'FinishAllReduce{{{len(self.types)}}}'

    def make_node(self, started):
        """Make a node for what a :class:`StartAllReduce` returns."""
        return Apply(self, [started], [kind() for kind in self.types])

    def perform(self, node, inputs, outputs):
        """Return what was kept."""
        for cell, value in zip(outputs, inputs[0]):
            cell[0] = value


class Minibatch(Op):
    """Marks a tensor whose rows are examples, which the processes share.

    ``kneerepro.engine.partition`` removes it.
    """

    __props__ = ()
    view_map = {0: [0]}

    def make_node(self, x):
        """Make a node for a tensor."""
        return Apply(self, [x], [x.type()])

    def infer_shape(self, node, shapes):
        """The shape stays the same."""
        return shapes

    def do_constant_folding(self, node):
        """The mark has to stay."""
        return False

    def perform(self, node, inputs, outputs):
        """Return the input."""
        outputs[0][0] = inputs[0]


class OwnRows(Op):
    """The part of a tensor, along an axis, that this process has.

    Parameters
    ----------
    axis : int
    """

    __props__ = ('axis',)
    view_map = {0: [0]}

    def __init__(self, axis: int):
        self.axis = axis

    def make_node(self, x):
        """Make a node for a tensor."""
        return Apply(self, [x], [x.type()])

    def do_constant_folding(self, node):
        """The part differs from process to process, and the graphs must
        not.
        """
        return False

    def perform(self, node, inputs, outputs):
        """Return a view of the input."""
        rows = own_rows(inputs[0].shape[self.axis])
        outputs[0][0] = inputs[0][(slice(None),) * self.axis + (rows,)]


class PlaceRows(Op):
    """A tensor of zeros, with a process's part along an axis in its place.

    The sum of these over all processes is the whole tensor.

    Parameters
    ----------
    axis : int

    Notes
    -----
    The inputs are the part, and the number of rows of all processes.
    """

    __props__ = ('axis',)

    def __init__(self, axis: int):
        self.axis = axis

    def make_node(self, x, n):
        """Make a node for a part and a number of rows."""
        return Apply(self, [x, T.as_tensor_variable(n)], [x.type()])

    def do_constant_folding(self, node):
        """The part differs from process to process, and the graphs must
        not.
        """
        return False

    def perform(self, node, inputs, outputs):
        """Compute the tensor in NumPy."""
        x, n = inputs
        shape = list(x.shape)
        shape[self.axis] = int(n)
        outputs[0][0] = whole = np.zeros(shape, x.dtype)
        whole[(slice(None),) * self.axis + (own_rows(int(n)),)] = x


def refuse_if_several(op: Op) -> None:
    """Refuse to carry out an Op in Theano's own code on several processes.

    Raises
    ------
    RuntimeError
    """
    if size() > 1:
        raise RuntimeError(
            f"{op} was compiled in one of Theano's own modes, which know only "
            f'one process, but there are {size()}: compile the function with '
            'mode=kneerepro.engine.torch_mode()'
        )


def total(x: Any) -> Any:
    """The sum of a tensor over all processes.

    Parameters
    ----------
    x : theano.Variable, or list of them

    Returns
    -------
    theano.Variable, or list of them
        See :class:`AllReduce` for gradients.
    """
    return _apply(AllReduce(), x)


def average(x: Any) -> Any:
    """The mean of a tensor over all processes.

    Parameters
    ----------
    x : theano.Variable, or list of them
        For instance the gradients of a loss that is the mean over the examples
        of this process. If all processes have the same number of examples, the
        result is the gradient of the mean over the examples of all.

    Returns
    -------
    theano.Variable, or list of them
        See :class:`AllReduce` for gradients.
    """
    return _apply(AllReduce(mean=True), x)


def _apply(op: AllReduce, x: Any) -> Any:
    if isinstance(x, (list, tuple)):
        return [op(variable) for variable in x]
    return op(x)


def divide(x: theano.Variable) -> theano.Variable:
    """Mark a minibatch whose rows the processes share.

    In functions that are compiled with the engine's mode, each process
    computes with its own rows (:func:`own_rows`). The function gets
    the whole minibatch on all processes, and its results are those of the
    whole. With one process, or in Theano's own modes, nothing changes.

    Parameters
    ----------
    x : theano.Variable, shape (n, ...)
        An input of functions, or noise that is drawn in the graph.

    Returns
    -------
    theano.Variable
        `x` itself. Its ``tag.minibatch`` is set, which code that should not
        depend on this package can do as well.

    Raises
    ------
    ValueError
        If `x` has no axes.
    """
    if not x.ndim:
        raise ValueError(
            f'{x} has no rows that could be divided: it is a number'
        )
    x.tag.minibatch = True
    return x
