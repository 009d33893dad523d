"""The starts of MRG's substreams, without a compiled function.

For each random variable, Theano steps through the starts of up to 15,360
streams. It compiles a function in C for the one step, which takes seconds
where it was not compiled before, and a compiler. In plain Python, all of them
take a tenth of a second.
"""

import numpy as np
from theano.sandbox.rng_mrg import multMatVect


class _Cell:
    """Where Theano puts an input, and looks for the output."""

    def __init__(self):
        self.storage = [None]


class _DotModulo:
    """What Theano uses of its function of the Op DotModulo.

    Two products of a 3 x 3 matrix and a vector, each modulo a number.
    """

    def __init__(self):
        self.input_storage = [_Cell() for _ in range(6)]
        self.output_storage = [_Cell()]

    def fn(self):
        a, v, m, b, w, n = [cell.storage[0] for cell in self.input_storage]
        self.output_storage[0].storage[0] = np.array(
            _product(a, v, m) + _product(b, w, n), 'int32'
        )


def _product(matrix, vector, modulus):
    # Python's integers: they do not overflow, and among so few are faster
    # than NumPy's.
    x, y, z = vector.tolist()
    modulus = int(modulus)
    return [(p * x + q * y + r * z) % modulus for p, q, r in matrix.tolist()]


def install():
    """Have Theano use it, unless it has compiled its own."""
    if multMatVect.dot_modulo is None:
        multMatVect.dot_modulo = _DotModulo()
