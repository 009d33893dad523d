"""Records what the functions return that a program compiles."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

# The most elements that are kept of an array.
_KEPT = 1000


class Recorder:
    """Records the results of calls, and stops the program after some.

    Calls by ``eval``, and those that neither take nor update anything, are
    recorded but not counted: Keras initialises its weights in this way. At the
    end, it also records the shared variables that the functions updated, such
    as the parameters of a network.

    Parameters
    ----------
    path : path
        Where the record is written, in NumPy's format npz.
    calls : int
        The number of calls after which the process ends.
    """

    def __init__(self, path: str | os.PathLike, calls: int) -> None:
        self.path = path
        self.calls = calls
        self._numbers = {'call': 0, 'constant': 0}
        self._inside = False
        self._evaluates = False
        self._values: dict[str, np.ndarray] = {}
        self._functions: list = []

    def install(self) -> None:
        """Record the calls of all functions of this process."""
        from theano.compile.function_module import Function
        from theano.gof import Variable

        evaluate = Variable.eval
        # The engine's functions have a class of their own.
        for kind in [Function, *Function.__subclasses__()]:
            kind.__call__ = self._recorded(kind.__call__)

        def recorded_eval(variable, *args, **kwargs):
            self._evaluates = True
            try:
                return evaluate(variable, *args, **kwargs)
            finally:
                self._evaluates = False

        Variable.eval = recorded_eval

    def _recorded(self, call):
        """The function that replaces a method which calls functions."""

        def recorded_call(function, *args, **kwargs):
            # An Op that calls a function of its own is part of the call.
            if self._inside:
                return call(function, *args, **kwargs)
            self._inside = True
            try:
                result = call(function, *args, **kwargs)
            finally:
                self._inside = False
            constant = self._evaluates or not (
                args or kwargs or any(_updated(function))
            )
            self._note(function, result, 'constant' if constant else 'call')
            return result

        return recorded_call

    def _note(self, function, result, kind):
        if not any(function is known for known in self._functions):
            self._functions.append(function)
        for name, value in _arrays(result):
            self._keep(f'{kind} {self._numbers[kind]}{name}', value)
        self._numbers[kind] += 1
        if self._numbers['call'] == self.calls:
            self.write()
            sys.stdout.flush()
            sys.stderr.flush()
            # An exception could be caught by the program.
            os._exit(0)

    def write(self) -> None:
        """Write what was recorded so far."""
        updated = dict.fromkeys(
            variable
            for function in self._functions
            for variable in _updated(function)
        )
        for i, variable in enumerate(updated):
            value = variable.get_value()
            if isinstance(value, np.ndarray):
                self._keep(f'shared {i} {variable.name}', value)
        np.savez(self.path, **self._values)

    def _keep(self, name, value):
        flat = value.reshape(-1)
        self._values[name] = flat[:: max(1, -(-flat.size // _KEPT))].copy()
        self._values[f'{name}, shape'] = np.array(value.shape, int)


def _updated(function: Any) -> Iterator[Any]:
    """The shared variables that a function updates."""
    for item in function.maker.expanded_inputs:
        if item.update is not None and hasattr(item.variable, 'get_value'):
            yield item.variable


def _arrays(result: Any, name: str = '') -> Iterator[tuple[str, np.ndarray]]:
    """The arrays of numbers in a result, with their names."""
    if isinstance(result, Mapping):
        items = [(f'[{key!r}]', value) for key, value in result.items()]
    elif isinstance(result, (list, tuple)):
        items = [(f'[{i}]', value) for i, value in enumerate(result)]
    else:
        value = np.asarray(result)
        if value.dtype.kind in 'biufc':
            yield name, value
        return
    for key, value in items:
        yield from _arrays(value, name + key)
