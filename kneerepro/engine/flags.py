"""``mode=TORCH`` among Theano's flags.

Theano knows only its own modes when it reads its flags, which it does on
import, and refuses any other.
"""

import contextlib
import os
import re

_ASKS = re.compile(r'(?:^|,)\s*mode\s*=\s*TORCH\s*(?:,|$)')
_INSTEAD = ',mode=Mode'


def asked_for():
    """Whether ``THEANO_FLAGS`` ask for the mode ``TORCH``."""
    return bool(_ASKS.search(os.environ.get('THEANO_FLAGS', '')))


@contextlib.contextmanager
def hidden():
    """Keep it from Theano for now; programs that are started later find it
    as it was.
    """
    if not asked_for():
        yield
        return
    # Of a flag that is there twice, the last one counts.
    os.environ['THEANO_FLAGS'] += _INSTEAD
    try:
        yield
    finally:
        # Others may have added to it meanwhile.
        os.environ['THEANO_FLAGS'] = os.environ['THEANO_FLAGS'].replace(
            _INSTEAD, ''
        )
