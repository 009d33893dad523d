"""Runs a compiled graph on the values that Theano stores."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence

from .containers import DeviceContainer
from .layout import preferred_layout
from .native.function import NativeFunction
from .precision import cuda_settings
from .program import Program
from .values import Resident, to_device


class Runner:
    """Runs a program anew at each call.

    Parameters
    ----------
    program : kneerepro.engine.program.Program
    cells : list of list
        One for each input, with its value in it.
    updates : dict of int to int
        The outputs that are new values of inputs, with those inputs.
    stored : dict of int to DeviceContainer or None
        The inputs whose values stay on the device between calls, with the
        container of the shared variable if the input is one.
    resident : collection of int
        The outputs that stay on the device.
    tf32 : bool
        See ``kneerepro.engine.precision.cuda_settings``.
    compiled : bool
        Whether C++ may compute the program on the CPU.

    Attributes
    ----------
    native : NativeFunction or None
        What computes the outputs' values in C++ instead, if it can.
    """

    def __init__(
        self,
        program: Program,
        cells: Sequence[list],
        updates: Mapping[int, int],
        stored: Mapping[int, DeviceContainer | None],
        resident: Collection[int],
        tf32: bool,
        compiled: bool = True,
    ):
        self.program, self.cells, self.updates = program, cells, updates
        self.stored, self._resident = stored, resident
        self.device, self._tf32 = program.scope.device, tf32
        self.native: NativeFunction | None = None
        if self.device.type == 'cpu' and not stored and compiled:
            self.native = NativeFunction.of(program, cells, updates)

    def __call__(self) -> list:
        """Compute the outputs' values."""
        for i in self.stored:
            cell = self.cells[i]
            if not isinstance(cell[0], Resident):
                cell[0] = Resident(
                    preferred_layout(to_device(cell[0], self.device))
                )
        values = [cell[0] for cell in self.cells]
        with self.settings():
            return self.program.run(values, self._resident, self.updates)

    def settings(
        self, benchmark: bool = True
    ) -> contextlib.AbstractContextManager[None]:
        """A context in which to compute; `benchmark` as for
        ``cuda_settings``.
        """
        if self.device.type != 'cuda':
            return contextlib.nullcontext()
        return cuda_settings(self._tf32, benchmark)
