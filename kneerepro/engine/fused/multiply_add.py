"""A product and a sum in one pass: ``x + a b`` and ``x - a b``.

As batch normalisation scales and shifts, and as most optimisers step.
"""

import torch
from theano.compile import optdb
from theano.gof.opt import local_optimizer, out2in
from theano.scalar import Add, Mul, ScalarOp, Sub
from theano.scalar.basic import upcast_out
from theano.tensor import add, mul
from theano.tensor.elemwise import Elemwise

from ..dispatch import takes_out
from ..kernels.elemwise import register_scalar
from .patterns import TAG, inputs_of


class MultiplyAdd(ScalarOp):
    """``x + sign a b``.

    Parameters
    ----------
    sign : {1, -1}
    """

    nin = 3

    def __init__(self, sign):
        super().__init__(upcast_out)
        self.sign = sign

    def __eq__(self, other):
        return type(self) is type(other) and self.sign == other.sign

    def __hash__(self):
        return hash((type(self), self.sign))

    def __str__(self):
        return f'{type(self).__name__}{{{self.sign}}}'

    def impl(self, x, a, b):
        return x + self.sign * a * b

    def c_code(self, node, name, inputs, outputs, sub):
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
    """A sum, or a difference, one of whose terms is a product that nothing
    else needs.
    """
    output = node.outputs[0]
    subtracted = inputs_of(output, Sub, 2)
    terms = subtracted or inputs_of(output, Add)
    if terms is None or not output.dtype.startswith('float'):
        return False
    for i, term in enumerate(terms):
        factors = inputs_of(term, Mul) or []
        if (
            len(factors) < 2
            or term.type != output.type
            or len(term.clients) > 1
            or subtracted
            and not i
            or any(x.dtype != output.dtype for x in [*terms, *factors])
        ):
            continue
        others = terms[:i] + terms[i + 1 :]
        # Those that are the same along most axes are multiplied first.
        *small, large = sorted(factors, key=lambda x: -sum(x.broadcastable))
        result = Elemwise(MultiplyAdd(-1 if subtracted else 1))(
            add(*others) if len(others) > 1 else others[0],
            large,
            mul(*small) if len(small) > 1 else small[0],
        )
        if result.type == output.type:
            return [result]
    return False


# After all that looks for sums and products.
optdb.register('torch_multiply_add', out2in(fuse_product), 48.94, TAG)
