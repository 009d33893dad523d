"""Unmodified Theano 1.0.5 and Lasagne on Pythons newer than they are.

Theano's last release is from July 2020 and Lasagne's from August 2015. Both
still work on Python 3.9 to 3.13 once the few things that Python, NumPy,
SciPy, setuptools and Theano have removed since are put back:

===================================  =====================  ================
removed                              by                     needed by
===================================  =====================  ================
``theano.tensor.signal.downsample``  Theano 0.9 (2017)      Lasagne 0.1
``pkg_resources``                    setuptools 82 (2026)   Lasagne
``inspect.getargspec``               Python 3.11 (2022)     Lasagne 0.2.dev1
``imp``                              Python 3.12 (2023)     Theano
``numpy.distutils``                  NumPy, for Python      Theano
..                                   3.12
``np.bool``, ``int``, ``float``,     NumPy 1.24 (2022)      Theano, programs
``complex``, ``object``, ``str``                            of its time
``np.product``, ``np.cast``,         NumPy 2.0 (2024)       Theano
``np.sctype2char``, ``np.MAXDIMS``,
``np.ComplexWarning``
``numpy.linalg.linalg``              NumPy 2.4 (2025)       Theano's ``scan``
integers that wrap around, floats    NumPy 2.0              Theano's types
of Python's that count as float64
``scipy.signal.sigtools``, private   SciPy 1.8 (2022)       Theano's
names of                                                    convolutions
``scipy.signal.signaltools``                                without C code
``blas_opt_info`` of                 NumPy 1.22 (2021)      Theano, unless
``numpy.distutils.__config__``                              told its BLAS
===================================  =====================  ================

Nothing is replaced that is there, but for a few functions of Theano's under
NumPy 2 (:mod:`kneerepro.compat.numpy1`). Stand-ins for modules are found by a finder
at the *end* of ``sys.meta_path``, which Python asks only when all others have
failed; the rest is put in place at the moment Theano is first imported, so
that ``import kneerepro`` alone costs nothing. ``distutils``, which Python 3.12
removed, comes with setuptools.

What Theano is told about this machine (its BLAS, its compiler, float32) is the
subject of :mod:`kneerepro.compat.theano_flags`.
"""

import collections
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

from kneerepro.compat import theano_flags


def install(engine=None):
    """Put the stand-ins in place. A second call does nothing.

    Parameters
    ----------
    engine : str, optional
        Name of the module that makes Theano's mode TORCH known, imported once
        Theano is loaded where ``THEANO_FLAGS`` ask for that mode.
    """
    if any(isinstance(finder, _ImportHook) for finder in sys.meta_path):
        return
    sys.meta_path.insert(0, _ImportHook(engine))
    sys.meta_path.append(_StandInFinder())
    if not hasattr(inspect, 'getargspec'):
        inspect.getargspec = _getargspec
    if 'theano' in sys.modules:
        # Too late for flags, and Theano evidently imported without them.
        _before_theano(set_flags=False)


class _ImportHook(importlib.abc.MetaPathFinder):
    """Prepares the ground when Theano or Lasagne is first imported."""

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

            if fullname in numpy1.MENDS:
                return _with_loader(_MendingLoader, fullname, path, target)
        elif fullname == 'lasagne':
            _silence('lasagne')
            warnings.filterwarnings(
                'ignore', 'pkg_resources is deprecated', UserWarning
            )
        return None  # the usual finders find it


def _with_loader(loader, fullname, path, target):
    """Where Python finds a module, to be loaded by another loader."""
    spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
    if spec is not None:
        spec.loader = loader(spec.loader)
    return spec


class _Loader(importlib.abc.Loader):
    """A loader that does something else as well."""

    def __init__(self, loader):
        self._loader = loader

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def create_module(self, spec):
        return self._loader.create_module(spec)


class _TorchModeLoader(_Loader):
    """Loads Theano where its flags ask for the mode of the PyTorch engine,
    which Theano does not know until it is loaded.
    """

    def __init__(self, engine, loader):
        super().__init__(loader)
        self._engine = engine

    def exec_module(self, module):
        flags = os.environ['THEANO_FLAGS']
        # Of a flag that is there twice, the last one counts.
        os.environ['THEANO_FLAGS'] = flags + ',mode=Mode'
        try:
            self._loader.exec_module(module)
        finally:
            # The engine and programs that are started later find it here,
            # even if it was in a file.
            if 'mode=TORCH' not in flags:
                flags += ',mode=TORCH'
            os.environ['THEANO_FLAGS'] = flags
        importlib.import_module(self._engine)  # it sets the mode


class _MendingLoader(_Loader):
    """Loads a module of Theano's, and does to it what it needs."""

    def exec_module(self, module):
        from kneerepro.compat import numpy1

        self._loader.exec_module(module)
        numpy1.MENDS[module.__name__](module)


def _before_theano(set_flags=True):
    from kneerepro.compat import numpy1

    _silence('theano')
    if set_flags:
        theano_flags.set_defaults()
    numpy1.restore_names()
    _restore_scipy_names()


def _silence(package):
    # Both packages were written for Python 2 and NumPy 1.10; what they do is
    # deprecated but works with the versions that setup.py asks for. Only what
    # these packages themselves do is silenced.
    # Warnings of Python's compiler carry the path of the file, not its name.
    module = r'(.*[/\\])?%s([./\\]|$)' % package
    for category in (DeprecationWarning, ResourceWarning, SyntaxWarning):
        warnings.filterwarnings('ignore', category=category, module=module)


def _getargspec(function):
    """``inspect.getargspec``, deprecated since 3.0, removed in Python 3.11."""
    spec = inspect.getfullargspec(function)
    if spec.kwonlyargs or spec.annotations:
        raise ValueError(
            'Function has keyword-only parameters or '
            'annotations, use inspect.signature() instead'
        )
    return _ArgSpec(spec.args, spec.varargs, spec.varkw, spec.defaults)


_ArgSpec = collections.namedtuple('ArgSpec', 'args varargs keywords defaults')


def _restore_scipy_names():
    """Names that SciPy 1.8 moved into private modules.

    Theano's Python implementation of convolution, which is all there is
    without a C++ compiler, imports them from where they were before.
    """
    from scipy.signal import _signaltools, signaltools

    for name in ['_valfrommode', '_bvalfromboundary', 'convolve']:
        # vars(), as the module's __getattr__ warns when asked.
        if name not in vars(signaltools):
            setattr(signaltools, name, getattr(_signaltools, name))


class _StandInFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds stand-ins for modules that nothing else provides."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname in _MODULES:
            return importlib.machinery.ModuleSpec(fullname, self)
        return None

    def create_module(self, spec):
        return types.ModuleType(spec.name, _MODULES[spec.name].__doc__)

    def exec_module(self, module):
        _MODULES[module.__name__](module)


def _fill_downsample(module):
    """``theano.tensor.signal.downsample``, moved to ``pool`` in Theano 0.8
    and removed in 0.9. Lasagne 0.1 calls one function of it.
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
    """``pkg_resources``, deprecated by setuptools in 2023 and removed in
    setuptools 82. Lasagne asks it for its own version.
    """

    class DistributionNotFound(Exception):
        pass

    def get_distribution(name):
        try:
            return importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError as error:
            raise DistributionNotFound(name) from error

    module.get_distribution = get_distribution
    module.DistributionNotFound = DistributionNotFound


def _fill_sigtools(module):
    """``scipy.signal.sigtools``, made private in SciPy 1.8."""
    module._convolve2d = importlib.import_module(
        'scipy.signal._sigtools'
    )._convolve2d


def _fill_numpy_linalg(module):
    """``numpy.linalg.linalg``, made private in NumPy 2.0 and removed in
    2.4. Theano's ``scan`` imports what takes an error from there.
    """
    module.LinAlgError = importlib.import_module('numpy.linalg').LinAlgError


def _fill_numpy_distutils(module):
    """``numpy.distutils``, gone with Python 3.12. Theano imports it, and
    asks it nothing where no C code is compiled.
    """


def _fill_imp(module):
    """``imp``, removed in Python 3.12. Theano asks it for debuggers."""

    def find_module(name):
        if importlib.util.find_spec(name) is None:
            raise ImportError(name)

    module.find_module = find_module


_MODULES = {
    'imp': _fill_imp,
    'numpy.distutils': _fill_numpy_distutils,
    'numpy.linalg.linalg': _fill_numpy_linalg,
    'scipy.signal.sigtools': _fill_sigtools,
    'theano.tensor.signal.downsample': _fill_downsample,
    'pkg_resources': _fill_pkg_resources,
}
