"""Flags in the environment: ``mode=TORCH`` in Theano's, and the engine's own.

Theano reads its flags on import. At that point it knows only its own modes,
and it refuses any other.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator

_MODE = re.compile(r'(?:^|,)\s*mode\s*=\s*([^,]*)')
_REPLACEMENT = ',mode=Mode'


def requests_torch_mode() -> bool:
    """Whether ``THEANO_FLAGS`` asks for the mode ``TORCH``."""
    # If a flag is given twice, the last one counts.
    *_, mode = ['', *_MODE.findall(os.environ.get('THEANO_FLAGS', ''))]
    return mode.strip() == 'TORCH'


@contextlib.contextmanager
def hide_torch_mode() -> Iterator[None]:
    """Hide the request from Theano while it is imported.

    Afterwards the variable is as before, so that subprocesses inherit it.
    """
    if not requests_torch_mode():
        yield
        return
    os.environ['THEANO_FLAGS'] += _REPLACEMENT
    try:
        yield
    finally:
        # Other code may have added to the flags meanwhile.
        before, _, after = os.environ['THEANO_FLAGS'].rpartition(_REPLACEMENT)
        os.environ['THEANO_FLAGS'] = before + after


def is_on(name: str) -> bool:
    """Whether a flag of the engine is on, as it is by default.

    Parameters
    ----------
    name : str
        The environment variable.

    Raises
    ------
    ValueError
        If its value is neither 0 nor 1.
    """
    value = os.environ.get(name, '1')
    if value not in ('0', '1'):
        raise ValueError(
            f'{name} in the environment is {value!r}: set it to 0 or 1'
        )
    return value == '1'
