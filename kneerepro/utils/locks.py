"""Work that only one process at a time may do."""

import contextlib
import fcntl
import os


@contextlib.contextmanager
def exclusive(path, what):
    """Keep other processes out of a block; wait for one that is in it.

    The lock is the system's: it goes with its process, even a killed one.

    Parameters
    ----------
    path : str
        The lock file, created with its folder where missing. Whoever is in
        the block may remove it.
    what : str
        What is made there, for the line that says what is waited for.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    while True:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        try:
            file = open(path, 'a')
        except FileNotFoundError:
            continue  # its folder has just been removed
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(
                    f'waiting for another process, which makes {what}',
                    flush=True,
                )
                fcntl.flock(file, fcntl.LOCK_EX)
            if _is_at(path, file):
                yield
                return


def _is_at(path, file):
    """Whether a file is still there, and no other."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
