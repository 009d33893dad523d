"""Optimised graphs, kept on disk for the next process.

Theano's optimiser takes seconds for the training step of a GAN, and gives the
same graph each time. So the result is stored beside Theano's compiled C code
(``theano.config.compiledir``), under a key of everything that it depends on:

=============  ================================================================
graph          Ops with their parameters, types, names, constants, updates
optimiser      the names of all rewrites that it is made of
flags          all of Theano's flags and the engine's
versions       Python, NumPy, PyTorch, and every source file of Theano,
               Lasagne, this package and ``layers``
=============  ================================================================

A graph is not stored if the key would not say everything: if an Op, a type or
a rewrite is defined elsewhere, if it contains a graph of its own (``scan``),
or if it is divided among several processes. Small graphs are not worth it.
``THEANO_TORCH_GRAPH_CACHE=0`` in the environment turns the cache off.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import os
import pickle
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np
import theano
import torch
from theano import configparser
from theano.compile.builders import OpFromGraph
from theano.compile.function_module import Supervisor
from theano.gof import Apply, Constant, FunctionGraph, Variable
from theano.gof.opt import LocalOptimizer, Optimizer
from theano.gof.toolbox import PreserveVariableAttributes, ReplaceValidate
from theano.scan_module.scan_op import Scan

from . import processes
from .flags import is_on
from .user_lines import UserLines

# Below this number of nodes, optimising takes less than a tenth of a second.
_LEAST_NODES = 60
# Larger constants are data, which take long to hash and much space.
_MOST_CONSTANT_BYTES = 2**24
_MOST_FILES = 2000

# The environment variables of the engine.
_PREFIX = 'THEANO_TORCH_'

# Packages whose source files are part of the key, and those that are known by
# their versions.
_SOURCES = 'theano', 'lasagne', 'kneerepro', 'layers'
_KNOWN = {*_SOURCES, 'numpy', 'torch', 'builtins', 'copyreg', 'collections'}

# Features of graphs that Theano's function() and the engine attach. All others
# could have a say in what the optimiser does.
_FEATURES = (
    Supervisor,
    PreserveVariableAttributes,
    ReplaceValidate,
    UserLines,
)


class _NotCacheableError(Exception):
    """The key of a graph would not say everything."""


def optimise_cached(fgraph: FunctionGraph, optimizer: Optimizer) -> Any:
    """Optimise a graph in place, or take the result from the cache.

    Parameters
    ----------
    fgraph : theano.gof.FunctionGraph
    optimizer : theano.gof.opt.Optimizer

    Returns
    -------
    object or None
        What the optimiser returned: its profile. None if it did not run.
    """
    if not is_on('THEANO_TORCH_GRAPH_CACHE'):
        return optimizer.optimize(fgraph)
    try:
        _check_cacheable(fgraph)
        numbered = _Numbered(fgraph)
        path = _folder() / _key(numbered, optimizer)
    except _NotCacheableError:
        return optimizer.optimize(fgraph)
    outputs = _load(path, numbered)
    if outputs is not None:
        for i, output in enumerate(outputs):
            fgraph.change_input('output', i, output, reason='graph cache')
        return None
    profile = optimizer.optimize(fgraph)
    _store(path, numbered, fgraph)
    return profile


class _Numbered:
    """A graph before it is optimised, with a number for each variable.

    Parameters
    ----------
    fgraph : theano.gof.FunctionGraph

    Attributes
    ----------
    fgraph : theano.gof.FunctionGraph
    nodes : list of Apply
    variables : list of Variable
        Inputs, then constants and the outputs of nodes in the nodes' order.
    """

    def __init__(self, fgraph: FunctionGraph):
        self.fgraph, self.nodes = fgraph, fgraph.toposort()
        self.variables: list[Variable] = []
        self._numbers: dict[Variable, int] = {}
        self._add(fgraph.inputs)
        for node in self.nodes:
            self._add(x for x in node.inputs if isinstance(x, Constant))
            self._add(node.outputs)
        self._add(x for x in fgraph.outputs if isinstance(x, Constant))

    def _add(self, variables: Iterable[Variable]) -> None:
        for variable in variables:
            if variable not in self._numbers:
                self._numbers[variable] = len(self.variables)
                self.variables.append(variable)

    def numbers(self, variables: Iterable[Variable]) -> list[int]:
        """The numbers of variables."""
        return [self._numbers[variable] for variable in variables]


# The key -----------------------------------------------------------------


def _check_cacheable(fgraph: FunctionGraph) -> None:
    """Check what can be seen of a graph before its nodes are numbered.

    Raises
    ------
    _NotCacheableError
    """
    if (
        len(fgraph.apply_nodes) < _LEAST_NODES
        or processes.size() > 1
        or theano.config.compute_test_value != 'off'
        or theano.config.profile_optimizer
        or theano.config.optimizer_verbose
        or any(type(x) not in _FEATURES for x in fgraph._features)
        or any(
            isinstance(node.op, (Scan, OpFromGraph))
            for node in fgraph.apply_nodes
        )
    ):
        raise _NotCacheableError


def _key(numbered: _Numbered, optimizer: Optimizer) -> str:
    """A hash of everything that decides what the optimiser returns.

    Raises
    ------
    _NotCacheableError
    """
    fgraph = numbered.fgraph
    contents = _pickled(
        (
            [_described(x) for x in numbered.variables],
            [
                (x.op, numbered.numbers(x.inputs), numbered.numbers(x.outputs))
                for x in numbered.nodes
            ],
            numbered.numbers(fgraph.inputs),
            numbered.numbers(fgraph.outputs),
            sorted((fgraph.update_mapping or {}).items()),
            [
                numbered.numbers(x for x in feature.protected)
                for feature in fgraph._features
                if isinstance(feature, Supervisor)
            ],
        )
    )
    rewrites = sorted(_names_of_rewrites(optimizer))
    flags = [
        (flag.fullname, str(flag.__get__(True, None)))
        for flag in configparser._config_var_list
        if 'compiledir' not in flag.fullname
    ] + sorted(x for x in os.environ.items() if x[0].startswith(_PREFIX))
    digest = hashlib.sha256(contents)
    digest.update(repr((rewrites, flags, _versions())).encode())
    return digest.hexdigest()


def _described(variable: Variable) -> tuple:
    """What the optimiser can see of a variable, without its place."""
    description = type(variable), variable.type, variable.name
    if isinstance(variable, Constant):
        return (*description, variable.data)
    return description


class _Pickler(pickle.Pickler):
    """Pickles only what is defined in packages whose versions are known."""

    def reducer_override(self, value: Any) -> Any:
        """Refuse a class or function that is defined elsewhere."""
        if isinstance(value, (type, FunctionType, BuiltinFunctionType)):
            _check_known(value)
        elif isinstance(value, np.ndarray) and (
            value.dtype.hasobject or value.nbytes > _MOST_CONSTANT_BYTES
        ):
            raise _NotCacheableError('a large constant')
        return NotImplemented


def _check_known(defined: Any) -> None:
    """Check the package that defines a class or function.

    Raises
    ------
    _NotCacheableError
        If its version is not known.
    """
    package = (defined.__module__ or 'builtins').partition('.')[0]
    if package not in _KNOWN:
        raise _NotCacheableError(f'{defined} is defined in {package}')


def _pickled(value: Any) -> bytes:
    file = io.BytesIO()
    try:
        _Pickler(file, protocol=4).dump(value)
    except _NotCacheableError:
        raise
    except Exception as error:  # classes can refuse in any way
        raise _NotCacheableError(str(error)) from error
    return file.getvalue()


def _names_of_rewrites(optimizer: Optimizer) -> set[str]:
    """The names of all the parts of an optimiser.

    Raises
    ------
    _NotCacheableError
        If one is defined in a package whose version is not known.
    """
    names, seen, left = set(), set(), [optimizer]
    while left:
        value = left.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, (Optimizer, LocalOptimizer)):
            _check_known(type(value))
            names.add(getattr(value, 'name', None) or type(value).__name__)
            left += vars(value).values()
        elif isinstance(value, FunctionType):
            _check_known(value)
            names.add(f'{value.__module__}.{value.__qualname__}')
        if isinstance(value, dict):
            left += value.values()
        elif isinstance(value, (list, tuple, set, frozenset)):
            left += value  # so are optimisers that are sequences of others
    return names


@functools.cache
def _versions() -> tuple:
    """The versions of everything else that has a part in the result."""
    files = []
    for package in _SOURCES:
        module = sys.modules.get(package)
        for folder in getattr(module, '__path__', ()):
            for path in sorted(Path(folder).rglob('*.py')):
                status = path.stat()
                files.append((str(path), status.st_size, status.st_mtime_ns))
    digest = hashlib.sha256(repr(files).encode()).hexdigest()
    return sys.version, np.__version__, torch.__version__, digest


# The files ---------------------------------------------------------------


def _folder() -> Path:
    return Path(theano.config.compiledir, 'torch_graphs')


def _store(path: Path, numbered: _Numbered, fgraph: FunctionGraph) -> None:
    """Write an optimised graph, if that is possible."""
    with contextlib.suppress(_NotCacheableError, OSError):
        contents = _pickled(_flattened(numbered, fgraph))
        path.parent.mkdir(parents=True, exist_ok=True)
        _make_room(path.parent)
        with tempfile.NamedTemporaryFile(
            dir=path.parent, delete=False
        ) as file:
            try:
                file.write(contents)
                os.replace(file.name, path)
            except BaseException:
                os.unlink(file.name)
                raise


def _make_room(folder: Path) -> None:
    """Delete the oldest quarter of the files when there are too many."""
    files = list(os.scandir(folder))
    if len(files) < _MOST_FILES:
        return
    files.sort(key=lambda file: file.stat().st_mtime)
    for file in files[: len(files) // 4]:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(file)


def _load(path: Path, numbered: _Numbered) -> list[Variable] | None:
    """The outputs of an optimised graph, or None if there is none."""
    try:
        return _rebuilt(pickle.loads(path.read_bytes()), numbered)
    except FileNotFoundError:
        return None
    except Exception:  # a damaged file can raise anything
        with contextlib.suppress(OSError):
            path.unlink()
        return None


def _flattened(numbered: _Numbered, fgraph: FunctionGraph) -> tuple:
    """An optimised graph as plain lists: variables, nodes, outputs.

    Variables are numbered anew: inputs first, then all others.
    """
    numbers = {x: number for number, x in enumerate(fgraph.inputs)}
    traces = dict(_traces(numbered))
    variables = []

    def number_of(variable):
        if variable not in numbers:
            numbers[variable] = len(numbers)
            places = [
                traces[id(trace)]
                for trace in _trace_of(variable)
                if id(trace) in traces
            ]
            variables.append((*_described(variable), places))
        return numbers[variable]

    nodes = [
        (
            node.op,
            [number_of(x) for x in node.inputs],
            [number_of(x) for x in node.outputs],
        )
        for node in fgraph.toposort()
    ]
    return variables, nodes, [number_of(x) for x in fgraph.outputs]


def _rebuilt(flattened: tuple, numbered: _Numbered) -> list[Variable]:
    """The outputs of the graph that :func:`_flattened` took apart."""
    described, nodes, outputs = flattened
    variables = list(numbered.fgraph.inputs)
    for kind, type_, name, *data, places in described:
        variable = kind(type_, *data, name=name)
        variable.tag.trace = [
            _trace_of(numbered.variables[number])[k] for number, k in places
        ]
        variables.append(variable)
    for op, inputs, results in nodes:
        Apply(
            op, [variables[i] for i in inputs], [variables[i] for i in results]
        )
    return [variables[i] for i in outputs]


def _trace_of(variable: Variable) -> list:
    """The lines of the user's program that made a variable."""
    return getattr(variable.tag, 'trace', None) or []


def _traces(numbered: _Numbered) -> Iterator[tuple[int, tuple[int, int]]]:
    """Where each trace of the graph is: number of variable, position.

    An optimised variable has the traces of those that it replaces. The file
    says which, rather than where the lines were in the program of that day.
    """
    for number, variable in enumerate(numbered.variables):
        for k, trace in enumerate(_trace_of(variable)):
            yield id(trace), (number, k)
