"""Elementwise operations in C++, for CUDA.

PyTorch compiles them with CUDA's own compiler, which it brings along, when they
are called for the first time with numbers of a type; that takes some tenths of
a second.
"""

import warnings

import torch
from torch.cuda import jiterator


class Jitted:
    """An operation of one pass over memory, where it would take several.

    Parameters
    ----------
    code : str
        A function template of one type, for one element of each input; with
        several outputs one that returns nothing, and whose last parameters
        are references to them.
    otherwise : callable
        Does the same to tensors anywhere.
    outputs : int
    """

    def __init__(self, code, otherwise, outputs=1):
        self.code, self._otherwise = code, otherwise
        self._function = (
            jiterator._create_jit_fn(code) if outputs == 1
            else jiterator._create_multi_output_jit_fn(code, outputs))

    def __call__(self, *tensors):
        """The result, or a tuple of them, of tensors of one type, which are
        broadcast."""
        if tensors[0].is_cuda and self._function is not None:
            try:
                return self._function(*tensors)
            except torch.OutOfMemoryError:
                raise
            except RuntimeError as error:
                self._function = None
                warnings.warn('PyTorch could not compile an operation for '
                              'CUDA, which is carried out in several now: '
                              f'{error}', RuntimeWarning, stacklevel=2)
        return self._otherwise(*tensors)
