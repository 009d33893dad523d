"""Signals that ask a training to stop, which it does after the step."""

import contextlib
import signal
import sys

_SIGNALS = signal.SIGINT, signal.SIGTERM


@contextlib.contextmanager
def stop_signals():
    """A list to which SIGINT (Ctrl-C) and SIGTERM are added when they come.

    A second one raises KeyboardInterrupt at once.
    """
    received = []

    def receive(signum, frame):
        if received:
            raise KeyboardInterrupt
        received.append(signum)
        print('\nstopping after this step (once more to stop at once)',
              file=sys.stderr)

    previous = {}
    try:
        for signum in _SIGNALS:
            previous[signum] = signal.signal(signum, receive)
    except ValueError:
        pass    # not the main thread, which alone receives signals
    try:
        yield received
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)
