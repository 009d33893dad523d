"""Restore the behaviour of NumPy 1 that Theano relies on.

This is imported together with Theano; see :mod:`kneerepro.compat.install`.
"""

from __future__ import annotations

import copy
import functools
import types
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np


class _Cast(dict):
    """Stands in for ``np.cast``: conversion functions by data type."""

    def __missing__(self, dtype):
        return lambda x: np.asarray(x).astype(dtype)


# Names that NumPy 1.24 and 2.0 removed.
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


def restore_names() -> None:
    """Restore the names that NumPy has removed."""
    names = dict(_NAMES)
    if hasattr(np, 'exceptions'):  # from NumPy 1.25 on
        names['ComplexWarning'] = np.exceptions.ComplexWarning
    for name, stand_in in names.items():
        with warnings.catch_warnings():
            # Names that NumPy is about to remove warn when looked up.
            warnings.simplefilter('ignore')
            present = hasattr(np, name)
        if not present:
            setattr(np, name, stand_in)


class _NumPy(types.ModuleType):
    """NumPy, except for the functions that a subclass defines."""

    def __init__(self):
        super().__init__('numpy')

    def __getattr__(self, name):
        return getattr(np, name)


class _WrappingNumPy(_NumPy):
    """NumPy, except that an integer that does not fit a data type wraps around
    instead of raising an error.

    Theano relies on this to find the smallest type that holds a number.
    Otherwise the 300 in ``x + 300`` would have the type uint64, not int16.
    """

    def asarray(self, a: Any, dtype: Any = None, **options: Any) -> np.ndarray:
        """Convert as ``np.asarray`` of NumPy 1."""
        return _wrap(np.asarray, a, dtype, options)

    def array(self, a: Any, dtype: Any = None, **options: Any) -> np.ndarray:
        """Convert as ``np.array`` of NumPy 1."""
        return _wrap(np.array, a, dtype, options)


def _wrap(convert, a, dtype, options):
    try:
        return convert(a, dtype, **options)
    except OverflowError:
        # NumPy 1, too, raised an error if int64 did not hold the number.
        return convert(a, np.int64, **options).astype(dtype)


def _wrap_integers(module):
    module.np = _WrappingNumPy()


class _Float(float):
    """A Python float that compares as the float64 that it is.

    In NumPy 2, 0.1 equals ``np.float32(0.1)``. Theano concludes from that
    that float32 holds the number as well as float64 does.
    """

    def __eq__(self, other):
        return np.float64(self) == other

    __hash__ = float.__hash__


def _patch_scalars(module):
    """Restore the types of numbers in ``theano.scalar.basic``."""
    _wrap_integers(module)
    autocast, accept = module.NumpyAutocaster.__call__, module.Scalar.filter

    def exact_autocast(self, x):
        return autocast(self, _Float(x) if type(x) is float else x)

    def exact_filter(self, data, *args, **options):
        # Theano accepts any float for a variable of its default type.
        if type(data) is float and self.dtype != module.config.floatX:
            data = _Float(data)
        return accept(self, data, *args, **options)

    module.NumpyAutocaster.__call__ = exact_autocast
    module.Scalar.filter = exact_filter
    impl, inverse = module.Cast.impl, module.Inv.impl

    def wrapping_cast(self, input):
        try:
            return impl(self, input)
        except OverflowError:
            return np.int64(input).astype(self.o_type.dtype)

    module.Cast.impl = wrapping_cast
    # Theano divides by a Python float, which no longer makes a float64 of a
    # float32.
    module.Inv.impl = lambda self, x: inverse(self, np.asarray(x)[()])


def _widen_mask(module):
    """In NumPy 1, Python's 0xffffffff turned an int32 into an int64; in
    NumPy 2 it raises an error.
    """
    next_value = module.mrg_next_value

    def with_wide_mask(rstate, new_rstate, NORM, mask, offset):
        return next_value(rstate, new_rstate, NORM, np.int64(mask), offset)

    module.mrg_next_value = with_wide_mask


def _copy_deeply(module):
    """In NumPy 2, a shallow copy of a ``RandomState`` shares its generator, so
    that Theano would draw from both at once.
    """
    module.copy = copy.deepcopy


class _ListIndexed(np.ndarray):
    """An array that a list of slices indexes as a tuple of them does.

    NumPy 1.23 made this an error.
    """

    def __getitem__(self, index):
        return super().__getitem__(_as_tuple(index))

    def __setitem__(self, index, value):
        super().__setitem__(_as_tuple(index), value)


def _as_tuple(index):
    return tuple(index) if isinstance(index, list) else index


class _ListIndexedNumPy(_NumPy):
    """NumPy, except that results are indexed by lists of slices."""

    def zeros(self, *args: Any, **options: Any) -> np.ndarray:
        """Return what ``np.zeros`` returns."""
        return np.zeros(*args, **options).view(_ListIndexed)

    def partition(self, *args: Any, **options: Any) -> np.ndarray:
        """Return what ``np.partition`` returns."""
        return np.partition(*args, **options).view(_ListIndexed)

    def argpartition(self, *args: Any, **options: Any) -> np.ndarray:
        """Return what ``np.argpartition`` returns."""
        return np.argpartition(*args, **options).view(_ListIndexed)


def _index_pooled(module):
    """Let the Python implementations of pooling index by lists of slices."""
    module.np = _ListIndexedNumPy()
    for op in module.Pool, module.AveragePoolGrad, module.MaxPoolRop:
        op.perform = _with_list_indices(op.perform)


def _with_list_indices(perform):
    @functools.wraps(perform)
    def list_indexed_perform(op, node, inputs, outputs, *params):
        inputs = [np.asarray(x).view(_ListIndexed) for x in inputs]
        perform(op, node, inputs, outputs, *params)
        for storage in outputs:
            storage[0] = np.asarray(storage[0])

    return list_indexed_perform


def _index_topk(module):
    """Let ``topk``, which has no C code, index by lists of slices."""
    module.np = _ListIndexedNumPy()
    topk = module._topk_py_impl

    def list_indexed_topk(op, *args):
        result = topk(op, *args)
        if isinstance(result, tuple):  # values and their indices
            return tuple(np.asarray(part) for part in result)
        return np.asarray(result)

    module._topk_py_impl = list_indexed_topk


_VERSION = np.lib.NumpyVersion(np.__version__)

#: Functions that patch Theano's modules, by name, after they are loaded.
PATCHES: dict[str, Callable[[types.ModuleType], None]] = {}
if _VERSION >= '1.23.0':
    PATCHES.update(
        {
            'theano.tensor.signal.pool': _index_pooled,
            'theano.tensor.sort': _index_topk,
        }
    )
if _VERSION >= '2.0.0':
    PATCHES.update(
        {
            'theano.misc.safe_asarray': _wrap_integers,
            'theano.sandbox.rng_mrg': _widen_mask,
            'theano.scalar.basic': _patch_scalars,
            'theano.tensor.elemwise': _wrap_integers,
            'theano.tensor.opt': _wrap_integers,
            'theano.tensor.raw_random': _copy_deeply,
        }
    )
