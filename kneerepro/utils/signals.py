"""Signals that ask to stop, which a training does after the step."""

import contextlib
import signal
import sys

_SIGNALS = signal.SIGINT, signal.SIGTERM


@contextlib.contextmanager
def stop_signals():
    """A list to which SIGINT (Ctrl-C) and SIGTERM are added when they come.

    A second one interrupts at once, as :func:`interrupting_signals` do.
    """
    received = []

    def receive(signum, frame):
        if received:
            raise KeyboardInterrupt(signum)
        received.append(signum)
        print(
            '\nstopping after this step (once more to stop at once)',
            file=sys.stderr,
        )

    with _handled_by(receive):
        yield received


def interrupting_signals():
    """While they last, SIGTERM raises KeyboardInterrupt as SIGINT does.

    What is at work then cleans up. The exception tells the signal: see
    :func:`signal_of`.
    """

    def receive(signum, frame):
        raise KeyboardInterrupt(signum)

    return _handled_by(receive)


def signal_of(interrupt):
    """The number of the signal behind a KeyboardInterrupt."""
    return interrupt.args[0] if interrupt.args else signal.SIGINT


@contextlib.contextmanager
def _handled_by(handler):
    previous = {}
    try:
        for signum in _SIGNALS:
            previous[signum] = signal.signal(signum, handler)
    except ValueError:
        pass  # not the main thread, which alone receives signals
    try:
        yield
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)
