"""Sums that are known before anything is added.

The differences from a mean sum up to 0, with whatever factors, so that the
gradient of a variance has sums of nothing. And a sum of products needs no pass
over memory where the sums of what is multiplied are there already.
"""

import itertools
import math
from collections import Counter

import numpy as np
from theano.compile import optdb
from theano.gof.opt import in2out, local_optimizer
from theano.scalar import Add, Mul, Neg, Sub, TrueDiv
from theano.tensor import Alloc, Sum, add, alloc, sub
from theano.tensor.elemwise import DimShuffle, Elemwise

from .means import joined, sizes
from .patterns import (
    FLOATS,
    TAG,
    constant,
    if_like,
    inputs_of,
    is_constant_along,
    quotient_of,
    scaled,
    with_factors,
)


@local_optimizer([Elemwise])
def subtract(node):
    """``x + (-c) = x - c``, which is how gradients write a difference from
    the mean.
    """
    terms = inputs_of(node.outputs[0], Add, 2) or []
    for x, other in zip(terms, terms[::-1]):
        negated = inputs_of(other, Neg)
        if negated:
            return if_like(sub(x, *negated), node.outputs[0])
    return False


@local_optimizer([Sum])
def sum_of_terms(node):
    """A sum of terms each of which is a tensor with factors that are constant
    along the axes that are summed over.
    """
    axes, variable, output = (
        getattr(node.op, 'axis', None),
        node.inputs[0],
        node.outputs[0],
    )
    if (
        not isinstance(node.op, Sum)
        or axes is None
        or (output.dtype not in FLOATS)
    ):
        return False
    kept = [axis for axis in range(variable.ndim) if axis not in axes]
    sums = []
    for sign, term in terms_of(variable, node.op):
        numerators, divisors = quotient_of(term)
        factors = [x for x in numerators if is_constant_along(x, axes)]
        others = [x for x in numerators if x not in factors]
        if (
            len(others) != 1
            or others[0].type != variable.type
            or any(
                x.dtype != output.dtype or not is_constant_along(x, axes)
                for x in divisors
            )
        ):
            return False
        if is_about_mean(others[0], node.op):
            continue
        total = sum_of(others[0], node)
        # (Without factors, terms that cancel do so to the last bit.)
        if total is None or not factors + divisors:
            return False
        total = with_factors(total, factors, divisors, kept)
        sums.append(total if sign > 0 else -total)
    if not sums:
        shape = node.fgraph.shape_feature.shape_of[variable]
        sums = [
            alloc(np.zeros((), output.dtype), *(shape[axis] for axis in kept))
        ]
    return if_like(add(*sums) if len(sums) > 1 else sums[0], output)


def terms_of(variable, op):
    """The terms of a sum, each with its sign, 1 or -1. Of a difference from
    the mean that `op` is the sum for, there is one.
    """
    terms, signs = inputs_of(variable, Add), itertools.repeat(1)
    if terms is None and not is_about_mean(variable, op):
        terms, signs = inputs_of(variable, Sub, 2), (1, -1)
    if terms is None:
        return [(1, variable)]
    return [
        (sign * inner, term)
        for sign, one in zip(signs, terms)
        for inner, term in terms_of(one, op)
    ]


def sum_of(variable, node):
    """A sum like that of a node, of another variable, if there is one."""
    for client, _ in variable.clients:
        if (
            client != 'output'
            and client is not node
            and (client.op == node.op)
        ):
            return client.outputs[0]
    return None


def is_about_mean(variable, op):
    """Whether a variable is ``x - mean(x)``, the mean made of a sum `op`."""
    return sum_in_difference(variable, op) is not None


def sum_in_difference(variable, op):
    """The sum that the mean is made of in a variable ``x - mean(x)``, or
    None.
    """
    axes = op.axis
    x, mean = inputs_of(variable, Sub, 2) or (None, None)
    if (
        x is None
        or x.type != variable.type
        or (not x.dtype.startswith('float'))
    ):
        return None
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    total, counts, number = _divided(mean)
    shuffle = total.owner
    if (
        shuffle is None
        or not isinstance(shuffle.op, DimShuffle)
        or (
            list(shuffle.op.new_order)
            != [
                'x' if axis in axes else kept.index(axis)
                for axis in range(x.ndim)
            ]
        )
    ):
        return None
    total, more, other = _divided(shuffle.inputs[0])
    if total.owner is None or (
        total.owner.op != op or total.owner.inputs != [x]
    ):
        return None
    shape = total.owner.fgraph.shape_feature.shape_of[x]
    counts = joined(counts + more)
    expected = joined(sizes(shape[axis]) for axis in axes)
    if None in (counts, expected):
        return None
    (count, unknown), (expected, others) = _product(counts), _product(expected)
    # Of known sizes, Theano multiplies by the rounded inverse.
    rounding = 4 * np.finfo(x.dtype).eps
    return (
        total
        if unknown == others
        and abs(number * other * expected - count) <= rounding * count
        else None
    )


def _divided(variable):
    """What a variable is a quotient of, the sizes of each divisor, and the
    number that it is multiplied by as well.
    """
    counts, number = [], 1.0
    while True:
        quotient, product = inputs_of(variable, TrueDiv, 2), scaled(variable)
        if quotient:
            variable, divisor = quotient
            counts.append(sizes(divisor))
        elif product:
            variable, factor = product
            number *= factor
        else:
            return variable, counts, number


def _product(counts):
    """The product of sizes: that of the known ones, and all others."""
    return (
        math.prod(size for size in counts if isinstance(size, int)),
        Counter(size for size in counts if not isinstance(size, int)),
    )


@local_optimizer([Elemwise])
def without_zeros(node):
    """What becomes of such a 0: ``0 x = 0``, ``0 / x = 0``, ``x + 0 = x``."""
    output = node.outputs[0]
    for zero in filter(_is_zero, node.inputs):
        if zero.type == output.type and (
            inputs_of(output, Mul)
            or inputs_of(output, TrueDiv)
            and zero is node.inputs[0]
        ):
            return [zero]
        others = [x for x in inputs_of(output, Add) or [] if x is not zero]
        if others:
            return if_like(
                add(*others) if len(others) > 1 else others[0], output
            )
    return False


def _is_zero(variable):
    node = variable.owner
    if node is None:
        return False
    if isinstance(node.op, DimShuffle):
        return _is_zero(node.inputs[0])
    return isinstance(node.op, Alloc) and constant(node.inputs[0]) == 0


optdb.register(
    'torch_sums',
    in2out(subtract, sum_of_terms, without_zeros, name='torch_sums'),
    48.62,
    TAG,
)
