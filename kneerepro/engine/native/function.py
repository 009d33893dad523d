"""Functions in C++: when they are compiled, and how they are called."""

from __future__ import annotations

import contextlib
import ctypes
import sys
import warnings
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from ..compiler import compiler, load
from ..kernels.scalar_code import TYPES, NotSupportedError, c_type
from ..program import Program
from ..values import is_tensor
from . import (  # noqa: F401, register what writes each Op
    elementwise,
    loops,
    networks,
    products,
    structure,
)
from .arrays import Array
from .graph import Graph, Source, check_nodes

#: A function is written in C++ once it has been called this many times with
#: inputs of the same shapes. The number is fixed, so that a program gives the
#: same results to the bit whenever it runs on the same machine.
CALLS = 500
#: At most this many versions of a function are written, for different shapes.
MAX_VERSIONS = 4
# The calls are counted for at most this many combinations of shapes.
_MAX_SIGNATURES = 64
# C++ must be this many times as fast as PyTorch, by the estimates.
_MIN_SPEED_UP = 1

# New values of inputs with at least this many bytes are written into memory
# that was used before.
_RECYCLED_BYTES = 2**16

# The mark of types whose bytes are in the other order.
_FOREIGN = '>' if sys.byteorder == 'little' else '<'
# The flag of arrays whose elements lie at addresses that fit their type.
_IS_ALIGNED = 0x100

_PRELUDE = f"""
#include <string.h>
{TYPES}
#define ALIGNED __attribute__((aligned(64)))
#define PyErr_SetString(kind, text)
// The beginnings of Python's lists and of NumPy's arrays and types, whose
// layout is part of their binary interfaces.
typedef struct {{
    char head[{object.__basicsize__} - sizeof(void *)]; void *type;
}} Object;
typedef struct {{ Object object; intptr_t size; Object **items; }} List;
typedef struct {{
    Object object; char *data; int nd; intptr_t *shape, *strides;
    Object *base; struct Descr *descr; int flags;
}} Ndarray;
struct Descr {{
    Object object; void *typeobj; char kind, letter, byteorder, flags;
    int number;
}};
static Object *item(Object *list, int i) {{
    return ((List *) list)->items[i];
}}
static int fits(Object *value, void *type, int number, int nd,
                const intptr_t *shape, const intptr_t *strides) {{
    if (value->type != type) return 0;
    const Ndarray *array = (Ndarray *) value;
    if (array->nd != nd || array->descr->number != number
        || array->descr->byteorder == '{_FOREIGN}'
        || !(array->flags & {_IS_ALIGNED}))
        return 0;
    for (int k = 0; k < nd; ++k)
        if (array->shape[k] != shape[k]
            || (shape[k] > 1 && array->strides[k] != strides[k])) return 0;
    return 1;
}}
"""


class NativeFunction:
    """What computes a program in C++, as soon as it is called often.

    Parameters
    ----------
    program : kneerepro.engine.program.Program
    cells : list of list
        One for each input, with its value in it.
    updates : dict of int to int
        The outputs that are new values of inputs, with those inputs.
    """

    def __init__(
        self,
        program: Program,
        cells: Sequence[list],
        updates: Mapping[int, int],
    ):
        self._program, self._cells = program, list(cells)
        self._updates = updates
        self._versions: list[Version] = []
        self._attempts = 0
        # The inputs whose values are part of the code.
        self._known: set[int] = set()
        self._calls: dict[tuple, int] = {}

    @classmethod
    def of(
        cls,
        program: Program,
        cells: Sequence[list],
        updates: Mapping[int, int],
    ) -> NativeFunction | None:
        """The function of a program; None if it cannot be in C++."""
        try:
            check_nodes(program)
        except NotSupportedError:
            return None
        return cls(program, cells, updates)

    def __call__(self) -> list | None:
        """The outputs' values; None if PyTorch is to compute them."""
        for version in self._versions:
            outputs = version(self._cells)
            if outputs is not None:
                return outputs
        if self._attempts < MAX_VERSIONS:
            self._count()
        return None

    @property
    def versions(self) -> int:
        """The number of versions that were compiled."""
        return len(self._versions)

    def _count(self):
        """Count a call, and compile a version if there were enough."""
        values = [cell[0] for cell in self._cells]
        signature = tuple(
            (getattr(value, 'shape', None), getattr(value, 'strides', None))
            for value in values
        ) + tuple(int(values[i]) for i in self._known)
        if len(self._calls) > _MAX_SIGNATURES:
            self._calls.clear()
        calls = self._calls[signature] = self._calls.get(signature, 0) + 1
        if calls == CALLS:
            self._attempts += 1
            version = self._version(values)
            if version is not None:
                self._versions.append(version)

    def _version(self, values: Sequence[Any]) -> Version | None:
        """A version for inputs of the shapes of these; None if there can be
        none.
        """
        if compiler() is None:
            return None
        try:
            for known in self._choices():
                with contextlib.suppress(NotSupportedError):
                    version = Version(
                        self._program, values, known, self._updates
                    )
                    self._known = known
                    return version
        except Exception as error:
            # This is no reason to stop a program that works.
            warnings.warn(
                'a function that is called often could not be written in C++, '
                'so PyTorch goes on to compute it, operation by operation: '
                f'{type(error).__name__}: {error}',
                RuntimeWarning,
                stacklevel=2,
            )
        return None

    def _choices(self) -> list[set[int]]:
        """Sets of inputs whose values could be part of the code."""
        if self._known:
            return [self._known]
        # These may be sizes or numbers of steps, for which the code has to be
        # written. A number that the function changes is none of them.
        sizes = {
            i
            for i, variable in enumerate(self._program.scope.fgraph.inputs)
            if is_tensor(variable)
            and variable.ndim == 0
            and variable.dtype.startswith(('int', 'uint'))
        }.difference(self._updates.values())
        return [set(), sizes] if sizes else [set()]


class _Recycled:
    """The memory of a large output that is the new value of an input.

    The system takes its time for new memory. So the value before the last one
    is overwritten, if nothing else uses it any more.

    Parameters
    ----------
    output, updated : int
        The output, and the input whose new value it is.
    """

    def __init__(self, output: int, updated: int):
        self.output, self._updated = output, updated
        self._last = self._spare = None

    def take(self) -> np.ndarray | None:
        """An array that may be overwritten; None if there is none."""
        # This attribute and the call's argument are its only references.
        if self._spare is not None and sys.getrefcount(self._spare) == 2:
            return self._spare
        return None

    def keep(self, outputs: list, cells: list[list]) -> None:
        """Remember what was computed, and what it replaces."""
        replaced, self._spare = cells[self._updated][0], None
        if replaced is self._last:
            self._spare = replaced
        self._last = outputs[self.output]


class Version:
    """A program in C++ for inputs of certain shapes.

    Parameters
    ----------
    program : kneerepro.engine.program.Program
    values : list of array
        Inputs of these shapes. They are not changed.
    known : set of int
        The inputs whose values are part of the code.
    updates : dict of int to int
        The outputs that are new values of inputs, with those inputs.

    Raises
    ------
    NotSupportedError
        If it cannot be written or compiled, or if PyTorch would take less
        time.
    """

    def __init__(
        self,
        program: Program,
        values: Sequence[Any],
        known: Collection[int],
        updates: Mapping[int, int],
    ):
        self._source = source = Source()
        variables = program.scope.fgraph.inputs
        inputs = [
            np.array(value)
            if i in known
            else _input(source, i, variable, value)
            for i, (variable, value) in enumerate(zip(variables, values))
        ]
        for i in known:
            self._check_value(i, values[i])
        examples = [np.array(value, order='K') for value in values]
        graph = Graph(source, program, inputs, examples)
        if source.compiled * _MIN_SPEED_UP > source.eager:
            raise NotSupportedError("PyTorch's kernels are faster")
        self._outputs = [
            self._output(
                i, value, values[updates[i]] if i in updates else None
            )
            for i, value in enumerate(graph.outputs)
        ]
        self.code = _PRELUDE + source.text(
            'extern "C" int run(Object *type, Object *cells, Object *outputs)'
        )
        library = load(self.code)
        if library is None:
            raise NotSupportedError('there is no compiler')
        self._run: Any = library.run
        self._run.argtypes = [ctypes.py_object] * 3
        self._recycled = [
            _Recycled(i, k)
            for i, k in updates.items()
            if self._outputs[i][0] is np.empty
            and values[k].nbytes >= _RECYCLED_BYTES
        ]

    def __call__(self, cells: list[list]) -> list | None:
        """The outputs' values; None if the inputs have other shapes, or if
        they are not valid.
        """
        if self._recycled:
            outputs = self._memory_with_spare()
        else:
            outputs = [make(*arguments) for make, arguments in self._outputs]
        if self._run(np.ndarray, cells, outputs):
            return None
        for recycled in self._recycled:
            recycled.keep(outputs, cells)
        return outputs

    def _memory_with_spare(self):
        """The memory of all outputs, recycled where possible."""
        spare = {r.output: r.take() for r in self._recycled}
        return [
            make(*arguments) if spare.get(i) is None else spare[i]
            for i, (make, arguments) in enumerate(self._outputs)
        ]

    def _check_value(self, i, value):
        kind, number = c_type(str(value.dtype)), int(value)
        pointer = _check_type(self._source, i, value)
        self._source.emit(f'if (*({kind} *) {pointer} != {number}) return 1;')

    def _output(self, i, value, updated):
        """What makes the memory of an output, and its arguments."""
        if not isinstance(value, Array):
            return np.array, (value,)
        order = list(range(len(value.shape)))
        if updated is not None:
            # A new value has the memory order of the old one, for which the
            # code was written.
            order.sort(key=lambda axis: -updated.strides[axis])
        sizes = [value.shape[axis] for axis in order]
        axes = sorted(range(len(order)), key=order.__getitem__)
        example = _permuted(sizes, value.dtype, axes)
        if updated is not None and (
            updated.shape != example.shape
            or any(
                n > 1 and a != b
                for n, a, b in zip(
                    value.shape, updated.strides, example.strides
                )
            )
        ):
            raise NotSupportedError('an input with gaps in its memory')
        kind, name = c_type(value.dtype), f'out{i}'
        address = f'((Ndarray *) item(outputs, {i}))->data'
        result = Array(name, '0', value.dtype, value.shape, _steps(example))
        if not (result.is_contiguous and self._source.move(value, address)):
            self._source.emit(f'{kind} *{name} = ({kind} *) {address};')
            self._source.copy(result, value)
        if order == sorted(order):
            return np.empty, (value.shape, value.dtype)
        return _permuted, (sizes, value.dtype, axes)


def _permuted(sizes, dtype, axes):
    return np.empty(sizes, dtype).transpose(axes)


def _input(source, i, variable, value):
    """The array of an input."""
    if not is_tensor(variable) or type(value) is not np.ndarray:
        raise NotSupportedError(f'an input of type {variable.type}')
    kind, name = c_type(variable.dtype), f'in{i}'
    pointer = _check_type(source, i, value)
    source.emit(f'const {kind} *{name} = (const {kind} *) {pointer};')
    return Array(name, '0', variable.dtype, value.shape, _steps(value))


def _check_type(source, i, value):
    """Write the check of the type and shape of an input; returns an
    expression for its address.
    """
    name, sizes, strides = f'value{i}', value.shape, value.strides
    source.emit(f'Object *{name} = item(item(cells, {i}), 0);')
    for letter, numbers in ('n', sizes), ('s', strides):
        text = ', '.join(map(str, numbers)) or '0'
        source.emit(f'static const intptr_t {name}_{letter}[] = {{{text}}};')
    source.emit(
        f'if (!fits({name}, type, {value.dtype.num}, {value.ndim}, {name}_n, '
        f'{name}_s)) return 1;'
    )
    return f'((Ndarray *) {name})->data'


def _steps(value):
    """The strides of an array in elements."""
    if any(stride % value.itemsize for stride in value.strides):
        raise NotSupportedError('an input between whose elements are others')
    return tuple(stride // value.itemsize for stride in value.strides)
