"""Elementwise operations in C++, from Theano's own code for their elements."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import theano.scalar.basic as scalar
from theano.gof import Apply, Constant
from theano.gof.utils import MethodNotDefined
from theano.scalar import get_scalar_type
from theano.tensor.basic import ScalarFromTensor, TensorFromScalar
from theano.tensor.elemwise import Elemwise
from theano.tensor.nnet.sigm import ScalarSigmoid

from ..kernels.scalar_tables import CHEAP
from .arrays import Array, NotSupportedError, c_type, literal
from .graph import Graph, emits

# Theano's code for a sigmoid returns 1 where the result is only near it, and
# that for a sign returns -1 for NaN.
_OWN_CODE = {
    ScalarSigmoid: '{z} = 1 / (1 + exp(-({x})));',
    scalar.Sgn: '{z} = {x} > 0 ? 1 : {x} < 0 ? -1 : {x};',
}
# Nanoseconds for each element, in C++ and on PyTorch.
_FAST_COSTS = 0.2, 0.2
_SLOW_COSTS = 8.0, 0.7


@emits(Elemwise)
def _emit_elementwise(graph: Graph, node: Apply) -> Sequence[Array]:
    results = [graph.new(variable) for variable in node.outputs]
    apply(graph, node.op.scalar_op, node, results)
    return results


def _emit_scalar(graph: Graph, node: Apply) -> Sequence[Array]:
    results = [graph.new(variable) for variable in node.outputs]
    apply(graph, node.op, node, results)
    return results


# Operations on single numbers, such as a graph's arithmetic with sizes.
for _kind in vars(scalar).values():
    if isinstance(_kind, type) and issubclass(_kind, scalar.ScalarOp):
        emits(_kind)(_emit_scalar)


@emits(ScalarFromTensor, TensorFromScalar)
def _emit_same(graph: Graph, node: Apply) -> Sequence[Array]:
    return [graph.array(node.inputs[0])]


def apply(
    graph: Graph, op: scalar.ScalarOp, node: Apply, results: Sequence[Array]
) -> None:
    """Write the loop that applies a scalar Op to the inputs of a node."""
    arrays = [graph.array(variable) for variable in node.inputs]
    shape = results[0].shape

    def body(*elements: str) -> str:
        return scalar_code(
            graph,
            op,
            [array.dtype for array in arrays],
            [array.dtype for array in results],
            elements[len(results) :],
            elements[: len(results)],
        )

    graph.source.loop(shape, [*results, *arrays], body)
    steps = [op]
    if isinstance(op, scalar.Composite):
        steps = [inner.op for inner in op.fgraph.apply_nodes]
    for step in steps:
        compiled, eager = (
            _FAST_COSTS if isinstance(step, CHEAP) else _SLOW_COSTS
        )
        size = results[0].size
        graph.source.spend(20 + compiled * size, eager * size)


def scalar_code(
    graph: Graph,
    op: scalar.ScalarOp,
    input_dtypes: Sequence[str],
    output_dtypes: Sequence[str],
    inputs: Sequence[str],
    outputs: Sequence[str],
) -> str:
    """The code that applies a scalar Op to numbers.

    Parameters
    ----------
    graph : Graph
        What needs the code.
    op : theano.scalar.ScalarOp
    input_dtypes, output_dtypes : sequence of str
    inputs, outputs : sequence of str
        Expressions for the numbers, and for where the results go.

    Raises
    ------
    NotSupportedError
        If Theano has no such code, or if it needs Python.
    """
    if isinstance(op, scalar.Composite):
        return _composite_code(graph, op, inputs, outputs)
    node = op.make_node(*(get_scalar_type(dtype)() for dtype in input_dtypes))
    name = graph.source.name('x')
    arguments = [f'{name}_{k}' for k in range(len(inputs))]
    results = [f'{name}_z{k}' for k in range(len(outputs))]
    own_code = _OWN_CODE.get(type(op))
    if own_code and output_dtypes[0].startswith('float'):
        kind = c_type(output_dtypes[0])
        code = own_code.format(z=results[0], x=f'({kind}) {arguments[0]}')
    else:
        code = _theano_code(graph.source, op, node, name, arguments, results)
    lines = [
        f'const {c_type(dtype)} {argument} = {value};'
        for dtype, argument, value in zip(input_dtypes, arguments, inputs)
    ]
    lines += [
        f'{c_type(variable.dtype)} {result};'
        for variable, result in zip(node.outputs, results)
    ]
    lines.append(code)
    lines += [
        f'{output} = {result};' for output, result in zip(outputs, results)
    ]
    return '\n'.join(lines)


def _composite_code(graph, op, inputs, outputs):
    """The code of a graph of scalar Ops."""
    names = dict(zip(op.fgraph.inputs, inputs))

    def name_of(variable):
        if isinstance(variable, Constant):
            return literal(np.asarray(variable.data, variable.dtype)[()])
        return names[variable]

    lines = []
    for inner in op.fgraph.toposort():
        for variable in inner.outputs:
            names[variable] = graph.source.name('y')
            lines.append(f'{c_type(variable.dtype)} {names[variable]};')
        code = scalar_code(
            graph,
            inner.op,
            [variable.dtype for variable in inner.inputs],
            [variable.dtype for variable in inner.outputs],
            list(map(name_of, inner.inputs)),
            [names[variable] for variable in inner.outputs],
        )
        lines.append(f'{{ {code} }}')
    lines += [
        f'{output} = {name_of(variable)};'
        for output, variable in zip(outputs, op.fgraph.outputs)
    ]
    return '\n'.join(lines)


def _theano_code(
    source: Any,
    op: scalar.ScalarOp,
    node: Apply,
    name: str,
    arguments: Sequence[str],
    results: Sequence[str],
) -> str:
    for variable in node.inputs + node.outputs:
        c_type(variable.dtype)
    if isinstance(op, scalar.Pow) and not (
        node.outputs[0].dtype.startswith('float')
    ):
        raise NotSupportedError('powers of integers, which may be inexact')
    try:
        code = op.c_code(node, name, arguments, results, {'fail': 'return 1;'})
    except (MethodNotDefined, NotImplementedError):
        raise NotSupportedError(f'{op} has no C code') from None
    support = ''
    with contextlib.suppress(MethodNotDefined):
        support = op.c_support_code()
    # The only statement that is left out raises an error; after it, the code
    # gives up.
    python_free = code.replace('PyErr_SetString(PyExc_', '')
    if 'Py' in support + python_free:
        raise NotSupportedError(f'the C code of {op} needs Python')
    if support:
        source.support[support] = None
    return code
