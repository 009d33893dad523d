"""The process that holds a lock, as a file describes it."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import secrets
import socket
import time
from dataclasses import asdict, dataclass

# A file is written within this time, in seconds, of its creation. If it is
# still incomplete then, its process was killed in between.
_WRITTEN_WITHIN = 60


@dataclass(frozen=True)
class Owner:
    """A process that holds a lock.

    Attributes
    ----------
    pid : int
    host : str
        Name of its computer.
    machine : str
        Tells computers, and containers on one computer, apart that have the
        same name.
    started : str
        When the process was started, in units of the system; '' if unknown.
        Another process may get the same number later.
    since : str
        When it took the lock.
    token : str
        Different for each lock.
    """

    pid: int
    host: str
    machine: str
    started: str
    since: str
    token: str

    @classmethod
    def of_this_process(cls) -> Owner:
        """Describe this process, which is about to take a lock."""
        return cls(
            pid=os.getpid(),
            host=socket.gethostname(),
            machine=_machine(),
            started=_process(os.getpid())[1],
            since=time.strftime('%Y-%m-%d %H:%M:%S'),
            token=secrets.token_hex(8),
        )

    def to_bytes(self) -> bytes:
        """What :func:`read_owner` reads."""
        return json.dumps(asdict(self)).encode() + b'\n'

    def is_here(self) -> bool:
        """Whether it runs, or ran, where this process can see it."""
        return (self.host, self.machine) == (socket.gethostname(), _machine())

    def is_gone(self) -> bool:
        """Whether it has certainly ended."""
        # On Windows, os.kill() would end it.
        if os.name == 'nt' or not self.is_here():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            pass  # it is another user's
        state, started = _process(self.pid)
        if state in ('Z', 'X'):
            return True  # its parent has not noticed yet
        return bool(started and self.started) and started != self.started

    def __str__(self):
        return f'process {self.pid} on {self.host}, since {self.since}'


class _UnfinishedOwner(Owner):
    """One whose file does not say who it is."""

    def is_here(self):
        return False

    def is_gone(self):
        # `since` is the file's time of modification.
        return time.time() - float(self.since) > _WRITTEN_WITHIN

    def __str__(self):
        return 'an unknown process'


def read_owner(path: str) -> Owner | None:
    """Read who holds a lock.

    Parameters
    ----------
    path : str

    Returns
    -------
    Owner or None
        None if there is no such file.
    """
    try:
        with open(path, 'rb') as file:
            content = file.read(4096)
            written = os.fstat(file.fileno()).st_mtime
    except FileNotFoundError:
        return None
    try:
        owner = Owner(**json.loads(content))
        if isinstance(owner.pid, int) and owner.pid > 0:
            return owner
    except (ValueError, TypeError):
        pass
    return _UnfinishedOwner(0, '', '', '', str(written), '')


@functools.cache
def _machine():
    """A name for the space in which process numbers are unique."""
    parts = []
    with contextlib.suppress(OSError), open('/etc/machine-id') as file:
        parts.append(file.read().strip()[:32])
    # Each container numbers its processes anew.
    with contextlib.suppress(OSError):
        parts.append(os.readlink('/proc/self/ns/pid'))
    return ' '.join(parts)


def _process(pid):
    """State of a process and when it was started, both '' if unknown."""
    try:
        with open(f'/proc/{pid}/stat', 'rb') as file:
            # Its name, in parentheses, may contain anything.
            fields = file.read().rpartition(b')')[2].split()
        return fields[0].decode(), fields[19].decode()
    except (OSError, IndexError):
        return '', ''
