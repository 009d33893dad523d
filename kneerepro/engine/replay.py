"""Runs a compiled graph from recordings of what it does on the device.

What a recording reads has to lie where it lay when that was made. Minibatches
and numbers from the host are copied there at each call. Shared variables are
there from one call to the next, since what updates them is written to the
same place; each has one place for all functions.
"""

from collections import Counter

import numpy as np

from .layout import preferred_layout
from .recording import Recording, write_back
from .runner import Runner
from .split import Split
from .values import NotCapturable, Resident, no_transfers, to_device

#: Of so many kinds of inputs, a function keeps recordings; there is one kind
#: for each set of shapes.
MOST = 4
# And so many kinds are remembered.
_REMEMBERED = 256
_NOTHING = object()


class Replayer(Runner):
    """Runs a program a few times, then records what it does on the device,
    and repeats that from then on. What cannot be recorded is run as it is.

    Parameters
    ----------
    graphs : kneerepro.engine.graphs.CudaGraphs, or what does the same
    """

    def __init__(self, *args, graphs):
        super().__init__(*args)
        self._graphs = graphs
        self._kinds, self._last = {}, None
        self.program.not_captured = None
        try:
            self._split = Split(self.program)
        except NotCapturable as error:
            self._give_up(error)
            return
        split, scope = self._split, self.program.scope
        self._on_device = [
            i
            for i, variable in enumerate(scope.fgraph.inputs)
            if not scope.on_host(variable)
        ]
        places = {variable: k for k, variable in enumerate(split.varying)}
        #: Which of the numbers are part of what is recorded, and which are
        #: sent to the device.
        self._held = [
            places[variable]
            for variable, form in split.parameters
            if form == 'h' and variable in places
        ]
        self._sent = [
            places[variable]
            for variable, form in split.parameters
            if form == 'd' and variable in places
        ]
        self._sized = [k for k in self._sent if split.varying[k].ndim]

    def __call__(self):
        if self._split is None:
            return super().__call__()
        values = [cell[0] for cell in self.cells]
        kind = self._last
        if kind is None or not kind.fits(values):
            kind = self._last = self._kind_of(values)
        numbers = self._split.numbers(*values, *kind.fixed)
        key = ()
        if self._held or self._sized:
            key = self._key(numbers)
        recording = kind.recordings.get(key)
        if recording is None:
            recording = self._recorded(kind, key, values, numbers)
        if recording is None:
            if self._split is None:
                return super().__call__()
            with self._graphs.before_recording():
                return super().__call__()
        return recording.replay(values, numbers)

    def _give_up(self, why):
        self.program.not_captured = str(why) or type(why).__name__
        self._split = self._last = None
        self._kinds.clear()

    def _kind_of(self, values):
        shapes = tuple(
            getattr(values[i], 'shape', None) for i in self._on_device
        )
        if shapes not in self._kinds:
            if len(self._kinds) >= _REMEMBERED:
                self._kinds = {
                    shapes: kind
                    for shapes, kind in self._kinds.items()
                    if kind.recordings
                }
            self._kinds[shapes] = _Kind(
                list(zip(self._on_device, shapes)), self._split.shapes(*values)
            )
        return self._kinds[shapes]

    def _key(self, numbers):
        """What a recording has to have been made with."""
        return (
            *(_token(numbers[k]) for k in self._held),
            *(np.shape(numbers[k]) for k in self._sized),
        )

    def _recorded(self, kind, key, values, numbers):
        """A recording, if it is time to make one; or None."""
        if self.program.recordings >= MOST:
            return None
        if len(kind.calls) >= _REMEMBERED:
            kind.calls.clear()
        kind.calls[key] += 1
        if kind.calls[key] <= self._graphs.calls:
            return None
        try:
            recording = self._record(kind, values, numbers)
        except Exception as error:
            self._give_up(error)
            return None
        kind.recordings[key] = recording
        kind.remember({i: home for i, _, home in recording.stored})
        self.program.recordings += 1
        return recording

    def _record(self, kind, values, numbers):
        split, scope = self._split, self.program.scope
        inputs = scope.fgraph.inputs
        recording = Recording(
            self.device,
            [np.asarray(numbers[k]) for k in self._sent],
            self._sent,
        )
        tensors = {}
        for i in self._on_device:
            if i in self.stored:
                # From here on, nobody keeps the old value, which takes as
                # much memory.
                home = values[i] = self._home(i, values[i])
                recording.stored.append((i, self.cells[i], home))
                tensors[inputs[i]] = home.tensor
            else:
                tensors[inputs[i]] = recording.place_for(
                    i, to_device(values[i], self.device)
                )
        known = dict(zip(split.fixed, kind.fixed))
        known.update(zip(split.varying, numbers))
        sent = dict(
            zip((split.varying[k] for k in self._sent), recording.sent)
        )
        arguments = recording.arguments
        for variable, form in split.parameters:
            if variable in tensors:
                value = tensors[variable]
            elif form == 'h':
                value = known[variable]
            elif variable in sent:
                value = sent[variable]
            else:
                value = to_device(known[variable], self.device).clone()
            arguments.append(value)

        outputs = scope.fgraph.outputs
        there = [
            i
            for i, variable in enumerate(outputs)
            if not scope.on_host(variable)
        ]
        targets = {
            k: tensors[inputs[self.updates[i]]]
            for k, i in enumerate(there)
            if i in self.updates
        }

        def step():
            with no_transfers():
                return write_back(split.device(*arguments), targets)

        # (cuDNN stays with the algorithms that it has chosen; it could not
        # try any now.)
        with self.settings(benchmark=False):
            found, replay = self._graphs.record(step)
        results = dict(zip(there, found))
        homes = {i: home for i, _, home in recording.stored}
        for i, variable in enumerate(outputs):
            if i not in results:
                if variable in split.varying:
                    recording.add_number(
                        variable, split.varying.index(variable)
                    )
                else:
                    recording.add_constant(variable, known[variable])
            elif i in self.updates:
                recording.add_stored(homes[self.updates[i]])
            else:
                recording.add_tensor(results[i])
        recording.launch = replay
        return recording

    def _home(self, i, value):
        """Where an input's value lies from now on, with the value in it."""
        container = self.stored[i]
        tensor = to_device(value, self.device)
        home = None if container is None else container.home
        if (
            home is None
            or home.shape != tensor.shape
            or (home.tensor.device != tensor.device)
        ):
            home = Resident(preferred_layout(tensor).clone())
            if container is not None:
                container.home = home
        elif home is not value:
            home.tensor.copy_(tensor)
        self.cells[i][0] = home
        return home


class _Kind:
    """What is known of inputs of the same shapes.

    Attributes
    ----------
    fixed : list
        The numbers that follow from the shapes.
    calls : Counter
        How often there were which other numbers that a recording holds.
    recordings : dict
    """

    def __init__(self, shapes, fixed):
        self._shapes = [(i, shape, _NOTHING) for i, shape in shapes]
        self.fixed, self.calls, self.recordings = fixed, Counter(), {}

    def remember(self, homes):
        """Take note of which values will be there again, mostly."""
        self._shapes = [
            (i, shape, homes.get(i, _NOTHING)) for i, shape, _ in self._shapes
        ]

    def fits(self, values):
        for i, shape, last in self._shapes:
            value = values[i]
            if value is not last and getattr(value, 'shape', None) != shape:
                return False
        return True


def _token(value):
    """What is equal of equal values, and can be looked up."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.shape, value.dtype.str, value.tobytes()
    if isinstance(value, slice):
        return tuple(map(_token, (value.start, value.stop, value.step)))
    return value
