"""Ops that contain a graph: ``theano.OpFromGraph``; and the program of an
inner graph, for other such Ops.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import theano
import torch
from theano.compile.builders import OpFromGraph
from theano.gof import FunctionGraph

from ..dispatch import register
from ..optimizer import optimise
from ..program import Program
from ..values import is_tensor, to_device


@register(OpFromGraph, device=True)
def _build_op_from_graph(op, node, device):
    program = inner_program(op.local_inputs, op.local_outputs, device)

    def run(*inputs):
        results = on_device(program.compute(*inputs), op.local_outputs, device)
        return results if len(results) > 1 else results[0]

    return run


def inner_program(
    inputs: Sequence[theano.Variable],
    outputs: Sequence[theano.Variable],
    device: torch.device,
    from_host: Collection[int] = (),
) -> Program:
    """The program of a graph inside an Op.

    Parameters
    ----------
    inputs, outputs : list of Variable
    device : torch.device
    from_host : collection of int
        The inputs that always come from the host. Everything else that the
        program computes stays on the device, even single numbers.

    Returns
    -------
    kneerepro.engine.program.Program
    """
    fgraph = FunctionGraph(inputs, outputs)
    # Nothing may be overwritten, because the values are still needed outside
    # of the Op.
    optimise(fgraph, device, excluding=['torch_adam_inplace'])
    return Program(
        fgraph,
        fgraph.toposort(),
        device,
        from_host=[fgraph.inputs[i] for i in from_host],
    )


def on_device(
    values: Iterable[Any],
    variables: Iterable[theano.Variable],
    device: torch.device,
) -> tuple:
    """The values of variables, with all tensors on the device."""
    return tuple(
        to_device(value, device) if is_tensor(variable) else value
        for value, variable in zip(values, variables)
    )
