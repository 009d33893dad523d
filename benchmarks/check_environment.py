"""Becomes experiments/check_environment.py, for the scripts of this folder."""

import os
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(FOLDER), 'experiments'))

del sys.modules[__name__]
import check_environment  # noqa: E402, F401
