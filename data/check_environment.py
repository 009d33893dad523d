"""Becomes experiments/check_environment.py, for the scripts of this folder."""

import os
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
SHARED = os.path.join(os.path.dirname(FOLDER), 'experiments')
# Modules that import inspect must find that of the standard library, not the
# script of that name in this folder.
sys.path[:] = [
    SHARED if os.path.abspath(path) == FOLDER else path for path in sys.path
]

del sys.modules[__name__]
import check_environment  # noqa: E402, F401
