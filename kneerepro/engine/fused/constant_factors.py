"""Factors that are constant along some axes, such as the numbers for each
channel in batch normalisation.

Multiplying a tensor by such factors takes one pass over memory for each. So
they are multiplied with each other first. Where the tensor is summed along
those axes, the factors are applied to the sum instead.
"""

from __future__ import annotations

from theano.gof.opt import local_optimizer
from theano.scalar import Mul, TrueDiv
from theano.tensor import Sum, mul, true_div
from theano.tensor.elemwise import Elemwise

from .patterns import (
    FLOATS,
    apply_factors,
    elemwise_inputs,
    is_constant_along,
    product_of,
    quotient_parts,
    replacement,
)


@local_optimizer([Sum])
def sum_before_product(node):
    """Rewrite ``sum(x * c)`` as ``c * sum(x)``, and quotients likewise."""
    if not isinstance(node.op, Sum):
        return False
    variable, output = node.inputs[0], node.outputs[0]
    axes = node.op.axis
    axes = range(variable.ndim) if axes is None else axes
    kept = [axis for axis in range(variable.ndim) if axis not in axes]

    numerators, denominators = quotient_parts(variable)
    summed = [x for x in numerators if not is_constant_along(x, axes)]
    if (
        not summed
        or not all(is_constant_along(x, axes) for x in denominators)
        or (len(summed) == len(numerators) and not denominators)
        or output.dtype not in FLOATS
        or any(x.dtype != output.dtype for x in numerators + denominators)
        or not axes
    ):
        return False
    rest = product_of(summed)
    if any(
        a and not b for a, b in zip(rest.broadcastable, variable.broadcastable)
    ):
        return False  # its sum would have fewer terms
    return replacement(
        apply_factors(
            node.op(rest),
            [x for x in numerators if is_constant_along(x, axes)],
            denominators,
            kept,
        ),
        output,
    )


@local_optimizer([Elemwise])
def divide_factors(node):
    """Rewrite ``(x * c) / d`` as ``x * (c / d)``, if nothing else needs the
    product.
    """
    output = node.outputs[0]
    product, divisor = elemwise_inputs(output, TrueDiv, 2) or (None, None)
    if (
        product is None
        or len(product.clients) > 1
        or not output.dtype.startswith('float')
    ):
        return False
    factors = elemwise_inputs(product, Mul) or []
    large = [x for x in factors if x.broadcastable == output.broadcastable]
    small = [x for x in factors if x.broadcastable != output.broadcastable]
    if (
        len(large) != 1
        or not small
        or divisor.broadcastable == output.broadcastable
        or any(x.dtype != output.dtype for x in [*factors, divisor])
    ):
        return False
    result = mul(large[0], true_div(product_of(small), divisor))
    return replacement(result, output)
