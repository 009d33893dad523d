"""Record the versions and the machine with which a run was made."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import kneerepro
from kneerepro.runs import ranks
from kneerepro.utils.workers import cores

if TYPE_CHECKING:
    from kneerepro.engines import Engine

_PACKAGES = (
    'Theano',
    'Lasagne',
    'numpy',
    'scipy',
    'torch',
    'h5py',
    'pydicom',
    'matplotlib',
)


def describe(
    engine: Engine, command: Sequence[str] | None = None
) -> dict[str, Any]:
    """Describe the versions and the machine.

    Parameters
    ----------
    engine : kneerepro.engines.Engine
    command : sequence of str, optional
        What started the run; by default the command line of the process.

    Returns
    -------
    dict
        Can be converted to JSON. Packages that are not installed are missing.
    """
    versions = {name: _version(name) for name in _PACKAGES}
    return {
        'time': time.strftime('%Y-%m-%d %H:%M:%S %z'),
        'command': sys.argv if command is None else list(command),
        'kneerepro': kneerepro.__version__,
        'revision': revision(),
        'python': platform.python_version(),
        'platform': platform.platform(),
        'processor': processor(),
        'cores': cores(),
        'processes': ranks.size(),
        'engine': str(engine),
        **{
            name: version
            for name, version in versions.items()
            if version is not None
        },
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def revision() -> str | None:
    """Return the commit of the checkout that holds this package.

    Returns
    -------
    str or None
        Ends in '-dirty' if files differ from the commit. None if the package
        is installed without its repository, or if git fails.
    """
    folder = os.path.dirname(os.path.dirname(kneerepro.__file__))
    if not os.path.exists(os.path.join(folder, '.git')):
        return None
    try:
        return subprocess.run(
            ['git', 'describe', '--always', '--dirty', '--abbrev=12'],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def processor() -> str:
    """Return the name of the processor."""
    try:
        with open('/proc/cpuinfo') as file:
            return next(
                line.split(':')[1].strip()
                for line in file
                if line.startswith('model name')
            )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
