"""The code of a graph: its lines, its memory, and the values of variables."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import theano
import torch
from theano.compile.ops import Shape, Shape_i
from theano.gof import Apply, Constant

from ..kernels.scalar_code import (
    NotSupportedError,
    ScalarSource,
    c_type,
    literal,
)
from ..layout import contiguous_strides
from ..program import Program
from ..source import Writer
from .arrays import Array, index_expression, merged_axes

#: Writes the code of a node and returns its results: one array for each
#: output, or a value that is known when the code is written.
Emitter = Callable[['Graph', Apply], Sequence[Any]]

#: Nanoseconds that one of PyTorch's operations takes at least, with what the
#: engine does around it.
DISPATCH = 5000

_EMITTERS: dict[type, Emitter] = {}
# Intermediate results together have at most this many bytes.
_MAX_MEMORY = 2**22


def emits(*classes: type) -> Callable[[Emitter], Emitter]:
    """Register the decorated function as what writes classes of Ops.

    It does not serve their subclasses.
    """

    def decorator(emitter):
        _EMITTERS.update(dict.fromkeys(classes, emitter))
        return emitter

    return decorator


def emitter_of(node: Apply) -> Emitter | None:
    """What writes the code of a node; None if nothing does."""
    return _EMITTERS.get(type(node.op))


class Source(ScalarSource):
    """The code of a whole function.

    Attributes
    ----------
    lines : list of str
        What the function does.
    compiled, eager : float
        Estimates of the nanoseconds that the function takes in C++, and
        operation by operation on PyTorch.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.compiled = self.eager = 0.0
        # By the name of the memory that is declared.
        self._declarations: dict[str, str] = {}
        self._constants: dict[tuple, Array] = {}
        self._bytes = 0

    def emit(self, line: str) -> None:
        """Add a line to the function."""
        self.lines.append(line)

    def new(self, dtype: str, shape: Sequence[int]) -> Array:
        """Reserve memory for an array.

        Raises
        ------
        NotSupportedError
            If it is too much.
        """
        size = max(math.prod(shape), 1)
        self._bytes += 8 * size
        if self._bytes > _MAX_MEMORY:
            raise NotSupportedError('too many numbers')
        name = self.name('b')
        self._declarations[name] = (
            f'static {c_type(dtype)} {name}[{size}] ALIGNED;'
        )
        return Array(name, '0', dtype, tuple(shape), contiguous_strides(shape))

    def move(self, array: Array, address: str) -> bool:
        """Have an array computed in other memory than what was reserved for
        it.

        Parameters
        ----------
        array : Array
        address : str
            An expression for the other memory, which nothing else uses.

        Returns
        -------
        bool
            Whether that was possible: the array may be part of a larger one,
            a constant, an input, or have been moved before.
        """
        kind = c_type(array.dtype)
        reserved = f'static {kind} {array.buffer}[{array.size}] ALIGNED;'
        if (
            array.offset != '0'
            or not array.is_contiguous
            or self._declarations.get(array.buffer) != reserved
        ):
            return False
        del self._declarations[array.buffer]
        pointer = f'{kind} *const __restrict {array.buffer}'
        self.lines.insert(0, f'{pointer} = ({kind} *) {address};')
        return True

    def constant(self, value: Any) -> Array:
        """An array whose numbers are part of the code."""
        value = np.asarray(value)
        key = value.dtype.str, value.shape, value.tobytes()
        if key not in self._constants:
            array = self.new(str(value.dtype), value.shape)
            numbers = ', '.join(map(literal, value.ravel())) or '0'
            self._declarations[array.buffer] = (
                f'static const {c_type(array.dtype)} {array.buffer}'
                f'[{max(array.size, 1)}] = {{{numbers}}};'
            )
            self._constants[key] = array
        return self._constants[key]

    def spend(self, compiled: float, eager: float) -> None:
        """Note how long a node takes, in nanoseconds, in C++ and on
        PyTorch's kernel, the latter without what it takes to call it.
        """
        self.compiled += compiled
        self.eager += DISPATCH + eager

    def text(self, head: str) -> str:
        """The whole function, given its head."""
        return '\n'.join(
            [
                *self.support,
                *self._declarations.values(),
                f'{head} {{',
                *self.lines,
                'return 0;',
                '}',
            ]
        )

    def loop(
        self,
        shape: Sequence[int],
        arrays: Sequence[Array],
        body: Callable[..., str],
    ) -> None:
        """Write loops over the elements of arrays of a common shape.

        Parameters
        ----------
        shape : sequence of int
        arrays : sequence of Array
            All have this shape, or are broadcast to it.
        body : callable
            Takes an expression for an element of each array, and returns the
            lines that compute with them.
        """
        if math.prod(shape) == 0:
            return
        views = [array.broadcast(shape) for array in arrays]
        sizes, strides = merged_axes(shape, [view.strides for view in views])
        places = [self.name('i') for _ in sizes]
        for place, n in zip(places, sizes):
            self.emit(f'for (long {place} = 0; {place} < {n}; ++{place})')
        elements = [
            f'{view.pointer}[{index_expression(places, steps)}]'
            for view, steps in zip(views, strides)
        ]
        self.emit(f'{{ {body(*elements)} }}')

    def copy(self, target: Array, value: Array) -> None:
        """Write the assignment of the elements of an array to another one."""
        self.loop(target.shape, [target, value], lambda to, x: f'{to} = {x};')

    def copied(self, value: Array) -> Array:
        """The same array in C order, in memory of its own."""
        array = self.new(value.dtype, value.shape)
        self.copy(array, value)
        return array

    def contiguous(self, value: Array) -> Array:
        """The same array in C order; itself if it is so already."""
        return value if value.is_contiguous else self.copied(value)


class Graph:
    """A graph whose code is written.

    Parameters
    ----------
    source : Source
    program : kneerepro.engine.program.Program
    inputs : sequence
        The arrays of its inputs, or values that are known when the code is
        written.
    examples : sequence
        Values of its inputs, with which it is run once to find the shapes.
        They may be overwritten.

    Attributes
    ----------
    source : Source
    program : Program
    outputs : list
        Arrays or known values.

    Raises
    ------
    NotSupportedError
        If it cannot be written.
    """

    def __init__(
        self,
        source: Source,
        program: Program,
        inputs: Sequence[Any],
        examples: Sequence[Any],
    ):
        self.source, self.program = source, program
        scope = program.scope
        check_nodes(program)
        self._known: dict[theano.Variable, Any] = {}
        self._arrays: dict[theano.Variable, Array] = {}
        self._examples = _all_values(program, examples)
        for variable, value in zip(scope.fgraph.inputs, inputs):
            self._set(variable, value)
        for node in scope.order:
            self._write(node)
        self.outputs = [
            self._known[variable]
            if variable in self._known
            else self.array(variable)
            for variable in scope.fgraph.outputs
        ]

    def array(self, variable: theano.Variable) -> Array:
        """The array of a variable."""
        if variable in self._arrays:
            return self._arrays[variable]
        if isinstance(variable, Constant):
            value = variable.data
        else:
            value = self._known[variable]
        if not isinstance(value, (np.ndarray, np.generic, int, float)):
            raise NotSupportedError(f'a value of type {variable.type}')
        return self.source.constant(np.asarray(value, variable.dtype))

    def known(self, variable: theano.Variable) -> Any:
        """The value of a variable that is known when the code is written.

        Raises
        ------
        NotSupportedError
            If it is not.
        """
        if isinstance(variable, Constant):
            return variable.data
        if variable not in self._known:
            raise NotSupportedError(
                f'{variable}, of which the code depends, varies from call to '
                'call'
            )
        return self._known[variable]

    def is_known(self, variable: theano.Variable) -> bool:
        """Whether :meth:`known` returns a value."""
        return isinstance(variable, Constant) or variable in self._known

    def shape(self, variable: theano.Variable) -> tuple[int, ...]:
        """The shape of a variable's value."""
        return tuple(np.shape(self._examples[variable]))

    def example(self, variable: theano.Variable) -> Any:
        """The value that a variable had when the graph was run."""
        return self._examples[variable]

    def new(self, variable: theano.Variable) -> Array:
        """Memory for a variable's value."""
        return self.source.new(variable.dtype, self.shape(variable))

    def _set(self, variable, value):
        if isinstance(value, Array):
            self._arrays[variable] = value
        else:
            self._known[variable] = value

    def _write(self, node):
        shapes_alone = isinstance(node.op, (Shape, Shape_i))
        if shapes_alone or (
            self.program.scope.is_host_node(node)
            and all(map(self.is_known, node.inputs))
        ):
            for variable in node.outputs:
                self._known[variable] = self._examples[variable]
            if not shapes_alone:
                return
            # It takes PyTorch some time nevertheless.
            self.source.spend(0, 0)
            return
        for variable, value in zip(node.outputs, emitter_of(node)(self, node)):
            if isinstance(value, Array) and value.shape != self.shape(
                variable
            ):
                raise NotSupportedError(
                    f'{node} has results of several shapes'
                )
            self._set(variable, value)


def check_nodes(program: Program) -> None:
    """Check that each node of a program can be written.

    Raises
    ------
    NotSupportedError
        If one cannot be.
    """
    for node in program.scope.order:
        if program.scope.regions[node] is not None or not (
            isinstance(node.op, (Shape, Shape_i)) or emitter_of(node)
        ):
            raise NotSupportedError(str(node.op))


def _all_values(program, inputs):
    """The values of all variables of a program, for values of the inputs."""
    scope = program.scope
    variables = dict.fromkeys(scope.fgraph.inputs)
    for node in scope.order:
        variables.update(dict.fromkeys([*node.inputs, *node.outputs]))
    writer = Writer(scope, scope.order, scope.inputs, list(variables))
    values = writer.function(*inputs)
    return {
        variable: _plain(value) for variable, value in zip(variables, values)
    }


def _plain(value: Any) -> Any:
    return value.numpy() if isinstance(value, torch.Tensor) else value
