"""Modules that stand in for those that old programs import and that no longer
exist, or no longer work.

:data:`STAND_INS` fills them, :data:`RENAMED` has those that are still there
under another name, and :data:`REFUSED` those that nothing can replace. The
latter raise ImportError, which old programs expect if there is no GPU, and
say what to use instead.
"""

from __future__ import annotations

import collections.abc
import functools
import importlib
import importlib.abc
import importlib.machinery
import importlib.metadata
import importlib.util
import sys
import time
import types
from collections.abc import Callable

from kneerepro.compat import gpu


class StandInFinder(importlib.abc.MetaPathFinder):
    """Supplies the modules of this file that nothing else provides."""

    def find_spec(self, fullname, path=None, target=None):
        """Find a stand-in, as Python asks for it."""
        return find_stand_in(fullname)


def find_stand_in(fullname: str) -> importlib.machinery.ModuleSpec | None:
    """Find a stand-in.

    Parameters
    ----------
    fullname : str
        Name of the module.

    Returns
    -------
    importlib.machinery.ModuleSpec or None
        None if there is no stand-in of this name.

    Raises
    ------
    ImportError
        If the name is among those that are refused.
    """
    if fullname in STAND_INS or _new_name(fullname):
        return importlib.machinery.ModuleSpec(
            fullname,
            _StandInLoader(),
            # For a name that a package lacks, Python asks the finders: thus
            # "from theano.sandbox.cuda import CudaNdarray" is refused.
            is_package=fullname.startswith('theano.sandbox.cuda'),
        )
    for name, reason in REFUSED.items():
        if _is_within(fullname, name):
            raise ImportError(f'{fullname}: {reason}', name=fullname)
    return None


def _is_within(fullname, package):
    return fullname == package or fullname.startswith(package + '.')


def _new_name(fullname):
    for old, new in RENAMED.items():
        if _is_within(fullname, old):
            return new + fullname[len(old) :]
    return None


def is_replaced(fullname: str) -> bool:
    """Whether a module that is there does not work without a stand-in.

    Parameters
    ----------
    fullname : str
        Name of the module.

    Returns
    -------
    bool
    """
    if fullname == 'theano.scan_module.scan_perform_ext':
        return sys.version_info >= (3, 11)
    if fullname in _LASAGNES_GPU_LAYERS:
        return not gpu.has_pygpu()
    # Below the new package, Python would find its modules a second time.
    return fullname == 'theano.sandbox.cuda' or _is_within(
        fullname, 'theano.sandbox.gpuarray'
    )


class _StandInLoader(importlib.abc.Loader):
    def create_module(self, spec):
        return types.ModuleType(spec.name)

    def exec_module(self, module):
        name = module.__name__
        if name in STAND_INS:
            fill = STAND_INS[name]
            module.__doc__ = fill.__doc__
            fill(module)
        else:
            # Python then returns the module that it finds here.
            sys.modules[name] = importlib.import_module(_new_name(name))


def import_on_demand(module: types.ModuleType, *names: str) -> None:
    """Import submodules when they are first used as attributes.

    Parameters
    ----------
    module : module
        A package.
    *names : str
        Names of its submodules.
    """

    def __getattr__(name):  # noqa: N807, PEP 562
        if name in names:
            return importlib.import_module(f'{module.__name__}.{name}')
        raise _no_attribute(module, name)

    module.__getattr__ = __getattr__  # type: ignore[method-assign]


def _no_attribute(module, name):
    return AttributeError(
        f'module {module.__name__!r} has no attribute {name!r}'
    )


# What Python 3.10 removed from collections. It is in collections.abc.
_ABSTRACT = frozenset(
    {
        'AsyncGenerator',
        'AsyncIterable',
        'AsyncIterator',
        'Awaitable',
        'ByteString',
        'Callable',
        'Collection',
        'Container',
        'Coroutine',
        'Generator',
        'Hashable',
        'ItemsView',
        'Iterable',
        'Iterator',
        'KeysView',
        'Mapping',
        'MappingView',
        'MutableMapping',
        'MutableSequence',
        'MutableSet',
        'Reversible',
        'Sequence',
        'Set',
        'Sized',
        'ValuesView',
    }
)


def restore_collections() -> None:
    """Look up the abstract classes in ``collections`` as before Python 3.10.

    Python asks only for names that are not there, so that nothing changes for
    programs that do not use them.
    """
    if hasattr(collections, '__getattr__'):
        return  # before Python 3.10

    def __getattr__(name):  # noqa: N807, PEP 562
        if name in _ABSTRACT:
            return getattr(collections.abc, name)
        raise _no_attribute(collections, name)

    collections.__getattr__ = __getattr__  # type: ignore[method-assign]


def restore_clock() -> None:
    """Restore ``time.clock``, the time that the process has computed."""
    if not hasattr(time, 'clock'):
        time.clock = time.process_time  # type: ignore[attr-defined]


def _copy_of(source, *names):
    """Make a function that fills a module with the names of another, by
    default those in its ``__all__``.
    """

    def fill(module):
        copied = importlib.import_module(source)
        module.__doc__ = copied.__doc__
        for name in names or copied.__all__:
            setattr(module, name, getattr(copied, name))

    return fill


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


def _fill_python2x(module):
    """``theano.compat.python2x`` and, before it, ``theano.gof.python25``: what
    Python 2.4 to 2.6 lacked.
    """
    from theano.compat import DefaultOrderedDict

    module.DefaultOrderedDict = DefaultOrderedDict
    module.OrderedDict = collections.OrderedDict
    module.Counter = collections.Counter
    module.defaultdict = collections.defaultdict
    module.deque = collections.deque
    module.DictMixin = collections.abc.MutableMapping
    module.partial = functools.partial
    module.all = all
    module.any = any


def _fill_cuda(module):
    """``theano.sandbox.cuda``, Theano's first GPU code, which Theano 0.10
    removed.
    """
    module.use = gpu.use
    module.cuda_available = False
    module.cuda_enabled = False
    module.cuda_initialization_error_message = 'cuda unavailable'
    import_on_demand(module, 'basic_ops', 'dnn', 'rng_curand')


def _fill_rng_curand(module):
    """``theano.sandbox.cuda.rng_curand``, random numbers by NVIDIA's cuRAND.
    Theano's own generator has the same interface, but draws other numbers.
    """
    from theano.sandbox.rng_mrg import MRG_RandomStreams

    module.CURAND_RandomStreams = MRG_RandomStreams


#: Functions that fill the modules; their docstrings become the modules'.
STAND_INS: dict[str, Callable[[types.ModuleType], None]] = {
    'imp': _fill_imp,
    'lasagne.layers.corrmm': _copy_of(
        'kneerepro.compat.lasagne_dnn', 'Conv2DMMLayer'
    ),
    'lasagne.layers.dnn': _copy_of('kneerepro.compat.lasagne_dnn'),
    'numpy.distutils': _fill_numpy_distutils,
    'numpy.linalg.linalg': _fill_numpy_linalg,
    'pkg_resources': _fill_pkg_resources,
    'scipy.signal.sigtools': _fill_sigtools,
    'theano.compat.python2x': _fill_python2x,
    'theano.gof.python25': _fill_python2x,
    'theano.sandbox.cuda': _fill_cuda,
    'theano.sandbox.cuda.basic_ops': _copy_of('kneerepro.compat.cuda_ops'),
    'theano.sandbox.cuda.dnn': _copy_of('kneerepro.compat.cudnn'),
    'theano.sandbox.cuda.rng_curand': _fill_rng_curand,
    'theano.tensor.signal.downsample': _copy_of('kneerepro.compat.downsample'),
}

#: New names of modules, by their old ones. Both are packages, or contain
#: modules with the same names.
RENAMED = {
    'theano.compat.six': 'six',
    'theano.sandbox.gpuarray': 'theano.gpuarray',
}

#: Why a module cannot be imported, and what to use instead. This holds for the
#: names within it as well, except for those that have a stand-in.
REFUSED = {
    'lasagne.layers.cuda_convnet': (
        "it requires pylearn2's cuda-convnet, which no longer exists; use "
        'lasagne.layers.Conv2DLayer and MaxPool2DLayer instead'
    ),
    'theano.sandbox.cuda': (
        "Theano's first GPU code no longer exists; use Ops of theano.tensor "
        'instead, which run on CUDA with THEANO_FLAGS=mode=TORCH'
    ),
    'theano.scan_module.scan_perform_ext': (
        'this C code does not compile on Python 3.11 and newer; Theano uses '
        'its Python loop instead'
    ),
}

# They require Theano's GPU code.
_LASAGNES_GPU_LAYERS = {
    'lasagne.layers.corrmm',
    'lasagne.layers.cuda_convnet',
    'lasagne.layers.dnn',
}
