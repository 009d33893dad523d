"""What every command-line script shares: exit statuses and argument types."""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
from collections.abc import Callable, Collection
from typing import NoReturn, TypeVar

from kneerepro.utils.errors import Stopped, UserError
from kneerepro.utils.signals import interrupting_signals, signal_of
from kneerepro.utils.text import printable

#: Exit status for input that the user can correct.
BAD_INPUT = 2

#: Exit status after Ctrl-C, that of a shell.
INTERRUPTED = 128 + signal.SIGINT

_Number = TypeVar('_Number', int, float)


def run(main: Callable[[], int | None]) -> NoReturn:
    """Call `main` and exit with the status that it returns.

    A :class:`~kneerepro.utils.errors.UserError` is printed as one line and
    exits with status 2. So is an error of the operating system, such as a full
    disk, missing permission or exhausted memory. Ctrl-C and SIGTERM print one
    line and exit with the status that a shell gives them, 130 and 143.

    Characters that the encoding of the output lacks, and the bytes of file
    names that are not text, are printed as escapes.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors='backslashreplace')
    try:
        with interrupting_signals():
            status = main()
    except BrokenPipeError:
        # The reader of the output, such as head, has closed the pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 128 + signal.SIGPIPE
    except (UserError, OSError) as error:
        print(f'error: {printable(str(error))}', file=sys.stderr)
        status = BAD_INPUT
    except (MemoryError, RuntimeError) as error:
        if not _out_of_memory(error):
            raise
        print(
            'error: out of memory; process less at a time, for example with '
            'a smaller --batch-size',
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


def _out_of_memory(error: Exception) -> bool:
    # PyTorch raises a RuntimeError, on the CPU as well as on CUDA.
    return isinstance(error, MemoryError) or any(
        words in str(error)
        for words in ("can't allocate memory", 'out of memory')
    )


def one_of(
    names: Collection[str], shown: Callable[[str], str] = str
) -> Callable[[str], str]:
    """Make an :mod:`argparse` type that accepts one of some names.

    Unlike ``choices``, it works with ``nargs='*'`` when no name is given.

    Parameters
    ----------
    names : collection of str
    shown : callable, optional
        How the error message shows the text that it refuses.
    """

    def read(text: str) -> str:
        if text not in names:
            raise argparse.ArgumentTypeError(
                f'{shown(text)} is not one of {", ".join(names)}'
            )
        return text

    return read


def path(text: str) -> str:
    """Parse a path so that no other program takes it for a flag, as an
    :mod:`argparse` type.
    """
    return os.path.join(os.curdir, text) if text.startswith('-') else text


def positive_int(text: str) -> int:
    """Parse an integer of at least 1, as an :mod:`argparse` type."""
    number = _number(int, text, 'an integer')
    if number < 1:
        raise argparse.ArgumentTypeError(f'{text} is not at least 1')
    return number


def positive_float(text: str) -> float:
    """Parse a finite number above 0, as an :mod:`argparse` type."""
    number = _number(float, text, 'a number')
    if not 0 < number < float('inf'):
        raise argparse.ArgumentTypeError(f'{text} is not a positive number')
    return number


def non_negative_float(text: str) -> float:
    """Parse a finite number of at least 0, as an :mod:`argparse` type."""
    number = _number(float, text, 'a number')
    if not 0 <= number < float('inf'):
        raise argparse.ArgumentTypeError(f'{text} is not at least 0')
    return number


def decay_rate(text: str) -> float:
    """Parse a number in [0, 1), as an :mod:`argparse` type."""
    number = _number(float, text, 'a number')
    if not 0 <= number < 1:
        raise argparse.ArgumentTypeError(
            f'{text} is not at least 0 and below 1'
        )
    return number


def seed(text: str) -> int:
    """Parse a seed that every random generator accepts, as an
    :mod:`argparse` type.
    """
    number = _number(int, text, 'an integer')
    if not 0 <= number < 10**9:
        raise argparse.ArgumentTypeError(f'{text} is not from 0 to 999999999')
    return number


def _number(kind: type[_Number], text: str, name: str) -> _Number:
    try:
        return kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f'{text!r} is not {name}') from None
