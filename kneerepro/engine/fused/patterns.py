"""What the rewrites ask of a graph."""

from theano.scalar import Mul, Sqr, TrueDiv
from theano.tensor import (
    NotScalarConstantError,
    get_scalar_constant_value,
    mul,
    true_div,
)
from theano.tensor.elemwise import DimShuffle, Elemwise

#: That of the rewrites in Theano's ``optdb``.
TAG = 'torch'
#: Those of the ones that are for the CPU alone, or for CUDA.
CPU_TAG, CUDA_TAG = 'torch_cpu', 'torch_cuda'
#: Types whose sums may be taken in another order. (In float16, a sum without
#: the factors of its terms may be infinite.)
FLOATS = 'float32', 'float64'


def inputs_of(variable, scalar_op, count=None):
    """Inputs of an elementwise operation; None if `variable` is none, or no
    result of such, or of one with another number of inputs.
    """
    # Not what is true or false: lists of tensors are asked for their length.
    node = None if variable is None else variable.owner
    if (
        node is None
        or not isinstance(node.op, Elemwise)
        or not isinstance(node.op.scalar_op, scalar_op)
        or count not in (None, len(node.inputs))
    ):
        return None
    return node.inputs


def constant(variable):
    """The number that a variable is, through and through, or None."""
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


def factors(variable):
    """A product as the number and the list of variables it is made of."""
    value = constant(variable)
    if value is not None:
        return value, []
    number, variables = 1.0, []
    for one in inputs_of(variable, Mul) or []:
        inner, more = factors(one)
        number *= inner
        variables += more
    return number, variables or [variable]


def quotient_of(variable):
    """Numerators and denominators of a product or quotient."""
    quotient = inputs_of(variable, TrueDiv, 2)
    if quotient:
        numerators, denominators = quotient_of(quotient[0])
        return numerators, [*denominators, quotient[1]]
    return list(inputs_of(variable, Mul) or [variable]), []


def is_constant_along(variable, axes):
    """Whether a variable is the same along some axes, by its type."""
    return all(variable.broadcastable[axis] for axis in axes)


def with_factors(total, numerators, denominators, kept):
    """A sum times and over what is constant along the axes summed over; the
    axes `kept` are those of the sum.
    """
    total = mul(total, *(x.dimshuffle(kept) for x in numerators))
    for x in denominators:
        total = true_div(total, x.dimshuffle(kept))
    return total


def floats_multiplied(variable):
    """The two tensors of single or double precision that a variable is the
    product of, each as large as that; twice the same for a square. None if it
    is no such product, or if anything but one operation needs it.
    """
    pair = 2 * (inputs_of(variable, Sqr) or []) or inputs_of(variable, Mul, 2)
    if (
        not pair
        or len(variable.clients) > 1
        or (
            variable.dtype not in FLOATS
            or any(x.type != variable.type for x in pair)
        )
    ):
        return None
    return pair


def scaled(variable):
    """A variable and the number it is multiplied by, of which there must be
    one; or None.
    """
    number, variables = factors(variable)
    if len(variables) != 1 or variables[0] is variable:
        return None
    return variables[0], number


def of_channels(variable):
    """The vector that a variable is along the channels of images, the second
    axis, and constant along all others; or None.
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


def number_of(variable):
    """The one element of a variable, without dimensions, or None."""
    if not all(variable.broadcastable):
        return None
    node = variable.owner
    if (
        node is not None
        and isinstance(node.op, DimShuffle)
        and (node.inputs[0].ndim == 0)
    ):
        return node.inputs[0]
    return variable.dimshuffle() if variable.ndim else variable


def if_like(result, output):
    """What a local rewrite returns that has a result for an output: that, or
    False if it is of another type.
    """
    return [result] if result.type == output.type else False
