"""Memory that is freed stays with the process, for the next step.

glibc takes large blocks from the system one by one and gives each back when
it is freed. A training step frees and allocates its tensors over and over,
and the system fills every page with zeros each time: for an elementwise
operation on a large tensor, that takes several times as long as the
operation.
"""

import ctypes
import functools
import sys

# Of malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4


@functools.cache
def keep_freed_memory():
    """Have ``free`` keep large blocks for the process; on Linux with glibc
    alone.

    It holds for the whole process, which then stays as large as it has once
    been.

    Returns
    -------
    bool
        Whether it has been done.
    """
    if not sys.platform.startswith('linux'):
        return False
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is None:
        return False
    # No block from the system directly: all from one heap, which grows by
    # 64 MiB and never shrinks.
    return all(
        [
            mallopt(_M_MMAP_MAX, 0),
            mallopt(_M_TOP_PAD, 64 * 2**20),
            mallopt(_M_TRIM_THRESHOLD, 2**31 - 1),
        ]
    )


def give_back():
    """Give free memory back to the system, once.

    After the first call of a function that updates shared variables, which
    leaves holes that none of the next calls fills: the variables were moved,
    and everything was allocated for the first time.
    """
    if keep_freed_memory():
        ctypes.CDLL(None).malloc_trim(0)
