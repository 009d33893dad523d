"""Ops without a kernel: their own Python code carries them out on the host.

They make a function slow rather than impossible, and a warning names them when
the function is compiled.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections import Counter
from collections.abc import Collection, Iterator
from contextvars import ContextVar

import theano
from theano.gof import Apply

from .dispatch import not_implemented, origin

_FOLDERS = tuple(
    os.path.join(os.path.dirname(os.path.abspath(file)), '')
    for file in (theano.__file__, __file__)
)


class PythonOpWarning(UserWarning):
    """A function has Ops for which the engine has no kernel."""


class _Found(list):
    """The nodes without a kernel in the function that is being compiled."""

    def __init__(self, strict):
        super().__init__()
        self.strict = strict


_found: ContextVar[_Found | None] = ContextVar('found', default=None)


@contextlib.contextmanager
def reported(strict: bool = False) -> Iterator[None]:
    """Report the Ops without a kernel in what is compiled in this context.

    Those of inner graphs, such as that of a ``scan``, are among them.

    Parameters
    ----------
    strict : bool
        Whether to refuse them instead of warning.

    Raises
    ------
    NotImplementedError
        Within the context, for the first of the Ops if `strict`.
    """
    token = _found.set(_Found(strict))
    try:
        yield
        nodes = _found.get()
    finally:
        _found.reset(token)
    if nodes:
        warnings.warn(
            _description(nodes), PythonOpWarning, stacklevel=_depth_of_caller()
        )


def note(node: Apply) -> None:
    """Tell :func:`reported` about a node without a kernel.

    Raises
    ------
    NotImplementedError
        If such nodes are refused.
    """
    found = _found.get()
    if found is not None:
        if found.strict:
            raise not_implemented(node)
        found.append(node)


def _description(nodes: Collection[Apply]) -> str:
    lines: Counter = Counter()
    for node in nodes:
        where = origin(node)
        lines[f'{node.op}' + (f', created in {where}' if where else '')] += 1
    return '\n'.join(
        [
            'the PyTorch engine has no kernel for these Ops, and runs their '
            'own Python code on the host:',
            *(
                f'  {line}' + (f' ({count} times)' if count > 1 else '')
                for line, count in lines.items()
            ),
            'With profile=True, Theano shows which share of the time they '
            'take. torch_mode(strict=True) refuses them, and '
            'kneerepro.engine.dispatch.register adds a kernel.',
        ]
    )


def _depth_of_caller() -> int:
    """How many calls away the code is that asked for the function."""
    depth, frame = 1, sys._getframe(1)
    while frame.f_back is not None and _is_inner(frame.f_code.co_filename):
        depth, frame = depth + 1, frame.f_back
    return depth


def _is_inner(filename):
    inner = (*_FOLDERS, contextlib.__file__)
    return os.path.abspath(filename).startswith(inner)
