"""The figures of the thesis, one function each.

Each function draws into a new :class:`matplotlib.figure.Figure` and returns
it. No display is needed.
"""

import contextlib
import os
import sys


def _import_matplotlib():
    """Import matplotlib even if the environment asks for a missing backend.

    A program that is started from a notebook inherits ``MPLBACKEND``, whose
    module may not be installed. Figures need no backend, but matplotlib could
    not even be imported.
    """
    if 'matplotlib' in sys.modules:
        return
    backend = os.environ.pop('MPLBACKEND', None)
    import matplotlib

    if backend is not None:
        os.environ['MPLBACKEND'] = backend
        with contextlib.suppress(ValueError):
            matplotlib.rcParams['backend'] = backend


_import_matplotlib()
