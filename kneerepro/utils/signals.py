"""SIGINT and SIGTERM: stop after the current step, or at once."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

_SIGNALS = signal.SIGINT, signal.SIGTERM


@contextlib.contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Collect SIGINT (Ctrl-C) and SIGTERM in a list instead of stopping.

    A second signal interrupts at once, as under
    :func:`interrupting_signals`.
    """
    received: list[int] = []

    def receive(signum: int, frame: FrameType | None) -> None:
        if received:
            raise KeyboardInterrupt(signum)
        received.append(signum)
        print(
            '\nstopping after this step (repeat to stop at once)',
            file=sys.stderr,
        )

    with _handled_by(receive):
        yield received


def interrupting_signals() -> contextlib.AbstractContextManager[None]:
    """Make SIGTERM raise KeyboardInterrupt, as SIGINT does.

    The work in progress can then clean up. :func:`signal_of` reads the number
    of the signal from the exception.
    """

    def receive(signum: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt(signum)

    return _handled_by(receive)


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
            signal.signal(number, old_handler)
