"""Loops: ``theano.scan``.

The inner graph is a program of its own. Its results are written into buffers
on the device, which hold as many steps as Theano asks for; where they hold
fewer than there are steps, the latest replace the earliest.
"""

import itertools

import torch
from theano.scan_module.scan_op import Scan

from ..dispatch import register
from ..values import to_host
from .graph import inner_program, on_device


def _lengths_and_steps(node):
    """The inputs that are numbers of steps."""
    first = node.op.nit_sot_arg_offset
    return [0, *range(first, first + node.op.n_nit_sot)]


@register(
    Scan,
    host=_lengths_and_steps,
    device=True,
    waits=lambda node: node.op.as_while,
)
def build_scan(op, node, device):
    step = _step(op, device)
    taps = op.tap_array[: op.n_outs]
    recurrent, stored = op.n_outs, op.n_outs + op.n_nit_sot

    def scan(count, *inputs):
        count = int(count)
        if count < 0:
            raise IndexError(
                f'Scan was asked to run for negative number of step {count}'
            )
        if count == 0:
            raise NotImplementedError(
                "We didn't implemented yet the case where scan do 0 iteration"
            )
        inputs = iter(inputs)
        sequences = _take(inputs, op.n_seqs)
        if any(len(sequence) < count for sequence in sequences):
            raise ValueError(
                'Sequence is shorter then the required number of steps: '
                f'{count} steps, {[len(one) for one in sequences]}'
            )
        buffers = [buffer.clone() for buffer in _take(inputs, recurrent)]
        shared = _take(inputs, op.n_shared_outs)
        lengths = [int(length) for length in _take(inputs, op.n_nit_sot)]
        buffers += [None] * op.n_nit_sot
        others = list(inputs)
        lengths = [len(buffer) for buffer in buffers[:recurrent]] + lengths
        places = [
            -least % length for least, length in zip(op.mintaps, lengths)
        ]

        done = 0
        while done < count:
            earlier = [
                buffers[i][(places[i] + tap) % lengths[i]]
                for i in range(recurrent)
                for tap in taps[i]
            ]
            results = step.compute(
                *(sequence[done] for sequence in sequences),
                *earlier,
                *shared,
                *others,
            )
            results = iter(on_device(results, op.outputs, device))
            # An earlier result may be a view of what is overwritten now.
            new = [
                [next(results).clone() for _ in slices]
                for slices in op.mit_mot_out_slices[: op.n_mit_mot]
            ]
            for i, slices in enumerate(op.mit_mot_out_slices[: op.n_mit_mot]):
                for tap, value in zip(slices, new[i]):
                    buffers[i][tap + places[i]] = value
            values = _take(results, stored - op.n_mit_mot)
            for i, value in enumerate(values, op.n_mit_mot):
                if buffers[i] is None:
                    buffers[i] = value.new_zeros(
                        (lengths[i],) + tuple(value.shape)
                    )
                elif value.shape != buffers[i].shape[1:]:
                    raise ValueError(
                        'An output of the scan has changed shape, from '
                        f'{tuple(buffers[i].shape[1:])} to '
                        f'{tuple(value.shape)}'
                    )
                elif value.untyped_storage().data_ptr() == (
                    buffers[i].untyped_storage().data_ptr()
                ):
                    values[i - op.n_mit_mot] = value.clone()
            for i, value in enumerate(values, op.n_mit_mot):
                buffers[i][places[i]] = value
            shared = _take(results, op.n_shared_outs)
            places = [
                (place + 1) % length for place, length in zip(places, lengths)
            ]
            done += 1
            if op.as_while and bool(to_host(next(results))):
                break

        for i in range(op.n_mit_mot, stored):
            filled = done - op.mintaps[i]
            if lengths[i] < filled:
                # The earliest comes first.
                buffers[i] = torch.roll(buffers[i], -places[i], 0)
            elif lengths[i] > filled:
                buffers[i][filled:] = 0
                if done < count:
                    buffers[i] = buffers[i][: done - count]
        outputs = (*buffers, *shared)
        return outputs if len(outputs) > 1 else outputs[0]

    return scan


def _take(iterator, count):
    return list(itertools.islice(iterator, count))


def _step(op, device):
    """The program of one step."""
    first = (
        op.n_seqs
        + sum(map(len, op.tap_array[: op.n_outs]))
        + (op.n_shared_outs)
    )
    return inner_program(
        op.inputs,
        op.outputs,
        device,
        [
            i
            for i, variable in enumerate(op.inputs)
            if i >= first and variable.dtype.startswith(('int', 'uint'))
        ],
    )
