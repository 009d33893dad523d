"""Adam's update of a parameter and its two moments, in one pass and in place;
and on CUDA, that of all parameters by one call.
"""

from collections import defaultdict

import numpy as np
import torch
from theano.compile import optdb
from theano.gof import Apply, InconsistencyError, Op
from theano.gof.destroyhandler import DestroyHandler
from theano.gof.graph import ancestors
from theano.gof.opt import Optimizer, local_optimizer, out2in
from theano.scalar import Add, Mul, Pow, Sqr, Sqrt, Sub, TrueDiv
from theano.tensor.elemwise import Elemwise

from ..dispatch import register
from ..layout import as_contiguous, memory_order
from .patterns import CUDA_TAG, TAG, constant, inputs_of, number_of, scaled


class AdamStep(Op):
    """One step of Adam [1]_ on one parameter.

    With the order of computation of that paper's section 2, in which Lasagne
    writes it: ``m = beta1 m + (1 - beta1) g``, ``v = beta2 v + (1 - beta2)
    g**2``, ``parameter -= rate m / (sqrt(v) + epsilon)``.

    Parameters
    ----------
    beta1, beta2, epsilon : float
    inplace : bool
        Whether parameter and moments are overwritten.

    Notes
    -----
    Takes parameter, m, v, g, all of one shape, and the rate, a number with
    the correction for the number of steps in it. Returns the first three
    anew.

    References
    ----------
    .. [1] D. P. Kingma, J. Ba (2014): Adam: A method for stochastic
           optimization. arXiv:1412.6980.
    """

    __props__ = 'beta1', 'beta2', 'epsilon', 'inplace'
    #: What is overwritten may be left, and its new value lie elsewhere.
    moves = True

    def __init__(self, beta1, beta2, epsilon, inplace=False):
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self.inplace = inplace
        if inplace:
            self.destroy_map = {0: [0], 1: [1], 2: [2]}

    def make_node(self, parameter, m, v, g, rate):
        return Apply(
            self,
            [parameter, m, v, g, rate],
            [parameter.type(), m.type(), v.type()],
        )

    def infer_shape(self, node, shapes):
        return shapes[:3]

    def perform(self, node, inputs, outputs):
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
        Of the parameters.

    Notes
    -----
    Takes what `step` takes of one parameter after the other, but the rate, and
    at last that. Returns what `step` does, of one after the other.
    """

    __props__ = 'step', 'count'
    moves = True

    def __init__(self, step, count):
        self.step, self.count = step, count
        if step.inplace:
            self.destroy_map = {
                3 * k + i: [4 * k + i] for k in range(count) for i in range(3)
            }

    def make_node(self, *inputs):
        return Apply(
            self,
            list(inputs),
            [
                variable.type()
                for parts in self.parts(inputs)
                for variable in parts[:3]
            ],
        )

    def parts(self, inputs):
        """The inputs of each parameter's step."""
        return [
            (*inputs[4 * k : 4 * k + 4], inputs[-1]) for k in range(self.count)
        ]

    def infer_shape(self, node, shapes):
        return [shape for parts in self.parts(shapes) for shape in parts[:3]]

    def perform(self, node, inputs, outputs):
        for k, (parts, variables) in enumerate(
            zip(self.parts(inputs), self.parts(node.inputs))
        ):
            self.step.perform(
                self.step.make_node(*variables),
                parts,
                outputs[3 * k : 3 * k + 3],
            )


@register(AdamStep, device=True)
def build_adam_step(op, node, device):
    kernel = _Kernel(op, device)
    return lambda *inputs: kernel([inputs])


@register(AdamSteps, device=True)
def build_adam_steps(op, node, device):
    kernel = _Kernel(op.step, device)
    return lambda *inputs: kernel(op.parts(inputs))


class _Kernel:
    """Makes the steps of some parameters."""

    def __init__(self, op, device):
        self._op, self._device = op, device
        # PyTorch corrects for the number of steps, which the rate has in it
        # already: after so many, the correction is 1.
        self._steps = torch.tensor(1e12, device=device)

    def __call__(self, steps):
        """New values, three of each; of a list of what each step takes."""
        op, on_cpu, rate = self._op, self._device.type == 'cpu', steps[0][-1]
        states = []
        for *state, g, _ in steps:
            if any(value.shape != g.shape for value in state):
                raise ValueError(
                    'Input dimension mis-match: parameter, moments and '
                    'gradient have shapes '
                    + ', '.join(str(tuple(x.shape)) for x in (*state, g))
                )
            states.append(
                state if op.inplace else [value.clone() for value in state]
            )
        gradients = [g for *_, g, _ in steps]
        if gradients[0].dtype == torch.float64 and not on_cpu:
            # There, PyTorch's kernel takes the rate in single precision.
            for state, g in zip(states, gradients):
                _plain_step(op, *state, g, rate)
            return [value for state in states for value in state]
        # The kernel goes through memory from one end to the other, so all are
        # to be in one order: on the CPU that of the gradient, which the others
        # keep once they were moved into it.
        orders = [
            memory_order(g if on_cpu else state[0])
            for state, g in zip(states, gradients)
        ]
        gradients = [
            g.permute(order).contiguous()
            for g, order in zip(gradients, orders)
        ]
        states = [
            [value.permute(order) for value in state]
            for state, order in zip(states, orders)
        ]
        dense = [list(map(as_contiguous, state)) for state in states]
        parameters, m, v = map(list, zip(*dense))
        torch._fused_adam_(
            parameters,
            gradients,
            m,
            v,
            [],
            [self._steps] * len(steps),
            lr=rate,
            beta1=op.beta1,
            beta2=op.beta2,
            weight_decay=0,
            eps=op.epsilon,
            amsgrad=False,
            maximize=False,
        )
        if not on_cpu:
            # Others may count on where they are.
            for state, changed in zip(states, dense):
                for value, new in zip(state, changed):
                    if value is not new:
                        value.copy_(new)
            dense = states
        return [
            value.permute(sorted(range(len(order)), key=order.__getitem__))
            for state, order in zip(dense, orders)
            for value in state
        ]


def _plain_step(op, parameter, m, v, g, rate):
    m.mul_(op.beta1).add_(g, alpha=1 - op.beta1)
    v.mul_(op.beta2).addcmul_(g, g, value=1 - op.beta2)
    parameter.sub_(rate * m / (torch.sqrt(v) + op.epsilon))


@local_optimizer([Elemwise])
def fuse_adam(node):
    """What ``adam``, Lasagne's or another, makes of a parameter."""
    parameter, change = inputs_of(node.outputs[0], Sub, 2) or (None, None)
    numerator, denominator = inputs_of(change, TrueDiv, 2) or (None, None)
    new_m, rate = _split(numerator, Mul, number_of)
    root, epsilon = _split(denominator, Add, constant)
    (new_v,) = inputs_of(root, Sqrt, 1) or [None]
    for v, beta2, square in _averages(new_v):
        for m, beta1, g in _averages(new_m):
            if (
                _squared(square) == g
                and all(
                    variable.type == parameter.type for variable in (m, v, g)
                )
                and (parameter.dtype in ('float32', 'float64'))
            ):
                results = AdamStep(beta1, beta2, epsilon)(
                    parameter, m, v, g, rate
                )
                return dict(zip((node.outputs[0], new_m, new_v), results))
    return False


def _squared(variable):
    """What a variable is the square of, before Theano has simplified it or
    after; or None.
    """
    base, exponent = inputs_of(variable, Pow, 2) or (None, None)
    if base is not None:
        return base if constant(exponent) == 2 else None
    return (inputs_of(variable, Sqr, 1) or [None])[0]


def _split(variable, scalar_op, what):
    """The two inputs of an operation: one of any kind, and what `what` makes
    of the other; two None if there are no such.
    """
    first, second = inputs_of(variable, scalar_op, 2) or (None, None)
    for one, other in (first, second), (second, first):
        if one is not None and what(other) is not None:
            return one, what(other)
    return None, None


def _averages(variable):
    """Ways to read a variable as ``b x + (1 - b) y``: x, b and y."""
    terms = [_times(term) for term in inputs_of(variable, Add, 2) or []]
    if len(terms) == 2 and None not in terms:
        for (x, b), (y, other) in (terms, terms[::-1]):
            if abs(b + other - 1) < 4 * np.finfo(variable.dtype).eps:
                # The smaller of the two is the more exact one.
                yield x, b if b < other else 1 - other, y


def _times(variable):
    # As written, the variable may itself be a product.
    other, number = _split(variable, Mul, constant)
    return scaled(variable) if other is None else (other, number)


class UpdateInPlace(Optimizer):
    """Have Adam overwrite parameters and moments, where nothing needs their
    old values after it.
    """

    def add_requirements(self, fgraph):
        if not hasattr(fgraph, 'destroyers'):
            fgraph.attach_feature(DestroyHandler())

    def apply(self, fgraph):
        for node in list(fgraph.apply_nodes):
            op = node.op
            if isinstance(op, AdamStep) and not op.inplace:
                new = AdamStep(op.beta1, op.beta2, op.epsilon, inplace=True)
                try:
                    fgraph.replace_all_validate(
                        list(
                            zip(
                                node.outputs,
                                new(*node.inputs, return_list=True),
                            )
                        ),
                        reason='torch_adam_inplace',
                    )
                except InconsistencyError:
                    pass  # it writes elsewhere then


class UpdateTogether(Optimizer):
    """Have one call make the steps that have the same rate."""

    def apply(self, fgraph):
        groups = defaultdict(list)
        for node in fgraph.toposort():
            if isinstance(node.op, AdamStep):
                kind = node.op, node.inputs[-1], node.inputs[0].dtype
                groups[kind].append(node)
        for (op, rate, _), nodes in groups.items():
            before = {
                variable.owner
                for node in nodes
                for variable in ancestors(node.inputs)
            }
            # None of them may have to wait for another.
            if len(nodes) < 2 or not before.isdisjoint(nodes):
                continue
            new = AdamSteps(op, len(nodes))(
                *(x for node in nodes for x in node.inputs[:-1]), rate
            )
            try:
                fgraph.replace_all_validate(
                    list(
                        zip(
                            (
                                variable
                                for node in nodes
                                for variable in node.outputs
                            ),
                            new,
                        )
                    ),
                    reason='torch_adam_together',
                )
            except InconsistencyError:
                pass  # somebody reads what would be overwritten too early


# As it is written, so that Theano need not simplify a dozen operations for
# each parameter, which takes it seconds; and what is seen to be one only then.
optdb.register('torch_adam_as_written', out2in(fuse_adam), 0.5, TAG)
optdb.register('torch_adam', out2in(fuse_adam), 48.9, TAG)
optdb.register('torch_adam_inplace', UpdateInPlace(), 75, TAG)
# On CUDA, each call takes its time.
optdb.register('torch_adam_together', UpdateTogether(), 75.1, TAG, CUDA_TAG)
