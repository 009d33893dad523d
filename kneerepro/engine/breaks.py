"""Steps of a function that its recording leaves out.

A recording repeats what a function does on the device. What the host has to do
anew at each call, such as beginning a sum over processes, cannot be part of
it. So the recording breaks off before such a step, and goes on after it.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

_thread = threading.local()


def at_each_call(step: Callable[[], None]) -> None:
    """Carry out a step now; or, while a function is recorded, whenever the
    recording is replayed.

    Parameters
    ----------
    step : callable
        The tensors that it uses have to be the same at each call.
    """
    break_off = getattr(_thread, 'break_off', None)
    if break_off is None:
        step()
    else:
        break_off(step)


@contextlib.contextmanager
def breaking(
    break_off: Callable[[Callable[[], None]], None],
) -> Iterator[None]:
    """A context in which this thread records a function.

    Parameters
    ----------
    break_off : callable
        Takes each step that is to be carried out at each call.
    """
    _thread.break_off = break_off
    try:
        yield
    finally:
        _thread.break_off = None
