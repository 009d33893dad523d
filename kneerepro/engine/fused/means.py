"""Means, and what their gradients have of them.

Theano divides by the size of each axis in turn, where once by their product
does as well. And the gradient of a variance sums the differences from the
mean, which is 0.
"""

import math
from collections import Counter

import numpy as np
from theano.compile import optdb
from theano.compile.ops import Shape_i
from theano.gof.opt import in2out, local_optimizer
from theano.scalar import Add, Cast, Mul, Sub, TrueDiv
from theano.tensor import Alloc, NotScalarConstantError, Sum
from theano.tensor import add, alloc, mul, true_div
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
        return [int(number)] if 0 < number < 2 ** 31 and (
            number.is_integer()) else None
    if node is None:
        return None
    if isinstance(node.op, Shape_i):
        return [(node.inputs[0], node.op.i)]
    if isinstance(node.op, DimShuffle) or inputs_of(variable, Cast):
        return sizes(node.inputs[0])
    if isinstance(node.op, Subtensor):
        return _size_in_list(node)
    factors = inputs_of(variable, Mul)
    return None if factors is None else _joined(map(sizes, factors))


def _joined(counts):
    """Lists of sizes as one; None if one is none."""
    counts = list(counts)
    return None if None in counts else sum(counts, [])


def _size_in_list(node):
    """The same, of one element of a list."""
    numbers, = inputs_of(node.inputs[0], Cast) or [node.inputs[0]]
    try:
        places = node.op.get_constant_idx(node.inputs)
    except NotScalarConstantError:
        return None
    if numbers.owner is None or not isinstance(
            numbers.owner.op, MakeVector) or isinstance(places[0], slice):
        return None
    return sizes(numbers.owner.inputs[int(places[0])])


@local_optimizer([Elemwise])
def divide_once(node):
    """``x / n / m = x / (n m)`` for sizes of axes; and in a product of more,
    these first."""
    output = node.outputs[0]
    quotient, divisor = inputs_of(output, TrueDiv, 2) or (None, None)
    x, inner = inputs_of(quotient, TrueDiv, 2) or (None, None)
    if x is not None and len(quotient.clients) == 1 and (
            _is_size(divisor) and _is_size(inner)):
        return if_like(true_div(x, _product([inner, divisor])), output)
    factors = inputs_of(output, Mul) or []
    counts = list(filter(_is_size, factors))
    if len(counts) < 2 or not output.ndim or (
            not output.dtype.startswith('float')):
        return False
    others = [x for x in factors if x not in counts]
    return if_like(mul(*others, _product(counts)) if others
                    else _product(counts), output)


def _is_size(variable):
    # (The product would soon be too large for float16.)
    return variable.dtype != 'float16' and (
        number_of(variable) is not None and sizes(variable) is not None)


def _product(counts):
    """The product of numbers, which may be computed on the host."""
    return mul(*map(number_of, counts)).dimshuffle(['x'] * counts[0].ndim)


@local_optimizer([Sum])
def sum_about_mean(node):
    """``sum(x - mean(x)) = 0``."""
    axes = getattr(node.op, 'axis', None)
    x, mean = inputs_of(node.inputs[0], Sub, 2) or (None, None)
    if not isinstance(node.op, Sum) or axes is None or x is None or (
            x.type != node.inputs[0].type):
        return False
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    total, counts = _divided(mean)
    shuffle = total.owner
    if shuffle is None or not isinstance(shuffle.op, DimShuffle) or (
            list(shuffle.op.new_order) != [
                'x' if axis in axes else kept.index(axis)
                for axis in range(x.ndim)]):
        return False
    total, more = _divided(shuffle.inputs[0])
    if total.owner is None or (
            total.owner.op != node.op or total.owner.inputs != [x]):
        return False
    shape = node.fgraph.shape_feature.shape_of[x]
    counts = _joined(counts + more)
    expected = _joined(sizes(shape[axis]) for axis in axes)
    if None in (counts, expected) or _counted(counts) != _counted(expected):
        return False
    return [alloc(np.zeros((), node.outputs[0].dtype),
                  *(shape[axis] for axis in kept))]


def _divided(variable):
    """What a variable is a quotient of, and the sizes of each divisor."""
    counts = []
    while inputs_of(variable, TrueDiv, 2):
        variable, divisor = inputs_of(variable, TrueDiv, 2)
        counts.append(sizes(divisor))
    return variable, counts


def _counted(counts):
    """The product of sizes, in a form to compare."""
    return (math.prod(size for size in counts if isinstance(size, int)),
            Counter(size for size in counts if not isinstance(size, int)))


@local_optimizer([Elemwise])
def without_zeros(node):
    """What becomes of such a 0: ``0 x = 0``, ``0 / x = 0``, ``x + 0 = x``."""
    output = node.outputs[0]
    for zero in filter(_is_zero, node.inputs):
        if zero.type == output.type and (
                inputs_of(output, Mul)
                or inputs_of(output, TrueDiv) and zero is node.inputs[0]):
            return [zero]
        others = [x for x in inputs_of(output, Add) or [] if x is not zero]
        if others:
            return if_like(add(*others) if len(others) > 1 else others[0],
                            output)
    return False


def _is_zero(variable):
    node = variable.owner
    if node is None:
        return False
    if isinstance(node.op, DimShuffle):
        return _is_zero(node.inputs[0])
    return isinstance(node.op, Alloc) and constant(node.inputs[0]) == 0


optdb.register('torch_means', in2out(divide_once, name='torch_divide_once'),
               48.61, TAG)
optdb.register('torch_sums_about_means', in2out(
    sum_about_mean, without_zeros, name='torch_sums_about_means'), 48.62, TAG)
