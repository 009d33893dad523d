"""Errors of PyTorch in the types that Theano raises.

Theano's code raises ValueError for sizes that do not fit, and IndexError for
indices. PyTorch raises RuntimeError for most of them, so the type is read from
the message, once an error has occurred.
"""

from __future__ import annotations

import re

import numpy as np
import torch

# Faults of the device, of its libraries and of PyTorch itself.
_NOT_OF_THE_VALUES = re.compile(r'(CUDA|cuDNN) error|INTERNAL ASSERT')

# The first that matches the message of a RuntimeError decides.
_TYPES = [
    (re.compile(r"can't allocate memory"), MemoryError),
    (re.compile(r'\blinalg\.'), np.linalg.LinAlgError),
    (re.compile(r'\bindex\b.* out of (bounds|range)'), IndexError),
    (
        re.compile(r'\b(sizes?|shapes?|dimensions?|negative)\b', re.I),
        ValueError,
    ),
]


def as_theano_raises(exc_info: tuple) -> tuple:
    """Give an error the type that Theano's own code would give it.

    Parameters
    ----------
    exc_info : tuple
        What ``sys.exc_info()`` returns: the type of the error, the error, and
        the traceback.

    Returns
    -------
    tuple
        The same for the error to raise instead. It is `exc_info` itself unless
        PyTorch raised a RuntimeError because of the values that it was given.
    """
    _, error, traceback = exc_info
    new_type = _theano_type(error)
    if new_type is None:
        return exc_info
    return new_type, new_type(str(error)), traceback


def _theano_type(error: BaseException) -> type | None:
    """The type that replaces that of an error; None to leave it."""
    if isinstance(error, torch.linalg.LinAlgError):
        return np.linalg.LinAlgError
    message = str(error)
    # The subclasses, such as OutOfMemoryError, are about the device.
    if type(error) is not RuntimeError or _NOT_OF_THE_VALUES.search(message):
        return None
    return next(
        (found for pattern, found in _TYPES if pattern.search(message)), None
    )
