"""A graph as a straight Python program.

One line for each node, and each result deleted after its last use. The
branches of an ``ifelse`` become those of an ``if``, so that only one is run.
"""

import itertools
import linecache
from collections import Counter, defaultdict

import numpy as np
import torch
from theano.compile.ops import Shape, Shape_i
from theano.gof import Constant
from theano.ifelse import IfElse

from .dispatch import build
from .host import host_kernel, host_variables
from .values import Resident, is_tensor, memory, to_device, to_host

_numbers = itertools.count(1)


class Program:
    """The program of a graph.

    Parameters
    ----------
    fgraph : theano.gof.FunctionGraph
    order : list of Apply
        In an order in which they may be run.
    device : torch.device
    from_host : collection of Variable, optional
        The inputs that come from the host, of which small ones are computed
        with there. All by default.

    Attributes
    ----------
    compute : callable
        Takes the values of the inputs, in whatever form, and returns a list
        of those of the outputs, on the device or on the host.
    source : str
        What it does.
    """

    def __init__(self, fgraph, order, device, from_host=None):
        self._fgraph, self._device = fgraph, device
        self._host = host_variables(
            fgraph, order, fgraph.inputs if from_host is None else from_host)
        self._names = {}
        self._globals = {
            'to_device': lambda value: to_device(value, device),
            'to_host': to_host, 'overwrite': _overwrite}
        self._constants = set()  # where the memory of constants begins
        self._lines, self._nodes = [], {}
        self._regions = _regions(order, fgraph.outputs)
        self._members = defaultdict(list)
        for node in order:
            self._members[self._regions[node]].append(node)
        self._left = Counter(variable for node in order
                             for variable in node.inputs)
        self._kernels = {
            node: build(node, device) for node in order
            if node.outputs[0] not in self._host
            and not isinstance(node.op, IfElse)}
        self._write()

    def run(self, inputs, resident=(), updates=()):
        """The values of the outputs, none sharing memory with another, a
        constant or an input, except for the one that it updates.

        Parameters
        ----------
        inputs : list
            As Theano holds them.
        resident : collection of int
            Which outputs may stay on the device; the others become NumPy
            arrays.
        updates : dict of int to int
            Which outputs are the new values of which inputs.

        Returns
        -------
        list
        """
        own = [memory(value) for value in inputs]
        outputs = self.compute(*inputs)
        taken = self._constants.union(own)
        values = []
        for i, value in enumerate(outputs):
            if isinstance(value, torch.Tensor):
                pointer = memory(value)
                if i in updates and pointer == own[updates[i]]:
                    # It was overwritten; nobody else may have it now.
                    own[updates[i]] = None
                elif pointer in taken and value.numel():
                    value = value.clone()
                    pointer = memory(value)
                taken.add(pointer)
                value = Resident(value) if i in resident else to_host(value)
            elif is_tensor(self._fgraph.outputs[i]):
                value = np.array(value)
            values.append(value)
        return values

    def node_of(self, traceback):
        """The node whose line is in a traceback, or None."""
        node = None
        while traceback is not None:
            if traceback.tb_frame.f_code.co_filename == self._filename:
                node = self._nodes.get(traceback.tb_lineno)
            traceback = traceback.tb_next
        return node

    # ---------------------------------------------------------------- writing

    def _write(self):
        inputs = self._fgraph.inputs
        raw = [f'r{self._number(variable)}' for variable in inputs]
        self._emit(0, f'def compute({", ".join(raw)}):')
        defined = set(raw)
        self._emit_region(None, 1, defined)
        outputs = [self._form(variable, self.on_host(variable), 1, defined)
                   for variable in self._fgraph.outputs]
        self._emit(1, f'return [{", ".join(outputs)}]')
        self.source = '\n'.join(self._lines) + '\n'
        self._filename = f'<theano graph {next(_numbers)}>'
        # So that tracebacks show the lines.
        linecache.cache[self._filename] = (
            len(self.source), None, [line + '\n' for line in self._lines],
            self._filename)
        exec(compile(self.source, self._filename, 'exec'), self._globals)
        self.compute = self._globals['compute']

    def _emit(self, indent, line, node=None):
        self._lines.append('    ' * indent + line)
        self._nodes[len(self._lines)] = node

    def _number(self, variable):
        return self._names.setdefault(variable, len(self._names))

    def _name(self, variable, host):
        return f'{"h" if host else "d"}{self._number(variable)}'

    def on_host(self, variable):
        """Whether a variable's value is on the host."""
        return variable in self._host or not is_tensor(variable)

    def _form(self, variable, host, indent, defined, node=None):
        """The name of a variable's value on the host or on the device; it is
        brought there where necessary."""
        name = self._name(variable, host)
        if name in defined or name in self._globals:
            return name
        if isinstance(variable, Constant):
            value = variable.data
            if not host:
                value = to_device(value, self._device)
                self._constants.add(memory(value))
            self._globals[name] = value
            return name
        other = self._name(variable, not host)
        if other not in defined:
            other = f'r{self._number(variable)}'
        self._emit(indent, f'{name} = {"to_host" if host else "to_device"}'
                           f'({other})', node)
        defined.add(name)
        return name

    def _emit_region(self, region, indent, defined):
        for node in self._members[region]:
            if isinstance(node.op, IfElse):
                self._emit_if(node, indent, defined)
            else:
                self._emit_node(node, indent, defined)
            self._release(node.inputs, region, indent, defined)

    def _emit_node(self, node, indent, defined):
        host = node.outputs[0] in self._host
        if host:
            function, wanted = host_kernel(node), range(len(node.inputs))
        else:
            function, wanted, *_ = self._kernels[node]
        arguments = []
        for i, variable in enumerate(node.inputs):
            on_host = i in wanted or not is_tensor(variable)
            if isinstance(node.op, (Shape, Shape_i)):
                # Either form has a shape.
                on_host = self._name(variable, False) not in defined
            arguments.append(self._form(variable, on_host, indent, defined,
                                        node))
        results = [self._name(variable, host or not is_tensor(variable))
                   for variable in node.outputs]
        used_up = self._used_up(node)
        if used_up is not None:
            arguments.append(f'out={arguments[used_up]}')
        kernel = f'f{len(self._lines)}'
        self._globals[kernel] = function
        self._emit(indent, f'{", ".join(results)} = '
                           f'{kernel}({", ".join(arguments)})', node)
        defined.update(results)
        if not host and not getattr(node.op, 'moves', False):
            for i, (destroyed,) in getattr(node.op, 'destroy_map',
                                           {}).items():
                # What nobody else sees may as well be left as it is.
                if _origin(node.inputs[destroyed]) in self._fgraph.inputs:
                    self._emit(indent, f'{results[i]} = overwrite('
                                       f'{arguments[destroyed]}, '
                                       f'{results[i]})', node)

    def _used_up(self, node):
        """An input that a node may write its output into, for it is the last
        to see it; or None."""
        if node not in self._kernels or not self._kernels[node].out:
            return None
        for i, variable in enumerate(node.inputs):
            owner = variable.owner
            if (owner in self._kernels and self._kernels[owner].fresh
                    and variable.type == node.outputs[0].type
                    and self._left[variable] == node.inputs.count(variable)
                    and variable not in self._fgraph.outputs
                    and self._regions[owner] == self._regions[node]
                    and all(client in self._kernels
                            and self._kernels[client].fresh
                            for client, _ in variable.clients)):
                return i
        return None

    def _emit_if(self, node, indent, defined):
        condition = self._form(node.inputs[0], True, indent, defined, node)
        count = node.op.n_outs
        results = [(self._name(variable, self.on_host(variable)),
                    self.on_host(variable)) for variable in node.outputs]
        for branch, line in enumerate([f'if {condition}:', 'else:']):
            self._emit(indent, line, node)
            inner = set(defined)
            self._emit_region((node, branch), indent + 1, inner)
            values = node.inputs[1 + branch * count:][:count]
            for (name, host), variable in zip(results, values):
                value = self._form(variable, host, indent + 1, inner, node)
                self._emit(indent + 1, f'{name} = {value}', node)
        defined.update(name for name, _ in results)

    def _release(self, variables, region, indent, defined):
        """Delete what is used no more, so that its memory is free."""
        for variable in variables:
            self._left[variable] -= 1
            if (self._left[variable] == 0 and variable.owner is not None
                    and variable not in self._fgraph.outputs
                    and self._regions[variable.owner] == region):
                for host in True, False:
                    name = self._name(variable, host)
                    if name in defined:
                        self._emit(indent, f'del {name}')
                        defined.remove(name)


def _overwrite(target, value):
    """Carry out an operation in place."""
    return target.copy_(value)


def _origin(variable):
    """The variable whose memory another one is a view of."""
    while variable.owner is not None:
        node = variable.owner
        viewed = getattr(node.op, 'view_map', {}).get(
            node.outputs.index(variable)) or getattr(
                node.op, 'destroy_map', {}).get(node.outputs.index(variable))
        if not viewed:
            break
        variable = node.inputs[viewed[0]]
    return variable


def _regions(order, outputs):
    """Where each node is run: (ifelse, branch) if nothing but that branch
    needs it, None if it is run in any case."""
    regions = {}

    def path(region):
        steps = [region]
        while region is not None:
            region = regions[region[0]]
            steps.append(region)
        return steps[::-1]

    users = defaultdict(list)
    for node in order:
        for i, variable in enumerate(node.inputs):
            users[variable].append((node, i))
    outputs = set(outputs)
    for node in reversed(order):
        common = None
        for variable in node.outputs:
            places = [] if variable not in outputs else [None]
            for user, i in users[variable]:
                inside = isinstance(user.op, IfElse) and i > 0
                places.append((user, int(i > user.op.n_outs)) if inside
                              else regions[user])
            for place in places:
                steps = path(place)
                common = steps if common is None else [
                    a for a, b in zip(common, steps) if a == b]
        regions[node] = common[-1] if common else None
    return regions
