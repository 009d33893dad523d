"""Elementwise operations, on the types and with the broadcasting of Theano."""

import numpy as np
import theano.scalar.basic as scalar
import theano.scalar.basic_scipy as special
import torch
from theano.gof import Constant
from theano.tensor.elemwise import Elemwise
from theano.tensor.nnet.nnet import ScalarSoftsign
from theano.tensor.nnet.sigm import (
    ScalarSigmoid,
    ScalarSoftplus,
    UltraFastScalarSigmoid,
)

from ..dispatch import not_implemented, register, register_on_host, takes_out
from ..values import UNSIGNED, to_device, torch_dtype
from .jit import Jitted, code_of

# Of tensors that have the type of the result.
_ARITHMETIC = {
    scalar.Sub: torch.sub,
    scalar.TrueDiv: torch.true_divide,
    scalar.IntDiv: lambda x, y: torch.div(x, y, rounding_mode='floor'),
    scalar.Mod: torch.remainder,
    scalar.Pow: torch.pow,
    scalar.Maximum: torch.maximum,
    scalar.Minimum: torch.minimum,
    scalar.ArcTan2: torch.atan2,
    scalar.OR: torch.bitwise_or,
    scalar.AND: torch.bitwise_and,
    scalar.XOR: torch.bitwise_xor,
    scalar.Abs: torch.abs,
    scalar.Sgn: lambda x: _sign(x),
    scalar.Ceil: torch.ceil,
    scalar.Floor: torch.floor,
    scalar.Trunc: torch.trunc,
    scalar.RoundHalfToEven: torch.round,
    scalar.Neg: torch.neg,
    scalar.Inv: torch.reciprocal,
    scalar.Log: torch.log,
    scalar.Log2: torch.log2,
    scalar.Log10: torch.log10,
    scalar.Log1p: torch.log1p,
    scalar.Exp: torch.exp,
    scalar.Exp2: torch.exp2,
    scalar.Expm1: torch.expm1,
    scalar.Sqr: torch.square,
    scalar.Sqrt: torch.sqrt,
    scalar.Deg2Rad: torch.deg2rad,
    scalar.Rad2Deg: torch.rad2deg,
    scalar.Cos: torch.cos,
    scalar.ArcCos: torch.acos,
    scalar.Sin: torch.sin,
    scalar.ArcSin: torch.asin,
    scalar.Tan: torch.tan,
    scalar.ArcTan: torch.atan,
    scalar.ArcCosh: torch.acosh,
    scalar.Cosh: lambda x: _hyperbolic(torch.cosh, x),
    scalar.Sinh: lambda x: _hyperbolic(torch.sinh, x),
    scalar.ArcSinh: torch.asinh,
    scalar.Tanh: torch.tanh,
    scalar.ArcTanh: torch.atanh,
    scalar.Identity: torch.clone,
    scalar.Conj: torch.clone,
    scalar.Real: torch.clone,
    ScalarSigmoid: torch.sigmoid,
    ScalarSoftsign: lambda x: x / (1 + torch.abs(x)),
    special.Erf: torch.erf,
    special.Erfc: torch.erfc,
    special.Erfinv: torch.erfinv,
    special.Erfcx: torch.special.erfcx,
    special.GammaLn: torch.lgamma,
    special.Psi: torch.digamma,
    special.I0: torch.special.i0,
    special.I1: torch.special.i1,
    special.TriGamma: lambda x: torch.polygamma(1, x),
    special.GammaInc: torch.special.gammainc,
    special.GammaIncC: torch.special.gammaincc,
}

_TAKE_OUT = {
    torch.add,
    torch.mul,
    torch.sub,
    torch.true_divide,
    torch.square,
    torch.sqrt,
    torch.neg,
    torch.abs,
    torch.reciprocal,
    torch.exp,
    torch.log,
    torch.sigmoid,
    torch.maximum,
    torch.minimum,
}

# Of integers, these are integers.
_EXACT = (
    scalar.Add,
    scalar.Mul,
    scalar.Sub,
    scalar.IntDiv,
    scalar.Mod,
    scalar.Pow,
    scalar.Maximum,
    scalar.Minimum,
    scalar.OR,
    scalar.AND,
    scalar.XOR,
    scalar.Abs,
    scalar.Sgn,
    scalar.Neg,
    scalar.Sqr,
    scalar.Ceil,
    scalar.Floor,
    scalar.Trunc,
    scalar.RoundHalfToEven,
    scalar.Identity,
    scalar.Conj,
    scalar.Real,
)

# Rare enough to be computed on the host. (PyTorch has no gamma function and no
# inverse of erfc, and its Bessel functions are exact to 1e-8 alone.)
_RARE = (
    special.Erfcinv,
    special.J0,
    special.J1,
    special.Gamma,
    special.Chi2SF,
    special.GammaU,
    special.GammaL,
    special.Jv,
    special.Iv,
    scalar.Angle,
    scalar.Complex,
    scalar.ComplexFromPolar,
    scalar.Imag,
)
_MOVED = scalar.Cast, scalar.Identity, scalar.Second

# Of tensors that have a common type, with a Boolean result.
_COMPARISONS = {
    scalar.LT: torch.lt,
    scalar.GT: torch.gt,
    scalar.LE: torch.le,
    scalar.GE: torch.ge,
    scalar.EQ: torch.eq,
    scalar.NEQ: torch.ne,
    scalar.IsNan: torch.isnan,
    scalar.IsInf: torch.isinf,
}

_SCALARS = {}


def register_scalar(kind):
    """Register a function that makes of a scalar Op what it does to tensors
    of the type of the result.
    """

    def decorator(builder):
        _SCALARS[kind] = builder
        return builder

    return decorator


@register(Elemwise, device=True)
def build_elemwise(op, node, device):
    function = scalar_function(
        op.scalar_op,
        [variable.dtype for variable in node.inputs],
        [variable.dtype for variable in node.outputs],
        node,
        device,
    )
    if device.type == 'cuda':
        function = _jitted(op.scalar_op, node, function) or function
    check = _same_shape_check(node)
    takes = function in _TAKE_OUT or getattr(function, 'takes_out', False)
    if (
        takes
        and len(node.inputs) > 2
        and isinstance(op.scalar_op, (scalar.Add, scalar.Mul))
    ):
        function = _small_first(function, node)

    def run(*inputs):
        if check:
            check(inputs)
        return function(*inputs)

    @takes_out
    def run_into(*inputs, out=None):
        if check:
            check(inputs)
        return function(*inputs, out=out)

    return run_into if takes else run


def _jitted(op, node, function):
    """A function compiled for CUDA, of what takes several operations, if there
    is code for it; or None.
    """
    if not isinstance(op, (scalar.Composite, *_SCALARS)):
        return None
    code = code_of(op, [variable.dtype for variable in node.inputs])
    return None if code is None else Jitted(code, function)


def _small_first(function, node):
    """Sums and products of many begin with those that are the same along most
    axes, which take the least memory.
    """
    order = sorted(
        range(len(node.inputs)),
        key=lambda i: -sum(node.inputs[i].broadcastable),
    )

    def ordered(*inputs, out=None):
        return function(*(inputs[i] for i in order), out=out)

    return ordered


def _needs_numpy(node):
    """Whether an operation, or the types it works on, are beyond PyTorch."""
    return _beyond(
        node.op.scalar_op,
        {variable.dtype for variable in node.inputs + node.outputs},
    )


def _beyond(op, dtypes):
    if isinstance(op, scalar.Composite):
        return any(
            _beyond(
                inner.op,
                {variable.dtype for variable in inner.inputs + inner.outputs},
            )
            for inner in op.fgraph.apply_nodes
        )
    return (
        isinstance(op, _RARE)
        or bool(dtypes & {'complex64', 'complex128'})
        or bool(dtypes & UNSIGNED and not isinstance(op, _MOVED))
    )


register_on_host(Elemwise, when=_needs_numpy)


def _same_shape_check(node):
    """Theano broadcasts along dimensions that are known to be 1, and along no
    others; PyTorch would along all that happen to be.
    """
    patterns = [variable.broadcastable for variable in node.inputs]
    # For each axis, the inputs that have to be of one size.
    equal = [
        [i for i, pattern in enumerate(patterns) if not pattern[axis]]
        for axis in range(node.outputs[0].ndim)
    ]
    equal = [
        (axis, *inputs) for axis, inputs in enumerate(equal) if len(inputs) > 1
    ]
    if not equal:
        return None

    def check(inputs):
        shapes = [value.shape for value in inputs]
        if shapes.count(shapes[0]) == len(shapes):
            return
        for axis, first, *others in equal:
            for i in others:
                if shapes[i][axis] != shapes[first][axis]:
                    raise ValueError(
                        f'Input dimension mis-match along axis {axis}: the '
                        'inputs have shapes '
                        + ', '.join(str(tuple(shape)) for shape in shapes)
                    )

    return check


def scalar_function(op, input_dtypes, output_dtypes, node, device):
    """What a scalar Op does to each element.

    Parameters
    ----------
    op : theano.scalar.ScalarOp
    input_dtypes, output_dtypes : list of str
    node : Apply
        For the error where there is no implementation.
    device : torch.device

    Returns
    -------
    callable
    """
    kind = type(op)
    if getattr(node.op, 'inplace_pattern', None) and (
        kind in _ARITHMETIC or kind in (scalar.Add, scalar.Mul)
    ):
        # The result may be of another type than that of the computation.
        inner = scalar.upcast(*input_dtypes, *output_dtypes)
        if kind not in _EXACT:
            inner = scalar.upcast(inner, 'float64')
        if inner != output_dtypes[0]:
            function = scalar_function(op, input_dtypes, [inner], node, device)
            return lambda *inputs: _cast(
                function(*inputs), torch_dtype(output_dtypes[0])
            )
    result = output_dtypes[0]
    dtype = torch_dtype(result)
    if isinstance(op, scalar.Composite):
        return _composite(op, node, device)
    if kind in _COMPARISONS:
        common = torch_dtype(scalar.upcast(*input_dtypes))
        return _of_type(_COMPARISONS[kind], common, input_dtypes)
    if kind in (scalar.Add, scalar.Mul):
        return _chain(
            torch.add if kind is scalar.Add else torch.mul,
            dtype,
            result,
            input_dtypes,
        )
    if kind is scalar.Cast:
        return lambda x: _cast(x, dtype)
    if kind is scalar.Switch:

        def switch(condition, x, y):
            return torch.where(condition.bool(), x.to(dtype), y.to(dtype))

        return switch
    if kind is scalar.Clip:

        def clip(x, low, high):
            # Where the limits cross, the upper one wins in NumPy, and NaN
            # stays; Theano's C code compares with the lower one first.
            x, low, high = (value.to(dtype) for value in (x, low, high))
            return torch.where(x < low, low, torch.where(x > high, high, x))

        return clip
    if kind is scalar.Second:
        return lambda x, y: y.to(dtype).expand(
            torch.broadcast_shapes(x.shape, y.shape)
        )
    if kind is scalar.Invert:
        return torch.bitwise_not
    if kind is scalar.RoundHalfAwayFromZero:
        return lambda x: _round_away(x.to(dtype))
    if kind is ScalarSoftplus:
        return lambda x: _softplus(x.to(dtype))
    if kind is UltraFastScalarSigmoid:
        return lambda x: _ultra_fast_sigmoid(x.to(dtype))
    if kind is scalar.InRange:
        return _in_range(op, torch_dtype(scalar.upcast(*input_dtypes)))
    if result == 'bool' and kind in _EXACT:
        function = scalar_function(op, input_dtypes, ['uint8'], node, device)
        return lambda *inputs: function(*inputs).bool()
    if kind in _ARITHMETIC:
        if kind in (scalar.IntDiv, scalar.Mod) and not result.startswith(
            'float'
        ):
            return _of_type(_checked(_ARITHMETIC[kind]), dtype, input_dtypes)
        return _of_type(_ARITHMETIC[kind], dtype, input_dtypes)
    if kind in _SCALARS:
        return _of_type(_SCALARS[kind](op), dtype, input_dtypes)
    raise not_implemented(node, kind.__name__)


def _of_type(function, dtype, input_dtypes):
    """`function` of tensors that are brought to a type before."""
    same = [torch_dtype(name) == dtype for name in input_dtypes]
    if all(same):
        return function
    if len(same) == 1:
        return lambda x: function(x.to(dtype))
    return lambda *inputs: function(*(value.to(dtype) for value in inputs))


def _chain(function, dtype, result, input_dtypes):
    """The sum or product of any number of tensors."""
    if result == 'bool':
        function = (
            torch.logical_or if function is torch.add else torch.logical_and
        )
    if len(input_dtypes) == 1:
        return lambda x: x.to(dtype).clone()
    if len(input_dtypes) == 2:
        return _of_type(function, dtype, input_dtypes)

    @takes_out
    def chain(value, *others, out=None):
        for i, other in enumerate(others):
            target = None
            if i and _covers(value, other):
                target = value
            elif (out is value or out is other) and not any(
                out is later for later in others[i + 1 :]
            ):
                target = out
            value = function(value.to(dtype), other.to(dtype), out=target)
        return value

    return chain


def _covers(value, other):
    """Whether what is made of both has the shape of the first."""
    return all(n in (1, size) for size, n in zip(value.shape, other.shape))


def _cast(x, dtype):
    if dtype == torch.bool:
        return x != 0
    return x.to(dtype)


def _checked(function):
    """Of integers: NumPy's result for a division by zero is 0."""

    def checked(x, y):
        zero = y == 0
        # Without asking whether there is one, which a device would have to
        # answer first.
        return torch.where(zero, 0, function(x, torch.where(zero, 1, y)))

    return checked


def _sign(x):
    # Of what is not a number, that; PyTorch's would be 0.
    return torch.where(x != x, x, torch.sign(x))


def _hyperbolic(function, x):
    # PyTorch's go to infinity where exp(x) does, that is log(2) too early.
    half = torch.exp(torch.abs(x) / 2)
    large = half * (0.5 * half)
    if function is torch.sinh:
        large = torch.where(x < 0, -large, large)
    return torch.where(torch.abs(x) > 80, large, function(x))


def _round_away(x):
    return torch.where(x < 0, torch.ceil(x - 0.5), torch.floor(x + 0.5))


def _softplus(x):
    # As Theano's C code does, which is exact far from 0 on both sides.
    return torch.where(
        x > 30, x, torch.log1p(torch.exp(torch.clamp(x, max=30)))
    )


def _ultra_fast_sigmoid(x):
    x = 0.5 * x
    positive = torch.abs(x)
    z = torch.where(
        positive < 1.7,
        1.5 * positive / (1 + positive),
        torch.where(
            positive < 3,
            0.935409070603099 + 0.0458812946797165 * (positive - 1.7),
            torch.full_like(x, 0.99505475368673),
        ),
    )
    return 0.5 * (torch.where(x >= 0, z, -z) + 1)


def _in_range(op, dtype):
    def in_range(x, low, high):
        x, low, high = (value.to(dtype) for value in (x, low, high))
        above = x > low if op.openlow else x >= low
        below = x < high if op.openhi else x <= high
        return above & below

    return in_range


def _composite(op, node, device):
    """A graph of scalar Ops, one after the other."""
    inputs, order = op.fgraph.inputs, op.fgraph.toposort()
    constants = {
        variable
        for inner in order
        for variable in inner.inputs
        if isinstance(variable, Constant)
    }
    constants.update(
        variable
        for variable in op.fgraph.outputs
        if isinstance(variable, Constant)
    )
    places = {
        variable: place
        for place, variable in enumerate(
            [*inputs, *constants, *(inner.outputs[0] for inner in order)]
        )
    }
    # torch.where would have the device wait for one that lies on the host.
    constants = [
        to_device(np.asarray(variable.data), device) for variable in constants
    ]
    steps = [
        (
            scalar_function(
                inner.op,
                [variable.dtype for variable in inner.inputs],
                [variable.dtype for variable in inner.outputs],
                node,
                device,
            ),
            [places[variable] for variable in inner.inputs],
        )
        for inner in order
    ]
    outputs = [places[variable] for variable in op.fgraph.outputs]

    def run(*inputs):
        values = [*inputs, *constants]
        for function, arguments in steps:
            values.append(function(*(values[i] for i in arguments)))
        shape = torch.broadcast_shapes(*(value.shape for value in inputs))
        results = tuple(values[i].expand(shape) for i in outputs)
        return results if len(results) > 1 else results[0]

    return run
