"""The linker: from an optimised graph to a function that PyTorch runs."""

import itertools
import sys

import torch
from theano.compile.sharedvalue import SharedVariable
from theano.gof.destroyhandler import DestroyHandler
from theano.gof.link import Container, LocalLinker, map_storage, raise_with_op

from . import kernels  # noqa: F401, registers all implementations
from .containers import DeviceContainer, adopt
from .host import host_variables
from .memory import give_back, keep_freed_memory
from .program import Program
from .replay import Replayer
from .runner import Runner


class TorchLinker(LocalLinker):
    """Runs a graph on PyTorch's kernels.

    Parameters
    ----------
    device : str or torch.device
    resident : bool, optional
        Whether shared variables keep their values on the device between
        calls. On the CPU, where NumPy arrays and tensors are the same memory,
        that makes no difference, so there they do not by default.
    graphs : kneerepro.engine.graphs.CudaGraphs, optional
        What records functions; it needs such values.
    tf32 : bool
        Whether CUDA may compute with TensorFloat-32, see
        ``kneerepro.engine.precision.on_cuda``.
    """

    def __init__(
        self,
        device='cpu',
        allow_gc=True,
        schedule=None,
        resident=None,
        graphs=None,
        tf32=False,
    ):
        self.device = torch.device(device)
        self.allow_gc = allow_gc
        self.resident = (
            self.device.type != 'cpu' if resident is None else resident
        )
        self.graphs, self.tf32 = graphs, tf32
        self.fgraph = None
        self._updated = {}
        if schedule:
            self.schedule = schedule

    def clone(self, allow_gc=True):
        return type(self)(
            self.device,
            allow_gc=allow_gc,
            resident=self.resident,
            graphs=self.graphs,
            tf32=self.tf32,
        )

    def accept(self, fgraph, no_recycling=None, profile=None):
        if self.fgraph is not None and self.fgraph is not fgraph:
            return self.clone().accept(fgraph, no_recycling, profile)
        self.fgraph = fgraph
        return self

    def accept_var_updates(self, updated):
        """Theano tells which outputs are the new values of which inputs."""
        self._updated = updated

    def make_all(
        self, input_storage=None, output_storage=None, storage_map=None
    ):
        if self.device.type == 'cpu':
            keep_freed_memory()
        fgraph = self.fgraph
        if not hasattr(fgraph, 'destroyers') and any(
            getattr(node.op, 'destroy_map', None)
            for node in fgraph.apply_nodes
        ):
            # What is overwritten has to be read before.
            fgraph.attach_feature(DestroyHandler())
        order = self.schedule(fgraph)
        input_storage, output_storage, storage_map = map_storage(
            fgraph, order, input_storage, output_storage, storage_map
        )
        device, kind, resident, stored = self.device, Container, (), {}
        from_host = fgraph.inputs
        # The outputs that Theano stores into inputs come last, and it tells
        # of the last one first.
        last = len(fgraph.outputs) - 1
        updates = {
            last - k: fgraph.inputs.index(variable)
            for k, variable in enumerate(self._updated)
        }
        if self.resident:
            from_host = self._from_host(order)
            kind = DeviceContainer
            adopt(fgraph.inputs)
            resident = updates
        program = Program(fgraph, order, device, from_host)
        if self.resident:
            stored = {
                i: _container(variable, input_storage[i])
                for i, variable in enumerate(fgraph.inputs)
                if (
                    isinstance(variable, SharedVariable)
                    or i in updates.values()
                )
                and not program.on_host(variable)
            }
        arguments = (
            program,
            input_storage,
            updates,
            stored,
            resident,
            self.tf32,
        )
        call = (
            Runner(*arguments)
            if self.graphs is None
            else Replayer(*arguments, graphs=self.graphs)
        )

        calls = itertools.count()

        def run(output_subset=None):
            if updates and device.type == 'cpu' and next(calls) == 1:
                give_back()
            try:
                with torch.no_grad():
                    values = call()
            except Exception:
                node = program.node_of(sys.exc_info()[2])
                if node is None:
                    raise
                raise_with_op(node)
            for cell, value in zip(output_storage, values):
                cell[0] = value

        run.program, run.call = program, call
        run.allow_gc = True
        run.storage_map = storage_map
        return (
            run,
            [
                kind(variable, cell)
                for variable, cell in zip(fgraph.inputs, input_storage)
            ],
            [
                Container(variable, cell, True)
                for variable, cell in zip(fgraph.outputs, output_storage)
            ],
            [run],
            order,
        )

    def _from_host(self, order):
        """The inputs that come from the host at each call: not those that
        the function itself computes anew on the device.
        """
        found = self.fgraph.inputs
        while True:
            host = host_variables(self.fgraph, order, found)
            kept = [
                variable
                for variable in found
                if self._updated.get(variable, variable) in host
                or variable not in self._updated
            ]
            if len(kept) == len(found):
                return kept
            found = kept


def _container(variable, cell):
    """That of a shared variable, if it guards a cell; or None."""
    container = getattr(variable, 'container', None)
    return (
        container
        if container is not None and (container.storage is cell)
        else None
    )
