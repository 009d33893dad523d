"""A graph split into a host part and a device part.

The host part computes small values from the inputs: those that kernels take on
the host, such as shapes, and those that are sent to the device, such as the
learning rate of Adam. The device part computes everything else. Since it
exchanges nothing with the host, it can be recorded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import theano
import torch
from theano.compile.ops import FromFunctionOp, Shape, Shape_i
from theano.gof import Apply, Constant
from theano.ifelse import IfElse
from theano.printing import Print
from theano.scalar import Scalar
from theano.tensor import TensorType
from theano.tensor.type_other import NoneTypeT, SliceType

from .host import lacks_kernel
from .program import Program
from .python_steps import PythonStep, can_break
from .source import Scope, Writer
from .values import SMALL_SIZE, NotCapturableError, torch_dtype

# A recording may depend on host values of these types, which can be compared.
_COMPARABLE = TensorType, Scalar, SliceType, NoneTypeT


class Split:
    """The two parts of a program.

    Parameters
    ----------
    program : kneerepro.engine.program.Program

    Attributes
    ----------
    parameters : list of (Variable, str)
        What the device part takes: values on the host ('h') or on the device
        ('d'). Some of the latter are inputs of the graph.
    device_part : callable
        Returns a list of the outputs that are on the device.
    shape_dependent : list of Variable
        The host values that follow from the shapes of the inputs alone.
    compute_shape_dependent : callable
        Takes the inputs and returns a list of these values.
    value_dependent : list of Variable
        The host values that depend on the inputs' values. They are computed
        anew at each call.
    compute_value_dependent : callable
        Takes the inputs followed by the values of `shape_dependent`, and
        returns a list of these values.

    Raises
    ------
    NotCapturableError
        If one part needs results of the other in the wrong order, or if an Op
        cannot be recorded.
    """

    def __init__(self, program: Program):
        self._scope = scope = program.scope
        early, by_shape = _host_part(scope)
        late = [node for node in scope.order if node not in early]
        self._steps = dict(self._python_steps(late))
        for node in scope.order:
            if node not in self._steps:
                _check_capturable(scope, node)
        device_writer = self._write_device_part(early, late)
        self._check_outputs(late)
        host_writers = self._write_host_part(early, by_shape)
        program.writers += [device_writer, *host_writers]

    def _python_steps(
        self, late: Sequence[Apply]
    ) -> Iterator[tuple[Apply, str]]:
        """The nodes for which a recording breaks off, and the names of the
        functions that the device part calls for them.
        """
        scope = self._scope
        for node in filter(can_break, late):
            if scope.regions[node] is None:
                name, _ = scope.kernel(node)
                step = PythonStep(node, scope.globals[name], scope.device)
                # Runs without a recording tell the shapes of the results.
                scope.globals[name] = step.on_host
                scope.globals[f'recorded_{name}'] = step.recorded
                yield node, f'recorded_{name}'

    def _write_device_part(
        self, early: set[Apply], late: Sequence[Apply]
    ) -> Writer:
        scope = self._scope
        outputs = [
            variable
            for variable in scope.fgraph.outputs
            if not scope.is_host_variable(variable)
        ]
        scope.globals['fill_tensor'] = lambda value: fill_tensor(
            value, scope.device
        )
        writer = _DeviceWriter(scope, late, early, outputs, self._steps)
        self.device_part = writer.function
        self.parameters = list(writer.taken)
        for variable, form in self.parameters:
            if form == 'h' and not isinstance(variable.type, _COMPARABLE):
                raise NotCapturableError(
                    f'{variable} is a {variable.type}, which a recording '
                    'cannot depend on'
                )
        return writer

    def _check_outputs(self, late: Sequence[Apply]) -> None:
        scope = self._scope
        for variable in scope.fgraph.outputs:
            if scope.is_host_variable(variable) and variable.owner in late:
                raise NotCapturableError(
                    f'the output {variable} is computed on the host from the '
                    'shape of a result of the device'
                )
        if all(
            scope.is_host_node(node) and node not in self._steps
            for node in late
        ):
            raise NotCapturableError('the device has nothing to compute')

    def _write_host_part(
        self, early: set[Apply], by_shape: set[Apply]
    ) -> list[Writer]:
        shape_nodes, value_nodes = self._sort_host_values(early, by_shape)
        shape_writer = Writer(
            self._scope, shape_nodes, self._scope.inputs, self.shape_dependent
        )
        value_writer = Writer(
            self._scope,
            value_nodes,
            self._scope.inputs
            + [(variable, 'h') for variable in self.shape_dependent],
            self.value_dependent,
        )
        self.compute_shape_dependent = shape_writer.function
        self.compute_value_dependent = value_writer.function
        return [shape_writer, value_writer]

    def _sort_host_values(
        self, early: set[Apply], by_shape: set[Apply]
    ) -> tuple[list[Apply], list[Apply]]:
        """Set `shape_dependent` and `value_dependent`, and return the nodes
        that compute either.
        """
        scope, wanted = self._scope, self._wanted_host_values()
        from_shapes = {
            variable for node in by_shape for variable in node.outputs
        }
        self.value_dependent = [
            variable
            for variable in wanted
            if variable not in from_shapes
            and not isinstance(variable, Constant)
        ]
        value_nodes = _ancestors_among(
            [
                node
                for node in scope.order
                if node in early and node not in by_shape
            ],
            self.value_dependent,
        )
        self.shape_dependent = [
            variable
            for variable in wanted
            if variable not in self.value_dependent
        ]
        self.shape_dependent += [
            variable
            for variable in dict.fromkeys(
                variable for node in value_nodes for variable in node.inputs
            )
            if variable in from_shapes and variable not in self.shape_dependent
        ]
        shape_nodes = _ancestors_among(
            [node for node in scope.order if node in by_shape],
            self.shape_dependent,
        )
        return shape_nodes, value_nodes

    def _wanted_host_values(self) -> list[theano.Variable]:
        """What the device part takes from the host, and the outputs there."""
        variables = [variable for variable, _ in self.parameters]
        return [
            variable
            for variable in dict.fromkeys(
                variables + self._scope.fgraph.outputs
            )
            if self._scope.is_host_variable(variable)
        ]


def _host_part(scope: Scope) -> tuple[set[Apply], set[Apply]]:
    """The nodes of the host part, and those among them that need only the
    shapes of the inputs.
    """
    inputs = scope.fgraph.inputs
    known = {
        variable for variable in inputs if scope.is_host_variable(variable)
    }
    known_by_shape: set[theano.Variable] = set()
    early: set[Apply] = set()
    by_shape: set[Apply] = set()
    for node in scope.order:
        if (
            not scope.is_host_node(node)
            or scope.regions[node] is not None
            or isinstance(node.op, IfElse)
        ):
            continue
        if isinstance(node.op, (Shape, Shape_i)) and node.inputs[0] in inputs:
            ready = needs_only_shapes = True
        else:
            ready = _are_known(node.inputs, known)
            needs_only_shapes = _are_known(node.inputs, known_by_shape)
        if ready:
            early.add(node)
            known.update(node.outputs)
            if needs_only_shapes:
                by_shape.add(node)
                known_by_shape.update(node.outputs)
    return early, by_shape


def _are_known(
    variables: Sequence[theano.Variable], known: Collection[theano.Variable]
) -> bool:
    return all(
        isinstance(variable, Constant) or variable in known
        for variable in variables
    )


def _check_capturable(scope: Scope, node: Apply) -> None:
    on_host = scope.is_host_node(node)
    if on_host and getattr(node.op, 'destroy_map', None):
        raise NotCapturableError(f'{node.op} overwrites numbers on the host')
    if isinstance(node.op, (FromFunctionOp, Print)) or lacks_kernel(node):
        raise NotCapturableError(f'{node.op} calls Python code each time')
    if (
        not on_host
        and not isinstance(node.op, IfElse)
        and scope.kernel(node)[1].waits
    ):
        raise NotCapturableError(f'the host waits in the middle of {node.op}')


def _ancestors_among(
    nodes: Sequence[Apply], variables: Collection[theano.Variable]
) -> list[Apply]:
    """The nodes that variables depend on, in the same order."""
    wanted, kept = set(variables), []
    for node in reversed(nodes):
        if wanted.intersection(node.outputs):
            kept.append(node)
            wanted.update(node.inputs)
    return kept[::-1]


def fill_tensor(value: Any, device: torch.device) -> torch.Tensor:
    """A small array as a tensor, without a transfer from the host.

    Its numbers become arguments of kernels, and so part of a recording.

    Raises
    ------
    NotCapturableError
        If the array has more than ``SMALL_SIZE`` elements.
    """
    array = np.asarray(value)
    if array.size > SMALL_SIZE:
        raise NotCapturableError(
            f'{array.size} numbers that depend on the shape '
            'of a result of the device would have to be sent to it'
        )
    tensor = torch.empty(
        array.shape, dtype=torch_dtype(array.dtype), device=device
    )
    for place, number in enumerate(array.ravel().tolist()):
        # Assignment by an index would transfer the number from the host.
        tensor.view(-1)[place].fill_(number)
    return tensor


class _DeviceWriter(Writer):
    """Writes the device part and finds out which parameters it takes.

    Attributes
    ----------
    taken : dict of (Variable, str) to None
        The parameters, in the order in which the code needs them.
    """

    def __init__(
        self,
        scope: Scope,
        nodes: Sequence[Apply],
        early: Collection[Apply],
        outputs: Sequence[theano.Variable],
        steps: Mapping[Apply, str],
    ):
        self._steps = steps
        self._given = {variable for node in early for variable in node.outputs}
        self._given.update(scope.fgraph.inputs)
        self.taken: dict[tuple[theano.Variable, str], None] = {}
        super().__init__(scope, nodes, [], outputs)

    def _head(self, parameters):
        return [self._scope.name(*parameter) for parameter in self.taken]

    def _emit_node(self, node, indent, defined):
        if node not in self._steps:
            super()._emit_node(node, indent, defined)
            return
        arguments = [
            self._form(
                variable,
                'd' if self._is_on_device(variable) else 'h',
                indent,
                defined,
                node,
            )
            for variable in node.inputs
        ]
        results = [self._scope.name(x, 'd') for x in node.outputs]
        self._emit(
            indent,
            f'{", ".join(results)} = '
            f'{self._steps[node]}({", ".join(arguments)})',
            node,
        )
        defined.update(results)

    def _is_on_device(self, variable):
        return variable.owner in self._steps or (
            not self._scope.is_host_variable(variable)
        )

    def _form(self, variable, form, indent, defined, node=None):
        name = self._scope.name(variable, form)
        if name in defined or isinstance(variable, Constant):
            return super()._form(variable, form, indent, defined, node)
        if form == 'h' and self._is_on_device(variable):
            raise NotCapturableError(
                f'the host needs {variable}, which is on the '
                f'device, for {node.op}'
            )
        if variable in self._given:
            self.taken[variable, form] = None
        else:
            # It depends only on shapes and on values that the host gives.
            inner = self._scope.name(variable, 'h')
            self._emit(indent, f'{name} = fill_tensor({inner})', node)
            defined.add(name)
        return name
