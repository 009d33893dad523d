"""Tell Theano about this machine before it is imported.

All settings are defaults: a setting of the user's, in ``THEANO_FLAGS`` or in a
``.theanorc``, takes precedence. The exceptions concern GPUs. A device of
Theano's own code becomes the mode of the PyTorch engine if there is CUDA, else
the CPU; and flags of earlier versions have no effect instead of ending
Theano's import. The settings are written to the environment variable
``THEANO_FLAGS``, where Theano and all subprocesses find them.
"""

from __future__ import annotations

import configparser
import contextlib
import hashlib
import logging
import os
import shlex
import shutil
import stat
import sys
import sysconfig
import tempfile
import types
import warnings

from kneerepro.compat import gpu

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


# Where Theano keeps compiled code.
_DEFAULT_FOLDER = os.path.join('~', '.theano')

#: Whether Theano can compile C code here. Its C code is written for NumPy 1,
#: and compiled with ``numpy.distutils``, which does not exist on Python 3.12.
C_CODE = sys.version_info < (3, 12)

# Flags for GPUs that Theano 1.0.5 no longer has, and their defaults.
_REMOVED_FLAGS = {
    'cublas.lib': 'cublas',
    'enable_initial_driver_test': True,
    'gpuarray.init_device': '',
    'lib.cnmem': 0.0,
    'nvcc.compiler_bindir': '',
    'nvcc.cudafe': 'heuristic',
    'nvcc.fastmath': False,
    'nvcc.flags': '',
}

# Flags for GPUs with which Theano 1.0.5 does not start, whatever their value.
_REFUSED_FLAGS = (
    'dnn.conv.algo_bwd',
    'dnn.conv.workmem',
    'dnn.conv.workmem_bwd',
    'gpuarray.sync',
)


def set_defaults() -> dict[str, str]:
    """Add the flags to ``THEANO_FLAGS`` that the user has not set.

    One warning each is logged if no compiler is usable and the user has not
    chosen to do without; if the home folder cannot be written; and if the user
    asks for a GPU, but the program runs on the CPU.

    Returns
    -------
    dict of str to str
        The flags added: ``floatX``; ``blas.ldflags`` for the OpenBLAS of the
        wheel ``scipy-openblas32``; without a usable C++ compiler or from
        Python 3.12 on, ``cxx`` and ``optimizer_excluding``; without a home
        folder, ``base_compiledir``; and what replaces flags for a GPU.
    """
    user_flags = flags_set_by_user()
    flags = {'floatX': 'float32'}
    if not {'base_compiledir', 'compiledir'} & set(user_flags):
        folder = substitute_compile_folder()
        if folder is not None:
            flags['base_compiledir'] = folder
    flags['blas.ldflags'] = blas_ldflags(
        flags.get('base_compiledir', _DEFAULT_FOLDER)
    )
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
    # If a flag occurs twice, the last one counts.
    replaced = _without_gpu(user_flags)
    parts = [
        _as_text(flags),
        os.environ.get('THEANO_FLAGS', ''),
        _as_text(replaced),
    ]
    os.environ['THEANO_FLAGS'] = ','.join(filter(None, parts))
    return {**flags, **replaced}


def _as_text(flags):
    # shlex leaves commas as they are, at which Theano would split a value.
    return ','.join(
        f"{name}='{value}'"
        if ',' in value and "'" not in value
        else f'{name}={shlex.quote(value)}'
        for name, value in flags.items()
    )


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

    return {**flags, **parse(os.environ.get('THEANO_FLAGS', ''))}


def parse(text: str) -> dict[str, str]:
    """Read flags as Theano does.

    Parameters
    ----------
    text : str
        In the format of ``THEANO_FLAGS``.

    Returns
    -------
    dict of str to str
        Values by name. If a flag occurs twice, the last one counts.
    """
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace, lexer.whitespace_split = ',', True
    flags = {}
    for flag in lexer:
        name, equals, value = flag.strip().partition('=')
        if equals:
            flags[name] = value
    return flags


def requests_engine() -> bool:
    """Whether the flags ask for the mode TORCH, in upper or lower case."""
    return flags_set_by_user().get('mode', '').upper() == 'TORCH'


def _without_gpu(user_flags):
    """Flags that replace those for Theano's own GPU code.

    With them, Theano would end with a traceback (gpu) or log an error (cuda).
    """
    replaced = {name: '' for name in _REFUSED_FLAGS if user_flags.get(name)}
    asked = {
        name: value
        for name, value in user_flags.items()
        if (name in ('device', 'init_gpu_device') and gpu.is_gpu(value))
        or (name == 'contexts' and value)
    }
    if gpu.has_pygpu():
        # Its back-end replaced the one that was called gpu.
        asked = {
            name: value
            for name, value in asked.items()
            if value.lower().startswith('gpu')
        }
    if asked:
        replaced.update(
            {name: 'cpu' if name == 'device' else '' for name in asked}
        )
        request = ', '.join(f'{name}={value}' for name, value in asked.items())
        if gpu.moves_to_engine(request, user_flags.get('mode', 'Mode')):
            replaced['mode'] = 'TORCH'
    return replaced


def declare_removed(configparser: types.ModuleType) -> None:
    """Let Theano know the flags for GPUs that it no longer has.

    Otherwise it warns of them, and programs that read or set them fail.

    Parameters
    ----------
    configparser : module
        ``theano.configparser``, before the flags are declared.
    """
    for name, default in _REMOVED_FLAGS.items():
        configparser.AddConfigVar(
            name,
            'A flag for GPUs of an earlier version. It has no effect.',
            configparser.ConfigParam(default),
            in_c_key=False,
        )


def substitute_compile_folder() -> str | None:
    """Find a folder for compiled code, if Theano cannot write its own.

    One warning is logged that names both.

    Returns
    -------
    str or None
        A folder of this user alone, for temporary files; None if the one in
        the home folder can be written, or if there is no other either.
    """
    if os.name == 'nt':
        return None
    home = os.environ.get('HOME')
    if home is None:
        home = os.path.expanduser('~')
        if home == '~':
            # The user has no entry among the system's users. Theano looks
            # for this variable then, and does without a home if it is there.
            os.environ.setdefault('USERPROFILE', os.sep)
    usual = os.path.join(home, '.theano')
    if os.path.isabs(usual) and _can_be_written(usual):
        return None
    try:
        folder = _private_folder()
    except OSError:
        return None  # Theano reports that it cannot write its own
    logger.warning(
        'Theano cannot write to %s, and keeps its compiled code in %s. Set '
        'HOME, or base_compiledir in THEANO_FLAGS, to a folder of your own.',
        usual,
        folder,
    )
    return folder


def _can_be_written(folder):
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.R_OK | os.W_OK | os.X_OK)


def _private_folder():
    """A folder for temporary files that nobody else can have prepared.

    Its code is loaded and run.
    """
    folder = os.path.join(tempfile.gettempdir(), f'kneerepro-{os.getuid()}')
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    status = os.lstat(folder)
    if (
        stat.S_ISDIR(status.st_mode)
        and status.st_uid == os.getuid()
        and not status.st_mode & 0o077
    ):
        return folder
    return tempfile.mkdtemp(prefix='kneerepro-')


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


def blas_ldflags(links: str = _DEFAULT_FOLDER) -> str:
    """Make the value of ``blas.ldflags`` for the BLAS wheel.

    Parameters
    ----------
    links : str
        Where to link to the wheel's folder, if Theano cannot use its path.

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
    folder = _without_spaces(scipy_openblas32.get_lib_dir(), links)
    if folder is None:
        return ''
    # Theano passes all flags except -L and -l on to the compiler, so the
    # renames can be in this flag, and the user's gcc.cxxflags stay free.
    renames = [f'-D{name}_=scipy_{name}_' for name in _BLAS_ROUTINES]
    return ' '.join([f'-L{folder}', '-lscipy_openblas'] + renames)


def _without_spaces(folder: str, links: str) -> str | None:
    """Find a path to `folder` without spaces and commas, at which Theano would
    split it: the folder itself, or a symbolic link to it.
    """
    if _is_plain(folder):
        return folder
    links = os.path.join(os.path.expanduser(links), 'kneerepro')
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
