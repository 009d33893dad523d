"""Arithmetic with shapes and other small values, on the host.

It uses Theano's own Python implementations. On NumPy scalars these take
microseconds, whereas reading one number back from a device costs more than
many operations. Ops without a kernel run here as well, whatever their size.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np
import theano
import theano.scalar.basic as scalar
from theano.compile.ops import Rebroadcast, Shape, Shape_i, ViewOp
from theano.gof import Apply, Constant, FunctionGraph
from theano.gof.graph import NoParams
from theano.gof.op import Op, PureOp
from theano.ifelse import IfElse
from theano.scalar import ScalarOp
from theano.tensor.basic import Join, ScalarFromTensor, TensorFromScalar
from theano.tensor.elemwise import CAReduce, DimShuffle, Elemwise
from theano.tensor.opt import Assert, MakeVector
from theano.tensor.subtensor import Subtensor
from theano.tensor.type_other import MakeSlice

from . import fallback
from .dispatch import has_kernel, not_implemented, runs_on_host
from .values import SMALL_SIZE, is_tensor

# These Ops run on the host if all their inputs are host values.
_ON_HOST_OF_HOST_VALUES = (
    Assert,
    CAReduce,
    DimShuffle,
    Elemwise,
    IfElse,
    Join,
    MakeSlice,
    MakeVector,
    Rebroadcast,
    ScalarFromTensor,
    ScalarOp,
    Subtensor,
    TensorFromScalar,
    ViewOp,
)
# These Ops never touch a device.
_ALWAYS_ON_HOST = MakeSlice, ScalarFromTensor, ScalarOp, Shape, Shape_i


def _between(operator):
    return f' {operator} '.join


# Python's expressions for operations on single numbers, given the names of
# these.
_EXPRESSIONS: dict[type, Callable[[Sequence[str]], str]] = {
    scalar.Add: _between('+'),
    scalar.Mul: _between('*'),
    scalar.Sub: _between('-'),
    scalar.IntDiv: _between('//'),
    scalar.AND: _between('&'),
    scalar.OR: _between('|'),
    scalar.LT: _between('<'),
    scalar.LE: _between('<='),
    scalar.GT: _between('>'),
    scalar.GE: _between('>='),
    scalar.EQ: _between('=='),
    scalar.NEQ: _between('!='),
    scalar.Neg: lambda names: f'-{names[0]}',
    scalar.Switch: lambda names: '{1} if {0} else {2}'.format(*names),
    scalar.Minimum: lambda names: '{0} if {0} < {1} else {1}'.format(*names),
    scalar.Maximum: lambda names: '{0} if {0} > {1} else {1}'.format(*names),
}
# The results of these are among the inputs, and have the same type.
_CHOICES = scalar.Switch, scalar.Minimum, scalar.Maximum


def host_variables(
    fgraph: FunctionGraph,
    order: Sequence[Apply],
    inputs: Collection[theano.Variable],
) -> set[theano.Variable]:
    """The variables whose values are on the host.

    Parameters
    ----------
    fgraph : theano.gof.FunctionGraph
    order : list of Apply
    inputs : collection of Variable
        Inputs of the graph that come from the host anyway.

    Returns
    -------
    set of Variable
    """
    found = {variable for variable in inputs if _is_small(variable)}
    for node in order:
        found.update(
            variable
            for variable in node.inputs
            if isinstance(variable, Constant) and _is_small(variable)
        )
        if (
            isinstance(node.op, _ALWAYS_ON_HOST)
            or runs_on_host(node)
            or lacks_kernel(node)
            or not any(map(is_tensor, node.inputs + node.outputs))
            or (
                isinstance(node.op, _ON_HOST_OF_HOST_VALUES)
                and all(variable in found for variable in node.inputs)
                and all(map(_is_small, node.outputs))
            )
        ):
            found.update(node.outputs)
    return found


def lacks_kernel(node: Apply) -> bool:
    """Whether a node runs on the host because the engine has no kernel."""
    # An IfElse becomes an if statement.
    return not (
        isinstance(node.op, (*_ALWAYS_ON_HOST, IfElse))
        or runs_on_host(node)
        or has_kernel(node)
    )


def _is_small(variable: theano.Variable) -> bool:
    """Whether a variable's type says that it has few elements.

    That holds for scalars, for computed vectors of integers (lists of sizes
    and indices), and for everything that is not an array.
    """
    if not is_tensor(variable):
        return True
    if isinstance(variable, Constant):
        return variable.data.size <= SMALL_SIZE and variable.ndim <= 1
    return variable.ndim == 0 or (
        variable.ndim == 1
        and variable.owner is not None
        and variable.dtype.startswith(('int', 'uint'))
    )


def host_expression(node: Apply, names: Sequence[str]) -> str | None:
    """Python code for a node on the host that computes with single sizes or
    indices; None if there is none.

    An expression takes a hundredth of the time of Theano's implementation,
    and a program with loops has hundreds of them.

    Parameters
    ----------
    node : theano.gof.Apply
    names : list of str
        The names of the inputs' values: NumPy's numbers, or arrays without
        axes. Those of whole numbers have the type int64.
    """
    op, (output, *others) = node.op, node.outputs
    if isinstance(op, Shape_i):
        return f'int64({names[0]}.shape[{op.i}])'
    dtypes = [
        'int64' if is_whole_number(x) else getattr(x, 'dtype', None)
        for x in (*node.inputs, output)
    ]
    if others or not {'int64', 'bool'}.issuperset(dtypes):
        return None
    if isinstance(op, ScalarFromTensor):
        return f'{names[0]}[()]'
    if isinstance(op, MakeVector) and output.dtype == 'int64':
        return f"array([{', '.join(names)}], 'int64')"
    kind = type(getattr(op, 'scalar_op', None))
    if (
        type(op) is not Elemwise
        or output.ndim
        or kind not in _EXPRESSIONS
        or (kind in _CHOICES and len(set(dtypes[-3:])) > 1)
    ):
        return None
    return _EXPRESSIONS[kind](names)


def is_whole_number(variable: theano.Variable) -> bool:
    """Whether a variable is a single integer that does not change."""
    return (
        isinstance(variable, Constant)
        and getattr(variable, 'ndim', None) == 0
        and np.can_cast(variable.dtype, 'int64')
        and variable.dtype != 'bool'
    )


def host_kernel(node: Apply) -> Callable:
    """The function that carries out a node on the host.

    Raises
    ------
    NotImplementedError
        If the engine has no kernel for the node and is to refuse such nodes,
        or if the Op has only C code and there is no compiler.
    """
    if isinstance(node.op, Shape_i):
        axis = node.op.i
        return lambda x: np.asarray(x.shape[axis], 'int64')
    if isinstance(node.op, Shape):
        return lambda x: np.asarray(tuple(x.shape), 'int64')
    if lacks_kernel(node):
        fallback.note(node)
    if _has_python_code(node.op):
        return _with_arrays(node, _python_kernel(node))
    if not theano.config.cxx and not _makes_own_thunk(node.op):
        raise not_implemented(node)
    return _with_arrays(node, _thunk_kernel(node))


def _with_arrays(node, function):
    """`function`, with arrays for numbers from expressions: Theano knows
    tensors without axes as arrays only.
    """
    places = [
        i
        for i, variable in enumerate(node.inputs)
        if is_tensor(variable) and not variable.ndim
    ]
    if not places:
        return function

    def run(*inputs):
        values = list(inputs)
        for i in places:
            if isinstance(values[i], np.generic):
                values[i] = np.asarray(values[i])
        return function(*values)

    return run


def _has_python_code(op):
    """Whether an Op can be carried out by its ``perform``."""
    kind = type(op)
    return kind.perform is not PureOp.perform and not _makes_own_thunk(op)


def _makes_own_thunk(op):
    """Whether an Op decides itself how it is carried out."""
    make_thunk = getattr(type(op), 'make_thunk', Op.make_thunk)
    return make_thunk is not Op.make_thunk


def _python_kernel(node):
    """A function that calls the Op's ``perform``."""
    op, count, params = node.op, len(node.outputs), node.run_params()
    if isinstance(op, Op):
        op.prepare_node(node, None, None, 'py')
    extra = () if params is NoParams else (op.params_type.filter(params),)

    def perform(*inputs):
        outputs = [[None] for _ in range(count)]
        op.perform(node, list(inputs), outputs, *extra)
        return (
            outputs[0][0]
            if count == 1
            else tuple(output for (output,) in outputs)
        )

    return perform


def _thunk_kernel(node):
    """A function that runs what the Op makes of itself, such as C code."""
    storage = {variable: [None] for variable in node.inputs + node.outputs}
    computed = {variable: [True] for variable in storage}
    thunk = node.op.make_thunk(node, storage, computed, [], impl=None)

    def run(*inputs):
        for variable, value in zip(node.inputs, inputs):
            storage[variable][0] = value
        thunk()
        results = tuple(storage[variable][0] for variable in node.outputs)
        for cell in storage.values():
            cell[0] = None
        return results if len(results) > 1 else results[0]

    return run
