"""The processes that compute together: how they find one another, which rows
of a minibatch each of them has, how much they send, and how they end.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from . import heartbeat
from .heartbeat import Heartbeat
from .meeting import meet

#: What torchrun sets for each process.
_VARIABLES = 'RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT'


@dataclass(frozen=True)
class Traffic:
    """What this process has sent.

    Attributes
    ----------
    calls : int
        The number of sums over all processes.
    bytes : int
        The size of the tensors that were summed, all together. What goes over
        the wire depends on the algorithm: for a ring of P processes, it is
        ``2 (P - 1) / P`` times as much.
    """

    calls: int = 0
    bytes: int = 0

    def __sub__(self, other: Traffic) -> Traffic:
        return Traffic(self.calls - other.calls, self.bytes - other.bytes)


class LostProcessError(RuntimeError):
    """Another process has ended, or does not answer."""


class _State:
    """What has happened in this process so far."""

    traffic = Traffic()
    compiled_alone = False
    # The keys of this launch, which stay when torchrun starts all processes
    # again, and those of this start.
    launch_store: Any = None
    store: Any = None
    heartbeat: Heartbeat | None = None
    describe: Callable[[], str] | None = None


def initialise(timeout: float = 600, lost_after: float = 60) -> None:
    """Join the other processes that ``torchrun`` has started.

    Without torchrun, or with one process, this does nothing. The processes are
    found by the environment variables that torchrun sets (``RANK``,
    ``WORLD_SIZE``, ``MASTER_ADDR``, ``MASTER_PORT``). They communicate by
    gloo, and by NCCL between CUDA devices, of which each process takes the one
    with the number ``LOCAL_RANK``. At its exit, the process leaves the group.

    Parameters
    ----------
    timeout : float
        How many seconds a process waits for the others before it raises an
        error, here and at each sum. It has to cover the longest time that one
        process is ahead, for instance while another one evaluates or draws
        figures.
    lost_after : float
        Seconds without a sign of life after which a process counts as lost.
        All others then end with status 1, and one of them says why. This
        notices processes that were stopped, and machines that are gone; a
        process that was killed is noticed at once.

    Raises
    ------
    RuntimeError
        If a function has been compiled for one process already, although there
        are several, or if PyTorch has no ``torch.distributed``.
    ValueError
        If torchrun's variables are incomplete.
    LostProcessError
        If not all processes come in time.
    """
    if _has_group() or _requested_size() == 1:
        return
    missing = [name for name in _VARIABLES if name not in os.environ]
    if missing:
        raise ValueError(
            f'WORLD_SIZE is {_requested_size()}, but {" and ".join(missing)} '
            'cannot be found in the environment: start the program with '
            'torchrun, which sets them'
        )
    if not dist.is_available():
        raise RuntimeError(
            'this build of PyTorch has no torch.distributed: start one '
            'process, or install another build'
        )
    if _State.compiled_alone:
        raise RuntimeError(
            'a function that averages over processes was compiled before '
            'initialise() was called, so it would use one process alone: call '
            'initialise() first'
        )
    backend = 'gloo'
    if torch.cuda.is_available():
        backend = 'cpu:gloo,cuda:nccl'
        local_rank = int(os.environ.get('LOCAL_RANK', '0'))
        if local_rank < torch.cuda.device_count():
            torch.cuda.set_device(local_rank)
    try:
        _meet(backend, timeout, lost_after)
    except TimeoutError as error:
        raise LostProcessError(str(error)) from None
    atexit.register(leave)


def _meet(backend, timeout, lost_after):
    """Find the other processes, and begin to watch them."""
    limit = timedelta(seconds=timeout)
    launch_store, rank, size = next(dist.rendezvous('env://', timeout=limit))
    name = meet(launch_store, rank, size, timeout)
    _State.launch_store = launch_store
    _State.store = dist.PrefixStore(name, launch_store)
    dist.init_process_group(
        backend,
        store=dist.PrefixStore('group', _State.store),
        rank=rank,
        world_size=size,
        timeout=limit,
    )
    connection = dist.TCPStore(
        os.environ['MASTER_ADDR'],
        int(os.environ['MASTER_PORT']),
        is_master=False,
        timeout=limit,
    )
    _State.heartbeat = Heartbeat(
        dist.PrefixStore(name, connection), rank, size, lost_after, _end
    )
    _State.heartbeat.start()


def store() -> Any:
    """The keys and values that the processes share."""
    return _State.store


def launch_store() -> Any:
    """Those that stay when torchrun starts all processes again."""
    return _State.launch_store


def leave(failed: bool = False) -> None:
    """Leave the other processes, with which nothing more is computed.

    A process may leave before the others: they do not take it for lost.

    Parameters
    ----------
    failed : bool
        Whether it leaves in the middle of something.
    """
    if _State.heartbeat is not None:
        _State.heartbeat.leave()
        _State.heartbeat = None
    if failed:
        # NCCL might wait for sums that never end.
        atexit.unregister(leave)
    elif _has_group():
        dist.destroy_process_group()


@contextlib.contextmanager
def connected() -> Iterator[None]:
    """A block that communicates with the other processes.

    Raises
    ------
    LostProcessError
        Instead of what ``torch.distributed`` raises.
    """
    try:
        yield
    except LostProcessError:
        raise
    except RuntimeError as error:
        # gloo begins with a line of its source, and adds advice.
        reason = re.sub(r'^\[\S+\] ', '', str(error)).split('. ')[0]
        raise LostProcessError(
            f'another process has ended or does not answer ({reason})'
        ) from error


def claim_failure() -> bool:
    """Report that this process fails; tell whether it is the first one.

    The first one says why. The others end because of it, and need not say
    anything.
    """
    return heartbeat.claim_failure(_State.store)


def describe_with(describe: Callable[[], str]) -> None:
    """Set what is printed after the finding that a process was lost.

    Parameters
    ----------
    describe : callable
        Returns the text, for instance how to go on.
    """
    _State.describe = describe


def described(finding: object) -> str:
    """The first line of a finding that a process was lost, with what follows
    it; see :func:`describe_with`.
    """
    text = str(finding).split('\n', 1)[0]
    return f'{text}; {_State.describe()}' if _State.describe else text


def _end(finding: str | None) -> None:
    """End this process, whose main thread waits for one that is lost."""
    if finding is not None:
        print(f'error: {described(finding)}', file=sys.__stderr__, flush=True)
    os._exit(1)


def _has_group() -> bool:
    return dist.is_available() and dist.is_initialized()


def _requested_size() -> int:
    return int(os.environ.get('WORLD_SIZE', '1'))


def check_initialised() -> None:
    """Make sure that the processes which torchrun has started can be reached.

    Raises
    ------
    RuntimeError
        If there are several, and :func:`initialise` was not called.
    """
    if not _has_group() and _requested_size() > 1:
        raise RuntimeError(
            f'torchrun has started {_requested_size()} processes, but they do '
            'not know of one another yet: call '
            'kneerepro.engine.distributed.initialise() first'
        )


def note_compiled_alone() -> None:
    """Note that a sum over processes was compiled for one process."""
    _State.compiled_alone = True


def rank() -> int:
    """The number of this process, from 0 to :func:`size` - 1."""
    return dist.get_rank() if _has_group() else 0


def size() -> int:
    """The number of processes, 1 unless :func:`initialise` found others."""
    return dist.get_world_size() if _has_group() else 1


def own_rows(n: int) -> slice:
    """The part of `n` rows that this process has.

    Process r of P has the rows from ``n r // P`` up to, but without,
    ``n (r + 1) // P``. So the shares differ by at most one row, and a process
    has none if there are fewer rows than processes.

    Parameters
    ----------
    n : int
        The number of rows of all processes together.
    """
    return slice(n * rank() // size(), n * (rank() + 1) // size())


def traffic() -> Traffic:
    """What this process has sent since its start.

    The difference of two results is the traffic between both moments.
    """
    return _State.traffic


def count(nbytes: int) -> None:
    """Add one sum over processes to the traffic."""
    before = _State.traffic
    _State.traffic = Traffic(before.calls + 1, before.bytes + nbytes)


def all_equal(text: str) -> bool:
    """Whether all processes have called this with the same text."""
    texts: list = [None] * size()
    with connected():
        dist.all_gather_object(texts, text)
    return len(set(texts)) == 1


def broadcast(variables: Sequence[Any]) -> None:
    """Give shared variables the values that they have in process 0.

    Parameters
    ----------
    variables : list of theano shared variable
        The same ones in the same order in all processes. Their values are
        arrays. Network parameters, the state of an optimiser and the state of
        a random stream are examples.

    Raises
    ------
    ValueError
        In all processes, if the number of variables or the shape or type of
        one of them differs.
    """
    if size() == 1:
        return
    arrays = [np.asarray(variable.get_value()) for variable in variables]
    kinds = [(array.shape, str(array.dtype)) for array in arrays]
    if not all_equal(repr(kinds)):
        raise ValueError(
            'the shared variables to broadcast differ between the processes '
            'in number, shape or type: give all processes the same network'
        )
    for variable, array in zip(variables, arrays):
        if not array.size:
            continue
        # Bytes, because not every backend knows every type.
        buffer = np.ascontiguousarray(array).reshape(-1).view(np.uint8).copy()
        with connected():
            dist.broadcast(torch.from_numpy(buffer), 0)
        variable.set_value(buffer.view(array.dtype).reshape(array.shape))
