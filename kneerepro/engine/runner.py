"""Runs a compiled graph on the values that Theano keeps."""

import contextlib

from .layout import preferred_layout
from .precision import on_cuda
from .values import Resident, to_device


class Runner:
    """Runs a program anew at each call.

    Parameters
    ----------
    program : kneerepro.engine.program.Program
    cells : list of list
        One for each input, with its value in it.
    updates : dict of int to int
        Which outputs are the new values of which inputs.
    stored : dict of int to DeviceContainer or None
        The inputs whose values stay on the device between calls, with the
        container of the shared variable if it is one.
    resident : collection of int
        Outputs that stay there.
    tf32 : bool
        See ``kneerepro.engine.precision.on_cuda``.
    """

    def __init__(self, program, cells, updates, stored, resident, tf32):
        self.program, self.cells, self.updates = program, cells, updates
        self.stored, self._resident = stored, resident
        self.device, self._tf32 = program.scope.device, tf32

    def __call__(self):
        """A list of the outputs' values."""
        for i in self.stored:
            cell = self.cells[i]
            if not isinstance(cell[0], Resident):
                cell[0] = Resident(
                    preferred_layout(to_device(cell[0], self.device))
                )
        values = [cell[0] for cell in self.cells]
        with self.settings():
            return self.program.run(values, self._resident, self.updates)

    def settings(self, benchmark=True):
        """A context in which to compute; `benchmark` as for ``on_cuda``."""
        if self.device.type != 'cuda':
            return contextlib.nullcontext()
        return on_cuda(self._tf32, benchmark)
