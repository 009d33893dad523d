"""Compilation of small pieces of C++, where the machine has a compiler.

Nothing depends on it. Whatever the engine compiles, it can also compute with
PyTorch or NumPy, only more slowly.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
import threading
import warnings

import theano

from .flags import is_on

#: ``0`` in this variable of the environment turns compilation off.
SWITCH = 'THEANO_TORCH_C_CODE'
_SECONDS = 120  # no piece of code takes a compiler as long as this
# Without contraction, a * b + c is rounded twice, as PyTorch and NumPy do.
_OPTIONS = (
    '-O3 -std=c++11 -shared -fPIC -fno-math-errno -fno-trapping-math '
    '-ffp-contract=off -fopenmp-simd -w'
)

# Threads that compile libraries ahead of their use, by the libraries' paths.
_ahead: dict[str, threading.Thread] = {}


@functools.cache
def compiler() -> str | None:
    """The path of a C++ compiler; None if there is none, or if the
    environment has ``THEANO_TORCH_C_CODE=0``.

    It is Theano's (``theano.config.cxx``) if that is set.

    Raises
    ------
    ValueError
        If the variable has a value other than 0 or 1.
    """
    if not is_on(SWITCH):
        return None
    found = theano.config.cxx or 'g++'
    return shutil.which(found) or shutil.which('clang++')


def load(source: str, options: str = '') -> ctypes.PyDLL | None:
    """Compile code and load it; None if that is not possible.

    The result is stored in Theano's folder for compiled code, and taken from
    there the next time. Its functions are called with Python's lock held, so
    only one thread at a time runs them.

    Parameters
    ----------
    source : str
        C++ whose functions are ``extern "C"``.
    options : str
        For the compiler, after those that are always given.

    Warns
    -----
    RuntimeWarning
        If there is a compiler, but the code does not compile.
    """
    path = compiler()
    return None if path is None else _load(source, options, path)


def start(source: str, options: str = '') -> None:
    """Start to compile code that :func:`load` will load later.

    Meanwhile, Python goes on. Nothing happens where there is no compiler, or
    where the code was compiled before. What goes wrong is left to
    :func:`load`.

    Parameters
    ----------
    source, options : str
        As for :func:`load`.
    """
    path = compiler()
    if path is None:
        return
    command, library = _command(options, path), _library(source, options, path)
    if library in _ahead or os.path.exists(library):
        return

    def compile_quietly():
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            _compile(command, source, library)

    _ahead[library] = threading.Thread(target=compile_quietly)
    _ahead[library].start()


@functools.cache
def _load(source, options, path):
    library = _library(source, options, path)
    thread = _ahead.pop(library, None)
    if thread is not None:
        thread.join()
    try:
        if not os.path.exists(library):
            _compile(_command(options, path), source, library)
        return ctypes.PyDLL(library)
    except (OSError, subprocess.SubprocessError) as error:
        warnings.warn(
            f'{path} could not compile a piece of C++ for the engine, which '
            f'runs it on PyTorch or NumPy instead. {SWITCH}=0 in the '
            "environment stops further attempts. The compiler's message: "
            f'{getattr(error, "stderr", None) or error}',
            RuntimeWarning,
            stacklevel=3,
        )
        return None


def _library(source, options, path):
    """The path of the library that some code is compiled to."""
    key = [*_command(options, path)[1:], _identity(path), _processor(), source]
    name = hashlib.sha256('\n'.join(key).encode()).hexdigest()[:32]
    return os.path.join(theano.config.compiledir, 'kneerepro', name + '.so')


def _command(options, path):
    return [path, *_OPTIONS.split(), *options.split()]


def _compile(command, source, library):
    """Compile into a file that appears only once it is complete, because
    other processes may look for it.
    """
    parent = os.path.dirname(library)
    os.makedirs(parent, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        result = os.path.join(folder, 'code.so')
        command = [*command, '-x', 'c++', '-', '-o', result]
        try:
            _run([*command, '-march=native'], source)
        except subprocess.CalledProcessError as error:
            if error.returncode < 0:  # interrupted
                raise
            _run(command, source)  # some compilers do not know the processor
        os.replace(result, library)


def _run(command, source):
    subprocess.run(
        command,
        input=source,
        text=True,
        check=True,
        capture_output=True,
        timeout=_SECONDS,
    )


def _identity(path):
    """What distinguishes a compiler from other versions of it."""
    status = os.stat(path)
    return f'{os.path.realpath(path)} {status.st_size} {status.st_mtime_ns}'


@functools.cache
def _processor():
    """What distinguishes the processor from others, which may share the
    folder of compiled code.
    """
    with contextlib.suppress(OSError), open('/proc/cpuinfo') as file:
        for line in file:
            if line.startswith(('flags', 'Features')):
                return platform.machine() + line
    return f'{platform.machine()} {platform.processor()}'
