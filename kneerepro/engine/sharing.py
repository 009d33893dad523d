"""What processes that compute together tell one another, besides sums.

All of them have to call these functions, in the same order.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from . import heartbeat
from .processes import (
    LostProcessError,
    connected,
    launch_store,
    rank,
    size,
    store,
)

# Seconds between two looks for a value of process 0.
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.01, 0.5

# Of the values that process 0 has given to all.
_numbers = itertools.count()


def from_first(function: Callable[[], Any]) -> Any:
    """Call a function in process 0 alone, and give all what it returns.

    All processes have to call this. The others wait as long as it takes.

    Parameters
    ----------
    function : callable
        What it returns can be converted to JSON.

    Raises
    ------
    LostProcessError
        In the others, if the function fails.
    """
    if size() == 1:
        return function()
    key = f'value/{next(_numbers)}'
    if rank() == 0:
        value = function()
        with connected():
            store().set(key, json.dumps(value))
        return value
    pause = _SHORTEST_PAUSE
    with connected():
        while not store().check([key]):
            if heartbeat.has_failed(store()):
                raise LostProcessError('another process has failed')
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        return json.loads(store().get(key))


def remember(key: str, text: str) -> None:
    """Keep a text for :func:`remembered`; one process does it for all."""
    with connected():
        launch_store().set(f'remembered/{key}', text)


def remembered(key: str) -> str | None:
    """The text that was kept under a key since the launch; None without one.

    torchrun keeps it when it starts all processes again after a failure.
    """
    with connected():
        if not launch_store().check([f'remembered/{key}']):
            return None
        return launch_store().get(f'remembered/{key}').decode()


def all_rows(part: np.ndarray) -> np.ndarray:
    """Join the rows that the processes have.

    Parameters
    ----------
    part : array, shape (m, ...)
        The rows of this process, :func:`own_rows` of all; m may be 0, and the
        other axes are then unknown.

    Returns
    -------
    array, shape (n, ...)
        The same in all processes.
    """
    parts: list = [None] * size()
    with connected():
        dist.all_gather_object(parts, part)
    return np.concatenate([rows for rows in parts if len(rows)])


def start_maximum(number: int) -> Callable[[], int]:
    """Begin to compare a number with those of the other processes.

    Parameters
    ----------
    number : int

    Returns
    -------
    callable
        Waits for the others, and returns the largest number.
    """
    tensor = torch.tensor([number])
    with connected():
        work = dist.all_reduce(tensor, dist.ReduceOp.MAX, async_op=True)

    def wait():
        with connected():
            work.wait()
        return int(tensor)

    return wait
