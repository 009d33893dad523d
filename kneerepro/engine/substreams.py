"""The seeds of MRG's substreams, without a compiled function.

Each random variable draws from up to 15,360 streams, whose seeds lie 2**72
steps apart. Theano computes them one after the other, by a function that it
first compiles in C, which needs a compiler and takes seconds. Here, all those
that are known give as many again in one product, so that 14 products suffice.
"""

from __future__ import annotations

import numpy as np
from theano.sandbox.rng_mrg import (
    M1,
    M2,
    A1p72,
    A2p72,
    MRG_RandomStreams,
    multMatVect,
)


class _Cell:
    """Where Theano puts an input and looks for the output."""

    def __init__(self):
        self.storage = [None]


class _DotModulo:
    """The part of Theano's compiled function of the Op DotModulo that
    Theano uses.

    It computes two products of a 3 x 3 matrix and a vector, each modulo a
    number.
    """

    def __init__(self):
        self.input_storage = [_Cell() for _ in range(6)]
        self.output_storage = [_Cell()]

    def fn(self):
        """Compute the output from the inputs in the cells."""
        a, v, m, b, w, n = [cell.storage[0] for cell in self.input_storage]
        self.output_storage[0].storage[0] = np.array(
            _product(a, v, m) + _product(b, w, n), 'int32'
        )


def _product(matrix, vector, modulus):
    # Python's integers do not overflow, and for so few numbers they are
    # faster than NumPy's.
    x, y, z = vector.tolist()
    modulus = int(modulus)
    return [(p * x + q * y + r * z) % modulus for p, q, r in matrix.tolist()]


def substreams(state: np.ndarray, count: int) -> np.ndarray:
    """The states of streams that lie 2**72 steps apart.

    Parameters
    ----------
    state : array of int32, shape (6,)
        The state of the first one.
    count : int

    Returns
    -------
    array of int32, shape (count, 6)
    """
    states = np.empty((count, 6), 'int64')
    states[0] = state
    for part, matrix, modulus in (
        (states[:, :3], A1p72, int(M1)),
        (states[:, 3:], A2p72, int(M2)),
    ):
        known, step = 1, np.asarray(matrix, 'int64')
        while known < count:
            # `step` leads from each known state to one that is not known yet.
            new = part[known : 2 * known]
            new[:] = _products(step, part[: len(new)], modulus)
            step = _products(step, step.T, modulus).T
            known *= 2
    return states.astype('int32')


def _products(matrix, vectors, modulus):
    # A product of two numbers below 2**31 fits into 64 bits, and so does the
    # sum of three remainders, but not that of three products.
    return (vectors[:, np.newaxis] * matrix % modulus).sum(2) % modulus


def _get_substream_rstates(self, n_streams, dtype, inc_rstate=True):
    """In place of the method of the same name of Theano's streams."""
    states = substreams(self.rstate, n_streams)
    if inc_rstate:
        self.inc_rstate()
    return states


def install() -> None:
    """Have Theano use these functions.

    A function that Theano has compiled for a single step stays.
    """
    MRG_RandomStreams.get_substream_rstates = _get_substream_rstates
    if multMatVect.dot_modulo is None:
        multMatVect.dot_modulo = _DotModulo()
