"""Run unmodified Theano 1.0.5 and Lasagne on Pythons that are newer.

Theano's last release is from July 2020 and Lasagne's from August 2015. Both
still work on Python 3.9 to 3.13, and so do programs of their time, once the
few things that Python, NumPy, SciPy, setuptools and Theano have since removed
are restored:

===================================  =====================  ================
removed                              by                     required by
===================================  =====================  ================
``theano.compat.six``,               Theano                 programs
``theano.compat.python2x``,
``theano.gof.python25``
``theano.tensor.signal.downsample``  Theano 0.9 (2017)      Lasagne 0.1,
                                                            programs
``theano.sandbox.cuda`` with         Theano 0.10 (2017)     programs
``basic_ops``, ``dnn`` and
``rng_curand``
``lasagne.layers.dnn`` and           the same               programs
``corrmm``, which require it
functions of ``theano.gpuarray``     the end of pygpu       programs
``pkg_resources``                    setuptools 82 (2026)   Lasagne
``time.clock``                       Python 3.8 (2019)      programs
``collections.Iterable`` and other   Python 3.10 (2021)     programs
abstract classes
``inspect.getargspec``               Python 3.11 (2022)     Lasagne 0.2.dev1
``longintrepr.h``                    Python 3.11            Theano's ``scan``
``imp``                              Python 3.12 (2023)     Theano
``numpy.distutils``                  NumPy, on Python       Theano
..                                   3.12
lists of slices as an index          NumPy 1.23 (2022)      Theano's ``topk``,
                                                            and pooling
                                                            without C code
``np.bool``, ``int``, ``float``,     NumPy 1.24 (2022)      Theano, programs
``complex``, ``object``, ``str``                            of its time
``np.product``, ``np.cast``,         NumPy 2.0 (2024)       Theano
``np.sctype2char``, ``np.MAXDIMS``,
``np.ComplexWarning``
``numpy.linalg.linalg``              NumPy 2.4 (2025)       Theano's ``scan``
wrapping of integers, Python floats  NumPy 2.0              Theano's types
that compare as float64
``scipy.signal.sigtools``, private   SciPy 1.8 (2022)       Theano's
names in                                                    convolutions
``scipy.signal.signaltools``                                without C code
``blas_opt_info`` in                 NumPy 1.22 (2021)      Theano, unless
``numpy.distutils.__config__``                              told its BLAS
===================================  =====================  ================

Only what is missing is restored. The exceptions are modules that cannot be
imported without a GPU of Theano's (:mod:`kneerepro.compat.stand_ins`), and a
few functions of Theano that are replaced under newer versions of NumPy
(:mod:`kneerepro.compat.numpy1`). A finder at the *end* of ``sys.meta_path``,
which Python asks only after all others have failed, supplies missing modules.
Everything else is restored when Theano is first imported, so that ``import
kneerepro`` alone costs nothing. ``distutils``, which Python 3.12 removed,
comes with setuptools.

:mod:`kneerepro.compat.theano_flags` tells Theano about this machine: its BLAS,
its compiler, and float32. :mod:`kneerepro.compat.gpu` runs programs that ask
for a GPU in the PyTorch engine.
"""

from __future__ import annotations

import functools
import importlib
import importlib.abc
import importlib.machinery
import inspect
import os
import sys
import types
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from kneerepro.compat import gpu, scipy_names, stand_ins, theano_flags


def install(engine: str = '') -> None:
    """Restore what is missing when it is imported. A second call does nothing.

    Parameters
    ----------
    engine : str, optional
        Name of the module that registers Theano's mode TORCH. It is imported
        after Theano if ``THEANO_FLAGS`` ask for that mode, or for a GPU where
        there is one.
    """
    if any(isinstance(finder, _ImportHook) for finder in sys.meta_path):
        return
    gpu.engine = engine
    sys.meta_path.insert(0, _ImportHook())
    sys.meta_path.append(stand_ins.StandInFinder())
    stand_ins.restore_collections()
    stand_ins.restore_clock()
    if not hasattr(inspect, 'getargspec'):
        inspect.getargspec = _getargspec  # type: ignore[attr-defined]
    if 'theano' in sys.modules:
        # It is too late to set flags, and Theano was imported without them.
        _before_theano(set_flags=False)
        _after_theano(sys.modules['theano'])
        for name, patch in _patches().items():
            if name in sys.modules:
                patch(sys.modules[name])


class _ImportHook(importlib.abc.MetaPathFinder):
    """Acts when Theano, one of its modules or Lasagne is first imported."""

    def find_spec(self, fullname, path=None, target=None):
        if stand_ins.is_replaced(fullname):
            return stand_ins.find_stand_in(fullname)
        if fullname == 'theano':
            _before_theano()
            return _with_loader(_TheanoLoader, fullname, path, target)
        if fullname.startswith(('theano.', 'scipy.signal.')):
            if fullname in _patches():
                return _with_loader(_PatchingLoader, fullname, path, target)
        elif fullname == 'lasagne':
            _silence('lasagne')
            warnings.filterwarnings(
                'ignore', 'pkg_resources is deprecated', UserWarning
            )
        return None  # leaves the module to the usual finders


def _with_loader(loader, fullname, path, target):
    """Find a module as Python does, but load it with another loader."""
    spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
    if spec is not None:
        spec.loader = loader(spec.loader)
    return spec


@functools.cache
def _patches() -> dict[str, Callable[[types.ModuleType], None]]:
    """Functions that patch Theano's modules after they are loaded."""
    from kneerepro.compat import numpy1

    return {
        **numpy1.PATCHES,
        'scipy.signal.signaltools': scipy_names.restore,
        'theano.configparser': theano_flags.declare_removed,
        'theano.gpuarray': gpu.patch_gpuarray,
        'theano.sandbox': _import_cuda_on_demand,
    }


def _import_cuda_on_demand(sandbox):
    # Theano once imported these itself.
    stand_ins.import_on_demand(sandbox, 'cuda')


def _after_theano(theano):
    stand_ins.import_on_demand(theano, 'sandbox')


class _Loader(importlib.abc.Loader):
    """Wraps Python's own loader of a module."""

    def __init__(self, loader):
        self._loader = loader

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def create_module(self, spec):
        return self._loader.create_module(spec)


class _TheanoLoader(_Loader):
    """Loads Theano, and the engine if Theano's flags ask for its mode, which
    Theano does not know until the engine has registered it.
    """

    def exec_module(self, module):
        if gpu.engine and theano_flags.requests_engine():
            self._exec_with_engine(module)
        else:
            self._exec(module)
        _after_theano(module)

    def _exec(self, module):
        with scipy_names.imported_on_use():
            self._loader.exec_module(module)

    def _exec_with_engine(self, module):
        flags = os.environ['THEANO_FLAGS']
        # If a flag occurs twice, the last one counts.
        os.environ['THEANO_FLAGS'] = flags + ',mode=Mode'
        try:
            self._exec(module)
        finally:
            # The flag may come from a file, or be in lower case. The engine,
            # and programs that are started later, look for it in the
            # environment.
            if theano_flags.parse(flags).get('mode') != 'TORCH':
                flags += ',mode=TORCH'
            os.environ['THEANO_FLAGS'] = flags
        importlib.import_module(gpu.engine)  # which sets the mode


class _PatchingLoader(_Loader):
    """Loads a module of Theano and patches it."""

    def exec_module(self, module):
        self._loader.exec_module(module)
        _patches()[module.__name__](module)


def _before_theano(set_flags=True):
    """Prepare for the import of Theano."""
    from kneerepro.compat import numpy1

    _silence('theano')
    if set_flags:
        theano_flags.set_defaults()
    numpy1.restore_names()


def _silence(package):
    """Ignore a package's warnings about its own code.

    Theano and Lasagne were written for Python 2 and NumPy 1.10. What they do
    is deprecated, but works with the versions that setup.py requires. Warnings
    about other code stay.
    """
    # Python's compiler reports the path of the file, not the module's name.
    module = rf'(.*[/\\])?{package}([./\\]|$)'
    for category in (DeprecationWarning, ResourceWarning, SyntaxWarning):
        warnings.filterwarnings('ignore', category=category, module=module)


def _getargspec(function):
    """Stand in for ``inspect.getargspec``, which Python 3.0 deprecated and
    3.11 removed.
    """
    spec = inspect.getfullargspec(function)
    if spec.kwonlyargs or spec.annotations:
        raise ValueError(
            'Function has keyword-only parameters or '
            'annotations, use inspect.signature() instead'
        )
    return _ArgSpec(spec.args, spec.varargs, spec.varkw, spec.defaults)


class _ArgSpec(NamedTuple):
    """Stands in for ``inspect.ArgSpec``, a tuple that callers unpack."""

    args: list[str]
    varargs: str | None
    keywords: str | None
    defaults: tuple[Any, ...] | None
