"""The linker: from an optimised graph to a function that PyTorch runs."""

import sys

import torch
from theano.gof.link import Container, LocalLinker, map_storage, raise_with_op

from . import kernels  # noqa: F401, registers all implementations
from .program import Program


class TorchLinker(LocalLinker):
    """Runs a graph on PyTorch's kernels.

    Parameters
    ----------
    device : str or torch.device
    """

    def __init__(self, device='cpu', allow_gc=True, schedule=None):
        self.device = torch.device(device)
        self.allow_gc = allow_gc
        self.fgraph = None
        if schedule:
            self.schedule = schedule

    def clone(self, allow_gc=True):
        return type(self)(self.device, allow_gc)

    def accept(self, fgraph, no_recycling=None, profile=None):
        if self.fgraph is not None and self.fgraph is not fgraph:
            return self.clone().accept(fgraph, no_recycling, profile)
        self.fgraph = fgraph
        return self

    def make_all(self, input_storage=None, output_storage=None,
                 storage_map=None):
        fgraph = self.fgraph
        order = self.schedule(fgraph)
        input_storage, output_storage, storage_map = map_storage(
            fgraph, order, input_storage, output_storage, storage_map)
        program = Program(fgraph, order, self.device)

        def run():
            try:
                with torch.no_grad():
                    values = program.run(*(cell[0] for cell in input_storage))
            except Exception:
                node = program.node_of(sys.exc_info()[2])
                if node is None:
                    raise
                raise_with_op(node)
            for cell, value in zip(output_storage, values):
                cell[0] = value

        run.program = program
        run.allow_gc = True
        run.storage_map = storage_map
        return (run,
                [Container(variable, cell)
                 for variable, cell in zip(fgraph.inputs, input_storage)],
                [Container(variable, cell, True)
                 for variable, cell in zip(fgraph.outputs, output_storage)],
                [run], order)

    def __getstate__(self):
        return {'device': str(self.device), 'allow_gc': self.allow_gc}

    def __setstate__(self, state):
        self.__init__(**state)
