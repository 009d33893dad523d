"""What all scripts do around their own work."""

import argparse
import os
import signal
import sys

from kneerepro.utils.errors import Stopped, UserError
from kneerepro.utils.signals import interrupting_signals, signal_of

BAD_INPUT = 2


def run(main):
    """Call `main` and leave the process with its exit status.

    A :class:`~kneerepro.utils.errors.UserError` becomes one line and status 2, as
    does what the system refuses (a full disk, no permission, no memory).
    Ctrl-C and SIGTERM become one line and the status that a shell gives them,
    130 and 143.
    """
    try:
        with interrupting_signals():
            status = main()
    except BrokenPipeError:
        # Whoever read the output, such as head, has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 128 + signal.SIGPIPE
    except (UserError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        status = BAD_INPUT
    except (MemoryError, RuntimeError) as error:
        if not _out_of_memory(error):
            raise
        print(
            'error: out of memory; do less at a time, as by a smaller '
            '--batch-size',
            file=sys.stderr,
        )
        status = BAD_INPUT
    except Stopped as error:
        print(error, file=sys.stderr)
        status = 128 + error.signum
    except KeyboardInterrupt as error:
        print('interrupted', file=sys.stderr)
        status = 128 + signal_of(error)
    sys.exit(status or 0)


def _out_of_memory(error):
    # PyTorch, on either device, raises a RuntimeError.
    return isinstance(error, MemoryError) or any(
        words in str(error)
        for words in ("can't allocate memory", 'out of memory')
    )


def one_of(names, shown=str):
    """An :mod:`argparse` type: one of some names. Unlike ``choices``, it goes
    with ``nargs='*'`` where none is given. `shown` makes the text of a refusal
    of what was given.
    """

    def read(text):
        if text not in names:
            raise argparse.ArgumentTypeError(
                f'{shown(text)} is none of {", ".join(names)}'
            )
        return text

    return read


def positive_int(text):
    """An :mod:`argparse` type: an integer of at least 1."""
    number = _number(int, text, 'an integer')
    if number < 1:
        raise argparse.ArgumentTypeError(f'{text} is not at least 1')
    return number


def positive_float(text):
    """An :mod:`argparse` type: a finite number above 0."""
    number = _number(float, text, 'a number')
    if not 0 < number < float('inf'):
        raise argparse.ArgumentTypeError(f'{text} is not a positive number')
    return number


def non_negative_float(text):
    """An :mod:`argparse` type: a finite number, 0 or above."""
    number = _number(float, text, 'a number')
    if not 0 <= number < float('inf'):
        raise argparse.ArgumentTypeError(f'{text} is not at least 0')
    return number


def decay_rate(text):
    """An :mod:`argparse` type: a number from 0 to below 1."""
    number = _number(float, text, 'a number')
    if not 0 <= number < 1:
        raise argparse.ArgumentTypeError(
            f'{text} is not at least 0 and below 1'
        )
    return number


def seed(text):
    """An :mod:`argparse` type: a seed that every random stream accepts."""
    number = _number(int, text, 'an integer')
    if not 0 <= number < 10**9:
        raise argparse.ArgumentTypeError(f'{text} is not from 0 to 999999999')
    return number


def _number(kind, text, name):
    try:
        return kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f'{text!r} is not {name}') from None
