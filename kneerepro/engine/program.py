"""Programs: compiled graphs that can be called."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import TracebackType
from typing import Any

import numpy as np
import theano
import torch
from theano.gof import Apply, FunctionGraph

from .host import host_variables
from .source import Scope, Writer
from .timing import OpTimes
from .values import (
    Resident,
    Reversed,
    is_tensor,
    reversed_view,
    storage_address,
    to_host,
)


class Program:
    """The program of a graph.

    Parameters
    ----------
    fgraph : theano.gof.FunctionGraph
    order : list of Apply
        The nodes, in an order in which they can run.
    device : torch.device
    from_host : collection of Variable, optional
        The inputs that come from the host. Small ones among them are computed
        with on the host. By default, all inputs.
    times : OpTimes, optional
        What takes the time of each node.
    with_places : bool
        Whether the caller says where to write outputs.

    Attributes
    ----------
    compute : callable
        Takes the values of the inputs, each on the host or on the device, and
        returns a list of the values of the outputs, likewise. With places, it
        also takes the keywords of `places`.
    places : dict of int to str
        The keywords that say where outputs may be written, by the outputs'
        positions.
    source : str
        The Python code of `compute`.
    scope : Scope
    writers : list of Writer
        The writers of all functions of the program.
    not_captured : str or None
        Why the program is not recorded as a CUDA graph; None if it is.
    recordings : int
        The number of its recordings.
    """

    not_captured: str | None = 'CUDA graphs were not asked for'
    recordings: int = 0

    def __init__(
        self,
        fgraph: FunctionGraph,
        order: Sequence[Apply],
        device: torch.device,
        from_host: Collection[theano.Variable] | None = None,
        times: OpTimes | None = None,
        with_places: bool = False,
    ):
        self.scope = Scope(
            fgraph,
            order,
            device,
            host_variables(
                fgraph,
                order,
                fgraph.inputs if from_host is None else from_host,
            ),
            times,
        )
        self.places = self._found_places() if with_places else {}
        whole = Writer(
            self.scope,
            order,
            self.scope.inputs,
            fgraph.outputs,
            {fgraph.outputs[i]: name for i, name in self.places.items()},
        )
        self.compute, self.source = whole.function, whole.source
        self.writers = [whole]
        # Whether an output may share memory with something else.
        self._may_share = len(set(fgraph.outputs)) < len(
            fgraph.outputs
        ) or any(
            not self.scope.is_host_variable(variable)
            and not self.scope.is_fresh(variable.owner)
            for variable in fgraph.outputs
        )

    def _found_places(self):
        outputs = self.scope.fgraph.outputs
        return {
            i: f'p{i}'
            for i, variable in enumerate(outputs)
            if variable not in outputs[:i]
            and self.scope.takes_places(variable.owner)
        }

    def run(
        self,
        inputs: Sequence[Any],
        resident: Collection[int] = (),
        updates: Mapping[int, int] | None = None,
    ) -> list:
        """Compute the outputs.

        No output shares memory with another output, a constant or an input,
        except for an input that it updates.

        Parameters
        ----------
        inputs : list
            The values as Theano stores them.
        resident : collection of int
            The outputs that may stay on the device. The others become NumPy
            arrays.
        updates : dict of int to int, optional
            The outputs that are new values of inputs, with those inputs.

        Returns
        -------
        list
        """
        outputs = self.compute(*inputs)
        if self._may_share:
            outputs = self._apart(outputs, inputs, updates or {})
        return [
            self._as_stored(i, value, i in resident)
            for i, value in enumerate(outputs)
        ]

    def _as_stored(self, i: int, value: Any, is_resident: bool) -> Any:
        """The value of an output as Theano stores it."""
        axes: tuple = ()
        if isinstance(value, Reversed):
            value, axes = value.tensor, value.axes
        if isinstance(value, torch.Tensor):
            if is_resident:
                return Resident(value.flip(axes) if axes else value)
            return reversed_view(to_host(value), axes)
        if is_tensor(self.scope.fgraph.outputs[i]):
            return np.array(value)
        return value

    def _apart(
        self,
        outputs: Sequence[Any],
        inputs: Sequence[Any],
        updates: Mapping[int, int],
    ) -> list:
        """The outputs, with copies of those that share memory."""
        own = [storage_address(value) for value in inputs]
        taken = self.scope.constants.union(own)
        values = []
        value: Any
        for i, value in enumerate(outputs):
            axes: tuple | None = None
            if isinstance(value, Reversed):
                value, axes = value.tensor, value.axes
            if isinstance(value, torch.Tensor):
                address = storage_address(value)
                if i in updates and address == own[updates[i]]:
                    # The input was overwritten. No other output may use its
                    # memory now.
                    own[updates[i]] = None
                elif address in taken and value.numel():
                    value = value.clone()
                    address = storage_address(value)
                taken.add(address)
            values.append(value if axes is None else Reversed(value, axes))
        return values

    def node_of(self, traceback: TracebackType | None) -> Apply | None:
        """The node whose line appears in a traceback, or None."""
        node = None
        while traceback is not None:
            filename = traceback.tb_frame.f_code.co_filename
            for writer in self.writers:
                node = writer.node_at(filename, traceback.tb_lineno) or node
            traceback = traceback.tb_next
        return node
