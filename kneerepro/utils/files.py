"""Files that appear under their name only when they are whole."""

import contextlib
import os
import tempfile

from kneerepro.utils.errors import UserError


@contextlib.contextmanager
def replacing(path, temporary=None):
    """Write a file under a temporary name, then give it its own.

    Parameters
    ----------
    path : str
        The file to write. Its folder is created.
    temporary : str, optional
        The temporary name; by default one that nothing else has.

    Yields
    ------
    str
        A path in the same folder, with the same extension, to write to. It
        takes the place of `path` when the block ends, and is removed if the
        block fails.

    Raises
    ------
    UserError
        If the folder cannot be written to.
    """
    folder, name = os.path.split(os.path.abspath(path))
    try:
        os.makedirs(folder, exist_ok=True)
        if temporary is None:
            handle, temporary = tempfile.mkstemp(
                dir=folder, prefix='.', suffix='-' + name
            )
            os.close(handle)
    except FileExistsError:
        raise UserError(
            f'cannot write {path}: {folder} is no folder'
        ) from None
    except OSError as error:
        raise UserError(f'cannot write {path}: {reason(error)}') from None
    try:
        yield temporary
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f'cannot write {path}: {reason(error)}') from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(temporary)


def reason(error):
    """What an OSError says, in a few words where the system has them.

    HDF5 adds a page on its own state, line breaks included.
    """
    return os.strerror(error.errno) if error.errno else str(error)


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
