"""Keeping freed memory in the process for the next step.

glibc requests each large block from the system and returns it when it is
freed. A training step frees and allocates its tensors over and over, and each
time the system fills every page with zeros. For an elementwise operation on a
large tensor, that takes several times as long as the operation itself.
"""

from __future__ import annotations

import ctypes
import functools
import sys

# From malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4


@functools.cache
def keep_freed_memory() -> bool:
    """Make ``free`` keep large blocks in the process.

    This works on Linux with glibc only. It applies to the whole process, whose
    size then never shrinks below its maximum.

    Returns
    -------
    bool
        Whether the setting was made.
    """
    if not sys.platform.startswith('linux'):
        return False
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is None:
        return False
    # No block comes from the system directly. All come from one heap, which
    # grows by 64 MiB at a time and never shrinks.
    return all(
        [
            mallopt(_M_MMAP_MAX, 0),
            mallopt(_M_TOP_PAD, 64 * 2**20),
            mallopt(_M_TRIM_THRESHOLD, 2**31 - 1),
        ]
    )


def trim_heap() -> None:
    """Return free memory to the system, once.

    This is for the moment after the first call of a function that updates
    shared variables. That call moves the variables and allocates everything
    for the first time, and leaves holes that no later call fills.
    """
    if keep_freed_memory():
        ctypes.CDLL(None).malloc_trim(0)
