"""What Theano expects of NumPy 1 and NumPy 2 does otherwise.

Imported when Theano is; see :mod:`kneerepro.compat`.
"""

import copy
import types
import warnings

import numpy as np


class _Cast(dict):
    """``np.cast``: functions by data type."""

    def __missing__(self, dtype):
        return lambda x: np.asarray(x).astype(dtype)


#: Removed by NumPy 1.24 and 2.0.
_NAMES = {
    'bool': bool,
    'int': int,
    'float': float,
    'complex': complex,
    'object': object,
    'str': str,
    'product': np.prod,
    'cast': _Cast(),
    'sctype2char': lambda sctype: np.dtype(sctype).char,
    'MAXDIMS': 32,
}


def restore_names():
    """Put back the names that are gone."""
    names = dict(_NAMES)
    if hasattr(np, 'exceptions'):  # since NumPy 1.25
        names['ComplexWarning'] = np.exceptions.ComplexWarning
    for name, stand_in in names.items():
        with warnings.catch_warnings():
            # Those which NumPy is about to remove warn when asked for.
            warnings.simplefilter('ignore')
            present = hasattr(np, name)
        if not present:
            setattr(np, name, stand_in)


class _WrappingNumPy(types.ModuleType):
    """NumPy, in which an integer that a data type cannot hold wraps around
    instead of raising an error.

    Theano relies on it to find the smallest type that holds a number: the
    300 in ``x + 300`` would be of type uint64 otherwise, not int16.
    """

    def __getattr__(self, name):
        return getattr(np, name)

    def asarray(self, a, dtype=None, **options):
        return _wrap(np.asarray, a, dtype, options)

    def array(self, a, dtype=None, **options):
        return _wrap(np.array, a, dtype, options)


def _wrap(convert, a, dtype, options):
    try:
        return convert(a, dtype, **options)
    except OverflowError:
        # What is too large for int64 was an error in NumPy 1, too.
        return convert(a, np.int64, **options).astype(dtype)


def _wrap_integers(module):
    module.np = _WrappingNumPy('numpy')


class _Float(float):
    """A float of Python's that is compared as the float64 it is.

    0.1 is equal to ``np.float32(0.1)`` in NumPy 2; to Theano that means that
    float32 is as good a type for it as float64.
    """

    def __eq__(self, other):
        return np.float64(self) == other

    __hash__ = float.__hash__


def _mend_scalars(module):
    _wrap_integers(module)
    autocast, accept = module.NumpyAutocaster.__call__, module.Scalar.filter

    def exact_autocast(self, x):
        return autocast(self, _Float(x) if type(x) is float else x)

    def exact_filter(self, data, *args, **options):
        # Theano takes any float for one of its default type.
        if type(data) is float and self.dtype != module.config.floatX:
            data = _Float(data)
        return accept(self, data, *args, **options)

    module.NumpyAutocaster.__call__ = exact_autocast
    module.Scalar.filter = exact_filter
    impl, inverse = module.Cast.impl, module.Inv.impl

    def wrapping(self, input):
        try:
            return impl(self, input)
        except OverflowError:
            return np.int64(input).astype(self.o_type.dtype)

    module.Cast.impl = wrapping
    # Theano divides a float32 by a float of Python's, which would no longer
    # make it a float64.
    module.Inv.impl = lambda self, x: inverse(self, np.asarray(x)[()])


def _widen_mask(module):
    """Python's 0xffffffff made an int64 of an int32; it is an error now."""
    next_value = module.mrg_next_value

    def widened(rstate, new_rstate, NORM, mask, offset):
        return next_value(rstate, new_rstate, NORM, np.int64(mask), offset)

    module.mrg_next_value = widened


def _copy_whole(module):
    """A copy of a ``RandomState`` has its generator in common with it now, so
    that Theano would draw from both at once.
    """
    module.copy = copy.deepcopy


#: What is done to modules of Theano's, by name, once they are loaded.
MENDS = (
    {}
    if np.lib.NumpyVersion(np.__version__) < '2.0.0'
    else {
        'theano.misc.safe_asarray': _wrap_integers,
        'theano.sandbox.rng_mrg': _widen_mask,
        'theano.scalar.basic': _mend_scalars,
        'theano.tensor.elemwise': _wrap_integers,
        'theano.tensor.opt': _wrap_integers,
        'theano.tensor.raw_random': _copy_whole,
    }
)
