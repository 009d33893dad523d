"""Locks for work that only one process may do at a time.

The operating system holds the locks, so that they end with their process.
Some file systems have no such locks: Lustre that is mounted without the
option flock, some NFS and FUSE. There, a second file beside the lock file
names the process that holds the lock.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Iterator
from typing import IO

from kneerepro.utils.owners import Owner, read_owner
from kneerepro.utils.text import printable

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

# What file systems without locks answer.
_UNSUPPORTED = {
    errno.ENOSYS,
    errno.ENOLCK,
    errno.EOPNOTSUPP,
    errno.ENOTSUP,
    errno.EINVAL,
    errno.EBADF,  # NFS, for a file that cannot be opened for writing
}

_OWNER = '.owner'

# Seconds between two looks at a lock that another process holds.
_SHORTEST_WAIT, _LONGEST_WAIT = 0.05, 2


class HeldError(Exception):
    """Another process holds a lock; the message names it, if it is known."""


def lock_files(path: str) -> list[str]:
    """Return the files that a lock may consist of.

    The process that holds the lock may remove them, in this order.
    """
    return [path, path + _OWNER]


@contextlib.contextmanager
def exclusive(path: str, what: str) -> Iterator[None]:
    """Let one process at a time into a block; the others wait.

    Parameters
    ----------
    path : str
        The lock file. It is created, together with its folder, if it is
        missing. The process inside the block may remove it: see
        :func:`lock_files`.
    what : str
        What the block writes. The message of a process that waits names it.

    Raises
    ------
    OSError
        If the lock file cannot be written.
    """
    waiting = f'waiting for another process to finish writing {what}'
    while True:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        try:
            file = open(path, 'a')  # noqa: SIM115, closed below
        except FileNotFoundError:
            continue  # another process has just removed the folder
        with file:
            supported = _flock_waiting(file, waiting)
            # The process that held the lock may have removed the file, and a
            # lock on a removed file keeps nobody out.
            if supported and not _is_at(path, file):
                continue
            with (
                contextlib.nullcontext()
                if supported
                else _owned(path + _OWNER, waiting)
            ):
                yield
            return


@contextlib.contextmanager
def exclusive_now(path: str) -> Iterator[None]:
    """Let one process at a time into a block, and refuse the others.

    Parameters
    ----------
    path : str
        A file, which is not changed.

    Raises
    ------
    HeldError
        If another process is in the block.
    OSError
        If the file cannot be read or, on a file system without locks, if its
        folder cannot be written.
    """
    file: IO[bytes]
    try:
        file = open(path, 'rb+')  # noqa: SIM115, closed below
    except OSError:  # another user's, or on a disk that is read-only
        file = open(path, 'rb')  # noqa: SIM115, closed below
    with file:
        try:
            supported = _flock(file)
        except BlockingIOError:
            raise HeldError('another process') from None
        with contextlib.nullcontext() if supported else _owned(path + _OWNER):
            yield


def is_held(path: str) -> bool:
    """Tell whether a process is in the block of :func:`exclusive_now`.

    Nothing is written.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with open(path, 'rb') as file:
        try:
            # A shared lock, because NFS gives no other for reading.
            if _flock(file, shared=True):
                return False
        except BlockingIOError:
            return True
    owner = read_owner(path + _OWNER)
    return owner is not None and not owner.is_gone()


def _flock(file, shared=False, wait=False):
    """Lock a file; returns False if the file system has no locks.

    Raises
    ------
    BlockingIOError
        If another process holds the lock.
    """
    if fcntl is None:
        return False
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(file, kind if wait else kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            return False
        raise
    return True


def _flock_waiting(file, message):
    """As :func:`_flock`, but wait, and say so."""
    try:
        return _flock(file)
    except BlockingIOError:
        print(printable(message), flush=True)
        return _flock(file, wait=True)


def _is_at(path: str, file: IO[str]) -> bool:
    """Whether `path` still leads to the open file."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def _owned(path, waiting=None):
    """Hold a lock by a file that names this process.

    Parameters
    ----------
    path : str
    waiting : str, optional
        What to print before waiting; without it, HeldError is raised instead.
    """
    mine = Owner.of_this_process()
    pause = _SHORTEST_WAIT
    while not _create(path, mine):
        other = read_owner(path)
        if other is None:
            continue  # it was released in between
        if other.is_gone():
            _remove_stale(path, other)
        elif waiting is None:
            raise HeldError(_described(other, path))
        else:
            if pause == _SHORTEST_WAIT:
                message = f'{waiting}: {_described(other, path)}'
                print(printable(message), flush=True)
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_WAIT)
    try:
        yield
    finally:
        # The block may have removed it, and another process may have come.
        if read_owner(path) == mine:
            os.remove(path)


def _create(path, owner):
    """Whether the file did not exist and now does, with its owner in it."""
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    except (FileExistsError, FileNotFoundError):
        # It is there, or another process has just removed the folder.
        return False
    with open(handle, 'wb') as file:
        file.write(owner.to_bytes())
    return True


def _remove_stale(path, owner):
    """Remove the file of a process that has ended.

    Two processes may find it at the same time. Only one of them removes it:
    otherwise the second would remove what the first has put there since.
    """
    message = f'waiting for another process to remove {path}'
    with _owned(path + '-removal', message):
        if read_owner(path) == owner:
            os.remove(path)


def _described(owner, path):
    if owner.is_here():
        return str(owner)
    return f'{owner} (if it no longer exists, remove {path})'
