"""Files that appear under their name only once they are complete."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator

from kneerepro.utils.errors import UserError

# In bytes: the temporary name is longer by ten, and systems allow 255.
_LONGEST_NAME = 240


@contextlib.contextmanager
def replacing(path: str, temporary: str | None = None) -> Iterator[str]:
    """Write a file under a temporary name, then rename it to `path`.

    Parameters
    ----------
    path : str
        The file to write. Its folder is created if it is missing.
    temporary : str, optional
        The temporary name; by default one that no other file has.

    Yields
    ------
    str
        A path in the same folder, with the same extension, to write to. The
        file replaces `path` when the block ends, and is removed if the block
        fails.

    Raises
    ------
    UserError
        If the file cannot be written.
    """
    folder, name = os.path.split(os.path.abspath(path))
    try:
        os.makedirs(folder, exist_ok=True)
        if temporary is None:
            suffix = '-' + name
            if len(os.fsencode(name)) > _LONGEST_NAME:
                suffix = os.path.splitext(name)[1]
            handle, temporary = tempfile.mkstemp(
                dir=folder, prefix='.', suffix=suffix
            )
            os.close(handle)
    except FileExistsError:
        raise UserError(
            f'cannot write {path}: {folder} is not a folder'
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


def reason(error: OSError) -> str:
    """Describe an OSError in the operating system's few words, if it has any.

    HDF5 would add a page about its internal state, line breaks included.
    """
    return os.strerror(error.errno) if error.errno else str(error)


def _umask() -> int:
    # The system reports the mask only when it sets a new one.
    mask = os.umask(0)
    os.umask(mask)
    return mask
