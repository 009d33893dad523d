"""Folders that appear under their name only once they are complete."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator

from kneerepro.utils.errors import UserError
from kneerepro.utils.files import reason


@contextlib.contextmanager
def replacing_folder(path: str) -> Iterator[str]:
    """Fill a folder under a temporary name, then rename it to `path`.

    Parameters
    ----------
    path : str
        The folder to write. What it held before is removed.

    Yields
    ------
    str
        An empty folder of the same name on the same file system.

    Raises
    ------
    UserError
        If it cannot be written.
    """
    parent, name = os.path.split(os.path.abspath(path))
    try:
        os.makedirs(parent, exist_ok=True)
        with tempfile.TemporaryDirectory(
            dir=parent, prefix=f'.{name}-'
        ) as container:
            # Unlike the container, it gets the permissions of the umask.
            temporary = os.path.join(container, name)
            os.mkdir(temporary)
            yield temporary
            if os.path.lexists(path):
                os.rename(path, os.path.join(container, 'replaced'))
            os.rename(temporary, path)
    except OSError as error:
        raise UserError(f'cannot write {path}: {reason(error)}') from error
