import contextlib
import io
import os
import runpy
import subprocess
import sys
from unittest import mock

from tests.subprocesses import ROOT


def start_script(name, *arguments, **kwargs):
    """Start an experiment in a process of its own."""
    return subprocess.Popen(
        [
            sys.executable,
            os.path.join(ROOT, 'experiments', name + '.py'),
            *arguments,
        ],
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **kwargs,
    )


def run_script(name, *arguments, status=0):
    """Run an experiment and check its exit status; return its output."""
    process = start_script(name, *arguments)
    stdout, stderr = process.communicate()
    if process.returncode != status:
        raise AssertionError(
            f'{name} ended with {process.returncode}, not '
            f'{status}:\n{stdout}{stderr}'
        )
    return stdout + stderr


def run_here(name, *arguments, status=0):
    """As :func:`run_script`, but in this process, which has imported all."""
    folder = os.path.join(ROOT, 'experiments')
    path = os.path.join(folder, name + '.py')
    output, code = io.StringIO(), 0
    with (
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(output),
        mock.patch('sys.argv', [path, *arguments]),
        mock.patch('sys.path', [folder, *sys.path]),
        mock.patch('sys.excepthook', sys.excepthook),
    ):
        try:
            runpy.run_path(path, run_name='__main__')
        except SystemExit as error:
            code = error.code or 0
    if code != status:
        raise AssertionError(
            f'{name} ended with {code}, not {status}:\n' + output.getvalue()
        )
    return output.getvalue()
