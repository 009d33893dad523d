"""Numbers in C++, and what scalar Ops do to them."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import theano.scalar.basic as scalar
from theano.gof import Apply, Constant
from theano.gof.utils import MethodNotDefined
from theano.scalar import get_scalar_type
from theano.tensor.nnet.sigm import ScalarSigmoid

from .vector_math import VECTOR_MATH

#: The names of types in Theano's code.
TYPES = """
#include <stdint.h>
#include <math.h>
typedef unsigned char npy_bool;
typedef int8_t npy_int8; typedef uint8_t npy_uint8;
typedef int16_t npy_int16; typedef uint16_t npy_uint16;
typedef int32_t npy_int32; typedef uint32_t npy_uint32;
typedef int64_t npy_int64; typedef uint64_t npy_uint64;
typedef float npy_float32; typedef double npy_float64;
"""
_BITS = 8, 16, 32, 64
_C_TYPES = {
    name: f'npy_{name}'
    for name in (
        *('bool', 'float32', 'float64'),
        *(f'int{bits}' for bits in _BITS),
        *(f'uint{bits}' for bits in _BITS),
    )
}

#: The Ops on floating-point numbers for which there are functions of our own.
VECTORISED = scalar.Exp, scalar.Tanh, ScalarSigmoid
# Theano's code for a sign returns -1 for NaN.
_OWN_CODE = {
    scalar.Exp: '{z} = vector_exp({x});',
    scalar.Tanh: '{z} = vector_tanh({x});',
    ScalarSigmoid: '{z} = vector_sigmoid({x});',
    scalar.Sgn: '{z} = {x} > 0 ? 1 : {x} < 0 ? -1 : {x};',
}


class NotSupportedError(Exception):
    """A graph cannot be written in C++; the message says why."""


class ScalarSource:
    """What pieces of code have in common.

    Attributes
    ----------
    support : dict of str to None
        Code that comes before all functions.
    """

    def __init__(self) -> None:
        self.support: dict[str, None] = {}
        self._names = 0

    def name(self, letter: str) -> str:
        """A new name that begins with a letter."""
        self._names += 1
        return f'{letter}{self._names}'


def c_type(dtype: str) -> str:
    """The name of a type in the generated code.

    Raises
    ------
    NotSupportedError
        For types that the code does not compute with.
    """
    try:
        return _C_TYPES[dtype]
    except KeyError:
        raise NotSupportedError(f'numbers of type {dtype}') from None


def literal(value: Any) -> str:
    """A number of NumPy's in C++, exactly.

    Raises
    ------
    NotSupportedError
        For types that the code does not compute with.
    """
    kind = c_type(str(value.dtype))
    if value.dtype.kind != 'f':
        suffix = {'i': 'LL', 'u': 'ULL'}.get(value.dtype.kind, '')
        # The smallest integer is no literal in C++.
        text = '(-9223372036854775807LL - 1)'
        if int(value) != -(2**63):
            text = f'{int(value)}{suffix}'
        return f'({kind}) {text}'
    if np.isfinite(value):
        return f'({kind}) {float(value)!r}'
    if np.isnan(value):
        return f'({kind}) NAN'
    return f'({kind}) {"-" if value < 0 else ""}INFINITY'


def scalar_code(
    source: ScalarSource,
    op: scalar.ScalarOp,
    input_dtypes: Sequence[str],
    output_dtypes: Sequence[str],
    inputs: Sequence[str],
    outputs: Sequence[str],
) -> str:
    """The code that applies a scalar Op to numbers.

    Parameters
    ----------
    source : ScalarSource
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
        return _composite_code(source, op, inputs, outputs)
    node = op.make_node(*(get_scalar_type(dtype)() for dtype in input_dtypes))
    name = source.name('x')
    arguments = [f'{name}_{k}' for k in range(len(inputs))]
    results = [f'{name}_z{k}' for k in range(len(outputs))]
    own_code = _OWN_CODE.get(type(op))
    if own_code and output_dtypes[0].startswith('float'):
        kind = c_type(output_dtypes[0])
        code = own_code.format(z=results[0], x=f'({kind}) {arguments[0]}')
        if isinstance(op, VECTORISED):
            source.support[VECTOR_MATH] = None
    else:
        code = _theano_code(source, op, node, name, arguments, results)
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


def _composite_code(source, op, inputs, outputs):
    """The code of a graph of scalar Ops."""
    names = dict(zip(op.fgraph.inputs, inputs))

    def name_of(variable):
        if isinstance(variable, Constant):
            return literal(np.asarray(variable.data, variable.dtype)[()])
        return names[variable]

    lines = []
    for inner in op.fgraph.toposort():
        for variable in inner.outputs:
            names[variable] = source.name('y')
            lines.append(f'{c_type(variable.dtype)} {names[variable]};')
        code = scalar_code(
            source,
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
    source: ScalarSource,
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
