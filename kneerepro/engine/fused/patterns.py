"""Questions that several rewrites ask about a graph, and expressions that
they build.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import theano
from theano.scalar import Mul, Sqr, TrueDiv
from theano.tensor import (
    NotScalarConstantError,
    get_scalar_constant_value,
    mul,
    true_div,
)
from theano.tensor.elemwise import DimShuffle, Elemwise

#: Types in which terms may be summed in another order. float16 is not one: a
#: sum without the factors of its terms could overflow to infinity.
FLOATS = 'float32', 'float64'


def elemwise_inputs(
    variable: theano.Variable | None,
    scalar_op: Any,
    count: int | None = None,
) -> list[theano.Variable] | None:
    """The inputs of the elementwise operation that computes a variable.

    Parameters
    ----------
    variable : Variable or None
    scalar_op : type or tuple of types
        The class of the scalar Op.
    count : int, optional
        The number of inputs that the operation must have.

    Returns
    -------
    list of Variable, or None
        None if the variable is None or is not computed like this.
    """
    # `variable` must not be tested for its truth: Theano's lists of tensors
    # would then be asked for their length.
    node = None if variable is None else variable.owner
    if (
        node is None
        or not isinstance(node.op, Elemwise)
        or not isinstance(node.op.scalar_op, scalar_op)
        or count not in (None, len(node.inputs))
    ):
        return None
    return node.inputs


def constant_value(variable: theano.Variable) -> float | None:
    """The number that all elements of a constant have, or None."""
    while variable.owner is not None and isinstance(
        variable.owner.op, DimShuffle
    ):
        variable = variable.owner.inputs[0]
    try:
        return float(
            get_scalar_constant_value(variable, only_process_constants=True)
        )
    except (NotScalarConstantError, TypeError):
        return None


def number_and_factors(
    variable: theano.Variable,
) -> tuple[float, list[theano.Variable]]:
    """The factors of a product: the product of the numbers among them, and
    the list of the variables.
    """
    value = constant_value(variable)
    if value is not None:
        return value, []
    number, variables = 1.0, []
    for factor in elemwise_inputs(variable, Mul) or []:
        inner, more = number_and_factors(factor)
        number *= inner
        variables += more
    return number, variables or [variable]


def quotient_parts(
    variable: theano.Variable,
) -> tuple[list[theano.Variable], list[theano.Variable]]:
    """The numerators and the denominators of a product or quotient."""
    quotient = elemwise_inputs(variable, TrueDiv, 2)
    if quotient:
        numerators, denominators = quotient_parts(quotient[0])
        return numerators, [*denominators, quotient[1]]
    return list(elemwise_inputs(variable, Mul) or [variable]), []


def product_of(variables: Sequence[theano.Variable]) -> theano.Variable:
    """The product of one or more variables."""
    return mul(*variables) if len(variables) > 1 else variables[0]


def is_constant_along(variable: theano.Variable, axes: Iterable[int]) -> bool:
    """Whether a variable's type says that it is constant along some axes."""
    return all(variable.broadcastable[axis] for axis in axes)


def apply_factors(
    total: theano.Variable,
    numerators: Iterable[theano.Variable],
    denominators: Iterable[theano.Variable],
    kept: Sequence[int],
) -> theano.Variable:
    """Multiply and divide a sum by factors that are constant along the axes
    summed over.

    Parameters
    ----------
    total : Variable
        The sum.
    numerators, denominators : iterable of Variable
        The factors, with as many axes as what was summed.
    kept : list of int
        The axes that `total` still has.
    """
    total = mul(total, *(x.dimshuffle(kept) for x in numerators))
    for x in denominators:
        total = true_div(total, x.dimshuffle(kept))
    return total


def product_pair(
    variable: theano.Variable,
) -> list[theano.Variable] | None:
    """The two factors of a product; those of a square are the same tensor.

    Returns None unless both have the same type as the product, which is of
    single or double precision, and only one operation needs the product.
    """
    pair = 2 * (elemwise_inputs(variable, Sqr) or []) or elemwise_inputs(
        variable, Mul, 2
    )
    if (
        not pair
        or len(variable.clients) > 1
        or variable.dtype not in FLOATS
        or any(x.type != variable.type for x in pair)
    ):
        return None
    return pair


def scaled_variable(
    variable: theano.Variable,
) -> tuple[theano.Variable, float] | None:
    """The two factors of a product of a variable and a number, or None."""
    number, variables = number_and_factors(variable)
    if len(variables) != 1 or variables[0] is variable:
        return None
    return variables[0], number


def channel_vector(variable: theano.Variable) -> theano.Variable | None:
    """A variable that varies only along the channels of images, their second
    axis, as a vector; None for other variables.
    """
    if variable.ndim < 2 or [
        axis
        for axis in range(variable.ndim)
        if not variable.broadcastable[axis]
    ] != [1]:
        return None
    node = variable.owner
    if (
        node is not None
        and isinstance(node.op, DimShuffle)
        and list(node.op.new_order) == ['x', 0] + ['x'] * (variable.ndim - 2)
    ):
        return node.inputs[0]
    return variable.dimshuffle(1)


def as_scalar(variable: theano.Variable) -> theano.Variable | None:
    """A variable of one element, without dimensions; None if it has more."""
    if not all(variable.broadcastable):
        return None
    node = variable.owner
    if (
        node is not None
        and isinstance(node.op, DimShuffle)
        and node.inputs[0].ndim == 0
    ):
        return node.inputs[0]
    return variable.dimshuffle() if variable.ndim else variable


def replacement(
    result: theano.Variable, output: theano.Variable
) -> list[theano.Variable] | bool:
    """What a local rewrite returns to replace an output by a result.

    That is False if their types differ, because Theano would refuse it.
    """
    return [result] if result.type == output.type else False
