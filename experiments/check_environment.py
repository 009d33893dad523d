"""Says in one line what to run if this Python cannot run the scripts.

The scripts of experiments/, data/ and benchmarks/ import this module before
all others, so it needs no package and runs on every Python 3. Ctrl-C during
the other imports, which take some seconds, is one line as well.
"""

import os
import shlex
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OLDEST, NEWEST = (3, 9), (3, 13)
OWN_PACKAGES = 'kneerepro', 'layers'
BAD_INPUT, INTERRUPTED = 2, 130  # as kneerepro.utils.cli has them


def refuse(reason):
    """Print the reason and the commands to run, and exit."""
    here = os.getcwd() == ROOT
    python = os.path.join('' if here else ROOT, '.venv', 'bin', 'python')
    command = ' '.join(map(shlex.quote, [python, *sys.argv]))
    if not os.path.exists(os.path.join(ROOT, '.venv', 'installed')):
        make = 'make' if here else f'make -C {shlex.quote(ROOT)}'
        command = f'{make} setup, then {command}'
    sys.stderr.write(f'error: {reason}: run {command}\n')
    sys.exit(BAD_INPUT)


def explain(kind, error, traceback):
    """Refuse to run without a package; show any other error as usual."""
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write('interrupted\n')
        sys.exit(INTERRUPTED)
    name = getattr(error, 'name', None) or ''
    package = name.split('.')[0]
    # A missing module inside our own packages is a defect of theirs.
    if issubclass(kind, ImportError) and (
        name in OWN_PACKAGES
        or (package and package not in OWN_PACKAGES and not found(package))
    ):
        refuse(f'Python {version(sys.version_info)} has no package {package}')
    show_as_usual(kind, error, traceback)


def found(package):
    """Tell whether Python finds a package."""
    from importlib.util import find_spec

    return find_spec(package) is not None


def version(numbers):
    """Return a version such as '3.9'."""
    return '.'.join(map(str, numbers[:2]))


show_as_usual = sys.excepthook
sys.excepthook = explain
if not OLDEST <= sys.version_info[:2] <= NEWEST:
    refuse(
        f'this is Python {version(sys.version_info)}, and the scripts need '
        f'Python {version(OLDEST)} to {version(NEWEST)}'
    )
