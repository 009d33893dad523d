"""One training on several processes, which ``torchrun`` has started.

All of them run the same program. Process 0 alone prepares the data, writes the
run and prints; the others compute their part of each minibatch and wait for
it. :mod:`kneerepro.engine.distributed` divides what is computed; here is what
surrounds it. With one process, all of this does nothing, and PyTorch is not
imported.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import time
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np

from kneerepro.utils.errors import Stopped, UserError
from kneerepro.utils.signals import (
    ignore_signals,
    interrupting_signals,
    signal_of,
)

#: The environment variable with the number of seconds without a sign of life
#: after which a process counts as lost.
LOST_AFTER = 'KNEEREPRO_LOST_AFTER'
_DEFAULT_LOST_AFTER = 60.0

# Seconds that a process waits before it ends without saying why: torchrun ends
# all others once one has ended, and the one that says it should be done.
_COURTESY = 2.0


class _State:
    """What has happened in this process so far."""

    # kneerepro.engine.processes and sharing, while others take part.
    processes: Any = None
    sharing: Any = None
    trainings = 0


def launched() -> tuple[int, int]:
    """The number of this process, and how many were launched together.

    Raises
    ------
    UserError
        If the environment contradicts itself.
    """
    texts = [os.environ.get(name) for name in ('RANK', 'WORLD_SIZE')]
    try:
        size = int(texts[1] or 1)
        rank = int(texts[0] or 0) if size > 1 else 0
    except ValueError:
        size, rank = 0, 0
    if not 0 <= rank < size:
        raise UserError(
            f'RANK is {texts[0]} and WORLD_SIZE is {texts[1]} in the '
            'environment: start the program with torchrun, which sets them, '
            'or unset them'
        )
    return rank, size


def is_first() -> bool:
    """Whether this process is the one that writes."""
    return launched()[0] == 0


def size() -> int:
    """The number of processes that take part now."""
    return 1 if _State.processes is None else _State.processes.size()


def on_this_machine() -> int:
    """The number of processes that take part on this machine."""
    return int(os.environ.get('LOCAL_WORLD_SIZE') or 1) if size() > 1 else 1


# --------------------------------------------------------- begin and end


def join() -> None:
    """Find the other processes that were launched with this one.

    Raises
    ------
    UserError
        If there are others, but PyTorch or a part of the environment is
        missing.
    """
    if launched()[1] == 1:
        return
    if importlib.util.find_spec('torch') is None:
        raise UserError(
            f'{launched()[1]} processes were launched to train together, '
            'which requires PyTorch, but it is not installed: pip install '
            'torch, or start one process, without torchrun'
        )
    # Theano's engine registers its mode when it is imported.
    from kneerepro.engine import processes, sharing

    try:
        processes.initialise(lost_after=_lost_after())
    except (ValueError, processes.LostProcessError) as error:
        raise UserError(str(error)) from None
    _State.processes, _State.sharing = processes, sharing


def check(engine: str, batch_size: int) -> None:
    """Check that the processes can train together.

    Parameters
    ----------
    engine : str
        The name of a :class:`kneerepro.engines.Engine`.
    batch_size : int

    Raises
    ------
    UserError
        If the engine cannot divide minibatches, or if a minibatch has fewer
        examples than there are processes.
    """
    if size() == 1:
        return
    if engine != 'torch':
        raise UserError(
            f'{size()} processes were launched to train together, which '
            "Theano's own code cannot: leave --engine out, or start one "
            'process, without torchrun'
        )
    if size() > batch_size:
        raise UserError(
            f'minibatches of {batch_size} cannot be divided among {size()} '
            'processes: launch fewer processes, or choose a larger '
            '--batch-size'
        )


def leave(failed: bool = False) -> None:
    """Go on without the others; a second call does nothing.

    Parameters
    ----------
    failed : bool
        Whether this process leaves in the middle of something.
    """
    if _State.processes is not None:
        _State.processes.leave(failed)
        _State.processes = None


def describe_with(describe: Callable[[], str]) -> None:
    """Set what is printed after the finding that a process was lost.

    Parameters
    ----------
    describe : callable
        Returns what is saved and how to go on.
    """
    if _State.processes is not None:
        _State.processes.describe_with(describe)


@contextlib.contextmanager
def one_voice() -> Iterator[None]:
    """A block in which the processes speak with one voice.

    Only process 0 prints. If the block fails, it raises in the process that
    failed first, whose error is printed; the others exit. At its end, the
    process goes on without the others.

    Raises
    ------
    SystemExit
        Instead of an error that another process prints.
    UserError
        If another process was lost.
    """
    rank, count = launched()
    if count == 1:
        yield
        return
    try:
        with interrupting_signals(together=True), _quiet(rank):
            yield
    except BaseException as error:
        # torchrun ends all others once one of them has ended.
        ignore_signals()
        _raise_once(error, rank)
    leave()


def _raise_once(error: BaseException, rank: int) -> NoReturn:
    """Raise an error in one process, and exit in the others."""
    processes, speaks = _State.processes, rank == 0
    status: Any = 1
    if isinstance(error, SystemExit):
        status = error.code
    elif isinstance(error, KeyboardInterrupt):
        status = 128 + signal_of(error)
    elif isinstance(error, Stopped):
        status = 128 + error.signum
    elif processes is None:
        # Where PyTorch is missing, for instance: the same in all processes of
        # a machine.
        speaks = os.environ.get('LOCAL_RANK', str(rank)) == '0'
    else:
        speaks = processes.claim_failure()
    leave(failed=True)
    if not speaks:
        if status:
            time.sleep(_COURTESY)
        raise SystemExit(status)
    if processes and isinstance(error, processes.LostProcessError):
        raise UserError(processes.described(error)) from error
    raise error


@contextlib.contextmanager
def _quiet(rank: int) -> Iterator[None]:
    """Let no process but the first print."""
    if not rank:
        yield
        return
    with (
        open(os.devnull, 'w') as nothing,
        contextlib.redirect_stdout(nothing),
        contextlib.redirect_stderr(nothing),
    ):
        yield


def _lost_after() -> float:
    text = os.environ.get(LOST_AFTER) or str(_DEFAULT_LOST_AFTER)
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < float('inf'):
        raise UserError(
            f'{LOST_AFTER} is {text} in the environment: set it to a number '
            'of seconds, or unset it'
        )
    return seconds


# ------------------------------------------------------ while they take part


def from_first(function: Callable[[], Any]) -> Any:
    """Call a function in process 0 alone, and give all what it returns.

    Parameters
    ----------
    function : callable
        What it returns can be converted to JSON.
    """
    if size() == 1:
        return function()
    return _State.sharing.from_first(function)


def own_rows(n: int) -> slice:
    """The part of `n` rows that this process has."""
    return slice(n) if size() == 1 else _State.processes.own_rows(n)


def all_rows(part: np.ndarray) -> np.ndarray:
    """Join the rows that the processes have.

    Parameters
    ----------
    part : array, shape (m, ...)
        The :func:`own_rows` of this process.

    Returns
    -------
    array, shape (n, ...)
    """
    return part if size() == 1 else _State.sharing.all_rows(part)


def broadcast(variables: list[Any]) -> None:
    """Give shared variables the values that they have in process 0."""
    if size() > 1:
        _State.processes.broadcast(variables)


class Vote:
    """Lets all processes stop in the same iteration.

    Each of them votes once in an iteration. The result is known in the next
    one, so that nobody waits for it.
    """

    def __init__(self):
        self._pending: Callable[[], int] | None = None

    def __call__(self, signum: int) -> int:
        """Vote for stopping.

        Parameters
        ----------
        signum : int
            The signal that this process has received, or 0.

        Returns
        -------
        int
            The signal because of which all stop now, or 0.
        """
        if size() == 1:
            return signum
        found = self.close()
        self._pending = _State.sharing.start_maximum(signum)
        if found:
            self.close()
        return found

    def close(self) -> int:
        """Wait for the last vote, and return its result."""
        pending, self._pending = self._pending, None
        return pending() if pending else 0


# --------------------------------------------------- the run of a launch


def run_of_launch() -> str | None:
    """Count a training of this process; return the folder of its run if this
    launch has begun one already.

    That is the case if torchrun has started all processes again after a
    failure.

    Returns
    -------
    str or None
    """
    _State.trainings += 1
    if size() == 1:
        return None
    return _State.sharing.remembered(f'run/{_State.trainings}')


def remember_run(folder: str) -> None:
    """Keep the folder of a run for :func:`run_of_launch`."""
    if size() > 1:
        _State.sharing.remember(f'run/{_State.trainings}', folder)
