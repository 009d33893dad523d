"""Sums that are known before anything is added.

The deviations from a mean sum to zero, also with a constant factor:
``sum(c * (x - mean(x))) = 0``. The gradient of a variance contains such
sums. For example, ``sum(2 / n * (x - mean(x)))`` becomes 0.

A sum of terms with constant factors needs no pass over memory if the sums
without the factors exist already. For example, if ``sum(x)`` and ``sum(y)``
are computed anyway, ``sum(a * x + b * y)`` becomes ``a * sum(x) + b *
sum(y)``.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import theano
from theano.gof import Apply
from theano.gof.opt import local_optimizer
from theano.scalar import Add, Mul, Neg, Sub, TrueDiv
from theano.tensor import Alloc, Sum, add, alloc, neg, sub
from theano.tensor.elemwise import DimShuffle, Elemwise

from .means import axis_sizes, concatenated
from .patterns import (
    FLOATS,
    apply_factors,
    constant_value,
    elemwise_inputs,
    is_constant_along,
    quotient_parts,
    replacement,
    scaled_variable,
)


@local_optimizer([Elemwise])
def subtract_negated(node):
    """Rewrite ``x + (-c)`` as ``x - c``.

    Gradients contain the deviation from a mean in the first form.
    """
    terms = elemwise_inputs(node.outputs[0], Add, 2) or []
    for x, other in zip(terms, terms[::-1]):
        negated = elemwise_inputs(other, Neg)
        if negated:
            return replacement(sub(x, *negated), node.outputs[0])
    return False


@local_optimizer([Sum])
def sum_termwise(node):
    """Compute a sum from the sums of its terms, or drop it if it is 0.

    Each term must be a tensor with factors that are constant along the axes
    that are summed over. See the formulas at the top of this module.
    """
    axes = getattr(node.op, 'axis', None)
    variable, output = node.inputs[0], node.outputs[0]
    if (
        not isinstance(node.op, Sum)
        or axes is None
        or output.dtype not in FLOATS
    ):
        return False
    kept = [axis for axis in range(variable.ndim) if axis not in axes]
    sums = []
    for sign, term in _signed_terms(variable, node.op):
        numerators, divisors = quotient_parts(term)
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
        if _is_deviation(others[0], node.op):
            continue
        total = existing_sum(others[0], node)
        # Terms without factors stay: those that cancel, cancel exactly.
        if total is None or not factors + divisors:
            return False
        total = apply_factors(total, factors, divisors, kept)
        sums.append(total if sign > 0 else -total)
    if not sums:
        shape = node.fgraph.shape_feature.shape_of[variable]
        sums = [
            alloc(np.zeros((), output.dtype), *(shape[axis] for axis in kept))
        ]
    return replacement(add(*sums) if len(sums) > 1 else sums[0], output)


def _signed_terms(variable, op):
    """The terms of a sum, each with its sign, 1 or -1.

    A deviation from the mean along the axes of the sum `op` counts as one
    term.
    """
    terms, signs = elemwise_inputs(variable, Add), itertools.repeat(1)
    if terms is None and not _is_deviation(variable, op):
        terms, signs = elemwise_inputs(variable, Sub, 2), (1, -1)
    if terms is None:
        return [(1, variable)]
    return [
        (sign * inner_sign, inner_term)
        for sign, term in zip(signs, terms)
        for inner_sign, inner_term in _signed_terms(term, op)
    ]


def existing_sum(
    variable: theano.Variable, node: Apply
) -> theano.Variable | None:
    """A sum of a variable along the same axes as the sum of a node, if the
    graph has one besides that node; or None.
    """
    for client, _ in variable.clients:
        if client != 'output' and client is not node and client.op == node.op:
            return client.outputs[0]
    return None


def _is_deviation(variable, op):
    """Whether a variable is ``x - mean(x)``, the mean made of a sum `op`."""
    return sum_behind_deviation(variable, op) is not None


def sum_behind_deviation(
    variable: theano.Variable, op: Sum
) -> theano.Variable | None:
    """The sum from which the mean is computed in ``x - mean(x)``.

    Parameters
    ----------
    variable : Variable
    op : theano.tensor.Sum
        With the axes of the mean.

    Returns
    -------
    Variable or None
        None if the variable is not such a difference.
    """
    axes = op.axis
    x, mean = elemwise_inputs(variable, Sub, 2) or (None, None)
    if x is None or x.type != variable.type or not x.dtype.startswith('float'):
        return None
    scaled, sizes, number = _unscaled(mean)
    if not _is_broadcast_along(scaled, axes, x.ndim):
        return None
    total, more_sizes, other_number = _unscaled(scaled.owner.inputs[0])
    if (
        total.owner is None
        or total.owner.op != op
        or total.owner.inputs != [x]
    ):
        return None
    shape = total.owner.fgraph.shape_feature.shape_of[x]
    sizes = concatenated(sizes + more_sizes)
    expected = concatenated(axis_sizes(shape[axis]) for axis in axes)
    if None in (sizes, expected):
        return None
    is_mean = _is_quotient_of_sizes(
        expected, sizes, number * other_number, np.finfo(x.dtype).eps
    )
    return total if is_mean else None


def _is_broadcast_along(variable, axes, ndim):
    """Whether a variable is a tensor broadcast along axes that it lacks."""
    kept = [axis for axis in range(ndim) if axis not in axes]
    return (
        variable.owner is not None
        and isinstance(variable.owner.op, DimShuffle)
        and list(variable.owner.op.new_order)
        == ['x' if axis in axes else kept.index(axis) for axis in range(ndim)]
    )


def _is_quotient_of_sizes(expected, sizes, number, eps):
    """Whether a division by some sizes and a multiplication by a number divide
    by all expected sizes.
    """
    divided, unknown = _product(sizes)
    expected, expected_unknown = _product(expected)
    # Where sizes are known, Theano multiplies by their rounded inverse.
    rounding = 4 * eps
    return (
        unknown == expected_unknown
        and abs(number * expected - divided) <= rounding * divided
    )


def _unscaled(variable):
    """The parts of a quotient or product: the variable without divisors and
    factors, the sizes of each divisor, and the number it is multiplied by.
    """
    sizes, number = [], 1.0
    while True:
        quotient = elemwise_inputs(variable, TrueDiv, 2)
        product = scaled_variable(variable)
        if quotient:
            variable, divisor = quotient
            sizes.append(axis_sizes(divisor))
        elif product:
            variable, factor = product
            number *= factor
        else:
            return variable, sizes, number


def _product(sizes):
    """The product of the known sizes, and a count of all others."""
    return (
        math.prod(size for size in sizes if isinstance(size, int)),
        Counter(size for size in sizes if not isinstance(size, int)),
    )


@local_optimizer([Elemwise])
def drop_zeros(node):
    """Simplify operations on the zeros of :func:`sum_termwise`: ``0 x = 0``,
    ``0 / x = 0``, ``x + 0 = x``, ``0 - x = -x``.
    """
    output = node.outputs[0]
    for zero in filter(_is_zero, node.inputs):
        if zero.type == output.type and (
            elemwise_inputs(output, Mul)
            or (elemwise_inputs(output, TrueDiv) and zero is node.inputs[0])
        ):
            return [zero]
        terms = elemwise_inputs(output, Sub, 2)
        if terms and terms[0] is zero:
            return replacement(neg(terms[1]), output)
        others = [
            x for x in elemwise_inputs(output, Add) or [] if x is not zero
        ]
        if others:
            return replacement(
                add(*others) if len(others) > 1 else others[0], output
            )
    return False


def _is_zero(variable):
    node = variable.owner
    if node is None:
        return False
    if isinstance(node.op, DimShuffle):
        return _is_zero(node.inputs[0])
    return isinstance(node.op, Alloc) and constant_value(node.inputs[0]) == 0
