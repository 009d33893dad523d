"""A graph in two parts, so that one of them can be recorded.

The host's part makes of the inputs the numbers that kernels take on the host,
such as shapes, and those that go to the device, such as the rate of Adam's
step. The device's part does the rest: nothing in it comes from the host or
goes there.
"""

import numpy as np
import torch
from theano.compile.ops import FromFunctionOp, Shape, Shape_i
from theano.gof import Constant
from theano.ifelse import IfElse
from theano.printing import Print
from theano.scalar import Scalar
from theano.tensor import TensorType
from theano.tensor.type_other import NoneTypeT, SliceType

from .source import Writer
from .values import FEW, NotCapturable, torch_dtype

# What a recording may depend on: two of a kind are found to be equal.
_HELD = TensorType, Scalar, SliceType, NoneTypeT


class Split:
    """The two parts of a program.

    Parameters
    ----------
    program : kneerepro.engine.program.Program

    Attributes
    ----------
    parameters : list of (Variable, str)
        What the device's part takes: values of variables on the host ('h')
        or on the device ('d'). Of the latter, some are inputs of the graph.
    device : callable
        The device's part; returns a list of the outputs that are there.
    fixed : list of Variable
        What the host's part makes of the shapes of the inputs alone.
    shapes : callable
        Takes the inputs, returns a list of the values of these.
    varying : list of Variable
        What it makes of the inputs' values, anew at each call.
    numbers : callable
        Takes the inputs and then the values of `fixed`, returns a list of
        the values of `varying`.

    Raises
    ------
    NotCapturable
        If the host's part cannot be carried out without the device's, or the
        other way round.
    """

    def __init__(self, program):
        scope = program.scope
        graph = scope.fgraph
        early, shapes = _early(scope)
        late = [node for node in scope.order if node not in early]
        for node in scope.order:
            _check(scope, node)
        outputs = [
            variable
            for variable in graph.outputs
            if not scope.on_host(variable)
        ]
        scope.globals['write'] = lambda value: write(value, scope.device)
        writer = _DeviceWriter(scope, late, early, outputs)
        self.device, self.parameters = writer.function, list(writer.taken)
        for variable, form in self.parameters:
            if form == 'h' and not isinstance(variable.type, _HELD):
                raise NotCapturable(f'{variable} is no number')
        for variable in graph.outputs:
            if scope.on_host(variable) and variable.owner in late:
                raise NotCapturable(
                    f'{variable} is a number that needs the '
                    'shape of what is computed before it'
                )
        if not any(not scope.is_on_host(node) for node in late):
            raise NotCapturable('the device has nothing to compute')

        wanted = [
            variable
            for variable, form in self.parameters
            if scope.on_host(variable)
        ]
        wanted += [
            variable for variable in graph.outputs if scope.on_host(variable)
        ]
        wanted = list(dict.fromkeys(wanted))
        is_fixed = {variable for node in shapes for variable in node.outputs}
        self.varying = [
            variable
            for variable in wanted
            if variable not in is_fixed and not isinstance(variable, Constant)
        ]
        rest = _needed(
            [
                node
                for node in scope.order
                if node in early and node not in shapes
            ],
            self.varying,
        )
        self.fixed = [
            variable for variable in wanted if variable not in self.varying
        ]
        self.fixed += [
            variable
            for variable in dict.fromkeys(
                variable for node in rest for variable in node.inputs
            )
            if variable in is_fixed and variable not in self.fixed
        ]
        first = Writer(
            scope,
            _needed(
                [node for node in scope.order if node in shapes], self.fixed
            ),
            scope.inputs,
            self.fixed,
        )
        second = Writer(
            scope,
            rest,
            scope.inputs + [(variable, 'h') for variable in self.fixed],
            self.varying,
        )
        self.shapes, self.numbers = first.function, second.function
        program.writers += [writer, first, second]


def _early(scope):
    """The nodes of the host's part; and those among them that know the inputs
    by their shapes alone.
    """
    inputs = scope.fgraph.inputs
    known = {variable for variable in inputs if scope.on_host(variable)}
    by_shape, early, shapes = set(), set(), set()
    for node in scope.order:
        if (
            not scope.is_on_host(node)
            or scope.regions[node] is not None
            or isinstance(node.op, IfElse)
        ):
            continue
        if isinstance(node.op, (Shape, Shape_i)) and node.inputs[0] in inputs:
            ready = alone = True
        else:
            ready = all(
                isinstance(variable, Constant) or variable in known
                for variable in node.inputs
            )
            alone = all(
                isinstance(variable, Constant) or variable in by_shape
                for variable in node.inputs
            )
        if ready:
            early.add(node)
            known.update(node.outputs)
            if alone:
                shapes.add(node)
                by_shape.update(node.outputs)
    return early, shapes


def _check(scope, node):
    on_host = scope.is_on_host(node)
    if on_host and getattr(node.op, 'destroy_map', None):
        raise NotCapturable(f'{node.op} overwrites numbers on the host')
    if isinstance(node.op, (FromFunctionOp, Print)):
        raise NotCapturable(f'{node.op} calls Python code each time')
    if (
        not on_host
        and not isinstance(node.op, IfElse)
        and (scope.kernel(node)[1].waits)
    ):
        raise NotCapturable(f'the host waits in the middle of {node.op}')


def _needed(nodes, variables):
    """Those nodes that lead to variables."""
    variables, kept = set(variables), []
    for node in reversed(nodes):
        if variables.intersection(node.outputs):
            kept.append(node)
            variables.update(node.inputs)
    return kept[::-1]


def write(value, device):
    """A tensor of numbers, which a recording holds and does not read.

    Raises
    ------
    NotCapturable
        If there are many.
    """
    array = np.asarray(value)
    if array.size > FEW:
        raise NotCapturable(
            f'{array.size} numbers that depend on the shape '
            'of what is computed before them go to the device'
        )
    tensor = torch.empty(
        array.shape, dtype=torch_dtype(array.dtype), device=device
    )
    for place, number in enumerate(array.ravel().tolist()):
        # Set by an index, it would come from the host.
        tensor.view(-1)[place].fill_(number)
    return tensor


class _DeviceWriter(Writer):
    """Writes the device's part, and finds out what it takes."""

    def __init__(self, scope, nodes, early, outputs):
        self._given = {variable for node in early for variable in node.outputs}
        self._given.update(scope.fgraph.inputs)
        self.taken = {}
        super().__init__(scope, nodes, [], outputs)

    def _head(self, parameters):
        return [self._scope.name(*one) for one in self.taken]

    def _form(self, variable, form, indent, defined, node=None):
        name, on_host = (
            self._scope.name(variable, form),
            self._scope.on_host(variable),
        )
        if name in defined or isinstance(variable, Constant):
            return super()._form(variable, form, indent, defined, node)
        if form == 'h' and not on_host:
            raise NotCapturable(
                f'the host needs {variable}, which is on the '
                f'device, for {node.op}'
            )
        if variable in self._given:
            self.taken[variable, form] = None
        else:
            # It depends on nothing but shapes and what the host gives.
            inner = self._scope.name(variable, 'h')
            self._emit(indent, f'{name} = write({inner})', node)
            defined.add(name)
        return name
