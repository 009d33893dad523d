"""What a run ran on."""

import importlib.metadata
import os
import platform
import subprocess
import sys
import time

import kneerepro

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


def describe(engine):
    """Versions and machine, in what JSON can hold.

    Parameters
    ----------
    engine : kneerepro.engines.Engine

    Returns
    -------
    dict
    """
    return {
        'time': time.strftime('%Y-%m-%d %H:%M:%S %z'),
        'command': sys.argv,
        'kneerepro': kneerepro.__version__,
        'revision': revision(),
        'python': platform.python_version(),
        'platform': platform.platform(),
        'processor': processor(),
        'cores': cores(),
        'engine': str(engine),
        **{
            name: version
            for name in _PACKAGES
            if (version := _version(name)) is not None
        },
    }


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def revision():
    """The commit of a checkout.

    Returns
    -------
    str or None
        With '-dirty' at the end if files differ from those committed; None
        for a package that is installed without its repository.
    """
    folder = os.path.dirname(os.path.dirname(kneerepro.__file__))
    if not os.path.exists(os.path.join(folder, '.git')):
        return None  # installed
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


def processor():
    """The name of the processor."""
    try:
        with open('/proc/cpuinfo') as file:
            return next(
                line.split(':')[1].strip()
                for line in file
                if line.startswith('model name')
            )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def cores():
    """How many cores this process may use."""
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()
