"""Elementwise operations, on the types and with the broadcasting of Theano.

:mod:`kneerepro.engine.kernels.scalars` says what they do to each element.
"""

from __future__ import annotations

import theano.scalar.basic as scalar
import theano.scalar.basic_scipy as special
import torch
from theano.tensor.elemwise import Elemwise

from ..dispatch import register, register_on_host
from ..values import UNSIGNED
from .jit import Jitted, code_of
from .loops import loop
from .scalars import has_function, is_fused, scalar_function

# Rare enough to be computed on the host. (PyTorch has no gamma function and no
# inverse of erfc, and its Bessel functions are only exact to 1e-8.)
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
# Operations that PyTorch has for all unsigned integers.
_MOVED = scalar.Cast, scalar.Identity, scalar.Second

# PyTorch's functions that write their result into a given tensor.
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


def _needs_numpy(node):
    """Whether an operation, or a type that it works on, is beyond PyTorch."""
    return _is_beyond_pytorch(
        node.op.scalar_op,
        {variable.dtype for variable in node.inputs + node.outputs},
    )


def _is_beyond_pytorch(op, dtypes):
    if isinstance(op, scalar.Composite):
        return any(
            _is_beyond_pytorch(
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


@register(
    Elemwise, device=True, covers=lambda node: has_function(node.op.scalar_op)
)
def _build_elemwise(op, node, device):
    function = scalar_function(
        op.scalar_op,
        [variable.dtype for variable in node.inputs],
        [variable.dtype for variable in node.outputs],
        node,
        device,
    )
    if device.type == 'cuda':
        function = _jitted(op.scalar_op, node, function) or function
    elif device.type == 'cpu':
        function = loop(node, function) or function
    check = _same_shape_check(node)
    takes = function in _TAKE_OUT or getattr(function, 'takes_out', False)
    places = getattr(function, 'takes_places', False)
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

    def run_into(*inputs, out=None):
        if check:
            check(inputs)
        return function(*inputs, out=out)

    run_into.takes_out, run_into.takes_places = takes, places
    return run_into if takes or places else run


def _jitted(op, node, function):
    """The function compiled for CUDA as one kernel, or None if the Op is a
    single operation or there is no code for it.
    """
    if not is_fused(op):
        return None
    code = code_of(op, [variable.dtype for variable in node.inputs])
    return None if code is None else Jitted(code, function)


def _small_first(function, node):
    """A sum or product that begins with the inputs which broadcast along most
    axes, since their intermediate results take the least memory.
    """
    order = sorted(
        range(len(node.inputs)),
        key=lambda i: -sum(node.inputs[i].broadcastable),
    )

    def ordered(*inputs, out=None):
        return function(*(inputs[i] for i in order), out=out)

    return ordered


def _same_shape_check(node):
    """A function that checks the shapes of the inputs, or None.

    Theano only broadcasts along dimensions that are known to be 1 when the
    function is compiled; PyTorch broadcasts along all that happen to be 1.
    """
    patterns = [variable.broadcastable for variable in node.inputs]
    # Each axis with the inputs that must have the same size along it.
    same_size = []
    for axis in range(node.outputs[0].ndim):
        inputs = [i for i, known in enumerate(patterns) if not known[axis]]
        if len(inputs) > 1:
            same_size.append((axis, *inputs))
    if not same_size:
        return None

    def check(inputs):
        shapes = [value.shape for value in inputs]
        if shapes.count(shapes[0]) == len(shapes):
            return
        for axis, first, *others in same_size:
            for i in others:
                if shapes[i][axis] != shapes[first][axis]:
                    raise ValueError(
                        f'Input dimension mis-match along axis {axis}: the '
                        'inputs have shapes '
                        + ', '.join(str(tuple(shape)) for shape in shapes)
                        + '. To broadcast along this axis, declare it '
                        'broadcastable, as with theano.tensor.addbroadcast'
                    )

    return check
