"""Loops: ``theano.scan``.

The inner graph is a program of its own, or a function of Theano's if the mode
of the scan looks at each node. Its results are written into buffers on the
device. Each buffer holds as many steps as Theano asks for. If there are
more steps than that, the latest results replace the earliest.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
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
        buffers = [buffer.clone() for buffer in _take(inputs, op.n_outs)]
        shared = _take(inputs, op.n_shared_outs)
        lengths = [int(length) for length in _take(inputs, op.n_nit_sot)]
        others = list(inputs)
        state = _Buffers(op, buffers, lengths)

        done = 0
        while done < count:
            results = step.compute(
                *(sequence[done] for sequence in sequences),
                *state.earlier_results(),
                *shared,
                *others,
            )
            results = iter(on_device(results, op.outputs, device))
            state.store(results)
            shared = _take(results, op.n_shared_outs)
            done += 1
            if op.as_while and bool(to_host(next(results))):
                break

        outputs = (*state.in_order(done, count), *shared)
        return outputs if len(outputs) > 1 else outputs[0]

    return scan


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


class _Buffers:
    """The results of the steps, one buffer for each output.

    Theano orders the outputs by their taps, the offsets of the steps that they
    are read from and written to: ``mit_mot`` (several taps read, several
    written), ``mit_sot`` (several read, one written), ``sit_sot`` (one read,
    one written), and ``nit_sot`` (none read, one written).

    Parameters
    ----------
    op : theano.scan_module.scan_op.Scan
    buffers : list of tensor
        Those of all but the ``nit_sot``, with the initial values.
    lengths : list of int
        The lengths of the ``nit_sot``.
    """

    def __init__(
        self, op: Scan, buffers: list[torch.Tensor], lengths: list[int]
    ):
        self._op = op
        self._count = op.n_outs + op.n_nit_sot
        self._lengths = [len(buffer) for buffer in buffers] + lengths
        # The buffers of the nit_sot are made when their shapes are known.
        self._buffers: list[Any] = buffers + [None] * op.n_nit_sot
        # Where the results of the next step go.
        self._places = [
            -first % length for first, length in zip(op.mintaps, self._lengths)
        ]

    def earlier_results(self) -> list[torch.Tensor]:
        """The results of earlier steps that the next step reads."""
        return [
            self._buffers[i][(self._places[i] + tap) % self._lengths[i]]
            for i in range(self._op.n_outs)
            for tap in self._op.tap_array[i]
        ]

    def store(self, results: Iterator[torch.Tensor]) -> None:
        """Store the results of a step, and move on to the next one."""
        op, buffers = self._op, self._buffers
        # An earlier result may be a view of what is overwritten now.
        new = [
            [next(results).clone() for _ in slices]
            for slices in op.mit_mot_out_slices[: op.n_mit_mot]
        ]
        for i, slices in enumerate(op.mit_mot_out_slices[: op.n_mit_mot]):
            for tap, value in zip(slices, new[i]):
                buffers[i][tap + self._places[i]] = value
        values = [
            self._ready_to_store(i, value)
            for i, value in enumerate(
                _take(results, self._count - op.n_mit_mot), op.n_mit_mot
            )
        ]
        for i, value in enumerate(values, op.n_mit_mot):
            buffers[i][self._places[i]] = value
        self._places = [
            (place + 1) % length
            for place, length in zip(self._places, self._lengths)
        ]

    def _ready_to_store(self, i: int, value: torch.Tensor) -> torch.Tensor:
        """A value in memory of its own, once there is a buffer for it."""
        buffer = self._buffers[i]
        if buffer is None:
            self._buffers[i] = value.new_zeros(
                (self._lengths[i],) + tuple(value.shape)
            )
        elif value.shape != buffer.shape[1:]:
            raise ValueError(
                f'output {i} of a scan changed its shape from '
                f'{tuple(buffer.shape[1:])} to {tuple(value.shape)}: it must '
                'have the same shape in all steps'
            )
        elif (
            value.untyped_storage().data_ptr()
            == buffer.untyped_storage().data_ptr()
        ):
            return value.clone()
        return value

    def in_order(self, done: int, count: int) -> list[torch.Tensor]:
        """The buffers with the earliest result first, after `done` steps of
        at most `count`.
        """
        buffers = self._buffers
        for i in range(self._op.n_mit_mot, self._count):
            filled = done - self._op.mintaps[i]
            if self._lengths[i] < filled:
                buffers[i] = torch.roll(buffers[i], -self._places[i], 0)
            elif self._lengths[i] > filled:
                buffers[i][filled:] = 0
                if done < count:
                    buffers[i] = buffers[i][: done - count]
        return buffers


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
        if i >= first and variable.dtype.startswith(('int', 'uint'))
    ]
    return inner_program(
        op.inputs, op.outputs, device, from_host, mode=_mode(op)
    )
