"""Adam's update of a parameter and its two moments, in one pass and in
place."""

import numpy as np
import torch
from theano.compile import optdb
from theano.gof import Apply, InconsistencyError, Op
from theano.gof.destroyhandler import DestroyHandler
from theano.gof.opt import Optimizer, local_optimizer, out2in
from theano.scalar import Add, Mul, Pow, Sqr, Sqrt, Sub, TrueDiv
from theano.tensor.elemwise import Elemwise

from ..dispatch import register
from ..kernels.layout import in_order, memory_order
from .patterns import TAG, constant, inputs_of, number_of, scaled


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
        return Apply(self, [parameter, m, v, g, rate],
                     [parameter.type(), m.type(), v.type()])

    def infer_shape(self, node, shapes):
        return shapes[:3]

    def perform(self, node, inputs, outputs):
        parameter, m, v, g, rate = inputs
        m = self.beta1 * m + (1 - self.beta1) * g
        v = self.beta2 * v + (1 - self.beta2) * g ** 2
        parameter = parameter - rate * m / (np.sqrt(v) + self.epsilon)
        for cell, value, variable in zip(outputs, (parameter, m, v),
                                         node.outputs):
            cell[0] = np.asarray(value, variable.dtype)


@register(AdamStep, device=True)
def build_adam_step(op, node, device):
    # PyTorch corrects for the number of steps, which the rate has in it
    # already: after so many, the correction is 1.
    steps = torch.tensor(1e12, device=device)

    def step(*inputs):
        *state, g, rate = inputs
        if any(value.shape != g.shape for value in state):
            raise ValueError(
                'Input dimension mis-match: parameter, moments and gradient '
                'have shapes '
                + ', '.join(str(tuple(x.shape)) for x in inputs[:4]))
        if not op.inplace:
            state = [value.clone() for value in state]
        if g.dtype == torch.float64 and device.type != 'cpu':
            # There, PyTorch's kernel takes the rate in single precision.
            return _plain_step(op, *state, g, rate)
        # The kernel goes through memory from one end to the other, so all are
        # to be in one order: on the CPU that of the gradient, which the others
        # keep once they were moved into it.
        order = memory_order(g if device.type == 'cpu' else state[0])
        g = g.permute(order).contiguous()
        state = [value.permute(order) for value in state]
        dense = list(map(in_order, state))
        torch._fused_adam_(
            [dense[0]], [g], [dense[1]], [dense[2]], [], [steps], lr=rate,
            beta1=op.beta1, beta2=op.beta2, weight_decay=0, eps=op.epsilon,
            amsgrad=False, maximize=False)
        if device.type != 'cpu':
            # Others may count on where they are.
            for value, changed in zip(state, dense):
                if value is not changed:
                    value.copy_(changed)
            dense = state
        back = sorted(range(len(order)), key=order.__getitem__)
        return [value.permute(back) for value in dense]

    return step


def _plain_step(op, parameter, m, v, g, rate):
    m.mul_(op.beta1).add_(g, alpha=1 - op.beta1)
    v.mul_(op.beta2).addcmul_(g, g, value=1 - op.beta2)
    parameter.sub_(rate * m / (torch.sqrt(v) + op.epsilon))
    return [parameter, m, v]


@local_optimizer([Elemwise])
def fuse_adam(node):
    """What ``adam``, Lasagne's or another, makes of a parameter."""
    parameter, change = inputs_of(node.outputs[0], Sub, 2) or (None, None)
    numerator, denominator = inputs_of(change, TrueDiv, 2) or (None, None)
    new_m, rate = _split(numerator, Mul, number_of)
    root, epsilon = _split(denominator, Add, constant)
    new_v, = inputs_of(root, Sqrt, 1) or [None]
    for v, beta2, square in _averages(new_v):
        for m, beta1, g in _averages(new_m):
            if _squared(square) == g and all(
                    variable.type == parameter.type
                    for variable in (m, v, g)) and (
                        parameter.dtype in ('float32', 'float64')):
                results = AdamStep(beta1, beta2, epsilon)(
                    parameter, m, v, g, rate)
                return dict(zip((node.outputs[0], new_m, new_v), results))
    return False


def _squared(variable):
    """What a variable is the square of, before Theano has simplified it or
    after; or None."""
    base, exponent = inputs_of(variable, Pow, 2) or (None, None)
    if base is not None:
        return base if constant(exponent) == 2 else None
    return (inputs_of(variable, Sqr, 1) or [None])[0]


def _split(variable, scalar_op, what):
    """The two inputs of an operation: one of any kind, and what `what` makes
    of the other; two None if there are no such."""
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
    old values after it."""

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
                        list(zip(node.outputs,
                                 new(*node.inputs, return_list=True))),
                        reason='torch_adam_inplace')
                except InconsistencyError:
                    pass    # it writes elsewhere then


# As it is written, so that Theano need not simplify a dozen operations for
# each parameter, which takes it seconds; and what is seen to be one only then.
optdb.register('torch_adam_as_written', out2in(fuse_adam), 0.5, TAG)
optdb.register('torch_adam', out2in(fuse_adam), 48.9, TAG)
optdb.register('torch_adam_inplace', UpdateInPlace(), 75, TAG)
