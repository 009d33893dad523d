"""Report what works on this machine, what does not, and how to fix it.

The report fits on one screen and can be pasted into a bug report: it names
neither the user nor the home folder. The exit status is 1 if something is
broken without which nothing can be trained.
"""

from __future__ import annotations

import argparse
import getpass
import glob
import importlib.metadata
import importlib.util
import logging
import os
import platform
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

import kneerepro
from kneerepro import command_line
from kneerepro.compat import gpu, theano_flags
from kneerepro.engines import Engine
from kneerepro.runs.environment import processor
from kneerepro.utils.errors import UserError
from kneerepro.utils.text import printable
from kneerepro.utils.workers import cores

#: The states of a finding. Only the last one makes the exit status 1.
OK, LACKS, BROKEN = 'ok', 'missing', 'BROKEN'

# Packages without which nothing can be trained, by the names under which they
# are imported.
_REQUIRED = {
    'numpy': 'numpy',
    'scipy': 'scipy',
    'theano': 'Theano',
    'lasagne': 'Lasagne',
    'h5py': 'h5py',
    'pydicom': 'pydicom',
    'nibabel': 'nibabel',
    'matplotlib': 'matplotlib',
    'skimage': 'scikit-image',
    'sklearn': 'scikit-learn',
    'jinja2': 'jinja2',
    'tqdm': 'tqdm',
}

# What optional packages are for.
_OPTIONAL = {
    'SimpleITK': ('SimpleITK', 'MetaImage, NRRD'),
    'pyarrow': ('pyarrow', 'Parquet'),
    'tensorboardX': ('tensorboardX', 'TensorBoard'),
}

# Compressed transfer syntaxes of DICOM.
_SYNTAXES = {
    '1.2.840.10008.1.2.4.50': 'JPEG',
    '1.2.840.10008.1.2.4.70': 'lossless JPEG',
    '1.2.840.10008.1.2.4.80': 'JPEG-LS',
    '1.2.840.10008.1.2.4.90': 'JPEG 2000',
    '1.2.840.10008.1.2.5': 'RLE',
}

# Nothing can be trained if one of these checks fails.
_ESSENTIAL = 'Python', 'packages', 'engine'

# Below these, in GiB, a training of the preset quick may fail.
_FREE_DISK, _FREE_MEMORY = 2, 4

_WIDTH = 79


@dataclass(frozen=True)
class Finding:
    """What was found about one part of the machine.

    Attributes
    ----------
    state : {'ok', 'missing', 'BROKEN'}
    topic : str
    text : str
        What is there; or what is missing, what it is for, and the command
        that fixes it.
    """

    state: str
    topic: str
    text: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    command_line.add_out(parser)


def run(args: argparse.Namespace) -> int:
    """Print the report; return the exit status."""
    logger = logging.getLogger('kneerepro')
    # Theano's import may warn about what the report says anyway.
    before, logger.disabled = logger.disabled, True
    try:
        findings = list(examine(args.out))
    finally:
        logger.disabled = before
    print(
        f'kneerepro {kneerepro.__version__}, {platform.system()} '
        f'{platform.release()}, {platform.machine()}\n'
    )
    for finding in findings:
        lines = textwrap.wrap(
            printable(without_names(finding.text)),
            _WIDTH,
            initial_indent=f'{finding.state:<8}{finding.topic:<16}',
            subsequent_indent=' ' * 24,
            break_on_hyphens=False,
            break_long_words=False,
        )
        print('\n'.join(lines))
    return 1 if any(finding.state == BROKEN for finding in findings) else 0


def examine(out: str) -> Iterator[Finding]:
    """Examine the machine.

    Parameters
    ----------
    out : str
        Folder of all runs.

    Yields
    ------
    Finding
        One for each topic, whatever fails.
    """
    checks: dict[str, Callable[[], tuple[str, str]]] = {
        'processor': _processor,
        'Python': _python,
        'packages': _packages,
        'PyTorch': _torch,
        'engine': _engine,
        'GPU': _gpu,
        'C compiler': _compiler,
        'BLAS': _blas,
        'Theano flags': _flags,
        'DICOM codecs': _codecs,
        **{
            topic: partial(_optional, name, package)
            for name, (package, topic) in _OPTIONAL.items()
        },
        'disk': partial(_disk, out),
        'memory': _memory,
        'cache folders': _caches,
    }
    for topic, check in checks.items():
        try:
            state, text = check()
        except Exception as error:  # whatever is broken, go on
            reason = str(error).strip().split('\n')[0]
            state = BROKEN if topic in _ESSENTIAL else LACKS
            text = reason
            if not isinstance(error, UserError):
                text = f'{type(error).__name__}: {reason}'
        yield Finding(state, topic, text)


def without_names(text: str) -> str:
    """Replace the home folder by ``~``, and the user's name in other paths.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
    """
    home = os.path.expanduser('~')
    for folder in {home, os.path.realpath(home)}:
        if len(folder) > 1:
            text = re.sub(rf'{re.escape(folder)}(?![\w.-])', '~', text)
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # a user without an entry
        return text
    return re.sub(rf'(?<=/){re.escape(user)}(?![\w.-])', 'USER', text)


# --------------------------------------------------------------- the programs


def _python():
    version = sys.version_info[:2]
    kind = 'virtual' if sys.prefix != sys.base_prefix else 'not virtual'
    text = f'{platform.python_version()}, environment {kind}'
    if (3, 9) <= version <= (3, 13):
        return OK, text
    return BROKEN, f'{text}; 3.9 to 3.13 are required: make setup finds one'


def _packages():
    found, failed = [], []
    for name, package in _REQUIRED.items():
        try:
            importlib.import_module(name)
            found.append(f'{package} {importlib.metadata.version(package)}')
        except Exception as error:  # whatever its import raises
            failed.append(f'{package} ({type(error).__name__}: {error})')
    if failed:
        return BROKEN, (
            f'cannot import {"; ".join(failed)}: make setup, or install them '
            'with pip'
        )
    return OK, ', '.join(found)


def _torch():
    torch = _import_torch()
    if torch is None:
        if sys.version_info < (3, 10):
            return LACKS, (
                "has no build for Python 3.9: Theano's C code runs the "
                'networks'
            )
        return LACKS, 'not installed: ' + _pip('torch')
    count = torch.get_num_threads()
    threads = f'{count} thread' + ('s' if count > 1 else '')
    return OK, f'{torch.__version__}, {threads}'


def _import_torch():
    if importlib.util.find_spec('torch') is None:
        return None
    return importlib.import_module('torch')


def _engine():
    """Compile a function and compare its result with NumPy's."""
    import theano
    import theano.tensor as T

    engine = Engine()
    x = T.fmatrix()
    function = theano.function([x], T.dot(x, x.T).sum(), mode=engine.mode)
    value = np.arange(6, dtype='float32').reshape(2, 3)
    result = float(function(value))
    if result != (value @ value.T).sum():
        return BROKEN, f'{engine}: computes wrong results ({result})'
    return OK, str(engine)


def _gpu():
    reason = gpu.missing_cuda()
    if reason is None:
        import torch

        free, total = torch.cuda.mem_get_info()
        return OK, (
            f'{torch.cuda.get_device_name()}, {_gib(free)} of {_gib(total)} '
            'free'
        )
    if not (shutil.which('nvidia-smi') or glob.glob('/dev/nvidia[0-9]*')):
        return LACKS, 'no NVIDIA GPU, which the preset thesis is meant for'
    torch = _import_torch()
    if torch is not None and torch.version.cuda is None:
        return LACKS, (
            'there is a GPU, but this PyTorch is for the CPU: '
            'make setup TORCH=cuda'
        )
    return LACKS, f'there is a GPU, but {reason}: see nvidia-smi'


def _compiler():
    if not theano_flags.C_CODE:
        return LACKS, (
            "Theano's C code needs Python 3.9 to 3.11; the engine on PyTorch "
            'needs none'
        )
    missing = theano_flags.missing_compiler()
    if missing is not None:
        return LACKS, (
            f'{missing[0]}, which only --engine theano needs: install '
            f'{missing[1]}'
        )
    compiler = shutil.which('g++') or shutil.which('clang++')
    done = subprocess.run(
        [compiler, '--version'],
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    )
    return OK, done.stdout.split('\n')[0] + ", with Python's headers"


def _blas():
    name = 'scipy-openblas32'
    if not theano_flags.blas_ldflags():
        return LACKS, (
            f"{name}, which makes Theano's C code fast: {_pip(name)}"
        )
    return OK, f"{name} {importlib.metadata.version(name)} for Theano's C code"


def _flags():
    """The user's own flags for Theano, including those for its GPU code."""
    flags = theano_flags.flags_set_by_user()
    added = {'floatX', 'blas.ldflags', 'cxx', 'optimizer_excluding'}
    shown = ', '.join(
        f'{name}={value}'
        for name, value in sorted(flags.items())
        if name not in added
    )
    asked = [
        f'{name}={flags[name]}'
        for name in ('device', 'init_gpu_device', 'contexts')
        if flags.get(name) and (name == 'contexts' or gpu.is_gpu(flags[name]))
    ]
    if asked and not gpu.has_pygpu() and gpu.missing_cuda():
        return LACKS, (
            f'{", ".join(asked)} in .theanorc or THEANO_FLAGS asks for a GPU, '
            'and there is none: write device=cpu, or remove the setting'
        )
    return OK, shown or 'none'


def _codecs():
    missing = [
        name for syntax, name in _SYNTAXES.items() if not _decodes(syntax)
    ]
    if missing:
        return LACKS, f'{", ".join(missing)}: {_pip("python-gdcm")}'
    return OK, ', '.join(_SYNTAXES.values())


def _decodes(syntax):
    try:
        from pydicom.pixels import get_decoder
    except ImportError:  # before pydicom 3
        from pydicom import config

        return any(
            handler.is_available()
            for handler in config.pixel_data_handlers
            if handler.supports_transfer_syntax(syntax)
        )
    return get_decoder(syntax).is_available


def _optional(name, package):
    if importlib.util.find_spec(name) is None:
        return LACKS, f'{package}: {_pip(package)}'
    return OK, f'{package} {importlib.metadata.version(package)}'


def _pip(package):
    return f'python -m pip install {package}'


# ---------------------------------------------------------------- the machine


def _processor():
    return OK, f'{processor()}, {cores()} cores'


def _disk(out):
    folder = os.path.abspath(out)
    while not os.path.exists(folder):
        folder = os.path.dirname(folder)
    free = shutil.disk_usage(folder).free
    text = f'{_gib(free)} free where the runs are'
    if not os.access(folder, os.W_OK):
        return LACKS, f'{folder} cannot be written: name another --out'
    if free < _FREE_DISK * 2**30:
        return LACKS, f'{text}: name an --out on another disk'
    return OK, text


def _memory():
    try:
        with open('/proc/meminfo') as file:
            sizes = dict(line.split(':') for line in file)
        free, total = (
            1024 * int(sizes[name].split()[0])
            for name in ('MemAvailable', 'MemTotal')
        )
    except (OSError, KeyError, ValueError):  # not on Linux
        return OK, 'unknown'
    text = f'{_gib(free)} of {_gib(total)} free'
    if free < _FREE_MEMORY * 2**30:
        return LACKS, f'{text}: use a smaller --batch-size, or --width'
    return OK, text


def _caches():
    """The folders that are written to, besides those of the runs."""
    import matplotlib
    import theano

    from kneerepro.data.reading.identity import default_key_file

    folders = {
        'Theano': theano.config.base_compiledir,
        'Matplotlib': matplotlib.get_cachedir(),
        'key of the patients': os.path.dirname(default_key_file()),
    }
    broken = [
        f'{name}: {folder}'
        for name, folder in folders.items()
        if not _can_be_written(folder)
    ]
    if broken:
        return LACKS, f'cannot be written: {"; ".join(broken)}: set HOME'
    return OK, '; '.join(
        f'{name}: {folder}' for name, folder in folders.items()
    )


def _can_be_written(folder):
    while not os.path.exists(folder) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    return os.access(folder, os.W_OK)


def _gib(size):
    return f'{size / 2**30:.1f} GiB'
