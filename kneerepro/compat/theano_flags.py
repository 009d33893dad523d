"""Tell Theano about this machine before it is imported.

All settings are defaults: a setting of the user's, in ``THEANO_FLAGS`` or in a
``.theanorc``, takes precedence. The defaults are written to the environment
variable ``THEANO_FLAGS``, where Theano and all subprocesses find them.
"""

from __future__ import annotations

import configparser
import contextlib
import hashlib
import logging
import os
import shlex
import shutil
import sys
import sysconfig
import warnings

logger = logging.getLogger('kneerepro')

# The BLAS routines that Theano's C code calls. The symbols of the BLAS wheel
# have a prefix, so that they do not clash with NumPy's and SciPy's BLAS.
_BLAS_ROUTINES = [
    precision + routine
    for precision in 'sd'
    for routine in (
        'gemm',
        'gemv',
        'ger',
        'axpy',
        'dot',
        'scal',
        'copy',
        'swap',
        'nrm2',
        'asum',
        'syrk',
        'trsm',
    )
]


#: Whether Theano can compile C code here. Its C code is written for NumPy 1,
#: and compiled with ``numpy.distutils``, which does not exist on Python 3.12.
C_CODE = sys.version_info < (3, 12)


def set_defaults() -> dict[str, str]:
    """Add the flags to ``THEANO_FLAGS`` that the user has not set.

    If no compiler is usable, and the user has not chosen to do without, one
    warning is logged that says what is missing.

    Returns
    -------
    dict of str to str
        The flags added: ``floatX``; ``blas.ldflags`` for the OpenBLAS of the
        wheel ``scipy-openblas32``; and, without a usable C++ compiler or from
        Python 3.12 on, ``cxx`` and ``optimizer_excluding``.
    """
    flags = {'floatX': 'float32', 'blas.ldflags': blas_ldflags()}
    user_flags = flags_set_by_user()
    reason = missing_compiler()
    if not C_CODE:
        flags['cxx'] = ''
    elif reason and 'cxx' not in user_flags:
        flags['cxx'] = ''
        logger.warning(
            "%s: Theano's own code runs uncompiled, many times slower. "
            'Install %s, or use the PyTorch engine, which needs no compiler.',
            *reason,
        )
    if {**flags, **user_flags}.get('cxx') == '':
        # Without C code, convolutions remain abstract Ops. Their Python
        # implementation works, but an optimiser of Theano forbids them.
        flags['optimizer_excluding'] = 'AbstractConvCheck'
        # Theano would warn again of the missing compiler, and of the old Op
        # that it then uses for 2D convolutions.
        warnings.filterwarnings('ignore', '.*there is no c\\+\\+ compiler')
        warnings.filterwarnings(
            'ignore', r'.*nnet\.conv\.conv2d is deprecated'
        )
    flags = {
        name: value for name, value in flags.items() if name not in user_flags
    }
    os.environ['THEANO_FLAGS'] = ','.join(
        [f'{name}={shlex.quote(value)}' for name, value in flags.items()]
        + [flag for flag in [os.environ.get('THEANO_FLAGS')] if flag]
    )
    return flags


def flags_set_by_user() -> dict[str, str]:
    """Read the flags that ``THEANO_FLAGS`` and ``.theanorc`` set.

    Returns
    -------
    dict of str to str
        Values by name: ``section.option``, or just ``option`` for
        ``[global]``.
    """
    flags = {}
    files = os.environ.get('THEANORC', '~/.theanorc').split(os.pathsep)
    rc = configparser.RawConfigParser(strict=False)
    # Theano itself reports a file that cannot be parsed.
    with contextlib.suppress(configparser.Error):
        rc.read([os.path.expanduser(file) for file in files])
    for section in rc.sections():
        for option, value in rc.items(section):
            # Case does not matter there, but it does in THEANO_FLAGS.
            option = {'floatx': 'floatX'}.get(option, option)
            flags[option if section == 'global' else f'{section}.{option}'] = (
                value
            )

    lexer = shlex.shlex(os.environ.get('THEANO_FLAGS', ''), posix=True)
    lexer.whitespace, lexer.whitespace_split = ',', True
    for flag in lexer:
        name, equals, value = flag.strip().partition('=')
        if equals:
            flags[name] = value
    return flags


def missing_compiler() -> tuple[str, str] | None:
    """Find out what keeps Theano from compiling C code here.

    Returns
    -------
    tuple of (str, str) or None
        What is missing and what to install; None if nothing is missing.
        Python's headers are required, too: without them, all of Theano's
        modules fail to compile.
    """
    compilers = ['g++']
    if sys.platform.startswith(('darwin', 'freebsd')):
        compilers.append('clang++')  # Theano does not look for it elsewhere
    if not any(map(shutil.which, compilers)):
        return 'No C++ compiler found', compilers[-1]
    header = os.path.join(sysconfig.get_path('include'), 'Python.h')
    if not os.path.exists(header):
        version = sysconfig.get_python_version()
        return (
            f'Python {version} has no header files',
            f'them (on Debian and Ubuntu: python{version}-dev)',
        )
    return None


def blas_ldflags() -> str:
    """Make the value of ``blas.ldflags`` for the BLAS wheel.

    Returns
    -------
    str
        Empty if the wheel ``scipy-openblas32`` is not installed, or if Theano
        cannot use its folder. Theano then uses NumPy's slower BLAS.
    """
    try:
        import scipy_openblas32
    except ImportError:
        return ''
    folder = _without_spaces(scipy_openblas32.get_lib_dir())
    if folder is None:
        return ''
    # Theano passes all flags except -L and -l on to the compiler, so the
    # renames can be in this flag, and the user's gcc.cxxflags stay free.
    renames = [f'-D{name}_=scipy_{name}_' for name in _BLAS_ROUTINES]
    return ' '.join([f'-L{folder}', '-lscipy_openblas'] + renames)


def _without_spaces(folder: str) -> str | None:
    """Find a path to `folder` without spaces and commas, at which Theano would
    split it: the folder itself, or a symbolic link to it.
    """
    if _is_plain(folder):
        return folder
    links = os.path.expanduser('~/.theano/kneerepro')
    link = os.path.join(links, hashlib.sha256(folder.encode()).hexdigest())
    if _is_plain(link):
        try:
            os.makedirs(links, exist_ok=True)
            # If another process was faster, its link is the same.
            with contextlib.suppress(FileExistsError):
                os.symlink(folder, link)
            return link
        except OSError:
            pass
    logger.warning(
        'Theano cannot use a BLAS in a folder with spaces or commas in its '
        'name (%s), and falls back on a slower one.',
        folder,
    )
    return None


def _is_plain(folder):
    return not any(character in folder for character in ' ,\t\'"')
