"""Time functions of one process, alternating between them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import check_environment  # noqa: F401, says what to run
import numpy as np


def time_alternating(
    functions: Mapping[str, Callable[[], object]],
    repeats: int,
    seconds: float = 0.02,
    pause: float = 0,
) -> dict[str, float]:
    """Time functions in blocks of calls, one block of each in turn.

    So any other load on the machine slows all of them.

    Parameters
    ----------
    functions : dict of str to callable
    repeats : int
        The number of blocks of each.
    seconds : float
        How long a block takes, about. It has at least one call.
    pause : float
        Seconds to wait before each block: the threads of one library may keep
        a core busy for a while after their last work.

    Returns
    -------
    dict of str to float
        The median of the seconds a call of each function.
    """
    counts = {}
    for name, function in functions.items():
        start = time.perf_counter()
        function()
        counts[name] = max(1, int(seconds / (time.perf_counter() - start)))
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            time.sleep(pause)
            start = time.perf_counter()
            for _ in range(counts[name]):
                function()
            times[name].append((time.perf_counter() - start) / counts[name])
    return {name: float(np.median(found)) for name, found in times.items()}
