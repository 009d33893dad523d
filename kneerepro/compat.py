"""Unmodified Theano 1.0.5 and Lasagne on Pythons newer than they are.

Theano's last release is from July 2020 and Lasagne's from August 2015. Both
still work on Python 3.9 to 3.11 once the few things that Python, NumPy,
SciPy, setuptools and Theano have removed since are put back:

====================================  =========================  ==============
removed                               by                         needed by
====================================  =========================  ==============
``theano.tensor.signal.downsample``   Theano 0.9 (2017)          Lasagne 0.1
``pkg_resources``                     setuptools 82 (2026)       Lasagne
``inspect.getargspec``                Python 3.11 (2022)         Lasagne 0.2.dev1
``scipy.signal.sigtools``, private    SciPy 1.8 (2022)           Theano's
names of ``scipy.signal.signaltools``                            convolutions
..                                                               without C code
``blas_opt_info`` of                  NumPy 1.22 (2021)          Theano, unless
``numpy.distutils.__config__``                                   told its BLAS
====================================  =========================  ==============

Nothing is replaced that is there. Stand-ins for modules are found by a finder
at the *end* of ``sys.meta_path``, which Python asks only when all others have
failed; the rest is put in place at the moment Theano is first imported, so
that ``import kneerepro`` alone costs nothing.

What Theano is told about this machine (its BLAS, its compiler, float32) is the
subject of :mod:`kneerepro.theano_flags`.
"""

import collections
import importlib
import importlib.abc
import importlib.machinery
import importlib.metadata
import inspect
import os
import sys
import types
import warnings

from kneerepro import theano_flags


def install():
    """Put the stand-ins in place. A second call does nothing."""
    if any(isinstance(finder, _ImportHook) for finder in sys.meta_path):
        return
    sys.meta_path.insert(0, _ImportHook())
    sys.meta_path.append(_StandInFinder())
    if not hasattr(inspect, 'getargspec'):
        inspect.getargspec = _getargspec
    if 'theano' in sys.modules:
        # Too late for flags, and Theano evidently imported without them.
        _before_theano(set_flags=False)


class _ImportHook(importlib.abc.MetaPathFinder):
    """Prepares the ground when Theano or Lasagne is first imported."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname == 'theano':
            _before_theano()
            if theano_flags.flags_set_by_user().get('mode') == 'TORCH':
                spec = importlib.machinery.PathFinder.find_spec(
                    fullname, path, target)
                if spec is not None:
                    spec.loader = _TorchModeLoader(spec.loader)
                return spec
        elif fullname == 'lasagne':
            _silence('lasagne')
            warnings.filterwarnings('ignore', 'pkg_resources is deprecated',
                                    UserWarning)
        return None  # the usual finders find it


class _TorchModeLoader(importlib.abc.Loader):
    """Loads Theano where its flags ask for the mode of the PyTorch engine,
    which Theano does not know until it is loaded."""

    def __init__(self, loader):
        self._loader = loader

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def create_module(self, spec):
        return self._loader.create_module(spec)

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
        import kneerepro.engine  # noqa: F401, sets the mode


def _before_theano(set_flags=True):
    _silence('theano')
    if set_flags:
        theano_flags.set_defaults()
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
        raise ValueError('Function has keyword-only parameters or '
                         'annotations, use inspect.signature() instead')
    return _ArgSpec(spec.args, spec.varargs, spec.varkw, spec.defaults)


_ArgSpec = collections.namedtuple('ArgSpec',
                                  'args varargs keywords defaults')


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
    and removed in 0.9. Lasagne 0.1 calls one function of it."""
    from theano.tensor.signal import pool

    def max_pool_2d(input, ds, ignore_border=None, st=None, padding=(0, 0),
                    mode='max'):
        return pool.pool_2d(input, ws=ds, ignore_border=ignore_border,
                            stride=st, pad=padding, mode=mode)

    module.max_pool_2d = max_pool_2d


def _fill_pkg_resources(module):
    """``pkg_resources``, deprecated by setuptools in 2023 and removed in
    setuptools 82. Lasagne asks it for its own version."""

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
        'scipy.signal._sigtools')._convolve2d


_MODULES = {'scipy.signal.sigtools': _fill_sigtools,
            'theano.tensor.signal.downsample': _fill_downsample,
            'pkg_resources': _fill_pkg_resources}
