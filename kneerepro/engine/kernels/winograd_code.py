"""Compiled code for minimal filtering: a library for each size of filters."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence

import torch

from ..threads import load_threaded, start_threaded
from . import winograd_axis
from .winograd_algorithm import ALGORITHM
from .winograd_axis import Axis, Form
from .winograd_panels import PANELS

#: Channels in a panel of single precision.
PANEL = 16

_TYPES = {torch.float32: 'float', torch.float64: 'double'}

_FUNCTIONS = """
typedef Winograd<{axes}> Convolution;
typedef Winograd<{transposed_axes}> Transposed;
extern "C" void forward(const Sizes *sizes, const Real *images,
                        const Real *filters, const int64_t *strides,
                        const Real *bias, Real *result) {{
    Convolution(*sizes, sizes->threads).convolve(
        images, filters, strides, bias, result);
}}
extern "C" void grad_inputs(const Sizes *sizes, const Real *gradients,
                            const Real *filters, const int64_t *strides,
                            const Real *bias, Real *result) {{
    // It takes the filters flipped, from the last element to the first.
    const int last[] = {{{last}}};
    int64_t back[5] = {{strides[0], strides[1]}};
    for (int i = 0; i < 3; ++i) {{
        filters += last[i] * strides[2 + i];
        back[2 + i] = -strides[2 + i];
    }}
    Transposed(*sizes, sizes->threads).convolve(
        gradients, filters, back, bias, result);
}}
extern "C" void grad_weights(const Sizes *sizes, const Real *images,
                             const Real *gradients, Real *result) {{
    // Its blocks may not depend on the number of threads.
    Convolution(*sizes, 1).find_gradient(images, gradients, result);
}}
"""

# Products are added without being rounded, as in other libraries.
_OPTIONS = '-ffp-contract=fast'

# Bytes of values that are in memory at a time, about: so few that they stay in
# a second cache beside the filters.
_CACHE = 2**18


@functools.cache
def library(
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    shift: tuple[int, ...],
    dtype: torch.dtype,
) -> ctypes.PyDLL | None:
    """The functions for filters of a size.

    Parameters
    ----------
    kernel, stride : tuple of int
        Two or three numbers, one for each axis.
    shift : tuple of int
        The padding modulo the stride.
    dtype : torch.dtype

    Returns
    -------
    ctypes.PyDLL or None
        None if the machine cannot compile them.
    """
    return load_threaded(_source(kernel, stride, shift, dtype), _OPTIONS)


@functools.cache
def start(
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    shift: tuple[int, ...],
    dtype: torch.dtype,
) -> None:
    """Start to compile what :func:`library` will load. Arguments as there."""
    start_threaded(_source(kernel, stride, shift, dtype), _OPTIONS)


def _source(kernel, stride, shift, dtype):
    axes = [winograd_axis.NO_AXIS] * (3 - len(kernel))
    others = list(axes)
    for size, step, pad in zip(kernel, stride, shift):
        axes.append(winograd_axis.convolution(size, step))
        others.append(winograd_axis.transposed(size, step, pad)[0])
    # Equal axes are one type, and what is equal is compiled only once.
    different = []
    for axis in axes + others:
        if axis not in different:
            different.append(axis)

    def names(axes):
        return [f'Axis{different.index(axis)}' for axis in axes]

    return '\n'.join(
        [
            '#include <string.h>',
            f'typedef {_TYPES[dtype]} Real;',
            f'enum {{ CACHE = {_CACHE} }};',
            # Another library has types of the same names.
            'namespace {',
            PANELS,
            *map(_structure, names(different), different),
            ALGORITHM,
            '}',
            _FUNCTIONS.format(
                axes=', '.join(names(axes)),
                transposed_axes=', '.join(names(others)),
                last=', '.join(str(axis.size - 1) for axis in axes),
            ),
        ]
    )


def _structure(name: str, axis: Axis) -> str:
    """The type for an axis: the sums that the algorithm consists of, each with
    the numbers of elements that it takes and returns.
    """
    points = max(axis.points) + 1
    lines = [
        f'struct {name} {{',
        f'enum {{ STEP = {axis.step} }};',
        'static int point(int value) {',
        f'static const int points[] = {{{", ".join(map(str, axis.points))}}};',
        'return points[value];',
        '}',
        *_sums('Images', axis.span, axis.images),
        *_sums('Filters', axis.size, axis.filters),
        *_sums('Points', points, axis.outputs),
        *_sums(
            'Outputs', len(axis.outputs), _transposed(axis.outputs, points)
        ),
        *_sums(
            'Gradients',
            len(axis.filters),
            _transposed(axis.filters, axis.size),
        ),
        '};',
    ]
    return '\n'.join(lines)


def _transposed(forms: Sequence[Form], count: int) -> list[Form]:
    """The sums by which gradients go back through sums of `count` elements."""
    return [
        {i: form[place] for i, form in enumerate(forms) if place in form}
        for place in range(count)
    ]


def _sums(name: str, count: int, forms: Sequence[Form]) -> list[str]:
    """The lines of a type for sums of `count` elements, which may be apart."""
    return [
        f'struct {name} {{',
        f'enum {{ in = {count}, out = {len(forms)} }};',
        'template <typename X>',
        'static inline void sum(const X *x, int from, X *y, int to) {',
        *(
            f'const X x{place} = x[{place} * from];'
            for place in sorted(set().union(*forms))
        ),
        *(f'y[{i} * to] = {_sum(form)};' for i, form in enumerate(forms)),
        '}',
        '};',
    ]


def _sum(form):
    """A sum in C++, with its positive terms first."""
    text = ''
    for place, factor in sorted(form.items(), key=lambda item: -item[1]):
        sign = ' - ' if factor < 0 else ' + ' if text else ''
        scale = '' if abs(factor) == 1 else f' * (Real) {abs(factor)}'
        text += f'{sign}x{place}{scale}'
    return text
