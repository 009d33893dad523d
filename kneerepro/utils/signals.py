"""SIGINT and SIGTERM: stop after the current step, at once, or once it is
safe.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

_SIGNALS = signal.SIGINT, signal.SIGTERM


@contextlib.contextmanager
def stop_signals(together: bool = False) -> Iterator[list[int]]:
    """Collect SIGINT (Ctrl-C) and SIGTERM in a list instead of stopping.

    A second signal interrupts at once, as under
    :func:`interrupting_signals`.

    Parameters
    ----------
    together : bool
        Whether several processes stop together. Nothing is then printed, and
        a second signal changes nothing: the launcher passes on to each of
        them what the terminal may have sent to all.
    """
    received: list[int] = []

    def receive(signum: int, frame: FrameType | None) -> None:
        if together:
            received.append(signum)
            return
        if received:
            raise KeyboardInterrupt(signum)
        received.append(signum)
        print(
            '\nstopping after this step (repeat to stop at once)',
            file=sys.stderr,
        )

    with _handled_by(receive):
        yield received


def interrupting_signals(
    together: bool = False,
) -> contextlib.AbstractContextManager[None]:
    """Make SIGTERM raise KeyboardInterrupt, as SIGINT does.

    The work in progress can then clean up. :func:`signal_of` reads the number
    of the signal from the exception.

    Parameters
    ----------
    together : bool
        Whether several processes stop together; see :func:`stop_signals`.
        From the first signal on, the process then ignores others until it
        ends.
    """

    def receive(signum: int, frame: FrameType | None) -> None:
        if together:
            ignore_signals()
        raise KeyboardInterrupt(signum)

    return _handled_by(receive)


@contextlib.contextmanager
def deferred_signals(hurry: Callable[[], object]) -> Iterator[None]:
    """Raise KeyboardInterrupt for a signal only once the block has ended.

    Parameters
    ----------
    hurry : callable
        Called at each signal, to make the block end sooner.
    """
    received: list[int] = []

    def receive(signum: int, frame: FrameType | None) -> None:
        received.append(signum)
        hurry()

    with _handled_by(receive):
        yield
    if received:
        raise KeyboardInterrupt(received[0])


def ignore_signals() -> None:
    """Ignore SIGINT and SIGTERM until the process ends."""
    for signum in _SIGNALS:
        signal.signal(signum, signal.SIG_IGN)


def signal_of(interrupt: KeyboardInterrupt) -> int:
    """The number of the signal that caused a KeyboardInterrupt."""
    return interrupt.args[0] if interrupt.args else signal.SIGINT


@contextlib.contextmanager
def _handled_by(
    handler: Callable[[int, FrameType | None], None],
) -> Iterator[None]:
    previous: dict[int, Any] = {}
    try:
        for signum in _SIGNALS:
            previous[signum] = signal.signal(signum, handler)
    except ValueError:
        pass  # only the main thread may set handlers
    try:
        yield
    finally:
        for number, old_handler in previous.items():
            # Unless the signal is ignored until the end.
            if signal.getsignal(number) is handler:
                signal.signal(number, old_handler)
