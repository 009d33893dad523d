"""Sums for each channel of images in C++, on the CPU.

The memory is divided into parts whose number depends on the shape alone, and
their sums are added in order, in double precision. So the result does not
depend on the number of threads.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch

from ..layout import dense_sizes, in_one_order
from ..threads import (
    load_threaded,
    start_threaded,
    threaded_function,
    threads_for,
)

_SOURCE = """
// Sums two terms of each element for each channel: first(i, c), second(i, c).
template <typename First, typename Second>
static void sum_twice(int64_t outer, int64_t channels, int64_t inner,
                      int threads, double *sums, const First &first,
                      const Second &second) {
    if (inner == 1) {
        // The channels vary fastest: each part has a sum for all of them.
        // A part is worth the addition of its sums to the others.
        const int64_t least_rows = 1 + (8192 - 1) / channels;
        const int64_t even_rows = 1 + (outer - 1) / 64;
        const int64_t rows = even_rows > least_rows ? even_rows : least_rows;
        const int64_t parts = 1 + (outer - 1) / rows;
        double *all = (double *) calloc(2 * parts * channels, sizeof(double));
        divide(parts, threads, [=](int64_t begin, int64_t end) {
            const First f = first;
            const Second s = second;
            const int64_t n = channels;
            for (int64_t part = begin; part < end; ++part) {
                double *const a = all + 2 * part * n, *const b = a + n;
                int64_t i = part * rows * n;
                const int64_t last = least((part + 1) * rows, outer) * n;
                // Four rows at a time, or else most of the time would go into
                // reading and writing the sums.
                for (; i + 4 * n <= last; i += 4 * n) {
                    #pragma omp simd
                    for (int64_t c = 0; c < n; ++c) {
                        a[c] += (f(i + c, c) + f(i + n + c, c))
                            + (f(i + 2 * n + c, c) + f(i + 3 * n + c, c));
                        b[c] += (s(i + c, c) + s(i + n + c, c))
                            + (s(i + 2 * n + c, c) + s(i + 3 * n + c, c));
                    }
                }
                for (; i < last; i += n) {
                    #pragma omp simd
                    for (int64_t c = 0; c < n; ++c) {
                        a[c] += f(i + c, c);
                        b[c] += s(i + c, c);
                    }
                }
            }
        });
        for (int64_t i = 0; i < 2 * channels; ++i) sums[i] = 0;
        for (int64_t part = 0; part < parts; ++part)
            for (int64_t i = 0; i < 2 * channels; ++i)
                sums[i] += all[2 * part * channels + i];
        free(all);
        return;
    }
    // The elements of a channel are next to each other, in several pieces.
    const int64_t length = 1 + (inner - 1) / (1 + (inner - 1) / 16384);
    const int64_t pieces = 1 + (inner - 1) / length;
    const int64_t parts = outer * channels * pieces;
    double *all = (double *) malloc(2 * parts * sizeof(double));
    divide(parts, threads, [=](int64_t begin, int64_t end) {
        const First f = first;
        const Second s = second;
        for (int64_t part = begin; part < end; ++part) {
            const int64_t row = part / pieces, c = row % channels;
            const int64_t piece = part % pieces;
            const int64_t start = row * inner + piece * length;
            const int64_t stop = least(start + length, (row + 1) * inner);
            double a = 0, b = 0;
            #pragma omp simd reduction(+:a, b)
            for (int64_t i = start; i < stop; ++i) {
                a += f(i, c);
                b += s(i, c);
            }
            all[2 * part] = a;
            all[2 * part + 1] = b;
        }
    });
    for (int64_t i = 0; i < 2 * channels; ++i) sums[i] = 0;
    for (int64_t part = 0; part < parts; ++part) {
        const int64_t c = part / pieces % channels;
        sums[c] += all[2 * part];
        sums[channels + c] += all[2 * part + 1];
    }
    free(all);
}

namespace {  // other libraries have types of the same names
struct Element {
    const Real *x; double *shifts;
    double operator()(int64_t i, int64_t c) const { return x[i] - shifts[c]; }
};
struct Square {
    const Real *x; double *shifts;
    double operator()(int64_t i, int64_t c) const {
        const double difference = x[i] - shifts[c];
        return difference * difference;
    }
};
struct Plain {
    const Real *g;
    double operator()(int64_t i, int64_t c) const { return g[i]; }
};
struct Product {
    const Real *g, *x; const double *offsets;
    double operator()(int64_t i, int64_t c) const {
        return g[i] * (x[i] - offsets[c]);
    }
};
}

extern "C" void moments(const Real *x, Real *results, int64_t outer,
                        int64_t channels, int64_t inner, int threads) {
    // Deviations from one of the elements are small, and their squares exact.
    double *shifts = (double *) malloc(3 * channels * sizeof(double));
    double *sums = shifts + channels;
    for (int64_t c = 0; c < channels; ++c) {
        // Nothing may be subtracted from infinity that is infinite as well.
        const double first = x[c * inner];
        shifts[c] = fabs(first) < 1e150 ? first : 0;
    }
    const Element element = {x, shifts};
    const Square square = {x, shifts};
    sum_twice(outer, channels, inner, threads, sums, element, square);
    const double count = outer * inner;
    for (int64_t c = 0; c < channels; ++c) {
        const double sum = sums[c];
        const double deviations = sums[channels + c] - sum * sum / count;
        results[c] = sum + shifts[c] * count;
        // NaN stays what it is.
        results[channels + c] = deviations < 0 ? 0 : deviations;
    }
    free(shifts);
}

extern "C" void product_sums(const Real *g, const Real *x, const Real *offset,
                             Real *results, int64_t outer, int64_t channels,
                             int64_t inner, int threads) {
    double *offsets = (double *) malloc(3 * channels * sizeof(double));
    double *sums = offsets + channels;
    for (int64_t c = 0; c < channels; ++c) offsets[c] = offset ? offset[c] : 0;
    const Plain plain = {g};
    const Product product = {g, x, offsets};
    sum_twice(outer, channels, inner, threads, sums, plain, product);
    for (int64_t c = 0; c < 2 * channels; ++c) results[c] = sums[c];
    free(offsets);
}
"""

_TYPES = {torch.float32: 'float', torch.float64: 'double'}


@functools.cache
def start(dtype: torch.dtype) -> None:
    """Start to compile the sums of tensors of a type, if there is code for
    them.
    """
    if dtype in _TYPES:
        start_threaded(_source(dtype))


def moments(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor] | None:
    """The sum of each channel, and the sum of the squared deviations from its
    mean.

    Parameters
    ----------
    x : tensor, shape (n, channels, ...)

    Returns
    -------
    pair of tensor, shape (channels,), or None
        None if there is no code for it.
    """
    return _call('moments', [x], [])


def product_sums(
    g: torch.Tensor, x: torch.Tensor, offset: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor] | None:
    """The sum of `g` for each channel, and that of ``g (x - offset)``.

    Parameters
    ----------
    g, x : tensor, shape (n, channels, ...)
    offset : tensor, shape (channels,), or None

    Returns
    -------
    pair of tensor, shape (channels,), or None
        As for :func:`moments`.
    """
    vector = None if offset is None else offset.contiguous()
    return _call('product_sums', [g, x], [vector])


def _call(name, tensors, vectors):
    first = tensors[0]
    if first.device.type != 'cpu' or not first.numel() or first.ndim < 2:
        return None
    function = _function(name, first.dtype)
    if function is None:
        return None
    tensors = in_one_order(tensors)
    sizes = dense_sizes(tensors)
    if sizes is None:
        tensors = [tensor.contiguous() for tensor in tensors]
        sizes = dense_sizes(tensors)
    results = torch.empty((2, first.shape[1]), dtype=first.dtype)
    arguments = [*tensors, *vectors, results]
    function(
        *(None if x is None else x.data_ptr() for x in arguments),
        *sizes,
        threads_for(first.numel()),
    )
    return tuple(results)


@functools.cache
def _function(name, dtype) -> Callable | None:
    library = _library(dtype) if dtype in _TYPES else None
    if library is None:
        return None
    return threaded_function(library, name, 2 if name == 'moments' else 4)


@functools.cache
def _library(dtype):
    return load_threaded(_source(dtype))


def _source(dtype):
    return f'typedef {_TYPES[dtype]} Real;\n{_SOURCE}'
