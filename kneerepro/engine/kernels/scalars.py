"""Functions of tensors that do to each element what scalar Ops do to numbers.

The results have Theano's types. There is one builder for each family of scalar
Ops, registered by type; :mod:`kneerepro.engine.kernels.scalar_tables` has what
needs no more than one of PyTorch's functions.
:mod:`kneerepro.engine.kernels.elemwise` applies them to tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import theano.scalar.basic as scalar
import torch
from theano.gof import Apply, Constant
from theano.gof.graph import ancestors
from theano.tensor.nnet.sigm import ScalarSoftplus, UltraFastScalarSigmoid
from theano.tensor.xlogx import XlogX, XlogY0

from ..dispatch import scalar_builder, takes_out
from ..values import to_device, torch_dtype
from .scalar_tables import ARITHMETIC, COMPARISONS, EXACT

# Builders by type. Each takes the scalar Op, the names of its inputs' types
# and the name of its output's type, and returns a function of tensors.
_BUILDERS: dict[type, Callable[..., Callable]] = {}
# Builders that take the scalar Op alone: see register_scalar.
_FUSED: dict[type, Callable[[Any], Callable]] = {}


def register_scalar(kind: type) -> Callable:
    """Register the decorated builder for a fused scalar Op.

    The builder takes the Op and returns a function of tensors that have the
    type of the result.
    """

    def decorator(builder):
        _FUSED[kind] = builder
        return builder

    return decorator


def is_fused(op: scalar.ScalarOp) -> bool:
    """Whether a scalar Op does the work of several."""
    return isinstance(op, (scalar.Composite, *_FUSED))


def has_function(op: scalar.ScalarOp) -> bool:
    """Whether there is a function of tensors for a scalar Op."""
    if isinstance(op, scalar.Composite):
        return all(has_function(inner.op) for inner in op.fgraph.apply_nodes)
    kind = type(op)
    return (
        kind in _BUILDERS or kind in _FUSED or scalar_builder(kind) is not None
    )


def scalar_function(
    op: scalar.ScalarOp,
    input_dtypes: Sequence[str],
    output_dtypes: Sequence[str],
    node: Apply,
    device: torch.device,
) -> Callable[..., torch.Tensor]:
    """The function of tensors that does what a scalar Op does to numbers.

    Parameters
    ----------
    op : theano.scalar.ScalarOp
        One for which :func:`has_function` holds.
    input_dtypes, output_dtypes : sequence of str
    node : theano.gof.Apply
        The elementwise operation.
    device : torch.device
    """
    output_dtype, kind = output_dtypes[0], type(op)
    computed = _dtype_of_computation(kind, input_dtypes, output_dtype, node)
    if computed != output_dtype:
        function = scalar_function(op, input_dtypes, [computed], node, device)
        dtype = torch_dtype(output_dtype)
        return lambda *inputs: _cast(function(*inputs), dtype)
    if isinstance(op, scalar.Composite):
        return _build_composite(op, node, device)
    if kind in _BUILDERS:
        return _BUILDERS[kind](op, input_dtypes, output_dtype)
    if kind in _FUSED:
        return _with_inputs_in(
            torch_dtype(output_dtype), _FUSED[kind](op), input_dtypes
        )
    return _from_builder(scalar_builder(kind), op, node, output_dtype)


def _from_builder(builder, op, node, output_dtype):
    """The function of a builder that a user has registered."""
    function, dtype = builder(op, node), torch_dtype(output_dtype)
    return lambda *inputs: _cast(function(*inputs), dtype)


def _dtype_of_computation(kind, input_dtypes, output_dtype, node):
    """The type to compute in. An operation in place may have a result of
    another type, that of the input which it overwrites.
    """
    if not getattr(node.op, 'inplace_pattern', None) or not (
        kind in ARITHMETIC or kind in (scalar.Add, scalar.Mul)
    ):
        return output_dtype
    computed = scalar.upcast(*input_dtypes, output_dtype)
    if kind not in EXACT:
        computed = scalar.upcast(computed, 'float64')
    return computed


def _with_inputs_in(dtype, function, input_dtypes):
    """`function` of tensors that are converted to a type first, if they have
    another one.
    """
    if all(torch_dtype(name) == dtype for name in input_dtypes):
        return function
    if len(input_dtypes) == 1:
        return lambda x: function(x.to(dtype))
    return lambda *inputs: function(*(value.to(dtype) for value in inputs))


def _cast(x, dtype):
    if dtype == torch.bool:
        return x != 0
    return x.to(dtype)


def _builds(*kinds):
    """Register the decorated builder for types of scalar Ops."""

    def decorator(builder):
        _BUILDERS.update(dict.fromkeys(kinds, builder))
        return builder

    return decorator


@_builds(*ARITHMETIC)
def _build_arithmetic(op, input_dtypes, output_dtype):
    kind = type(op)
    if output_dtype == 'bool' and kind in EXACT:
        function = _build_arithmetic(op, input_dtypes, 'uint8')
        return lambda *inputs: function(*inputs).bool()
    function = ARITHMETIC[kind]
    if kind in (scalar.IntDiv, scalar.Mod) and not (
        output_dtype.startswith('float')
    ):
        function = _zero_where_divided_by_zero(function)
    return _with_inputs_in(torch_dtype(output_dtype), function, input_dtypes)


def _zero_where_divided_by_zero(function):
    """An integer division with the result 0 for a divisor of 0, as NumPy."""

    def divide(x, y):
        zero = y == 0
        # Not asking first whether there is a 0 saves waiting for the device.
        return torch.where(zero, 0, function(x, torch.where(zero, 1, y)))

    return divide


@_builds(*COMPARISONS)
def _build_comparison(op, input_dtypes, output_dtype):
    common = torch_dtype(scalar.upcast(*input_dtypes))
    return _with_inputs_in(common, COMPARISONS[type(op)], input_dtypes)


@_builds(scalar.InRange)
def _build_in_range(op, input_dtypes, output_dtype):
    common = torch_dtype(scalar.upcast(*input_dtypes))

    def in_range(x, low, high):
        x, low, high = (value.to(common) for value in (x, low, high))
        above = x > low if op.openlow else x >= low
        below = x < high if op.openhi else x <= high
        return above & below

    return in_range


@_builds(scalar.Add, scalar.Mul)
def _build_sum_or_product(op, input_dtypes, output_dtype):
    is_sum = type(op) is scalar.Add
    dtype = torch_dtype(output_dtype)
    if output_dtype == 'bool':
        function = torch.logical_or if is_sum else torch.logical_and
    else:
        function = torch.add if is_sum else torch.mul
    if len(input_dtypes) == 1:
        return lambda x: x.to(dtype).clone()
    if len(input_dtypes) == 2:
        return _with_inputs_in(dtype, function, input_dtypes)

    @takes_out
    def of_many(value, *others, out=None):
        for i, other in enumerate(others):
            target = None
            if i and _has_common_shape(value, other):
                # `value` is an intermediate result that nobody else needs.
                target = value
            elif (out is value or out is other) and not any(
                out is later for later in others[i + 1 :]
            ):
                target = out
            value = function(value.to(dtype), other.to(dtype), out=target)
        return value

    return of_many


def _has_common_shape(value, other):
    """Whether broadcasting `value` with `other` keeps the shape of `value`."""
    return all(n in (1, size) for size, n in zip(value.shape, other.shape))


@_builds(scalar.Cast)
def _build_cast(op, input_dtypes, output_dtype):
    dtype = torch_dtype(output_dtype)
    return lambda x: _cast(x, dtype)


@_builds(scalar.Switch)
def _build_switch(op, input_dtypes, output_dtype):
    dtype = torch_dtype(output_dtype)

    def switch(condition, x, y):
        return torch.where(condition.bool(), x.to(dtype), y.to(dtype))

    return switch


@_builds(scalar.Clip)
def _build_clip(op, input_dtypes, output_dtype):
    dtype = torch_dtype(output_dtype)

    def clip(x, low, high):
        # NaN stays NaN. If low > high, the upper limit wins in NumPy; Theano's
        # C code compares with the lower limit first, and so does this.
        x, low, high = (value.to(dtype) for value in (x, low, high))
        return torch.where(x < low, low, torch.where(x > high, high, x))

    return clip


@_builds(scalar.Second)
def _build_second(op, input_dtypes, output_dtype):
    dtype = torch_dtype(output_dtype)
    return lambda x, y: y.to(dtype).expand(
        torch.broadcast_shapes(x.shape, y.shape)
    )


@_builds(scalar.Invert)
def _build_invert(op, input_dtypes, output_dtype):
    return torch.bitwise_not


@_builds(scalar.RoundHalfAwayFromZero)
def _build_round_half_away_from_zero(op, input_dtypes, output_dtype):
    def round_half_away_from_zero(x):
        return torch.where(x < 0, torch.ceil(x - 0.5), torch.floor(x + 0.5))

    return _with_inputs_in(
        torch_dtype(output_dtype), round_half_away_from_zero, input_dtypes
    )


@_builds(ScalarSoftplus)
def _build_softplus(op, input_dtypes, output_dtype):
    def softplus(x):
        # The same as Theano's C code, which is exact far from 0 on both sides.
        return torch.where(
            x > 30, x, torch.log1p(torch.exp(torch.clamp(x, max=30)))
        )

    return _with_inputs_in(torch_dtype(output_dtype), softplus, input_dtypes)


@_builds(UltraFastScalarSigmoid)
def _build_ultra_fast_sigmoid(op, input_dtypes, output_dtype):
    def ultra_fast_sigmoid(x):
        # Theano's approximation in three pieces.
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

    return _with_inputs_in(
        torch_dtype(output_dtype), ultra_fast_sigmoid, input_dtypes
    )


@_builds(XlogX)
def _build_x_log_x(op, input_dtypes, output_dtype):
    return _with_inputs_in(
        torch_dtype(output_dtype), lambda x: _x_log_y(x, x), input_dtypes
    )


@_builds(XlogY0)
def _build_x_log_y(op, input_dtypes, output_dtype):
    return _with_inputs_in(torch_dtype(output_dtype), _x_log_y, input_dtypes)


def _x_log_y(x, y):
    # Unlike torch.xlogy, this is 0 for x = 0 even if y is NaN, as in Theano.
    return torch.where(x == 0, 0, x * torch.log(y))


def _build_composite(op, node, device):
    """A graph of scalar Ops, carried out one after the other."""
    inputs, order = op.fgraph.inputs, op.fgraph.toposort()
    variables = [variable for inner in order for variable in inner.inputs]
    constants = {
        variable
        for variable in [*variables, *op.fgraph.outputs]
        if isinstance(variable, Constant)
    }
    results = [inner.outputs[0] for inner in order]
    places = {
        variable: place
        for place, variable in enumerate([*inputs, *constants, *results])
    }
    # A constant on the host would make torch.where wait for the device.
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
        return values

    def run_whole(*inputs):
        return run(*inputs)[outputs[0]]

    def run_and_expand(*inputs):
        values = run(*inputs)
        shape = torch.broadcast_shapes(*(value.shape for value in inputs))
        results = tuple(values[i].expand(shape) for i in outputs)
        return results if len(results) > 1 else results[0]

    return run_whole if _has_whole_shape(op, node) else run_and_expand


def _has_whole_shape(op, node):
    """Whether the only result of a composite depends on an input that has its
    shape, so that it need not be expanded.
    """
    if op is not node.op.scalar_op or len(node.outputs) > 1:
        return False  # it may be a part of another composite
    used = set(ancestors(op.fgraph.outputs))
    return any(
        outer.broadcastable == node.outputs[0].broadcastable
        for inner, outer in zip(op.fgraph.inputs, node.inputs)
        if inner in used
    )
