"""What Theano imports from SciPy.

SciPy 1.8 moved names into private modules that Theano imports from their old
place. Theano needs them for convolutions without a C++ compiler.

And Theano imports ``scipy.signal`` and ``scipy.stats`` for a handful of Ops
that few programs have. The two take as long as the rest of Theano. So while
Theano is imported, both are represented by stand-ins that import them on the
first use.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import types
from collections.abc import Iterator
from typing import Any

#: Functions that Theano imports: by module, where they are now.
_FUNCTIONS = {
    'scipy.signal.signaltools': (
        'scipy.signal._signaltools',
        ('_valfrommode', '_bvalfromboundary', 'convolve'),
    ),
    'scipy.signal.sigtools': ('scipy.signal._sigtools', ('_convolve2d',)),
}


def restore(module: types.ModuleType) -> None:
    """Restore the names that a module of SciPy once had."""
    place, names = _FUNCTIONS[module.__name__]
    for name in names:
        # Not hasattr(): the module's __getattr__ would warn.
        if name not in vars(module):
            setattr(
                module, name, getattr(importlib.import_module(place), name)
            )


@contextlib.contextmanager
def imported_on_use() -> Iterator[None]:
    """Let what is imported meanwhile import SciPy's modules on use."""
    stand_ins = {}
    if 'scipy.signal' in sys.modules:
        restore(importlib.import_module('scipy.signal.signaltools'))
    else:
        for name, (place, functions) in _FUNCTIONS.items():
            stand_ins[name] = types.ModuleType(name)
            for function in functions:
                setattr(stand_ins[name], function, _on_use(place, function))
    if 'scipy.stats' not in sys.modules and _imports_lazily('scipy'):
        # Theano looks for its functions as attributes of ``scipy``.
        stand_ins['scipy.stats'] = types.ModuleType('scipy.stats')
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name, module in stand_ins.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


def _imports_lazily(package: str) -> bool:
    """Whether a package imports its modules when they are looked for."""
    return hasattr(importlib.import_module(package), '__getattr__')


def _on_use(module: str, name: str) -> Any:
    """A function that imports the one it stands for."""

    def call(*args, **kwargs):
        function = getattr(importlib.import_module(module), name)
        return function(*args, **kwargs)

    return call
