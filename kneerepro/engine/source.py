"""Graphs as straight Python functions.

One line for each node, and each result deleted after its last use. The
branches of an ``ifelse`` become those of an ``if``, so that only one is run.
"""

import itertools
import linecache
from collections import Counter, defaultdict

from theano.compile.ops import Shape, Shape_i
from theano.gof import Apply, Constant
from theano.ifelse import IfElse

from .dispatch import Kernel, build
from .host import host_kernel
from .values import is_tensor, memory, to_device, to_host

_numbers = itertools.count(1)
_MOVES = {'h': 'to_host', 'd': 'to_device'}


class Scope:
    """What the functions of a graph have in common.

    Parameters
    ----------
    fgraph : theano.gof.FunctionGraph
    order : list of Apply
        In an order in which they may be run.
    device : torch.device
    host : set of Variable
        Those whose values are on the host.

    Attributes
    ----------
    inputs : list of (Variable, str)
        What a function of the whole graph takes: the inputs as given ('r').
    constants : set of int
        Where the memory of constants begins.
    regions : dict of Apply to object
        Where each node is carried out: in a branch of an ``ifelse``, or, for
        None, in any case.
    """

    def __init__(self, fgraph, order, device, host):
        self.fgraph, self.order, self.device = fgraph, order, device
        self.host = host
        self.inputs = [(variable, 'r') for variable in fgraph.inputs]
        self.constants = set()
        self.regions = _regions(order, fgraph.outputs)
        self.globals = {
            'to_device': lambda value: to_device(value, device),
            'to_host': to_host,
            'overwrite': _overwrite,
        }
        self._names, self._kernels = {}, {}

    def on_host(self, variable):
        """Whether a variable's value is on the host."""
        return variable in self.host or not is_tensor(variable)

    def is_on_host(self, node):
        """Whether a node is carried out there."""
        return node.outputs[0] in self.host

    def name(self, variable, form):
        """What a variable is called: as it was given ('r'), on the host
        ('h') or on the device ('d').
        """
        return f'{form}{self._names.setdefault(variable, len(self._names))}'

    def constant(self, variable, form):
        """The name of a constant, with its value behind it."""
        name = self.name(variable, form)
        if name not in self.globals:
            value = variable.data
            if form == 'd':
                value = to_device(value, self.device)
                self.constants.add(memory(value))
            self.globals[name] = value
        return name

    def kernel(self, node):
        """What carries out a node, and the name of its function."""
        if node not in self._kernels:
            name = f'f{len(self._kernels)}'
            if self.is_on_host(node):
                kernel = Kernel(
                    host_kernel(node),
                    range(len(node.inputs)),
                    fresh=False,
                    out=False,
                    waits=False,
                )
            else:
                kernel = build(node, self.device)
            self.globals[name] = kernel.function
            self._kernels[node] = name, kernel
        return self._kernels[node]

    def is_fresh(self, node):
        """Whether what a node computes shares no memory with anything
        else.
        """
        return (
            isinstance(node, Apply)
            and not isinstance(node.op, IfElse)
            and self.kernel(node)[1].fresh
        )


class Writer:
    """Writes a function of a graph.

    Parameters
    ----------
    scope : Scope
    nodes : list of Apply
        What the function carries out.
    parameters : list of Variable
        What it takes, in whatever form.

    Attributes
    ----------
    function : callable
        Returns a list of the values of the outputs.
    source : str
    """

    def __init__(self, scope, nodes, parameters, outputs):
        self._scope = scope
        self._lines, self._nodes = [], {}
        self._members = defaultdict(list)
        for node in nodes:
            self._members[scope.regions[node]].append(node)
        self._left = Counter(
            variable for node in nodes for variable in node.inputs
        )
        self._kept, self._carried_out = set(outputs), set(nodes)
        self._write([scope.name(*one) for one in parameters], outputs)

    def node_at(self, filename, line):
        """The node that a line of code carries out, or None."""
        return self._nodes.get(line) if filename == self._filename else None

    def _write(self, parameters, outputs):
        self._emit(0, '')  # its head, once the parameters are known
        defined = set(parameters)
        self._emit_region(None, 1, defined)
        results = [
            self._form(variable, self._preferred(variable), 1, defined)
            for variable in outputs
        ]
        self._emit(1, f'return [{", ".join(results)}]')
        self._lines[0] = f'def compute({", ".join(self._head(parameters))}):'
        self.source = '\n'.join(self._lines) + '\n'
        self._filename = f'<theano graph {next(_numbers)}>'
        # So that tracebacks show the lines.
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
        self._nodes[len(self._lines)] = node

    def _preferred(self, variable):
        return 'h' if self._scope.on_host(variable) else 'd'

    def _form(self, variable, form, indent, defined, node=None):
        """The name of a variable's value on the host or on the device; it is
        brought there where necessary.
        """
        name = self._scope.name(variable, form)
        if name in defined:
            return name
        if isinstance(variable, Constant):
            return self._scope.constant(variable, form)
        other = self._scope.name(variable, 'd' if form == 'h' else 'h')
        if other not in defined:
            other = self._scope.name(variable, 'r')
        self._emit(indent, f'{name} = {_MOVES[form]}({other})', node)
        defined.add(name)
        return name

    def _any_form(self, variable, indent, defined, node):
        """A name of a variable's value wherever it is."""
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
        host = self._scope.is_on_host(node)
        name, kernel = self._scope.kernel(node)
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
                variable, 'h' if host or not is_tensor(variable) else 'd'
            )
            for variable in node.outputs
        ]
        used_up = self._used_up(node) if kernel.out else None
        if used_up is not None:
            arguments.append(f'out={arguments[used_up]}')
        self._emit(
            indent,
            f'{", ".join(results)} = {name}({", ".join(arguments)})',
            node,
        )
        defined.update(results)
        if not host and not getattr(node.op, 'moves', False):
            for i, (destroyed,) in getattr(node.op, 'destroy_map', {}).items():
                # What nobody else sees may as well be left as it is.
                if _origin(node.inputs[destroyed]) in (
                    self._scope.fgraph.inputs
                ):
                    self._emit(
                        indent,
                        f'{results[i]} = overwrite('
                        f'{arguments[destroyed]}, '
                        f'{results[i]})',
                        node,
                    )

    def _used_up(self, node):
        """An input that a node may write its output into, for it is the last
        to see it; or None.
        """
        scope = self._scope
        for i, variable in enumerate(node.inputs):
            owner = variable.owner
            if (
                owner in self._carried_out
                and variable not in self._kept
                and variable.type == node.outputs[0].type
                and self._left[variable] == node.inputs.count(variable)
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
        """Delete what is used no more, so that its memory is free."""
        for variable in variables:
            self._left[variable] -= 1
            if (
                self._left[variable] == 0
                and variable.owner is not None
                and variable not in self._kept
                and self._scope.regions[variable.owner] == region
            ):
                for form in 'hd':
                    name = self._scope.name(variable, form)
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
            node.outputs.index(variable)
        ) or getattr(node.op, 'destroy_map', {}).get(
            node.outputs.index(variable)
        )
        if not viewed:
            break
        variable = node.inputs[viewed[0]]
    return variable


def _regions(order, outputs):
    """Where each node is run: (ifelse, branch) if nothing but that branch
    needs it, None if it is run in any case.
    """
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
                places.append(
                    (user, int(i > user.op.n_outs))
                    if inside
                    else regions[user]
                )
            for place in places:
                steps = path(place)
                common = (
                    steps
                    if common is None
                    else [a for a, b in zip(common, steps) if a == b]
                )
        regions[node] = common[-1] if common else None
    return regions
