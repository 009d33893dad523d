"""Noticing that another process no longer runs.

A process that was killed closes its connections, and the others notice at
once. One that was stopped (``SIGSTOP``), or whose machine is gone, closes
nothing: the others would wait for it as long as a sum may take. So each
process gives a sign of life at short intervals, in a thread, and watches those
of the next one.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable
from typing import Any

#: A process gives so many signs of life in the time after which it counts as
#: lost.
BEATS = 6
# Those that are missing when it does. Another process hears of it within one
# more interval, and the time between two beats adds one.
_MISSING = BEATS - 2

_LEFT = b'left'
_FAILURES = 'failures'


def claim_failure(store: Any) -> bool:
    """Report that this process fails; tell whether it is the first one.

    The first one says why. The others end because of it, and need not say
    anything.

    Parameters
    ----------
    store : torch.distributed.Store
    """
    try:
        return store.add(_FAILURES, 1) == 1
    except RuntimeError:
        return True  # the store has ended: nobody else can be told


def has_failed(store: Any) -> bool:
    """Whether a process has reported that it fails."""
    return store.check([_FAILURES])


class Heartbeat:
    """The signs of life of this process, and a look at those of another.

    Parameters
    ----------
    store : torch.distributed.Store
        For this object alone: a store lets one thread in at a time.
    rank, size : int
        The number of this process, and how many there are.
    lost_after : float
        Seconds after which a silent process counts as lost.
    lost : callable
        Called once, in the thread, when this process has to end: with the
        finding, or with None if another process says what it is.
    """

    def __init__(
        self,
        store: Any,
        rank: int,
        size: int,
        lost_after: float,
        lost: Callable[[str | None], None],
    ):
        self._store, self._lost = store, lost
        self._lost_after = lost_after
        self._rank, self._next = rank, (rank + 1) % size
        self._count = self._silent = self._unreachable = self._failing = 0
        self._seen = b''
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self.beat()
        self._thread.start()

    def leave(self) -> None:
        """Stop beating, and tell the others that this is intended."""
        self._left.set()
        self._thread.join(1)
        if self._thread.is_alive():
            return  # the store does not answer
        with contextlib.suppress(RuntimeError):  # it has ended
            self._store.set(f'alive/{self._rank}', _LEFT)

    def beat(self) -> None:
        """Give one sign of life."""
        self._count += 1
        who = f'{os.getpid()} {socket.gethostname()} {self._count}'
        self._store.set(f'alive/{self._rank}', who)

    def look(self) -> str | None:
        """Beat, and look at the other process.

        Returns
        -------
        str or None
            What is wrong, '' if another process has reported it; None if all
            is well.
        """
        try:
            self.beat()
            if has_failed(self._store):
                # The process that failed prints why. This one ends by itself
                # as soon as it waits for a sum.
                self._failing += 1
                return '' if self._failing > 1 else None
            seen = self._sign_of_next()
        except RuntimeError:
            self._unreachable += 1
            if self._unreachable < _MISSING:
                return None
            return 'the launcher, or process 0, can no longer be reached'
        self._unreachable = 0
        # Looks are counted, and not seconds: where all processes were stopped
        # for a while and go on, each of them gets the time to beat again.
        is_silent = seen == self._seen and seen != _LEFT
        self._silent = self._silent + 1 if is_silent else 0
        self._seen = seen
        if self._silent < _MISSING:
            return None
        return (
            f'process {self._next}{_described(seen)} has given no sign of '
            f'life for {self._lost_after:g} s'
        )

    def _sign_of_next(self):
        key = f'alive/{self._next}'
        return self._store.get(key) if self._store.check([key]) else b''

    def _run(self):
        while not self._left.wait(self._lost_after / BEATS):
            finding = self.look()
            if finding is not None:
                speaks = finding and claim_failure(self._store)
                self._lost(finding if speaks else None)
                return


def _described(sign: bytes) -> str:
    """Number and machine of the process that has given a sign of life."""
    if not sign:
        return ''
    pid, host, _ = sign.decode().split()
    return f' (pid {pid} on {host})'
