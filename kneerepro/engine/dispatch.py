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
"""

from __future__ import annotations

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
        Whether it takes a keyword ``out``: a tensor for its result, which may
        be one of its inputs.
    waits : bool
        Whether the host has to wait for numbers from the device, for instance
        for the size of the result. Such a kernel cannot be part of a CUDA
        graph.
    """

    function: Callable
    host: Collection[int]
    fresh: bool
    out: bool
    waits: bool


@dataclass(frozen=True)
class _Registration:
    """A builder and the arguments of :func:`register`."""

    builder: Callable
    host: Any
    device: bool
    fresh: bool
    waits: Any


_BUILDERS: dict[type, _Registration] = {}
_ON_HOST: dict[type, Callable | None] = {}


def register(
    *classes: type,
    host: Collection[int] | Callable[[Apply], Collection[int]] = (),
    device: bool = False,
    fresh: bool = False,
    waits: bool | Callable[[Apply], bool] = False,
) -> Callable[[Callable], Callable]:
    """Register the decorated builder for classes of Ops.

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
    """

    def decorator(builder: Callable) -> Callable:
        for op_class in classes:
            _BUILDERS[op_class] = _Registration(
                builder=builder,
                host=host,
                device=device,
                fresh=fresh,
                waits=waits,
            )
        return builder

    return decorator


def takes_out(function: Callable) -> Callable:
    """Mark a kernel that takes a keyword ``out``: a tensor for its result.

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


def runs_on_host(node: Apply) -> bool:
    """Whether a node's Op is registered to be carried out on the host."""
    for op_class in type(node.op).__mro__:
        if op_class in _ON_HOST:
            when = _ON_HOST[op_class]
            return when is None or when(node)
    return False


def build(node: Apply, device: torch.device | None) -> Kernel:
    """Build the :class:`Kernel` of a node.

    Raises
    ------
    NotImplementedError
        If no builder is registered for the Op. The message gives its name,
        where it was created, and what to do.
    """
    for op_class in type(node.op).__mro__:
        if op_class in _BUILDERS:
            return _kernel_from(_BUILDERS[op_class], node, device)
    raise not_implemented(node)


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
    )


def not_implemented(
    node: Apply, what: str | None = None
) -> NotImplementedError:
    """The error for a node that the engine cannot carry out.

    Parameters
    ----------
    node : Apply
    what : str, optional
        What is missing. By default, the name of the Op's class.
    """
    where = ''
    for trace in getattr(node.outputs[0].tag, 'trace', None) or []:
        # Report the caller of the Op, not how the Op makes its node.
        calls = [
            call for call in trace if call[2] not in ('make_node', '__call__')
        ]
        if calls:
            file, line, function, text = calls[-1][:4]
            where = f'\nIt was created in {file}, line {line}: {text}'
    return NotImplementedError(
        f'the PyTorch engine has no implementation of '
        f'{what or type(node.op).__name__} ({node.op})'
        f'{where}\nCompile this function with mode="FAST_RUN" instead, or '
        'register an implementation with kneerepro.engine.dispatch.register.'
    )
