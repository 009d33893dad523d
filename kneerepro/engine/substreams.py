"""The seeds of MRG's substreams, without a compiled function.

For each random variable, Theano steps through the seeds of up to 15,360
streams. For that one step it compiles a function in C, which needs a compiler
and takes seconds the first time. In plain Python, all the steps together take
a tenth of a second.
"""

from __future__ import annotations

import numpy as np
from theano.sandbox.rng_mrg import multMatVect


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


def install() -> None:
    """Have Theano use this function, unless it has compiled its own."""
    if multMatVect.dot_modulo is None:
        multMatVect.dot_modulo = _DotModulo()
