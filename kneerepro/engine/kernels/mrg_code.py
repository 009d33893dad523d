"""The generator MRG31k3p in C++, see :mod:`.mrg31k3p`."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable

from ..compiler import load
from .mrg31k3p import M1, M2

# As many streams are advanced together as fit into a core's registers and
# first cache.
_BLOCK = 64

#: A function template ``mrg_draw`` of the type of the samples. It takes the
#: state, where the new state goes, where the samples go, the number of
#: streams, the number of samples, and the factor that makes them numbers
#: between 0 and 1.
CODE = f"""
static inline uint32_t mrg_reduce(uint32_t x, uint32_t modulus) {{
    // Where x is less than the modulus, the difference is the larger number.
    const uint32_t less = x - modulus;
    return less < x ? less : x;
}}
static inline uint32_t mrg_multiply(uint32_t x) {{
    return mrg_reduce(((x & 65535u) << 15) + 21069u * (x >> 16), {M2}u);
}}
template <typename T>
static void mrg_draw(const int32_t *state, int32_t *new_state, T *samples,
                     long streams, long count, T factor) {{
    long first = 0;
    for (; first < streams && first < count; first += {_BLOCK}) {{
        const long width = streams - first < {_BLOCK} ? streams - first
                                                      : {_BLOCK};
        uint32_t x[6][{_BLOCK}];
        for (long j = 0; j < width; ++j)
            for (int k = 0; k < 6; ++k)
                x[k][j] = state[6 * (first + j) + k];
        for (long start = first; start < count; start += streams) {{
            const long active = count - start < width ? count - start : width;
            T *sample = samples + start;
            #pragma omp simd
            for (long j = 0; j < active; ++j) {{
                const uint32_t x12 = x[1][j], x13 = x[2][j];
                const uint32_t y1 = mrg_reduce(
                    mrg_reduce(((x12 & 511u) << 22) + (x12 >> 9)
                               + ((x13 & 16777215u) << 7) + (x13 >> 24),
                               {M1}u) + x13, {M1}u);
                const uint32_t x23 = x[5][j];
                const uint32_t y2 = mrg_reduce(
                    mrg_reduce(mrg_multiply(x23) + x23, {M2}u)
                    + mrg_multiply(x[3][j]), {M2}u);
                x[2][j] = x12; x[1][j] = x[0][j]; x[0][j] = y1;
                x[5][j] = x[4][j]; x[4][j] = x[3][j]; x[3][j] = y2;
                const uint32_t below = y1 - y2 - 1, above = below + {M1}u;
                sample[j] = (int32_t) ((below < above ? below : above) + 1)
                    * factor;
            }}
        }}
        for (long j = 0; j < width; ++j)
            for (int k = 0; k < 6; ++k)
                new_state[6 * (first + j) + k] = x[k][j];
    }}
    // The streams that remain draw nothing.
    if (first < streams)
        memcpy(new_state + 6 * first, state + 6 * first,
               6 * (streams - first) * sizeof *state);
}}
"""

_FUNCTIONS = """
#include <stdint.h>
#include <string.h>
%s
extern "C" void draw_float32(const int32_t *state, int32_t *new_state,
                             float *samples, long streams, long count) {
    mrg_draw<float>(state, new_state, samples, streams, count,
                    4.6566126e-10f);
}
extern "C" void draw_float64(const int32_t *state, int32_t *new_state,
                             double *samples, long streams, long count) {
    mrg_draw<double>(state, new_state, samples, streams, count,
                     1.0 / 2147483648.0);
}
"""


@functools.cache
def compiled_draw(dtype: str) -> Callable | None:
    """A compiled function that draws numbers between 0 and 1.

    It takes the addresses of the state (int32, shape (streams, 6)), of the
    new state and of the samples, and the numbers of streams and samples.

    Parameters
    ----------
    dtype : str
        The type of the samples.

    Returns
    -------
    callable or None
        None if there is no compiler, or for other types than float32 and
        float64.
    """
    library = load(_FUNCTIONS % CODE)
    if library is None or dtype not in ('float32', 'float64'):
        return None
    function = getattr(library, f'draw_{dtype}')
    function.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_long] * 2
    function.restype = None
    return function
