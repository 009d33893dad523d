"""Registry of the functions that carry out Ops.

A builder is registered for one or more classes of Ops::

    @register(Softmax)
    def build(op, node):
        return lambda x: torch.softmax(x, 1)

The engine calls it once for each node when it compiles a function. The
builder returns the kernel: a function of tensors that runs at each step. Some
arguments have to be on the host, such as shapes. They are listed by position::

    @register(Reshape, host=[1])

and the kernel then gets NumPy arrays, Python slices and the like for them.

An Op without a builder runs its own Python code on the host: see
:mod:`kneerepro.engine.fallback`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import torch
from theano.gof import Apply


@dataclass(frozen=True)
class Kernel:
    """What carries out a node.

    Attributes
    ----------
    function : callable
        Takes the inputs and returns the output, or a tuple of several outputs.
    host : collection of int
        Positions of the inputs that it takes as host values.
    fresh : bool
        Whether its results share memory with nothing else, neither with its
        inputs nor with any other value.
    out : bool
        Whether it takes a keyword ``out``: a tensor for its result, which is
        one of its inputs.
    waits : bool
        Whether the host has to wait for numbers from the device, for instance
        for the size of the result. Such a kernel cannot be part of a CUDA
        graph.
    places : bool
        Whether ``out`` may be any tensor, which the kernel leaves as it is if
        it does not fit. For several results, it is a tuple, with None where
        there is no tensor.
    """

    function: Callable
    host: Collection[int]
    fresh: bool
    out: bool
    waits: bool
    places: bool = False


@dataclass(frozen=True)
class _Registration:
    """A builder and the arguments of :func:`register`."""

    builder: Callable
    host: Any
    device: bool
    fresh: bool
    waits: Any
    covers: Callable[[Apply], bool] | None


# What a subclass must not define if the kernel of its base class is to be
# used: it may compute something else.
_OWN_CODE = {'perform', 'make_thunk'}

_BUILDERS: dict[type, _Registration] = {}
_ON_HOST: dict[type, Callable | None] = {}
# The names of modules that define Ops, and of those that register them.
_LATER: dict[str, str] = {}


def register(
    *classes: type,
    host: Collection[int] | Callable[[Apply], Collection[int]] = (),
    device: bool = False,
    fresh: bool = False,
    waits: bool | Callable[[Apply], bool] = False,
    covers: Callable[[Apply], bool] | None = None,
) -> Callable[[Callable], Callable]:
    """Register the decorated builder for classes of Ops.

    It also serves their subclasses, except for those with Python code of
    their own.

    Parameters
    ----------
    classes : types
    host : collection of int, or callable
        Positions of the inputs that the kernel takes on the host, or a
        function of the node that returns them.
    device : bool
        Whether the builder takes the ``torch.device`` as a third argument.
    fresh : bool
        Whether the results never share memory with the inputs or with any
        other value, so that later nodes may overwrite them.
    waits : bool, or callable
        Whether the kernel makes the host wait for numbers from the device, or
        a function of the node that returns this.
    covers : callable, optional
        A function of the node that returns whether the builder can build its
        kernel. By default it can build those of all nodes.
    """

    def decorator(builder: Callable) -> Callable:
        for op_class in classes:
            _BUILDERS[op_class] = _Registration(
                builder=builder,
                host=host,
                device=device,
                fresh=fresh,
                waits=waits,
                covers=covers,
            )
        return builder

    return decorator


def takes_out(function: Callable) -> Callable:
    """Mark a kernel that takes a keyword ``out``: a tensor for its result, one
    of the inputs.

    The kernel returns that tensor, or a new one if ``out`` is None.
    """
    function.takes_out = True  # type: ignore[attr-defined]
    return function


def register_on_host(
    *classes: type, when: Callable[[Apply], bool] | None = None
) -> None:
    """Have Theano's own Python code carry out classes of Ops.

    This is for Ops that are rare, small, or unknown to PyTorch. On the CPU
    nothing is copied. On other devices all inputs and outputs are.

    Parameters
    ----------
    classes : types
    when : callable, optional
        A function of the node that returns whether this applies to it. By
        default it applies to all nodes.
    """
    for op_class in classes:
        _ON_HOST[op_class] = when


def register_later(kernels: str, *modules: str) -> None:
    """Import a module of kernels when an Op of certain modules is first met.

    This is for Ops that few programs use, from modules that take time to
    import or that register rewrites with Theano.

    Parameters
    ----------
    kernels : str
        The full name of the module that registers kernels.
    modules : str
        The full names of the modules that define the Ops.
    """
    _LATER.update(dict.fromkeys(modules, kernels))


def _classes(op):
    """The classes of an Op, all of them registered, most derived first."""
    for op_class in type(op).__mro__:
        kernels = _LATER.pop(op_class.__module__, None)
        if kernels is not None:
            importlib.import_module(kernels)
        yield op_class


def runs_on_host(node: Apply) -> bool:
    """Whether a node's Op is registered to be carried out on the host."""
    for op_class in _classes(node.op):
        if op_class in _ON_HOST:
            when = _ON_HOST[op_class]
            return when is None or when(node)
    return False


def has_kernel(node: Apply) -> bool:
    """Whether a builder is registered for a node."""
    return _registration(node) is not None


def _registration(node):
    for op_class in _classes(node.op):
        if op_class in _BUILDERS:
            entry = _BUILDERS[op_class]
            covered = entry.covers is None or entry.covers(node)
            return entry if covered else None
        if _OWN_CODE.intersection(vars(op_class)):
            return None
    return None


def build(node: Apply, device: torch.device | None) -> Kernel:
    """Build the :class:`Kernel` of a node.

    Raises
    ------
    NotImplementedError
        If no builder is registered for the node.
    """
    entry = _registration(node)
    if entry is None:
        raise not_implemented(node)
    return _kernel_from(entry, node, device)


def scalar_builder(kind: type) -> Callable | None:
    """The builder that is registered for a class of scalar Ops, or None.

    Its kernels apply the Op to each element of tensors.
    """
    entry = _BUILDERS.get(kind)
    return None if entry is None else entry.builder


def _kernel_from(
    entry: _Registration, node: Apply, device: torch.device | None
) -> Kernel:
    host = entry.host(node) if callable(entry.host) else entry.host
    waits = entry.waits(node) if callable(entry.waits) else entry.waits
    if entry.device:
        function = entry.builder(node.op, node, device)
    else:
        function = entry.builder(node.op, node)
    out = getattr(function, 'takes_out', False)
    return Kernel(
        function=function,
        host=frozenset(host),
        fresh=entry.fresh or out,
        out=out,
        waits=waits,
        places=getattr(function, 'takes_places', False),
    )


def not_implemented(node: Apply) -> NotImplementedError:
    """The error for a node that the engine cannot carry out.

    The message gives the name of the Op, where it was created, and what to do.
    """
    where = origin(node)
    return NotImplementedError(
        'the PyTorch engine has no implementation of '
        f'{type(node.op).__name__} ({node.op})'
        + (f'\nIt was created in {where}' if where else '')
        + '\nCompile this function with mode="FAST_RUN" instead, or '
        'register an implementation with kneerepro.engine.dispatch.register.'
    )


def origin(node: Apply) -> str:
    """The file, line and text of the code that created a node; '' where
    unknown.
    """
    where = ''
    for trace in getattr(node.outputs[0].tag, 'trace', None) or []:
        # Report the caller of the Op, not how the Op makes its node.
        calls = [
            call for call in trace if call[2] not in ('make_node', '__call__')
        ]
        if calls:
            file, line, _, text = calls[-1][:4]
            where = f'{file}, line {line}: {text}'
    return where
