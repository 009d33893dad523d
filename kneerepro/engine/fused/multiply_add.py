"""A product and a sum in one pass over memory: ``x + a b`` and ``x - a b``.

Batch normalisation scales and shifts like this, and most optimisers update
parameters like this.
"""

from __future__ import annotations

import torch
from theano.gof.opt import local_optimizer
from theano.scalar import Add, Mul, ScalarOp, Sub
from theano.scalar.basic import upcast_out
from theano.tensor import add
from theano.tensor.elemwise import Elemwise

from ..dispatch import takes_out
from ..kernels.scalars import register_scalar
from .patterns import elemwise_inputs, product_of


class MultiplyAdd(ScalarOp):
    """``x + sign a b``.

    Parameters
    ----------
    sign : {1, -1}
    """

    nin = 3

    def __init__(self, sign: int):
        super().__init__(upcast_out)
        self.sign = sign

    def __eq__(self, other):
        return type(self) is type(other) and self.sign == other.sign

    def __hash__(self):
        return hash((type(self), self.sign))

    def __str__(self):
        return f'{type(self).__name__}{{{self.sign}}}'

    def impl(self, x, a, b):
        """Compute the result for numbers, in Python."""
        return x + self.sign * a * b

    def c_code(self, node, name, inputs, outputs, sub):
        """The result in C, which also compiles for CUDA."""
        sign = '+' if self.sign > 0 else '-'
        return f'{outputs[0]} = {inputs[0]} {sign} {" * ".join(inputs[1:])};'


@register_scalar(MultiplyAdd)
def _multiply_add(op):
    @takes_out
    def multiply_add(x, a, b, out=None):
        return torch.addcmul(x, a, b, value=op.sign, out=out)

    return multiply_add


@local_optimizer([Elemwise])
def fuse_product(node):
    """Fuse a sum or difference with one of its terms, a product that nothing
    else needs.
    """
    output = node.outputs[0]
    difference = elemwise_inputs(output, Sub, 2)
    terms = difference or elemwise_inputs(output, Add)
    if terms is None or not output.dtype.startswith('float'):
        return False
    for i, term in enumerate(terms):
        factors = elemwise_inputs(term, Mul) or []
        if (
            len(factors) < 2
            or term.type != output.type
            or len(term.clients) > 1
            or (difference and i == 0)  # a b - x
            or any(x.dtype != output.dtype for x in [*terms, *factors])
        ):
            continue
        others = terms[:i] + terms[i + 1 :]
        # Factors that are constant along most axes are multiplied first.
        *small, large = sorted(factors, key=lambda x: -sum(x.broadcastable))
        result = Elemwise(MultiplyAdd(-1 if difference else 1))(
            add(*others) if len(others) > 1 else others[0],
            large,
            product_of(small),
        )
        if result.type == output.type:
            return [result]
    return False
