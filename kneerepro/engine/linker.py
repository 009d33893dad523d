"""The linker: from an optimised graph to a function that PyTorch runs."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import theano
import torch
from theano.compile.sharedvalue import SharedVariable
from theano.gof import Apply, FunctionGraph
from theano.gof.destroyhandler import DestroyHandler
from theano.gof.link import Container, LocalLinker, map_storage, raise_with_op

from . import kernels  # noqa: F401, registers all implementations
from .containers import DeviceContainer, convert_containers
from .cuda_graphs import CudaGraphs
from .errors import as_theano_raises
from .fallback import reported
from .host import host_variables
from .memory import keep_freed_memory, trim_heap
from .overlap import overlapped
from .program import Program
from .replay import Replayer
from .runner import Runner
from .timing import OpTimes


class TorchLinker(LocalLinker):
    """Runs a graph on PyTorch's kernels.

    Parameters
    ----------
    device : str or torch.device
    allow_gc : bool
        Theano's flag. It has no effect, because values are always deleted
        after their last use.
    schedule : callable, optional
        Takes a graph and returns its nodes in the order in which they run.
    resident : bool, optional
        Whether shared variables keep their values on the device between
        calls. By default they do on all devices but the CPU, where NumPy
        arrays and tensors share memory, so that it would make no difference.
    graphs : kneerepro.engine.cuda_graphs.CudaGraphs, optional
        What records functions. It requires resident values.
    tf32 : bool
        Whether CUDA may compute in TensorFloat-32, see
        ``kneerepro.engine.precision.cuda_settings``.
    strict : bool
        Whether to refuse Ops without a kernel, which otherwise run their own
        Python code on the host.
    """

    def __init__(
        self,
        device: str | torch.device = 'cpu',
        allow_gc: bool = True,
        schedule: Callable[[FunctionGraph], list[Apply]] | None = None,
        resident: bool | None = None,
        graphs: CudaGraphs | None = None,
        tf32: bool = False,
        strict: bool = False,
    ):
        self.device = torch.device(device)
        self.allow_gc = allow_gc
        self.resident = (
            self.device.type != 'cpu' if resident is None else resident
        )
        self.graphs, self.tf32, self.strict = graphs, tf32, strict
        self.fgraph: Any = None
        self._profile: Any = None
        self._updated: dict[theano.Variable, theano.Variable] = {}
        if schedule:
            self.schedule = schedule

    def clone(self, allow_gc: bool = True) -> TorchLinker:
        """A linker with the same settings, for another graph."""
        return type(self)(
            self.device,
            allow_gc=allow_gc,
            resident=self.resident,
            graphs=self.graphs,
            tf32=self.tf32,
            strict=self.strict,
        )

    def accept(
        self,
        fgraph: FunctionGraph,
        no_recycling: Any = None,
        profile: Any = None,
    ) -> TorchLinker:
        """Take on a graph; returns the linker to use for it."""
        if self.fgraph is not None and self.fgraph is not fgraph:
            return self.clone().accept(fgraph, no_recycling, profile)
        self.fgraph, self._profile = fgraph, profile
        return self

    def accept_var_updates(
        self, updated: dict[theano.Variable, theano.Variable]
    ) -> None:
        """Learn which outputs are the new values of which inputs.

        Theano calls this with a dictionary from inputs to outputs.
        """
        self._updated = updated

    def make_all(
        self,
        input_storage: list | None = None,
        output_storage: list | None = None,
        storage_map: dict | None = None,
    ) -> tuple:
        """Compile the graph.

        Returns
        -------
        run : callable
            Computes the outputs from the values in the cells.
        inputs, outputs : list of Container
            What guards the cells.
        thunks : list of callable
            `run` alone: Theano expects one callable for each node, but here
            one does all the work.
        order : list of Apply
        """
        if self.device.type == 'cpu':
            keep_freed_memory()
        order = self._schedule_nodes()
        input_storage, output_storage, storage_map = map_storage(
            self.fgraph, order, input_storage, output_storage, storage_map
        )
        updates = self._update_positions()
        times = OpTimes(self.device) if self._profile else None
        with reported(self.strict):
            program, call = self._compile(order, input_storage, updates, times)
        run = self._as_thunk(program, call, output_storage, updates)
        run.program, run.call = program, call
        if times is not None:
            run.update_profile = times.move_to  # Theano calls it
        run.allow_gc, run.storage_map = True, storage_map
        input_class = DeviceContainer if self.resident else Container
        inputs = [
            input_class(variable, cell)
            for variable, cell in zip(self.fgraph.inputs, input_storage)
        ]
        outputs = [
            Container(variable, cell, True)
            for variable, cell in zip(self.fgraph.outputs, output_storage)
        ]
        return run, inputs, outputs, [run], order

    def _schedule_nodes(self) -> list[Apply]:
        """The nodes, in an order in which they can run."""
        if not hasattr(self.fgraph, 'destroyers') and any(
            getattr(node.op, 'destroy_map', None)
            for node in self.fgraph.apply_nodes
        ):
            # The handler puts the nodes that read a value before the one that
            # overwrites it.
            self.fgraph.attach_feature(DestroyHandler())
        return overlapped(self.fgraph, self.schedule(self.fgraph))

    def _update_positions(self) -> dict[int, int]:
        """The outputs that are new values of inputs, with those inputs."""
        # Theano puts these outputs last, and lists the last one first.
        last = len(self.fgraph.outputs) - 1
        return {
            last - k: self.fgraph.inputs.index(variable)
            for k, variable in enumerate(self._updated)
        }

    def _compile(
        self,
        order: Sequence[Apply],
        input_storage: Sequence[list],
        updates: Mapping[int, int],
        times: OpTimes | None,
    ) -> tuple[Program, Runner]:
        """The program of the graph, and what runs it."""
        inputs = self.fgraph.inputs
        from_host, stored = inputs, {}
        if self.resident:
            from_host = self._inputs_from_host(order)
            convert_containers(inputs)
        program = Program(self.fgraph, order, self.device, from_host, times)
        if self.resident:
            stored = {
                i: _container_of(variable, input_storage[i])
                for i, variable in enumerate(inputs)
                if (
                    isinstance(variable, SharedVariable)
                    or i in updates.values()
                )
                and not program.scope.is_host_variable(variable)
            }
        arguments: dict[str, Any] = dict(
            program=program,
            cells=input_storage,
            updates=updates,
            stored=stored,
            resident=updates if self.resident else (),
            tf32=self.tf32,
            compiled=times is None,
        )
        # A recording runs as a whole, so that its parts have no times.
        if self.graphs is None or times is not None:
            return program, Runner(**arguments)
        return program, Replayer(graphs=self.graphs, **arguments)

    def _as_thunk(
        self,
        program: Program,
        call: Runner,
        output_storage: Sequence[list],
        updates: Mapping[int, int],
    ) -> Any:
        """A function that returns the outputs' values, and stores them and
        the new values of inputs, as Theano expects it.
        """
        calls = itertools.count()
        on_cpu, native = self.device.type == 'cpu', call.native

        def compute():
            if updates and on_cpu and next(calls) == 1:
                trim_heap()
            try:
                with torch.no_grad():
                    return call()
            except Exception:
                node = program.node_of(sys.exc_info()[2])
                if node is None:
                    raise
                raise_with_op(node, exc_info=as_theano_raises(sys.exc_info()))

        def run(output_subset=None):
            values = None if native is None else native()
            if values is None:
                values = compute()
            for cell, value in zip(output_storage, values):
                cell[0] = value
            for i, k in updates.items():
                call.cells[k][0] = values[i]
            return values

        # Theano need neither read the outputs' cells nor check new values of
        # inputs, which have the types of the old ones.
        run.need_update_inputs = False  # type: ignore[attr-defined]
        return run

    def _inputs_from_host(
        self, order: Sequence[Apply]
    ) -> list[theano.Variable]:
        """The inputs that come from the host at each call.

        That excludes those whose new values the function computes on the
        device.
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


def _container_of(
    variable: theano.Variable, cell: list
) -> DeviceContainer | None:
    """The container of a shared variable, if it guards a cell; or None."""
    container = getattr(variable, 'container', None)
    if container is None or container.storage is not cell:
        return None
    return container
