"""Loops: ``theano.scan``.

The inner graph is a program of its own, or a function of Theano's if the mode
of the scan looks at each node. Its results are written into buffers on the
device. Each buffer holds as many steps as Theano asks for. If there are
more steps than that, the latest results replace the earliest.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from theano.gof import Apply
from theano.scan_module.scan_op import Scan

from ..dispatch import register
from ..program import Program
from ..values import to_host
from .graph import WatchedFunction, inner_program, on_device, watches_nodes


def _numbers_of_steps(node: Apply) -> list[int]:
    """The positions of the inputs that are numbers of steps."""
    first = node.op.nit_sot_arg_offset
    return [0, *range(first, first + node.op.n_nit_sot)]


def _mode(op: Scan) -> Any:
    """The mode that the user gave to the scan, as Theano prepared it."""
    return None if op.mode is None else op.mode_instance


@register(
    Scan,
    host=_numbers_of_steps,
    device=True,
    waits=lambda node: node.op.as_while or watches_nodes(_mode(node.op)),
)
def _build_scan(op, node, device):
    step = _step_program(op, device)

    def scan(count, *inputs):
        count = int(count)
        _check_count(count)
        inputs = iter(inputs)
        sequences = _take(inputs, op.n_seqs)
        _check_lengths(sequences, count)
        # One call for all slices of a tensor takes less time than one for
        # each of them.
        slices = [list(sequence[:count]) for sequence in sequences]
        buffers = _take(inputs, op.n_outs)
        shared = _take(inputs, op.n_shared_outs)
        lengths = [int(length) for length in _take(inputs, op.n_nit_sot)]
        others = list(inputs)
        state = _Results(op, buffers, lengths, count)

        done = 0
        while done < count:
            results = step.compute(
                *[values[done] for values in slices],
                *state.earlier(),
                *shared,
                *others,
                **state.targets(step.places),
            )
            results = iter(on_device(results, op.outputs, device))
            state.add(results)
            shared = _take(results, op.n_shared_outs)
            done += 1
            if op.as_while and bool(to_host(next(results))):
                break

        outputs = (*state.in_order(done), *shared)
        return outputs if len(outputs) > 1 else outputs[0]

    scan.step = step
    return scan


def first_inputs(op: Scan, inputs: Sequence[Any]) -> list:
    """The inputs of the inner graph in the first step.

    Parameters
    ----------
    op : theano.scan_module.scan_op.Scan
    inputs : list of array
        The inputs of the scan.
    """
    rest = iter(inputs[1:])
    sequences, buffers = _take(rest, op.n_seqs), _take(rest, op.n_outs)
    shared, lengths = _take(rest, op.n_shared_outs), _take(rest, op.n_nit_sot)
    state = _Results(op, buffers, list(map(int, lengths)), int(inputs[0]))
    return [
        *(sequence[0] for sequence in sequences),
        *state.earlier(),
        *shared,
        *rest,
    ]


def _check_count(count: int) -> None:
    if count < 0:
        raise IndexError(
            f'scan was asked for {count} steps: the number must be positive'
        )
    if count == 0:
        raise NotImplementedError(
            'scan was asked for 0 steps, which Theano does not implement: '
            'the number must be positive'
        )


def _check_lengths(sequences: Sequence[torch.Tensor], count: int) -> None:
    if any(len(sequence) < count for sequence in sequences):
        raise ValueError(
            f'scan was asked for {count} steps, but its sequences have the '
            f'lengths {[len(sequence) for sequence in sequences]}: each must '
            'have at least one element for each step'
        )


class _Results:
    """The results of the steps, for each output as many as Theano asks for.

    Theano orders the outputs by their taps, the offsets of the steps that they
    are read from and written to: ``mit_mot`` (several taps read, several
    written), ``mit_sot`` (several read, one written), ``sit_sot`` (one read,
    one written), and ``nit_sot`` (none read, one written).

    On the CPU, results that are kept for all steps are in one block. A step
    writes them there, or they are copied at once, while they are in the cache.
    Others are only put together in the end. Until then, nothing has to be
    copied, because no step overwrites the results of another one.

    Parameters
    ----------
    op : theano.scan_module.scan_op.Scan
    buffers : list of tensor
        The initial values of all but the ``nit_sot``, with the places of the
        results.
    lengths : list of int
        The lengths of the ``nit_sot``.
    count : int
        The largest number of steps.
    """

    def __init__(
        self,
        op: Scan,
        buffers: Sequence[torch.Tensor],
        lengths: list[int],
        count: int,
    ):
        self._op, self._steps = op, count
        self._count = op.n_outs + op.n_nit_sot
        self._rows: list[list] = [list(buffer) for buffer in buffers]
        self._rows += [[None] * length for length in lengths]
        self._lengths = list(map(len, self._rows))
        self._blocks: list[torch.Tensor | None] = [None] * self._count
        self._has_started = False
        # The shapes of the nit_sot are known after the first step.
        self._shapes = [buffer.shape[1:] for buffer in buffers]
        self._buffers = buffers
        # Where the results of the next step go.
        self._places = [
            -first % length for first, length in zip(op.mintaps, self._lengths)
        ]
        # The positions of the step's outputs after the mit_mot, minus those of
        # the buffers.
        self._first_position = (
            sum(map(len, op.mit_mot_out_slices[: op.n_mit_mot])) - op.n_mit_mot
        )
        self._taps = [
            (i, tap) for i in range(op.n_outs) for tap in op.tap_array[i]
        ]

    def earlier(self) -> list[torch.Tensor]:
        """The results of earlier steps that the next step reads."""
        places, lengths = self._places, self._lengths
        return [
            self._rows[i][(places[i] + tap) % lengths[i]]
            for i, tap in self._taps
        ]

    def targets(self, names: Mapping[int, str]) -> dict[str, torch.Tensor]:
        """Where the next step may write its results.

        Parameters
        ----------
        names : dict of int to str
            The keywords for some of the step's outputs, by their positions.
        """
        found = {}
        for position, name in names.items():
            i = position - self._first_position
            if 0 <= i < self._count and self._blocks[i] is not None:
                found[name] = self._rows[i][self._places[i]]
        return found

    def add(self, results: Iterator[torch.Tensor]) -> None:
        """Take the results of a step, and move on to the next one."""
        op, rows, places = self._op, self._rows, self._places
        is_first, self._has_started = not self._has_started, True
        for i, taps in enumerate(op.mit_mot_out_slices[: op.n_mit_mot]):
            for tap in taps:
                rows[i][tap + places[i]] = self._checked(i, next(results))
        targets: list[torch.Tensor] = []
        values: list[torch.Tensor] = []
        for i in range(op.n_mit_mot, self._count):
            value = self._checked(i, next(results))
            if is_first and self._is_kept_whole(i, value):
                self._make_block(i, value)
            if self._blocks[i] is None:
                rows[i][places[i]] = value
            elif value is not rows[i][places[i]]:
                targets.append(rows[i][places[i]])
                values.append(value)
        if targets:
            torch._foreach_copy_(targets, values)
        self._places = [
            (place + 1) % length
            for place, length in zip(places, self._lengths)
        ]

    def _is_kept_whole(self, i: int, value: torch.Tensor) -> bool:
        """Whether no result of output `i` replaces an earlier one."""
        return (
            value.device.type == 'cpu'
            and self._lengths[i] >= self._steps - self._op.mintaps[i]
        )

    def _make_block(self, i: int, value: torch.Tensor) -> None:
        """Make the memory for output `i`, given its first result."""
        block = value.new_empty(self._lengths[i], *value.shape)
        rows, before = list(block), -self._op.mintaps[i]
        for row, initial in zip(rows[:before], self._rows[i]):
            row.copy_(initial)
        self._blocks[i], self._rows[i] = block, rows

    def _checked(self, i: int, value: torch.Tensor) -> torch.Tensor:
        """A result of output `i`, after checking its shape."""
        if i == len(self._shapes):
            self._shapes.append(value.shape)
        if value.shape != self._shapes[i]:
            raise ValueError(
                f'output {i} of a scan changed its shape from '
                f'{tuple(self._shapes[i])} to {tuple(value.shape)}: it must '
                'have the same shape in all steps'
            )
        return value

    def in_order(self, done: int) -> list[torch.Tensor]:
        """The results of each output, the earliest first, after `done`
        steps.
        """
        return [self._joined(i, done) for i in range(self._count)]

    def _joined(self, i: int, done: int) -> torch.Tensor:
        rows, place, block = self._rows[i], self._places[i], self._blocks[i]
        filled = done - self._op.mintaps[i]
        if block is not None:
            block[filled:].zero_()
            return block[: done - self._steps or None]
        if i >= self._op.n_mit_mot:
            if self._lengths[i] < filled:
                rows = rows[place:] + rows[:place]
            elif self._lengths[i] > filled:
                zeros = torch.zeros_like(rows[0])
                rows = rows[:filled] + [zeros] * (len(rows) - filled)
                if done < self._steps:
                    rows = rows[: done - self._steps]
        if not rows:
            return self._buffers[i][:0]
        return torch.stack(rows)


def _take(iterator: Iterator, count: int) -> list:
    return list(itertools.islice(iterator, count))


def _step_program(op: Scan, device: torch.device) -> Program | WatchedFunction:
    """The program of one step."""
    first = (
        op.n_seqs + sum(map(len, op.tap_array[: op.n_outs])) + op.n_shared_outs
    )
    # Integers among the inputs that are the same in all steps are taken from
    # the host.
    from_host = [
        i
        for i, variable in enumerate(op.inputs)
        if i >= first
        and getattr(variable, 'dtype', '').startswith(('int', 'uint'))
    ]
    return inner_program(
        op.inputs,
        op.outputs,
        device,
        from_host,
        mode=_mode(op),
        with_places=True,
    )
