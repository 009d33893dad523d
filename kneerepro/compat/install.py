"""Run unmodified Theano 1.0.5 and Lasagne on Pythons that are newer.

Theano's last release is from July 2020 and Lasagne's from August 2015. Both
still work on Python 3.9 to 3.13 once the few things that Python, NumPy,
SciPy, setuptools and Theano have since removed are restored:

===================================  =====================  ================
removed                              by                     required by
===================================  =====================  ================
``theano.tensor.signal.downsample``  Theano 0.9 (2017)      Lasagne 0.1
``pkg_resources``                    setuptools 82 (2026)   Lasagne
``inspect.getargspec``               Python 3.11 (2022)     Lasagne 0.2.dev1
``imp``                              Python 3.12 (2023)     Theano
``numpy.distutils``                  NumPy, on Python       Theano
..                                   3.12
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

Only what is missing is restored. The exceptions are a few functions of Theano
that are replaced under NumPy 2 (:mod:`kneerepro.compat.numpy1`). A finder at
the *end* of ``sys.meta_path``, which Python asks only after all others have
failed, supplies missing modules. Everything else is restored when Theano is
first imported, so that ``import kneerepro`` alone costs nothing.
``distutils``, which Python 3.12 removed, comes with setuptools.

:mod:`kneerepro.compat.theano_flags` tells Theano about this machine: its BLAS,
its compiler, and float32.
"""

from __future__ import annotations

import functools
import importlib
import importlib.abc
import importlib.machinery
import importlib.metadata
import importlib.util
import inspect
import os
import sys
import types
import warnings
from typing import Any, NamedTuple

from kneerepro.compat import theano_flags


def install(engine: str | None = None) -> None:
    """Restore what is missing when it is imported. A second call does nothing.

    Parameters
    ----------
    engine : str, optional
        Name of the module that registers Theano's mode TORCH. It is imported
        after Theano if ``THEANO_FLAGS`` ask for that mode.
    """
    if any(isinstance(finder, _ImportHook) for finder in sys.meta_path):
        return
    sys.meta_path.insert(0, _ImportHook(engine))
    sys.meta_path.append(_StandInFinder())
    if not hasattr(inspect, 'getargspec'):
        inspect.getargspec = _getargspec  # type: ignore[attr-defined]
    if 'theano' in sys.modules:
        # It is too late to set flags, and Theano was imported without them.
        _before_theano(set_flags=False)


class _ImportHook(importlib.abc.MetaPathFinder):
    """Acts when Theano, one of its modules or Lasagne is first imported."""

    def __init__(self, engine):
        self._engine = engine

    def find_spec(self, fullname, path=None, target=None):
        if fullname == 'theano':
            _before_theano()
            if (
                self._engine is not None
                and theano_flags.flags_set_by_user().get('mode') == 'TORCH'
            ):
                return _with_loader(
                    functools.partial(_TorchModeLoader, self._engine),
                    fullname,
                    path,
                    target,
                )
        elif fullname.startswith('theano.'):
            from kneerepro.compat import numpy1

            if fullname in numpy1.PATCHES:
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


class _Loader(importlib.abc.Loader):
    """Wraps Python's own loader of a module."""

    def __init__(self, loader):
        self._loader = loader

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def create_module(self, spec):
        return self._loader.create_module(spec)


class _TorchModeLoader(_Loader):
    """Loads Theano when its flags ask for the PyTorch engine's mode, which
    Theano does not know until the engine has registered it.
    """

    def __init__(self, engine, loader):
        super().__init__(loader)
        self._engine = engine

    def exec_module(self, module):
        flags = os.environ['THEANO_FLAGS']
        # If a flag occurs twice, the last one counts.
        os.environ['THEANO_FLAGS'] = flags + ',mode=Mode'
        try:
            self._loader.exec_module(module)
        finally:
            # The flag may come from a file. The engine, and programs that
            # are started later, look for it in the environment.
            if 'mode=TORCH' not in flags:
                flags += ',mode=TORCH'
            os.environ['THEANO_FLAGS'] = flags
        importlib.import_module(self._engine)  # which sets the mode


class _PatchingLoader(_Loader):
    """Loads a module of Theano and patches it for NumPy 2."""

    def exec_module(self, module):
        from kneerepro.compat import numpy1

        self._loader.exec_module(module)
        numpy1.PATCHES[module.__name__](module)


def _before_theano(set_flags=True):
    """Prepare for the import of Theano."""
    from kneerepro.compat import numpy1

    _silence('theano')
    if set_flags:
        theano_flags.set_defaults()
    numpy1.restore_names()
    _restore_scipy_names()


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


def _restore_scipy_names():
    """Restore names that SciPy 1.8 moved into private modules.

    Theano's Python implementation of convolution, the only one without a C++
    compiler, imports them from their old place.
    """
    from scipy.signal import _signaltools, signaltools

    for name in ['_valfrommode', '_bvalfromboundary', 'convolve']:
        # Not hasattr(): the module's __getattr__ would warn.
        if name not in vars(signaltools):
            setattr(signaltools, name, getattr(_signaltools, name))


class _StandInFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Supplies modules that nothing else provides."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname in _MODULES:
            return importlib.machinery.ModuleSpec(fullname, self)
        return None

    def create_module(self, spec):
        return types.ModuleType(spec.name, _MODULES[spec.name].__doc__)

    def exec_module(self, module):
        _MODULES[module.__name__](module)


def _fill_downsample(module):
    """``theano.tensor.signal.downsample``, which Theano 0.8 moved to ``pool``
    and 0.9 removed. Lasagne 0.1 calls one of its functions.
    """
    from theano.tensor.signal import pool

    def max_pool_2d(
        input, ds, ignore_border=None, st=None, padding=(0, 0), mode='max'
    ):
        return pool.pool_2d(
            input,
            ws=ds,
            ignore_border=ignore_border,
            stride=st,
            pad=padding,
            mode=mode,
        )

    module.max_pool_2d = max_pool_2d


def _fill_pkg_resources(module):
    """``pkg_resources``, which setuptools deprecated in 2023 and setuptools 82
    removed. Lasagne looks up its own version with it.
    """

    class DistributionNotFound(Exception):  # noqa: N818, Lasagne's name
        pass

    def get_distribution(name):
        try:
            return importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError as error:
            raise DistributionNotFound(name) from error

    module.get_distribution = get_distribution
    module.DistributionNotFound = DistributionNotFound


def _fill_sigtools(module):
    """``scipy.signal.sigtools``, which SciPy 1.8 made private."""
    module._convolve2d = importlib.import_module(
        'scipy.signal._sigtools'
    )._convolve2d


def _fill_numpy_linalg(module):
    """``numpy.linalg.linalg``, which NumPy 2.0 made private and 2.4 removed.
    Theano's ``scan`` imports an exception from it.
    """
    module.LinAlgError = importlib.import_module('numpy.linalg').LinAlgError


def _fill_numpy_distutils(module):
    """``numpy.distutils``, which does not exist on Python 3.12. Theano imports
    it, but does not use it unless it compiles C code, so the module is empty.
    """


def _fill_imp(module):
    """``imp``, which Python 3.12 removed. Theano looks for debuggers with
    it.
    """

    def find_module(name):
        if importlib.util.find_spec(name) is None:
            raise ImportError(name)

    module.find_module = find_module


#: Functions that fill the modules; their docstrings become the modules'.
_MODULES = {
    'imp': _fill_imp,
    'numpy.distutils': _fill_numpy_distutils,
    'numpy.linalg.linalg': _fill_numpy_linalg,
    'scipy.signal.sigtools': _fill_sigtools,
    'theano.tensor.signal.downsample': _fill_downsample,
    'pkg_resources': _fill_pkg_resources,
}
