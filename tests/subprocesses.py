"""Run code in a fresh Python."""

import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

_HIDE = """
import importlib.machinery, sys
class HidingFinder(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, *args):
        if name not in {names!r}:
            return super().find_spec(name, *args)
sys.meta_path[sys.meta_path.index(importlib.machinery.PathFinder)] = (
    HidingFinder)
"""


def hide(*names):
    """Code that hides modules from Python, as if they were not installed."""
    return _HIDE.format(names=names)


def run_python(code, *options, arguments=(), **environment):
    """Run code in a fresh Python, in which nothing has been imported.

    Warnings are errors there. The keywords set environment variables; those
    of Theano are unset unless they are given.

    Parameters
    ----------
    code : str
    *options : str
        Options of the interpreter.
    arguments : sequence of str
        The code's ``sys.argv[1:]``.
    """
    environment = {
        **os.environ,
        'THEANO_FLAGS': '',
        'THEANORC': os.devnull,
        'PYTHONWARNINGS': '',
        **environment,
    }
    return subprocess.run(
        [sys.executable, '-W', 'error', *options, '-c', code, *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
