"""Ops that hold a graph: ``theano.OpFromGraph``; for others, its program."""

from theano.compile.builders import OpFromGraph
from theano.gof import FunctionGraph

from ..dispatch import register
from ..values import is_tensor, to_device


@register(OpFromGraph, device=True)
def build_op_from_graph(op, node, device):
    program = inner_program(op.local_inputs, op.local_outputs, device)

    def run(*inputs):
        results = on_device(program.compute(*inputs), op.local_outputs, device)
        return results if len(results) > 1 else results[0]

    return run


def inner_program(inputs, outputs, device, from_host=()):
    """The program of a graph inside an Op.

    Parameters
    ----------
    inputs, outputs : list of Variable
    device : torch.device
    from_host : collection of int
        Which inputs come from the host at all times. What else a program
        computes stays on the device, even single numbers.

    Returns
    -------
    kneerepro.engine.program.Program
    """
    # Imported late: programs are made of kernels.
    from ..modes import torch_mode
    from ..program import Program

    fgraph = FunctionGraph(inputs, outputs)
    # Nothing may be overwritten: what is outside of the Op goes on with it.
    mode = torch_mode(device).excluding('torch_adam_inplace')
    mode.optimizer.optimize(fgraph)
    return Program(
        fgraph,
        fgraph.toposort(),
        device,
        from_host=[fgraph.inputs[i] for i in from_host],
    )


def on_device(values, variables, device):
    """Values of variables, the tensors among them on the device."""
    return tuple(
        to_device(value, device) if is_tensor(variable) else value
        for value, variable in zip(values, variables)
    )
