"""Means, which Theano divides by the size of each axis in turn, where once by
their product does as well.
"""

from theano.compile import optdb
from theano.compile.ops import Shape_i
from theano.gof.opt import in2out, local_optimizer
from theano.scalar import Cast, Mul, TrueDiv
from theano.tensor import NotScalarConstantError, mul, true_div
from theano.tensor.elemwise import DimShuffle, Elemwise
from theano.tensor.opt import MakeVector
from theano.tensor.subtensor import Subtensor

from .patterns import TAG, constant, if_like, inputs_of, number_of


def sizes(variable):
    """The sizes of axes that a number is the product of.

    Parameters
    ----------
    variable : Variable
        Of one element.

    Returns
    -------
    list or None
        Integers, and for what is known at run time alone a variable and its
        axis. None if it is no such product.
    """
    number, node = constant(variable), variable.owner
    if number is not None:
        return (
            [int(number)]
            if 0 < number < 2**31 and (number.is_integer())
            else None
        )
    if node is None:
        return None
    if isinstance(node.op, Shape_i):
        return [(node.inputs[0], node.op.i)]
    if isinstance(node.op, DimShuffle) or inputs_of(variable, Cast):
        return sizes(node.inputs[0])
    if isinstance(node.op, Subtensor):
        return _size_in_list(node)
    factors = inputs_of(variable, Mul)
    return None if factors is None else joined(map(sizes, factors))


def joined(counts):
    """Lists of sizes as one; None if one is none."""
    counts = list(counts)
    return None if None in counts else sum(counts, [])


def _size_in_list(node):
    """The same, of one element of a list."""
    (numbers,) = inputs_of(node.inputs[0], Cast) or [node.inputs[0]]
    try:
        places = node.op.get_constant_idx(node.inputs)
    except NotScalarConstantError:
        return None
    if (
        numbers.owner is None
        or not isinstance(numbers.owner.op, MakeVector)
        or isinstance(places[0], slice)
    ):
        return None
    return sizes(numbers.owner.inputs[int(places[0])])


@local_optimizer([Elemwise])
def divide_once(node):
    """``x / n / m = x / (n m)`` for sizes of axes; and in a product of more,
    these first.
    """
    output = node.outputs[0]
    quotient, divisor = inputs_of(output, TrueDiv, 2) or (None, None)
    x, inner = inputs_of(quotient, TrueDiv, 2) or (None, None)
    if (
        x is not None
        and len(quotient.clients) == 1
        and (_is_size(divisor) and _is_size(inner))
    ):
        return if_like(true_div(x, _product([inner, divisor])), output)
    factors = inputs_of(output, Mul) or []
    counts = list(filter(_is_size, factors))
    if (
        len(counts) < 2
        or not output.ndim
        or (not output.dtype.startswith('float'))
    ):
        return False
    others = [x for x in factors if x not in counts]
    return if_like(
        mul(*others, _product(counts)) if others else _product(counts), output
    )


def _is_size(variable):
    # (The product would soon be too large for float16.)
    return variable.dtype != 'float16' and (
        number_of(variable) is not None and sizes(variable) is not None
    )


def _product(counts):
    """The product of numbers, which may be computed on the host."""
    return mul(*map(number_of, counts)).dimshuffle(['x'] * counts[0].ndim)


optdb.register(
    'torch_means', in2out(divide_once, name='torch_divide_once'), 48.61, TAG
)
