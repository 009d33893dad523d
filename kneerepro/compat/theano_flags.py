"""What Theano is told about this machine before it is imported.

Each setting is a default: one that the user made in ``THEANO_FLAGS`` or in a
``.theanorc`` wins. The defaults are written to the environment variable
``THEANO_FLAGS``, where Theano and any subprocess find them.
"""

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
# carry a prefix, so that it can live beside NumPy's and SciPy's own.
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


#: Whether Theano can compile C code here. What it compiles is for NumPy 1,
#: and it asks ``numpy.distutils`` how, which Python 3.12 does without.
C_CODE = sys.version_info < (3, 12)


def set_defaults():
    """Add to ``THEANO_FLAGS`` what the user has left open.

    Returns
    -------
    dict of str to str
        The flags added: ``floatX``; ``blas.ldflags`` for the OpenBLAS of the
        wheel ``scipy-openblas32``; and, without a usable C++ compiler or
        from Python 3.12 on, ``cxx`` and what has to follow from it. If it is
        for want of a compiler, one warning is logged, which says what is
        missing, unless the user chose so.
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
            'Install %s, or use the PyTorch engine, which needs none.',
            *reason,
        )
    if {**flags, **user_flags}.get('cxx') == '':
        # Without C code, convolutions are left as the abstract Ops, whose
        # Python implementation works; the check that forbids it has to go.
        flags['optimizer_excluding'] = 'AbstractConvCheck'
        # Theano's own words on it, and on the old Op that it then takes for
        # 2D convolutions: once is enough.
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


def flags_set_by_user():
    """The flags that ``THEANO_FLAGS`` and ``.theanorc`` set.

    Returns
    -------
    dict of str to str
        Values by name: ``section.option`` or, for ``[global]``, the bare
        ``option``.
    """
    flags = {}
    files = os.environ.get('THEANORC', '~/.theanorc').split(os.pathsep)
    rc = configparser.RawConfigParser(strict=False)
    try:
        rc.read([os.path.expanduser(file) for file in files])
    except configparser.Error:
        pass  # Theano reports it
    for section in rc.sections():
        for option, value in rc.items(section):
            # There, but not in THEANO_FLAGS, case does not matter.
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


def missing_compiler():
    """What keeps Theano from compiling C code here.

    Returns
    -------
    tuple of (str, str) or None
        What is missing and what to install; None where nothing is. Python's
        headers count: without them each of Theano's modules fails to compile.
    """
    compilers = ['g++']
    if sys.platform.startswith(('darwin', 'freebsd')):
        compilers.append('clang++')  # nowhere else does Theano look for it
    if not any(map(shutil.which, compilers)):
        return 'No C++ compiler found', compilers[-1]
    header = os.path.join(sysconfig.get_path('include'), 'Python.h')
    if not os.path.exists(header):
        version = sysconfig.get_python_version()
        return (
            f'Python {version} has no header files',
            f'them (Debian and Ubuntu: python{version}-dev)',
        )
    return None


def blas_ldflags():
    """Value of Theano's ``blas.ldflags`` for the BLAS that comes as a wheel.

    Returns
    -------
    str
        Empty, which makes Theano use NumPy's slower one, if the wheel
        ``scipy-openblas32`` is not installed.
    """
    try:
        import scipy_openblas32
    except ImportError:
        return ''
    folder = _without_spaces(scipy_openblas32.get_lib_dir())
    if folder is None:
        return ''
    # Theano passes what is no -L or -l on to the compiler, so this one flag
    # holds all, and a user's own gcc.cxxflags do not get in its way.
    renames = [f'-D{name}_=scipy_{name}_' for name in _BLAS_ROUTINES]
    return ' '.join([f'-L{folder}', '-lscipy_openblas'] + renames)


def _without_spaces(folder):
    """A path to `folder` that Theano, which splits its flags at spaces and
    commas, can use: the folder itself or a symbolic link to it.
    """
    if _is_plain(folder):
        return folder
    links = os.path.expanduser('~/.theano/kneerepro')
    link = os.path.join(links, hashlib.sha256(folder.encode()).hexdigest())
    if _is_plain(link):
        try:
            os.makedirs(links, exist_ok=True)
            # Another process may be first: its link is the same.
            with contextlib.suppress(FileExistsError):
                os.symlink(folder, link)
            return link
        except OSError:
            pass
    logger.warning(
        'Theano cannot use a BLAS in a folder with spaces or '
        'commas in its name (%s): it falls back on a slower one.',
        folder,
    )
    return None


def _is_plain(folder):
    return not any(character in folder for character in ' ,\t\'"')
