"""Factors that are constant along some axes, such as those of batch
normalisation: a number for each channel.

A product of a tensor and of such takes a pass over memory for each factor. So
they are multiplied among themselves first, and not at all before the tensor is
summed along those axes.
"""

from theano.compile import optdb
from theano.gof.opt import local_optimizer, out2in
from theano.scalar import Mul, TrueDiv
from theano.tensor import Sum, mul, true_div
from theano.tensor.elemwise import Elemwise

from .patterns import (
    FLOATS,
    TAG,
    if_like,
    inputs_of,
    is_constant_along,
    quotient_of,
    with_factors,
)


@local_optimizer([Sum])
def sum_before_product(node):
    """``sum(x * c) = c * sum(x)``, and so for ``x / c``."""
    if not isinstance(node.op, Sum):
        return False
    variable, output = node.inputs[0], node.outputs[0]
    axes = node.op.axis
    axes = range(variable.ndim) if axes is None else axes
    kept = [axis for axis in range(variable.ndim) if axis not in axes]

    numerators, denominators = quotient_of(variable)
    summed = [x for x in numerators if not is_constant_along(x, axes)]
    if (
        not summed
        or not all(is_constant_along(x, axes) for x in denominators)
        or len(summed) == len(numerators)
        and not denominators
        or output.dtype not in FLOATS
        or any(x.dtype != output.dtype for x in numerators + denominators)
        or not axes
    ):
        return False
    rest = mul(*summed) if len(summed) > 1 else summed[0]
    if any(
        a and not b for a, b in zip(rest.broadcastable, variable.broadcastable)
    ):
        return False  # the sum would be of fewer
    return if_like(
        with_factors(
            node.op(rest),
            [x for x in numerators if is_constant_along(x, axes)],
            denominators,
            kept,
        ),
        output,
    )


@local_optimizer([Elemwise])
def divide_factors(node):
    """``(x * c) / d = x * (c / d)``, if nothing else needs the product."""
    output = node.outputs[0]
    product, divisor = inputs_of(output, TrueDiv, 2) or (None, None)
    if (
        product is None
        or len(product.clients) > 1
        or not (output.dtype.startswith('float'))
    ):
        return False
    factors = inputs_of(product, Mul) or []
    large = [x for x in factors if x.broadcastable == output.broadcastable]
    small = [x for x in factors if x.broadcastable != output.broadcastable]
    if (
        len(large) != 1
        or not small
        or divisor.broadcastable == output.broadcastable
        or any(x.dtype != output.dtype for x in [*factors, divisor])
    ):
        return False
    result = mul(
        large[0],
        true_div(mul(*small) if len(small) > 1 else small[0], divisor),
    )
    return if_like(result, output)


optdb.register(
    'torch_sum_before_product', out2in(sum_before_product), 48.5, TAG
)
optdb.register('torch_divide_factors', out2in(divide_factors), 48.6, TAG)
