"""Import and call the scripts of benchmarks/ and docs/, which are no
packages.
"""

import contextlib
import importlib
import io
import os
import sys
from unittest import mock

from tests.subprocesses import ROOT


def import_from(folder, name):
    """Import a module of a folder whose modules import each other by name."""
    with mock.patch.object(
        sys, 'path', [os.path.join(ROOT, folder), *sys.path]
    ):
        return importlib.import_module(name)


def call(main, *arguments):
    """Call the `main` of a script; returns what it prints."""
    with (
        mock.patch.object(sys, 'argv', ['script', *arguments]),
        contextlib.redirect_stdout(io.StringIO()) as output,
    ):
        main()
    return output.getvalue()
