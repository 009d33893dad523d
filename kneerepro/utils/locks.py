"""Locks for work that only one process may do at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from typing import IO


@contextlib.contextmanager
def exclusive(path: str, what: str) -> Iterator[None]:
    """Let one process at a time into a block; the others wait.

    The operating system holds the lock, so it is released when its process
    ends, even if the process is killed.

    Parameters
    ----------
    path : str
        The lock file. It is created, together with its folder, if it is
        missing. The process inside the block may remove it.
    what : str
        What the block writes. The message of a process that waits names it.

    Raises
    ------
    OSError
        If the lock file cannot be written.
    """
    while True:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        try:
            file = open(path, 'a')  # noqa: SIM115, closed below
        except FileNotFoundError:
            continue  # another process has just removed the folder
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(
                    f'waiting for another process to finish writing {what}',
                    flush=True,
                )
                fcntl.flock(file, fcntl.LOCK_EX)
            # The process that held the lock may have removed the file, and a
            # lock on a removed file keeps nobody out.
            if _is_at(path, file):
                yield
                return


def _is_at(path: str, file: IO[str]) -> bool:
    """Whether `path` still leads to the open file."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
