"""A folder for work in progress, which one run at a time uses."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator
from typing import Callable

from kneerepro.utils.errors import UserError
from kneerepro.utils.files import reason
from kneerepro.utils.locks import exclusive, lock_files


@contextlib.contextmanager
def working_folder(folder: str, out: str) -> Iterator[Callable[[], None]]:
    """Lock a folder for work in progress; wait while another run has it.

    The folder stays behind if the block ends early, so that the next run can
    go on with what it holds.

    Parameters
    ----------
    folder : str
        Created if missing.
    out : str
        What is made there, for the messages.

    Yields
    ------
    callable
        Call it when the contents are no longer needed: the folder is then
        removed at the end of the block.

    Raises
    ------
    UserError
        If the folder cannot be written.
    """
    parent, lock = os.path.dirname(folder), os.path.join(folder, 'lock')
    locks = lock_files(lock)
    is_new = not os.path.isdir(parent)
    finished = False

    def finish():
        nonlocal finished
        finished = True

    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(exclusive(lock, out))
        except OSError as error:
            raise UserError(
                f'cannot write {out}: {reason(error)}; name another --out'
            ) from None
        try:
            yield finish
        finally:
            contents = {
                os.path.join(folder, name) for name in os.listdir(folder)
            }
            if finished or contents <= set(locks):
                # The lock goes last: without it, another run may take over
                # the folder.
                for path in contents - set(locks):
                    _remove(path)
                for path in locks:
                    with contextlib.suppress(FileNotFoundError):
                        os.remove(path)
                with contextlib.suppress(OSError):  # not empty
                    os.rmdir(folder)
                    if is_new:
                        os.rmdir(parent)


def refuse_to_replace(paths: Iterable[str]) -> None:
    """Raise UserError if a file is in the way."""
    for path in paths:
        if os.path.lexists(path):
            raise UserError(
                f'{path} already exists and was made from other data or '
                'with other options, or by an earlier version: name '
                'another --out, or use --overwrite'
            )


def require_space(folder: str, size: int, what: str) -> None:
    """Raise UserError if a disk has no room for a file.

    Parameters
    ----------
    folder : str
        On the disk.
    size : int
        Of the file, in bytes.
    what : str
        The file, for the message.
    """
    free = shutil.disk_usage(folder).free
    if size > free:
        raise UserError(
            f'no room for {what}: it takes {size / 2**30:.1f} GiB, and the '
            f'disk of {folder} has {free / 2**30:.1f} GiB free; make room '
            'there, or write to another disk'
        )


def _remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.remove(path)
