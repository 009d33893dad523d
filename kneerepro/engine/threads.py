"""C++ that divides its work among PyTorch's threads.

Each OpenMP library has threads of its own, which spin for a while after their
work is done. So this code runs in those of the library that PyTorch computes
with, whatever other library the compiler would link.
"""

from __future__ import annotations

import ctypes
import functools
import platform
from collections.abc import Callable
from pathlib import Path

import torch

from .compiler import compiler, load, start

# What the library offers: run a function in several threads, the number of the
# thread that asks, and how many there are.
_OPENMP = 'GOMP_parallel', 'omp_get_thread_num', 'omp_get_num_threads'

# Loops over large arrays need the widest vectors. By default, compilers use
# only half of AVX-512's, which is better for small arrays.
_WIDE = ''
if platform.machine() in ('x86_64', 'AMD64'):
    _WIDE = '-mprefer-vector-width=512'

# The fewest elements for which waking other threads takes less time than it
# saves.
_FOR_THREADS = 2**15

_PRELUDE = """
#include <stdint.h>
#include <stdlib.h>
#include <math.h>
typedef void (*Part)(void *);
static void (*in_threads)(Part, void *, unsigned, unsigned);
static int (*thread)(), (*threads)();
extern "C" void use_threads(void *a, void *b, void *c) {
    in_threads = (void (*)(Part, void *, unsigned, unsigned)) a;
    thread = (int (*)()) b;
    threads = (int (*)()) c;
}
enum { MOST_THREADS = 256, PIECES = 4 };
template <typename Body> struct Work {
    const Body &body;
    int64_t units;
    int64_t done[MOST_THREADS];  // pieces of each thread's share
};
// Each thread works on its own share, and then on what others have left of
// theirs.
template <typename Body> static void do_part(void *pointer) {
    Work<Body> &work = *(Work<Body> *) pointer;
    const int64_t first = thread(), n = threads();
    for (int64_t k = 0; k < n; ++k) {
        const int64_t i = (first + k) % n;
        const int64_t begin = work.units * i / n;
        const int64_t units = work.units * (i + 1) / n - begin;
        const int64_t pieces = units < PIECES ? units : PIECES;
        for (;;) {
            const int64_t piece = __sync_fetch_and_add(&work.done[i], 1);
            if (piece >= pieces) break;
            work.body(begin + units * piece / pieces,
                      begin + units * (piece + 1) / pieces);
        }
    }
}
// Calls a function of the first unit of work and the one after the last.
template <typename Body>
static void divide(int64_t units, int count, const Body &body) {
    if (count > units) count = units;
    if (count > MOST_THREADS) count = MOST_THREADS;
    if (count > 1) {
        Work<Body> work = {body, units, {0}};
        in_threads(do_part<Body>, &work, count, 0);
    } else {
        body(0, units);
    }
}
static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
"""


@functools.cache
def _openmp() -> tuple[int | None, ...] | None:
    """The addresses of OpenMP's functions; None where they are not found."""
    folder = Path(torch.__file__).parent / 'lib'
    for path in sorted(folder.glob('libtorch_cpu.*')):
        try:
            # Names are looked up in the library and in those that it needs.
            library = ctypes.CDLL(str(path))
            return tuple(
                ctypes.cast(getattr(library, name), ctypes.c_void_p).value
                for name in _OPENMP
            )
        except (OSError, AttributeError):
            continue
    return None


def are_available() -> bool:
    """Whether there are a compiler and the threads of PyTorch."""
    return compiler() is not None and _openmp() is not None


def threads_for(count: int) -> int:
    """The number of threads that go through this many elements."""
    return torch.get_num_threads() if count >= _FOR_THREADS else 1


def start_threaded(source: str, options: str = '') -> None:
    """Start to compile code that :func:`load_threaded` will load later.

    Parameters
    ----------
    source, options : str
        As for :func:`load_threaded`.
    """
    if are_available():
        start(_PRELUDE + source, f'{_WIDE} {options}')


def load_threaded(source: str, options: str = '') -> ctypes.PyDLL | None:
    """Compile code that divides its work among threads, and load it.

    Parameters
    ----------
    source : str
        C++ that may call ``divide(units, threads, body)`` with a function
        ``body(begin, end)``.
    options : str
        As for ``kneerepro.engine.compiler.load``.

    Returns
    -------
    ctypes.PyDLL or None
        None if it does not compile: see ``kneerepro.engine.compiler.load``.
    """
    addresses = _openmp()
    if addresses is None:
        return None
    library = load(_PRELUDE + source, f'{_WIDE} {options}')
    if library is not None:
        library.use_threads(*map(ctypes.c_void_p, addresses))
    return library


def threaded_function(
    library: ctypes.PyDLL, name: str, pointers: int
) -> Callable:
    """A function of a library that takes addresses, the three sizes of
    :func:`kneerepro.engine.layout.dense_sizes`, and a number of threads.

    Parameters
    ----------
    library : ctypes.PyDLL
        From :func:`load_threaded`.
    name : str
    pointers : int
        How many addresses it takes.
    """
    function = getattr(library, name)
    function.argtypes = [
        *[ctypes.c_void_p] * pointers,
        *[ctypes.c_int64] * 3,
        ctypes.c_int,
    ]
    function.restype = None
    return function
