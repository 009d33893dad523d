"""Ops that contain a graph: ``theano.OpFromGraph``; and the program of an
inner graph, for other such Ops.

An inner graph may have a mode of its own. If that mode looks at each node, as
NanGuardMode does, Theano compiles the graph in it; else the engine does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import theano
import torch
from theano.compile import DebugMode, get_mode
from theano.compile.builders import OpFromGraph
from theano.gof import DualLinker, FunctionGraph, WrapLinker

from ..dispatch import register
from ..optimizer import optimise
from ..program import Program
from ..values import is_tensor, to_device, to_host


@register(
    OpFromGraph,
    device=True,
    waits=lambda node: watches_nodes(node.op.kwargs.get('mode')),
)
def _build_op_from_graph(op, node, device):
    program = inner_program(
        op.local_inputs,
        op.local_outputs,
        device,
        mode=op.kwargs.get('mode'),
    )

    def run(*inputs):
        results = on_device(program.compute(*inputs), op.local_outputs, device)
        return results if len(results) > 1 else results[0]

    return run


def inner_program(
    inputs: Sequence[theano.Variable],
    outputs: Sequence[theano.Variable],
    device: torch.device,
    from_host: Collection[int] = (),
    mode: Any = None,
    with_places: bool = False,
) -> Program | WatchedFunction:
    """The program of a graph inside an Op.

    Parameters
    ----------
    inputs, outputs : list of Variable
    device : torch.device
    from_host : collection of int
        The inputs that always come from the host. Everything else that the
        program computes stays on the device, even single numbers.
    mode : theano.compile.mode.Mode or str, optional
        What the user asked for. It only counts if it looks at each node.
    with_places : bool
        As for :class:`kneerepro.engine.program.Program`.

    Returns
    -------
    kneerepro.engine.program.Program or WatchedFunction
    """
    if watches_nodes(mode):
        return WatchedFunction(inputs, outputs, mode)
    fgraph = FunctionGraph(inputs, outputs)
    # Nothing may be overwritten, because the values are still needed outside
    # of the Op.
    optimise(fgraph, device, excluding=['torch_adam_inplace'])
    return Program(
        fgraph,
        fgraph.toposort(),
        device,
        from_host=[fgraph.inputs[i] for i in from_host],
        with_places=with_places,
    )


def watches_nodes(mode: Any) -> bool:
    """Whether a mode looks at each node, beyond computing it."""
    if mode is None:
        return False
    mode = get_mode(mode)
    linker = mode.linker
    return isinstance(mode, DebugMode) or (
        isinstance(linker, (WrapLinker, DualLinker))
        or getattr(linker, 'callback', None) is not None
        or getattr(linker, 'callback_input', None) is not None
    )


class WatchedFunction:
    """An inner graph that Theano has compiled. It runs on the host.

    Parameters
    ----------
    inputs, outputs : list of Variable
    mode : theano.compile.mode.Mode or str

    Attributes
    ----------
    places : dict
        Empty: it writes its outputs where Theano says.
    """

    places: Mapping[int, str] = {}

    def __init__(
        self,
        inputs: Sequence[theano.Variable],
        outputs: Sequence[theano.Variable],
        mode: Any,
    ):
        self._function = theano.function(
            inputs, outputs, mode=mode, on_unused_input='ignore'
        )

    def compute(self, *inputs: Any) -> list:
        """The values of the outputs, for inputs on the host or the device."""
        return self._function(*map(to_host, inputs))


def on_device(
    values: Iterable[Any],
    variables: Iterable[theano.Variable],
    device: torch.device,
) -> tuple:
    """The values of variables, with all tensors on the device."""
    return tuple(
        to_device(value, device)
        if not isinstance(value, torch.Tensor) and is_tensor(variable)
        else value
        for value, variable in zip(values, variables)
    )
