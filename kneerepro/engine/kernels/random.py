"""MRG random streams, identical to those of Theano's C code to the last bit.

The generator is MRG31k3p (see :mod:`.mrg31k3p`). Each row of the state is a
stream, and samples are taken from the streams in turn.
"""

from __future__ import annotations

import math

import torch
from theano.sandbox.rng_mrg import mrg_uniform

from ..dispatch import register
from ..values import torch_dtype
from .jit import Jitted
from .mrg31k3p import M1, M2, draw
from .mrg_code import compiled_draw

# C++ is compiled, which takes half a second unless it was compiled before,
# once so many numbers have been drawn. A draw counts as some numbers, because
# NumPy needs some hundred operations for it.
_NUMBERS = 2**20
_NUMBERS_A_DRAW = 2**14


@register(mrg_uniform, host=[1])
def _build_mrg_uniform(op, node):
    dtype = torch_dtype(op.output_type.dtype)
    draw_on_cpu = _Draw(op.output_type.dtype)

    def uniform(state, size):
        size = [int(n) for n in size]
        if len(size) != op.output_type.ndim:
            raise ValueError(
                f'the size {tuple(size)} of a random sample has length '
                f'{len(size)}, but the sample has {op.output_type.ndim} '
                'dimensions: give one number for each'
            )
        if min(size, default=0) < 0:
            raise ValueError(
                f'the size {tuple(size)} of a random sample has negative '
                'dimensions, which are not allowed'
            )
        count = math.prod(size)
        if count > M1:
            raise ValueError(
                'rng_mrg does not support more than (2**31 - 1) samples: '
                f'{count} were asked for; draw them in several calls'
            )
        if state.device.type == 'cpu':
            new_state, samples = draw_on_cpu(state, count)
        else:
            new_state, samples = _draw(state, count)
            samples = _scaled(samples, dtype)
        return new_state, samples.reshape(size)

    return uniform


class _Draw:
    """Draws samples on the CPU, in C++ once that is worth while.

    Parameters
    ----------
    dtype : str
        The type of the samples.
    """

    _drawn = 0  # by all functions

    def __init__(self, dtype: str):
        self._name, self._dtype = dtype, torch_dtype(dtype)

    def __call__(
        self, state: torch.Tensor, count: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw samples; returns the new state and the samples."""
        compiled = None
        _Draw._drawn += _NUMBERS_A_DRAW + count
        if _Draw._drawn > _NUMBERS:
            compiled = compiled_draw(self._name)
        if compiled is None:
            new_state = state.clone()
            samples = torch.empty(count, dtype=torch.int32)
            draw(new_state.numpy(), samples.numpy())
            return new_state, _scaled(samples, self._dtype)
        state = state.contiguous()
        new_state = torch.empty_like(state)
        samples = torch.empty(count, dtype=self._dtype)
        compiled(
            state.data_ptr(),
            new_state.data_ptr(),
            samples.data_ptr(),
            len(state),
            count,
        )
        return new_state, samples


def _draw(state, count):
    """Draw samples on any device; returns the new state and the samples."""
    streams = len(state)
    columns = list(state.to(torch.int64).unbind(1))
    samples = []
    for start in range(0, count, streams):
        active = min(streams, count - start)
        x11, x12, x13, x21, x22, x23 = (column[:active] for column in columns)
        new1, new2, sample = _next(x12, x13, x21, x23)
        samples.append(sample)
        columns = [
            torch.cat([new, old[active:]]) if active < streams else new
            for new, old in zip([new1, x11, x12, new2, x21, x22], columns)
        ]
    return torch.stack(columns, 1).to(state.dtype), (
        torch.cat(samples)
        if samples
        else torch.empty(0, dtype=torch.int64, device=state.device)
    )


def _next_in_steps(x12, x13, x21, x23):
    """The next number of each recursion, and the sample that combines them,
    an integer from 1 to 2**31 - 1.
    """
    y1 = _reduced(
        ((x12 & 511) << 22)
        + (x12 >> 9)
        + ((x13 & 16777215) << 7)
        + (x13 >> 24),
        M1,
    )
    y1 = _reduced(y1 + x13, M1)
    y2 = _reduced(((x21 & 65535) << 15) + 21069 * (x21 >> 16), M2)
    y3 = _reduced(((x23 & 65535) << 15) + 21069 * (x23 >> 16), M2)
    y3 = _reduced(y3 + x23, M2)
    y3 = _reduced(y3 + y2, M2)
    sample = y1 - y3
    return y1, y3, torch.where(sample <= 0, sample + M1, sample)


def _reduced(value, modulus):
    # The value is a sum of two remainders, so subtracting once is enough.
    return torch.where(value >= modulus, value - modulus, value)


# The same for CUDA. T has 64 bits, as the columns above.
_next = Jitted(
    f"""
template <typename T> void mrg(T x12, T x13, T x21, T x23,
                               T& new1, T& new2, T& sample) {{
    const T m1 = {M1}, m2 = {M2};
    T y1 = ((x12 & 511) << 22) + (x12 >> 9)
        + ((x13 & 16777215) << 7) + (x13 >> 24);
    if (y1 >= m1) y1 -= m1;
    y1 += x13;
    if (y1 >= m1) y1 -= m1;
    T y2 = ((x21 & 65535) << 15) + 21069 * (x21 >> 16);
    if (y2 >= m2) y2 -= m2;
    T y3 = ((x23 & 65535) << 15) + 21069 * (x23 >> 16);
    if (y3 >= m2) y3 -= m2;
    y3 += x23;
    if (y3 >= m2) y3 -= m2;
    y3 += y2;
    if (y3 >= m2) y3 -= m2;
    new1 = y1;
    new2 = y3;
    sample = y1 > y3 ? y1 - y3 : y1 - y3 + m1;
}}""",
    _next_in_steps,
    outputs=3,
)


def _scaled(sample, dtype):
    """A sample as a number between 0 and 1."""
    if dtype == torch.float16:
        # Theano has no C code for float16; this does what its Python does.
        norm = float(torch.tensor(3.0458e-05, dtype=dtype))
        return (((sample & 0x7FFF) + 1).double() * norm).to(dtype)
    # The factor for single precision is the one in Theano's C code, just below
    # 2**-31, so that no sample is rounded up to 1. It is a Python number,
    # because a tensor would first have to be copied to the device.
    norm = 4.6566126e-10 if dtype == torch.float32 else 2.0**-31
    return sample.to(dtype).mul_(norm)
