"""Adam's update of a parameter and its two moments, in one pass and in place.

On CUDA, one call updates all parameters.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from theano.gof import Apply, FunctionGraph, InconsistencyError, Op
from theano.gof.destroyhandler import DestroyHandler
from theano.gof.graph import ancestors
from theano.gof.opt import Optimizer, local_optimizer
from theano.scalar import Add, Mul, Pow, Sqr, Sqrt, Sub, TrueDiv
from theano.tensor.elemwise import Elemwise

from ..dispatch import register
from ..layout import as_contiguous, memory_order
from .patterns import (
    as_scalar,
    constant_value,
    elemwise_inputs,
    scaled_variable,
)


class AdamStep(Op):
    """One step of Adam [1]_ on one parameter.

    The order of computation is that of section 2 of the paper, as in Lasagne::

        m = beta1 m + (1 - beta1) g
        v = beta2 v + (1 - beta2) g**2
        parameter = parameter - rate m / (sqrt(v) + epsilon)

    Parameters
    ----------
    beta1, beta2, epsilon : float
    inplace : bool
        Whether the parameter and the moments are overwritten.

    Notes
    -----
    The inputs are the parameter, m, v and g, all of one shape, and the rate, a
    number that includes the correction for the number of steps. The outputs
    are the new values of the first three.

    References
    ----------
    .. [1] D. P. Kingma, J. Ba (2014): Adam: A method for stochastic
           optimization. arXiv:1412.6980.
    """

    __props__ = 'beta1', 'beta2', 'epsilon', 'inplace'
    #: Although the Op overwrites its inputs, the new values may be elsewhere.
    moves = True

    def __init__(
        self,
        beta1: float,
        beta2: float,
        epsilon: float,
        inplace: bool = False,
    ):
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self.inplace = inplace
        if inplace:
            self.destroy_map = {0: [0], 1: [1], 2: [2]}

    def make_node(self, parameter, m, v, g, rate):
        """Make a node for one parameter."""
        return Apply(
            self,
            [parameter, m, v, g, rate],
            [parameter.type(), m.type(), v.type()],
        )

    def infer_shape(self, node, shapes):
        """The shapes stay the same."""
        return shapes[:3]

    def perform(self, node, inputs, outputs):
        """Compute the step in NumPy."""
        parameter, m, v, g, rate = inputs
        m = self.beta1 * m + (1 - self.beta1) * g
        v = self.beta2 * v + (1 - self.beta2) * g**2
        parameter = parameter - rate * m / (np.sqrt(v) + self.epsilon)
        for cell, value, variable in zip(
            outputs, (parameter, m, v), node.outputs
        ):
            cell[0] = np.asarray(value, variable.dtype)


class AdamSteps(Op):
    """One step of Adam on several parameters.

    Parameters
    ----------
    step : AdamStep
    count : int
        The number of parameters.

    Notes
    -----
    The inputs are the first four inputs of `step` for each parameter in turn,
    then the rate. The outputs are the outputs of `step` for each parameter in
    turn.
    """

    __props__ = 'step', 'count'
    moves = True

    def __init__(self, step: AdamStep, count: int):
        self.step, self.count = step, count
        if step.inplace:
            self.destroy_map = {
                3 * k + i: [4 * k + i] for k in range(count) for i in range(3)
            }

    def make_node(self, *inputs):
        """Make a node for several parameters."""
        return Apply(
            self,
            list(inputs),
            [
                variable.type()
                for parts in self.parts(inputs)
                for variable in parts[:3]
            ],
        )

    def parts(self, inputs: Sequence) -> list[tuple]:
        """The inputs of each parameter's step."""
        return [
            (*inputs[4 * k : 4 * k + 4], inputs[-1]) for k in range(self.count)
        ]

    def infer_shape(self, node, shapes):
        """The shapes stay the same."""
        return [shape for parts in self.parts(shapes) for shape in parts[:3]]

    def perform(self, node, inputs, outputs):
        """Compute the steps in NumPy."""
        for k, (parts, variables) in enumerate(
            zip(self.parts(inputs), self.parts(node.inputs))
        ):
            self.step.perform(
                self.step.make_node(*variables),
                parts,
                outputs[3 * k : 3 * k + 3],
            )


@register(AdamStep, device=True)
def _build_adam_step(op, node, device):
    kernel = _Kernel(op, device)
    return lambda *inputs: kernel([inputs])


@register(AdamSteps, device=True)
def _build_adam_steps(op, node, device):
    kernel = _Kernel(op.step, device)
    return lambda *inputs: kernel(op.parts(inputs))


class _Kernel:
    """Computes the steps of some parameters.

    Parameters
    ----------
    op : AdamStep
    device : torch.device
    """

    def __init__(self, op: AdamStep, device: torch.device):
        self._op, self._on_cpu = op, device.type == 'cpu'
        # The rate already includes the correction for the number of steps.
        # After this many steps, PyTorch's own correction is 1.
        self._steps = torch.tensor(1e12, device=device)

    def __call__(self, steps: Sequence[Sequence]) -> list[torch.Tensor]:
        """Compute the new values: three for each parameter.

        Parameters
        ----------
        steps : list
            The inputs of each step.
        """
        rate, gradients = steps[0][-1], [g for *_, g, _ in steps]
        states = [self._state(state, g) for *state, g, _ in steps]
        if gradients[0].dtype == torch.float64 and not self._on_cpu:
            # On CUDA, PyTorch's kernel takes the rate in single precision.
            for state, g in zip(states, gradients):
                _plain_step(self._op, state, g, rate)
            return [value for state in states for value in state]
        orders = [self._order(state, g) for state, g in zip(states, gradients)]
        gradients = [
            _permuted(g, order).contiguous()
            for g, order in zip(gradients, orders)
        ]
        states = [
            [_permuted(value, order) for value in state]
            for state, order in zip(states, orders)
        ]
        states = self._updated(states, gradients, rate)
        return [
            _permuted(value, order and _inverse(order))
            for state, order in zip(states, orders)
            for value in state
        ]

    def _order(self, state, g):
        """The order in memory in which a step goes through its tensors, which
        have to be in one order: the axes, or None for that of their shape.

        On the CPU it is the order of the gradient. The others keep it once
        they were moved into it.
        """
        if all(x.is_contiguous() for x in (*state, g)):
            return None
        return memory_order(g if self._on_cpu else state[0])

    def _state(self, state, g):
        """The tensors to overwrite: parameter and moments, or copies."""
        if any(value.shape != g.shape for value in state):
            raise ValueError(
                'Input dimension mis-match in a step of Adam: parameter, '
                'moments and gradient have the shapes '
                + ', '.join(str(tuple(x.shape)) for x in (*state, g))
                + ', which must be equal'
            )
        if self._op.inplace:
            return state
        return [value.clone() for value in state]

    def _updated(self, states, gradients, rate):
        """Update states in place, as far as they are contiguous.

        On CUDA they keep their places in any case, because others may count on
        that.
        """
        contiguous = [list(map(as_contiguous, state)) for state in states]
        parameters, m, v = map(list, zip(*contiguous))
        torch._fused_adam_(
            parameters,
            gradients,
            m,
            v,
            [],
            [self._steps] * len(states),
            lr=rate,
            beta1=self._op.beta1,
            beta2=self._op.beta2,
            weight_decay=0,
            eps=self._op.epsilon,
            amsgrad=False,
            maximize=False,
        )
        if self._on_cpu:
            return contiguous
        for state, updated in zip(states, contiguous):
            for value, new in zip(state, updated):
                if value is not new:
                    value.copy_(new)
        return states


def _permuted(x, order):
    return x if order is None else x.permute(order)


def _inverse(order):
    return sorted(range(len(order)), key=order.__getitem__)


def _plain_step(op, state, g, rate):
    """One step in place, in separate operations."""
    parameter, m, v = state
    m.mul_(op.beta1).add_(g, alpha=1 - op.beta1)
    v.mul_(op.beta2).addcmul_(g, g, value=1 - op.beta2)
    parameter.sub_(rate * m / (torch.sqrt(v) + op.epsilon))


@local_optimizer([Elemwise])
def fuse_adam(node):
    """Fuse an ``adam`` update, Lasagne's or another, of one parameter."""
    parameter, change = elemwise_inputs(node.outputs[0], Sub, 2) or (
        None,
        None,
    )
    numerator, denominator = elemwise_inputs(change, TrueDiv, 2) or (
        None,
        None,
    )
    new_m, rate = _operand_and_value(numerator, Mul, as_scalar)
    root, epsilon = _operand_and_value(denominator, Add, constant_value)
    (new_v,) = elemwise_inputs(root, Sqrt, 1) or [None]
    for v, beta2, square in _averages(new_v):
        for m, beta1, g in _averages(new_m):
            if (
                _squared(square) == g
                and all(
                    variable.type == parameter.type for variable in (m, v, g)
                )
                and parameter.dtype in ('float32', 'float64')
            ):
                results = AdamStep(beta1, beta2, epsilon)(
                    parameter, m, v, g, rate
                )
                return dict(zip((node.outputs[0], new_m, new_v), results))
    return False


def _squared(variable):
    """The base of a square, or None for other variables; before or after
    Theano has simplified it.
    """
    base, exponent = elemwise_inputs(variable, Pow, 2) or (None, None)
    if base is not None:
        return base if constant_value(exponent) == 2 else None
    return (elemwise_inputs(variable, Sqr, 1) or [None])[0]


def _operand_and_value(
    variable: Any, scalar_op: type, read: Callable[[Any], Any]
) -> tuple[Any, Any]:
    """The two inputs of an operation, one of them read by a function.

    Returns
    -------
    tuple
        One input, and what `read` returns for the other one. (None, None) if
        `read` returns None for both, or if there is no such operation.
    """
    first, second = elemwise_inputs(variable, scalar_op, 2) or (None, None)
    for operand, other in (first, second), (second, first):
        if operand is not None and read(other) is not None:
            return operand, read(other)
    return None, None


def _averages(variable: Any) -> Iterator[tuple[Any, float, Any]]:
    """All ways to read a variable as ``b x + (1 - b) y``, as (x, b, y)."""
    terms = [
        _variable_and_factor(term)
        for term in elemwise_inputs(variable, Add, 2) or []
    ]
    if len(terms) == 2 and None not in terms:
        for (x, b), (y, other) in (terms, terms[::-1]):
            if abs(b + other - 1) < 4 * np.finfo(variable.dtype).eps:
                # The smaller of the two numbers is the more precise one.
                yield x, b if b < other else 1 - other, y


def _variable_and_factor(variable):
    """The variable and the number whose product a variable is, or None."""
    # Before Theano has simplified it, the first may itself be a product.
    other, number = _operand_and_value(variable, Mul, constant_value)
    return scaled_variable(variable) if other is None else (other, number)


class UpdateInPlace(Optimizer):
    """Let Adam overwrite parameters and moments, where nothing needs the old
    values after it.
    """

    def add_requirements(self, fgraph: FunctionGraph) -> None:
        """Let the graph watch what is overwritten."""
        if not hasattr(fgraph, 'destroyers'):
            fgraph.attach_feature(DestroyHandler())

    def apply(self, fgraph: FunctionGraph) -> None:
        """Rewrite a graph."""
        for node in list(fgraph.apply_nodes):
            op = node.op
            if isinstance(op, AdamStep) and not op.inplace:
                new = AdamStep(op.beta1, op.beta2, op.epsilon, inplace=True)
                outputs = new(*node.inputs, return_list=True)
                # If this is inconsistent, the step keeps writing into new
                # memory.
                with contextlib.suppress(InconsistencyError):
                    fgraph.replace_all_validate(
                        list(zip(node.outputs, outputs)),
                        reason='torch_adam_inplace',
                    )


class UpdateTogether(Optimizer):
    """Combine the steps that have the same rate into one call."""

    def apply(self, fgraph: FunctionGraph) -> None:
        """Rewrite a graph."""
        groups = defaultdict(list)
        for node in fgraph.toposort():
            if isinstance(node.op, AdamStep):
                key = node.op, node.inputs[-1], node.inputs[0].dtype
                groups[key].append(node)
        for (op, rate, _), nodes in groups.items():
            before = {
                variable.owner
                for node in nodes
                for variable in ancestors(node.inputs)
            }
            # No step may depend on another one.
            if len(nodes) < 2 or not before.isdisjoint(nodes):
                continue
            new = AdamSteps(op, len(nodes))(
                *(x for node in nodes for x in node.inputs[:-1]), rate
            )
            old = [variable for node in nodes for variable in node.outputs]
            # It is inconsistent if a value would be overwritten before its
            # last use.
            with contextlib.suppress(InconsistencyError):
                fgraph.replace_all_validate(
                    list(zip(old, new)), reason='torch_adam_together'
                )
