"""What a compiled graph does when it is called."""

import numpy as np
import torch

from .host import host_variables
from .source import Scope, Writer
from .values import Resident, Reversed, is_tensor, memory, reverse, to_host


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
    scope : Scope
    writers : list of Writer
        What wrote its code.
    not_captured : str or None
        Why it is not recorded as a CUDA graph, if it is not.
    recordings : int
        How many there are of it.
    """

    not_captured, recordings = 'CUDA graphs were not asked for', 0

    def __init__(self, fgraph, order, device, from_host=None):
        self.scope = Scope(
            fgraph,
            order,
            device,
            host_variables(
                fgraph,
                order,
                fgraph.inputs if from_host is None else from_host,
            ),
        )
        whole = Writer(self.scope, order, self.scope.inputs, fgraph.outputs)
        self.compute, self.source = whole.function, whole.source
        self.on_host = self.scope.on_host
        self.writers = [whole]

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
        taken = self.scope.constants.union(own)
        values = []
        for i, value in enumerate(outputs):
            value, axes = value if isinstance(value, Reversed) else (value, ())
            if isinstance(value, torch.Tensor):
                pointer = memory(value)
                if i in updates and pointer == own[updates[i]]:
                    # It was overwritten; nobody else may have it now.
                    own[updates[i]] = None
                elif pointer in taken and value.numel():
                    value = value.clone()
                    pointer = memory(value)
                taken.add(pointer)
                value = (
                    Resident(value.flip(axes) if axes else value)
                    if i in resident
                    else reverse(to_host(value), axes)
                )
            elif is_tensor(self.scope.fgraph.outputs[i]):
                value = np.array(value)
            values.append(value)
        return values

    def node_of(self, traceback):
        """The node whose line is in a traceback, or None."""
        node = None
        while traceback is not None:
            filename = traceback.tb_frame.f_code.co_filename
            for writer in self.writers:
                node = writer.node_at(filename, traceback.tb_lineno) or node
            traceback = traceback.tb_next
        return node
