"""Means.

Theano divides a sum by the size of each axis in turn. One division by the
product of the sizes is enough.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import theano
from theano.compile.ops import Shape_i
from theano.gof.opt import local_optimizer
from theano.scalar import Cast, Mul, TrueDiv
from theano.tensor import NotScalarConstantError, mul, true_div
from theano.tensor.elemwise import DimShuffle, Elemwise
from theano.tensor.opt import MakeVector
from theano.tensor.subtensor import Subtensor

from .patterns import as_scalar, constant_value, elemwise_inputs, replacement


def axis_sizes(variable: theano.Variable) -> list[Any] | None:
    """Read a number as a product of sizes of axes.

    Parameters
    ----------
    variable : Variable
        The number, a variable with one element.

    Returns
    -------
    list or None
        An integer for each known size, and a pair (variable, axis) for each
        size that is known only at run time. None if the number is not such a
        product.
    """
    number, node = constant_value(variable), variable.owner
    if number is not None:
        is_size = 0 < number < 2**31 and number.is_integer()
        return [int(number)] if is_size else None
    if node is None:
        return None
    if isinstance(node.op, Shape_i):
        return [(node.inputs[0], node.op.i)]
    if isinstance(node.op, DimShuffle) or elemwise_inputs(variable, Cast):
        return axis_sizes(node.inputs[0])
    if isinstance(node.op, Subtensor):
        return _size_in_vector(node)
    factors = elemwise_inputs(variable, Mul)
    return None if factors is None else concatenated(map(axis_sizes, factors))


def concatenated(lists: Iterable[list | None]) -> list | None:
    """Lists of sizes as one list; None if any of them is None."""
    result: list = []
    for sizes in lists:
        if sizes is None:
            return None
        result += sizes
    return result


def _size_in_vector(node):
    """Read one element of a vector as a product of sizes of axes."""
    (numbers,) = elemwise_inputs(node.inputs[0], Cast) or [node.inputs[0]]
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
    return axis_sizes(numbers.owner.inputs[int(places[0])])


@local_optimizer([Elemwise])
def divide_once(node):
    """Rewrite ``x / n / m`` as ``x / (n m)`` for sizes n and m of axes.

    In a product with several sizes, these are multiplied first.
    """
    output = node.outputs[0]
    quotient, divisor = elemwise_inputs(output, TrueDiv, 2) or (None, None)
    x, inner = elemwise_inputs(quotient, TrueDiv, 2) or (None, None)
    if (
        x is not None
        and len(quotient.clients) == 1
        and _is_size(divisor)
        and _is_size(inner)
    ):
        return replacement(true_div(x, _product([inner, divisor])), output)
    factors = elemwise_inputs(output, Mul) or []
    sizes = list(filter(_is_size, factors))
    if (
        len(sizes) < 2
        or not output.ndim
        or not output.dtype.startswith('float')
    ):
        return False
    others = [x for x in factors if x not in sizes]
    return replacement(
        mul(*others, _product(sizes)) if others else _product(sizes), output
    )


def _is_size(variable):
    # In float16, the product of sizes would soon overflow.
    return (
        variable.dtype != 'float16'
        and as_scalar(variable) is not None
        and axis_sizes(variable) is not None
    )


def _product(sizes):
    """The product of sizes, which may be computed on the host."""
    return mul(*map(as_scalar, sizes)).dimshuffle(['x'] * sizes[0].ndim)
