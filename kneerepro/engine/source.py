"""Graphs as straight-line Python functions.

Each node becomes one line, and each result is deleted after its last use. An
``ifelse`` becomes an ``if`` statement, so that only one of its branches runs.

The value of a variable has one of three forms. It is as the caller gave it
('r'), on the host ('h'), or on the device ('d').
"""

from __future__ import annotations

import itertools
import linecache
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import theano
import torch
from theano.compile.ops import Shape, Shape_i
from theano.gof import Apply, Constant, FunctionGraph
from theano.ifelse import IfElse

from .dispatch import Kernel, build
from .host import (
    host_expression,
    host_kernel,
    is_whole_number,
    lacks_kernel,
)
from .regions import regions_of
from .timing import OpTimes
from .values import is_tensor, storage_address, to_device, to_host

_function_numbers = itertools.count(1)
_TRANSFERS = {'h': 'to_host', 'd': 'to_device'}


class Scope:
    """What the functions of a graph have in common.

    Parameters
    ----------
    fgraph : theano.gof.FunctionGraph
    order : list of Apply
        The nodes, in an order in which they can run.
    device : torch.device
    host : set of Variable
        The variables whose values are on the host.
    times : OpTimes, optional
        What takes the time of each node.

    Attributes
    ----------
    inputs : list of (Variable, str)
        The parameters of a function of the whole graph: its inputs as given
        ('r').
    constants : set of int
        The addresses of the memory of constants on the device.
    regions : dict of Apply to Region
        Where each node runs, see ``kneerepro.engine.regions``.
    globals : dict
        The names that the functions use, with their values.
    """

    def __init__(
        self,
        fgraph: FunctionGraph,
        order: Sequence[Apply],
        device: torch.device,
        host: set[theano.Variable],
        times: OpTimes | None = None,
    ):
        self.fgraph, self.order, self.device = fgraph, order, device
        self.host, self._times = host, times
        self.inputs = [(variable, 'r') for variable in fgraph.inputs]
        self.constants: set = set()
        self.regions = regions_of(order, fgraph.outputs)
        self.globals: dict[str, Any] = {
            'to_device': lambda value: to_device(value, device),
            'to_host': to_host,
            'int64': np.int64,
            'array': np.array,
            'overwrite': _overwrite,
        }
        self._names: dict[theano.Variable, int] = {}
        self._kernels: dict[Apply, tuple[str, Kernel]] = {}

    def is_host_variable(self, variable: theano.Variable) -> bool:
        """Whether a variable's value is on the host."""
        return variable in self.host or not is_tensor(variable)

    def is_host_node(self, node: Apply) -> bool:
        """Whether a node runs on the host."""
        return node.outputs[0] in self.host

    def name(self, variable: theano.Variable, form: str) -> str:
        """The name of a variable's value in a form: 'r', 'h' or 'd'."""
        return f'{form}{self._names.setdefault(variable, len(self._names))}'

    def constant(self, variable: Constant, form: str) -> str:
        """The name of a constant; its value is put into `globals`."""
        name = self.name(variable, form)
        if name not in self.globals:
            value = variable.data
            if form == 'd':
                value = to_device(value, self.device)
                self.constants.add(storage_address(value))
            self.globals[name] = value
        return name

    def kernel(self, node: Apply) -> tuple[str, Kernel]:
        """The name of a node's function, and its kernel."""
        if node not in self._kernels:
            name = f'f{len(self._kernels)}'
            if self.is_host_node(node):
                kernel = Kernel(
                    function=host_kernel(node),
                    host=range(len(node.inputs)),
                    fresh=False,
                    out=False,
                    waits=False,
                )
            else:
                kernel = build(node, self.device)
            function = kernel.function
            if self._times is not None:
                function = self._times.timed(
                    node, function, not lacks_kernel(node)
                )
            self.globals[name] = function
            self._kernels[node] = name, kernel
        return self._kernels[node]

    def call(self, node: Apply, arguments: Sequence[str]) -> str:
        """The expression that carries out a node.

        Parameters
        ----------
        node : theano.gof.Apply
        arguments : list of str
            The names of the inputs' values, and what else its kernel takes.
        """
        name, _ = self.kernel(node)
        expression = None
        if self._times is None and self.is_host_node(node):
            names = map(self._number, node.inputs, arguments)
            expression = host_expression(node, list(names))
        return expression or f'{name}({", ".join(arguments)})'

    def _number(self, variable, name):
        """The name of an integer constant in the type of sizes and indices;
        that of any other value is `name`.
        """
        if not is_whole_number(variable):
            return name
        number = np.int64(variable.data)
        name = f'i{number}'.replace('-', 'm')
        self.globals[name] = number
        return name

    def is_fresh(self, node: Any) -> bool:
        """Whether a node's results share memory with nothing else.

        `node` may also be Theano's marker for an output, for which this is
        False.
        """
        return self._has_kernel(node) and self.kernel(node)[1].fresh

    def takes_places(self, node: Any) -> bool:
        """Whether a node's kernel can be told where to write its results.

        `node` may also be None, for which this is False.
        """
        return self._has_kernel(node) and self.kernel(node)[1].places

    def _has_kernel(self, node):
        return isinstance(node, Apply) and not isinstance(node.op, IfElse)


class Writer:
    """Writes a function of a graph.

    Parameters
    ----------
    scope : Scope
    nodes : list of Apply
        The nodes that the function carries out.
    parameters : list of (Variable, str)
        What the function takes, with the form of each.
    outputs : list of Variable
        What the function returns.
    places : dict of Variable to str, optional
        Further parameters, by default None: where the function may write some
        of the outputs. The kernels of their nodes take places.

    Attributes
    ----------
    function : callable
        Returns a list of the values of the outputs.
    source : str
        The code of the function.
    """

    def __init__(
        self,
        scope: Scope,
        nodes: Collection[Apply],
        parameters: Sequence[tuple[theano.Variable, str]],
        outputs: Sequence[theano.Variable],
        places: Mapping[theano.Variable, str] | None = None,
    ):
        self._scope, self._places = scope, places or {}
        self._lines: list[str] = []
        self._node_at_line: dict[int, Apply | None] = {}
        self._members = defaultdict(list)
        for node in nodes:
            self._members[scope.regions[node]].append(node)
        self._uses_left = Counter(
            variable for node in nodes for variable in node.inputs
        )
        self._kept, self._carried_out = set(outputs), set(nodes)
        self._write(
            [scope.name(*parameter) for parameter in parameters], outputs
        )

    def node_at(self, filename: str, line: int) -> Apply | None:
        """The node that a line of code carries out, or None."""
        if filename != self._filename:
            return None
        return self._node_at_line.get(line)

    def _write(self, parameters, outputs):
        self._emit(0, '')  # replaced by the head once its parameters are known
        defined = set(parameters)
        self._emit_region(None, 1, defined)
        results = [
            self._form(variable, self._preferred(variable), 1, defined)
            for variable in outputs
        ]
        self._emit(1, f'return [{", ".join(results)}]')
        head = self._head(parameters)
        head += [f'{name}=None' for name in self._places.values()]
        self._lines[0] = f'def compute({", ".join(head)}):'
        self.source = '\n'.join(self._lines) + '\n'
        self._filename = f'<theano graph {next(_function_numbers)}>'
        # This lets tracebacks show the lines.
        linecache.cache[self._filename] = (
            len(self.source),
            None,
            [line + '\n' for line in self._lines],
            self._filename,
        )
        names = {}
        exec(
            compile(self.source, self._filename, 'exec'),
            self._scope.globals,
            names,
        )
        self.function = names['compute']

    def _head(self, parameters):
        return parameters

    def _emit(self, indent, line, node=None):
        self._lines.append('    ' * indent + line)
        self._node_at_line[len(self._lines)] = node

    def _preferred(self, variable):
        return 'h' if self._scope.is_host_variable(variable) else 'd'

    def _form(self, variable, form, indent, defined, node=None):
        """The name of a variable's value on the host or on the device.

        Where the value is not there yet, a line is written that moves it.
        """
        name = self._scope.name(variable, form)
        if name in defined:
            return name
        if isinstance(variable, Constant):
            return self._scope.constant(variable, form)
        other = self._scope.name(variable, 'd' if form == 'h' else 'h')
        if other not in defined:
            other = self._scope.name(variable, 'r')
        self._emit(indent, f'{name} = {_TRANSFERS[form]}({other})', node)
        defined.add(name)
        return name

    def _any_form(self, variable, indent, defined, node):
        """A name of a variable's value, on the host or on the device."""
        for form in 'dhr':
            name = self._scope.name(variable, form)
            if name in defined:
                return name
        return self._form(
            variable, self._preferred(variable), indent, defined, node
        )

    def _emit_region(self, region, indent, defined):
        for node in self._members[region]:
            if isinstance(node.op, IfElse):
                self._emit_if(node, indent, defined)
            else:
                self._emit_node(node, indent, defined)
            self._release(node.inputs, region, indent, defined)

    def _emit_node(self, node, indent, defined):
        on_host = self._scope.is_host_node(node)
        _, kernel = self._scope.kernel(node)
        if isinstance(node.op, (Shape, Shape_i)):
            arguments = [self._any_form(node.inputs[0], indent, defined, node)]
        else:
            arguments = [
                self._form(
                    variable,
                    'h'
                    if i in kernel.host or not is_tensor(variable)
                    else 'd',
                    indent,
                    defined,
                    node,
                )
                for i, variable in enumerate(node.inputs)
            ]
        results = [
            self._scope.name(
                variable, 'h' if on_host or not is_tensor(variable) else 'd'
            )
            for variable in node.outputs
        ]
        out = self._memory(node, kernel, arguments)
        if out is not None:
            arguments.append(f'out={out}')
        self._emit(
            indent,
            f'{", ".join(results)} = {self._scope.call(node, arguments)}',
            node,
        )
        defined.update(results)
        if not on_host and not getattr(node.op, 'moves', False):
            self._emit_overwriting(node, arguments, results, indent)

    def _emit_overwriting(self, node, arguments, results, indent):
        """Copy results into the inputs that the node's Op overwrites."""
        for i, (destroyed,) in getattr(node.op, 'destroy_map', {}).items():
            # Only inputs of the graph need this; nobody else sees the others.
            if _origin(node.inputs[destroyed]) in self._scope.fgraph.inputs:
                self._emit(
                    indent,
                    f'{results[i]} = overwrite('
                    f'{arguments[destroyed]}, '
                    f'{results[i]})',
                    node,
                )

    def _memory(self, node, kernel, arguments):
        """The code for where a node may write its results; None if nothing is
        known.
        """
        places = [self._places.get(variable) for variable in node.outputs]
        if any(places):
            code = ', '.join(map(str, places))
            return code if len(places) == 1 else f'({code})'
        reusable = self._reusable_input(node) if kernel.out else None
        return None if reusable is None else arguments[reusable]

    def _reusable_input(self, node):
        """The position of an input into whose memory a node may write its
        output, because no later node reads it; or None.
        """
        scope = self._scope
        for i, variable in enumerate(node.inputs):
            owner = variable.owner
            if (
                owner in self._carried_out
                and variable not in self._kept
                and variable.type == node.outputs[0].type
                and self._uses_left[variable] == node.inputs.count(variable)
                and scope.regions[owner] == scope.regions[node]
                and all(
                    map(
                        scope.is_fresh,
                        [owner] + [client for client, _ in variable.clients],
                    )
                )
            ):
                return i
        return None

    def _emit_if(self, node, indent, defined):
        condition = self._form(node.inputs[0], 'h', indent, defined, node)
        count = node.op.n_outs
        forms = list(map(self._preferred, node.outputs))
        results = list(map(self._scope.name, node.outputs, forms))
        for branch, line in enumerate([f'if {condition}:', 'else:']):
            self._emit(indent, line, node)
            inner = set(defined)
            self._emit_region((node, branch), indent + 1, inner)
            values = node.inputs[1 + branch * count :][:count]
            for name, form, variable in zip(results, forms, values):
                value = self._form(variable, form, indent + 1, inner, node)
                self._emit(indent + 1, f'{name} = {value}', node)
        defined.update(results)

    def _release(self, variables, region, indent, defined):
        """Delete the values that were used for the last time."""
        for variable in variables:
            self._uses_left[variable] -= 1
            if (
                self._uses_left[variable] == 0
                and variable.owner is not None
                and variable not in self._kept
                and self._scope.regions[variable.owner] == region
            ):
                for form in 'hd':
                    name = self._scope.name(variable, form)
                    if name in defined:
                        self._emit(indent, f'del {name}')
                        defined.remove(name)


def _overwrite(target: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """Copy a result into the tensor that it is to replace."""
    return target.copy_(value)


def _origin(variable: theano.Variable) -> theano.Variable:
    """The variable that owns the memory of another one."""
    while variable.owner is not None:
        node = variable.owner
        output = node.outputs.index(variable)
        viewed = getattr(node.op, 'view_map', {}).get(output) or getattr(
            node.op, 'destroy_map', {}
        ).get(output)
        if not viewed:
            break
        variable = node.inputs[viewed[0]]
    return variable
