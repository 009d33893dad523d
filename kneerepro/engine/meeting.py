"""How the processes of one launch find one another.

They share a store of keys and values. torchrun keeps its store when it starts
all processes again after a failure, so that what the earlier ones wrote is
still there, their network addresses among it. Process 0 therefore makes a name
that no earlier meeting had, and gives it to those that ask for it now. What
the processes write from then on has this name before its keys.
"""

from __future__ import annotations

import secrets
import time
from typing import Any

# Seconds between two looks of process 0 at what the others have written.
_PAUSE = 0.02


def meet(store: Any, rank: int, size: int, timeout: float) -> str:
    """Agree on a name for this meeting.

    Parameters
    ----------
    store : torch.distributed.Store
    rank, size : int
        The number of this process, and how many there are.
    timeout : float
        Seconds to wait for the others.

    Returns
    -------
    str
        The same in all processes, and in no earlier meeting.

    Raises
    ------
    TimeoutError
        If not all of them come in time.
    """
    end = time.monotonic() + timeout
    if rank == 0:
        return _invite(store, size, end)
    # An answer to this request cannot be from an earlier meeting.
    request = secrets.token_hex(8)
    store.set(f'request/{rank}', request)
    while not store.check([f'answer/{request}']):
        _wait(end, 'process 0 has not come')
    name = store.get(f'answer/{request}').decode()
    store.set(f'{name}/here/{rank}', '')
    return name


def _invite(store, size, end):
    """Answer the requests of all others, until each has got the name."""
    name = secrets.token_hex(8)
    missing, answered = set(range(1, size)), set()
    while missing:
        for rank in sorted(missing):
            if store.check([f'{name}/here/{rank}']):
                missing.remove(rank)
            elif store.check([f'request/{rank}']):
                # Of this meeting or an earlier one.
                request = store.get(f'request/{rank}').decode()
                if request not in answered:
                    store.set(f'answer/{request}', name)
                    answered.add(request)
        if missing:
            numbers = ', '.join(map(str, sorted(missing)))
            _wait(end, f'of {size} processes, these have not come: {numbers}')
    return name


def _wait(end, finding):
    if time.monotonic() > end:
        raise TimeoutError(finding)
    time.sleep(_PAUSE)
