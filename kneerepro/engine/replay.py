"""Runs a compiled graph from recordings of what it does on the device.

A recording reads the same addresses at each call. So minibatches and host
values are copied to fixed buffers before each replay. Shared variables need no
copy: their updates are written back to the place that the recording reads.
Each shared variable has one such place, a static buffer, which all functions
use.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import theano
import torch

from .layout import preferred_layout
from .recording import Recording, write_back
from .runner import Runner
from .split import Split
from .values import NotCapturableError, Resident, no_transfers, to_device

#: A function keeps at most this many recordings, for all shapes together.
MAX_RECORDINGS = 4
# At most this many signatures are remembered, and this many keys of each.
_MAX_REMEMBERED = 256
_NO_BUFFER = object()


class Replayer(Runner):
    """Runs a program a few times, then records it and replays the recording.

    A program that cannot be recorded runs as it is.

    Parameters
    ----------
    graphs : kneerepro.engine.cuda_graphs.CudaGraphs
        Or anything else with its methods.
    **kwargs
        See :class:`.runner.Runner`.
    """

    def __init__(self, *, graphs: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self._graphs = graphs
        self._signatures: dict[tuple, ShapeSignature] = {}
        self._last: ShapeSignature | None = None
        self.program.not_captured = None
        try:
            self._split: Any = Split(self.program)
        except NotCapturableError as error:
            self._give_up(error)
            return
        split, scope = self._split, self.program.scope
        self._on_device = [
            i
            for i, variable in enumerate(scope.fgraph.inputs)
            if not scope.is_host_variable(variable)
        ]
        positions = {
            variable: k for k, variable in enumerate(split.value_dependent)
        }
        # The value-dependent host values that become part of a recording...
        self._held = [
            positions[variable]
            for variable, form in split.parameters
            if form == 'h' and variable in positions
        ]
        # ... those that are sent to the device at each call...
        self._sent = [
            positions[variable]
            for variable, form in split.parameters
            if form == 'd' and variable in positions
        ]
        # ... and those of the latter whose shape may vary.
        self._sized = [k for k in self._sent if split.value_dependent[k].ndim]

    def __call__(self) -> list:
        """Compute the outputs' values."""
        if self._split is None:
            return super().__call__()
        values = [cell[0] for cell in self.cells]
        signature = self._last
        if signature is None or not signature.fits(values):
            signature = self._last = self._signature_of(values)
        host_values = self._split.compute_value_dependent(
            *values, *signature.fixed
        )
        key = ()
        if self._held or self._sized:
            key = self._key(host_values)
        recording = signature.recordings.get(key)
        if recording is None:
            recording = self._record_if_due(
                signature, key, values, host_values
            )
        if recording is None:
            if self._split is None:
                return super().__call__()
            with self._graphs.before_recording():
                return super().__call__()
        return recording.replay(values, host_values)

    def _give_up(self, why: Exception) -> None:
        self.program.not_captured = str(why) or type(why).__name__
        self._split = self._last = None
        self._signatures.clear()

    def _signature_of(self, values: Sequence) -> ShapeSignature:
        shapes = tuple(
            getattr(values[i], 'shape', None) for i in self._on_device
        )
        if shapes not in self._signatures:
            if len(self._signatures) >= _MAX_REMEMBERED:
                self._signatures = {
                    shapes: signature
                    for shapes, signature in self._signatures.items()
                    if signature.recordings
                }
            self._signatures[shapes] = ShapeSignature(
                list(zip(self._on_device, shapes)),
                self._split.compute_shape_dependent(*values),
            )
        return self._signatures[shapes]

    def _key(self, host_values: Sequence) -> tuple:
        """What a recording depends on beside the shapes of the inputs."""
        return (
            *(_hashable(host_values[k]) for k in self._held),
            *(np.shape(host_values[k]) for k in self._sized),
        )

    def _record_if_due(
        self,
        signature: ShapeSignature,
        key: tuple,
        values: list,
        host_values: Sequence,
    ) -> Recording | None:
        """A new recording, or None if it is too early or not possible."""
        if self.program.recordings >= MAX_RECORDINGS:
            return None
        if len(signature.calls) >= _MAX_REMEMBERED:
            signature.calls.clear()
        signature.calls[key] += 1
        if signature.calls[key] <= self._graphs.calls:
            return None
        try:
            recording = self._record(signature, values, host_values)
        except Exception as error:
            self._give_up(error)
            return None
        signature.recordings[key] = recording
        signature.expect(
            {i: static_buffer for i, _, static_buffer in recording.stored}
        )
        self.program.recordings += 1
        return recording

    def _record(
        self,
        signature: ShapeSignature,
        values: list,
        host_values: Sequence,
    ) -> Recording:
        recording = Recording(
            self.device, {k: np.asarray(host_values[k]) for k in self._sent}
        )
        known = dict(zip(self._split.shape_dependent, signature.fixed))
        known.update(zip(self._split.value_dependent, host_values))
        buffers = self._place_inputs(recording, values)
        recording.arguments += self._arguments(recording, buffers, known)
        results, recording.launch = self._capture(recording, buffers)
        self._declare_outputs(recording, results, known)
        return recording

    def _place_inputs(
        self, recording: Recording, values: list
    ) -> dict[theano.Variable, torch.Tensor]:
        """Give each input on the device the buffer where it is read.

        In `values`, the static buffers take the place of stored values.
        """
        inputs = self.program.scope.fgraph.inputs
        buffers = {}
        for i in self._on_device:
            if i in self.stored:
                # From here on nothing refers to the old value, which takes as
                # much memory as the new one.
                values[i] = self._static_buffer(i, values[i])
                recording.stored.append((i, self.cells[i], values[i]))
                buffers[inputs[i]] = values[i].tensor
            else:
                buffers[inputs[i]] = recording.add_input(
                    i, to_device(values[i], self.device)
                )
        return buffers

    def _static_buffer(self, i: int, value: Any) -> Resident:
        """The static buffer of an input, with the value in it."""
        container = self.stored[i]
        tensor = to_device(value, self.device)
        buffer = None if container is None else container.static_buffer
        if (
            buffer is None
            or buffer.shape != tensor.shape
            or buffer.tensor.device != tensor.device
        ):
            buffer = Resident(preferred_layout(tensor).clone())
            if container is not None:
                container.static_buffer = buffer
        elif buffer is not value:
            buffer.tensor.copy_(tensor)
        self.cells[i][0] = buffer
        return buffer

    def _arguments(
        self,
        recording: Recording,
        buffers: Mapping[theano.Variable, torch.Tensor],
        known: Mapping[theano.Variable, Any],
    ) -> list:
        """The arguments of the device part."""
        split = self._split
        sent = dict(
            zip(
                (split.value_dependent[k] for k in self._sent),
                recording.sent_tensors,
            )
        )
        arguments = []
        for variable, form in split.parameters:
            if variable in buffers:
                value = buffers[variable]
            elif form == 'h':
                value = known[variable]
            elif variable in sent:
                value = sent[variable]
            else:
                value = to_device(known[variable], self.device).clone()
            arguments.append(value)
        return arguments

    def _capture(
        self,
        recording: Recording,
        buffers: Mapping[theano.Variable, torch.Tensor],
    ) -> tuple[dict[int, torch.Tensor], Any]:
        """Record the device part; returns the tensors of the outputs, and the
        function that replays it.
        """
        scope, device_part = self.program.scope, self._split.device_part
        inputs, arguments = scope.fgraph.inputs, recording.arguments
        on_device = [
            i
            for i, variable in enumerate(scope.fgraph.outputs)
            if not scope.is_host_variable(variable)
        ]
        targets = {
            k: buffers[inputs[self.updates[i]]]
            for k, i in enumerate(on_device)
            if i in self.updates
        }

        def step():
            with no_transfers():
                return write_back(device_part(*arguments), targets)

        # cuDNN keeps the algorithms that it has chosen. During a recording it
        # could not try others.
        with self.settings(benchmark=False):
            found, replay = self._graphs.record(step)
        return dict(zip(on_device, found)), replay

    def _declare_outputs(
        self,
        recording: Recording,
        results: Mapping[int, torch.Tensor],
        known: Mapping[theano.Variable, Any],
    ) -> None:
        """Tell a recording where its outputs come from."""
        value_dependent = self._split.value_dependent
        static_buffers = {i: buffer for i, _, buffer in recording.stored}
        for i, variable in enumerate(self.program.scope.fgraph.outputs):
            if i not in results:
                if variable in value_dependent:
                    recording.add_host_value(
                        variable, value_dependent.index(variable)
                    )
                else:
                    recording.add_constant(variable, known[variable])
            elif i in self.updates:
                recording.add_stored(static_buffers[self.updates[i]])
            else:
                recording.add_tensor(results[i])


class ShapeSignature:
    """What is known about inputs of the same shapes.

    Parameters
    ----------
    shapes : list of (int, tuple)
        The inputs on the device, with their shapes.
    fixed : list
        The host values that follow from these shapes.

    Attributes
    ----------
    fixed : list
    calls : Counter
        How many calls there were for each key of a recording.
    recordings : dict of tuple to Recording
    """

    def __init__(self, shapes: Sequence[tuple[int, Any]], fixed: list):
        self._shapes = [(i, shape, _NO_BUFFER) for i, shape in shapes]
        self.fixed = fixed
        self.calls: Counter = Counter()
        self.recordings: dict[tuple, Recording] = {}

    def expect(self, static_buffers: Mapping[int, Resident]) -> None:
        """Note which buffers will mostly be the values of inputs.

        :meth:`fits` need not compare their shapes.
        """
        self._shapes = [
            (i, shape, static_buffers.get(i, _NO_BUFFER))
            for i, shape, _ in self._shapes
        ]

    def fits(self, values: Sequence) -> bool:
        """Whether the inputs' values have these shapes."""
        for i, shape, expected in self._shapes:
            value = values[i]
            if (
                value is not expected
                and getattr(value, 'shape', None) != shape
            ):
                return False
        return True


def _hashable(value: Any) -> Any:
    """A key for a host value: equal for equal values, and hashable."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.shape, value.dtype.str, value.tobytes()
    if isinstance(value, slice):
        return tuple(map(_hashable, (value.start, value.stop, value.step)))
    return value
