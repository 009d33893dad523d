"""Time an LSTM in the PyTorch engine, in PyTorch alone, and on Theano's C
code.

It has Lasagne's LSTMLayer, which is a ``theano.scan``, on sequences of noise;
the loss is the mean square of its output. PyTorch alone computes the same
cells in a loop and differentiates them itself, without its fused LSTM.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

import check_environment  # noqa: F401, says what to run
import numpy as np
import torch
from alternating import time_alternating
from interleaved import machine
from torch import nn

import kneerepro  # noqa: F401, makes Theano importable

# isort: split
import lasagne
import theano
import theano.tensor as T
from lasagne.layers import InputLayer, LSTMLayer

from kneerepro import command_line
from kneerepro.compat.theano_flags import C_CODE
from kneerepro.engine import torch_mode
from kneerepro.runs import environment
from kneerepro.utils import cli

_RATE = 1e-2
# Seconds before each block, see interleaved.py.
_PAUSE = 0.2


class LSTM(nn.Module):
    """The network in PyTorch alone, with Lasagne's peephole connections."""

    def __init__(self, units: int):
        super().__init__()
        self.inputs = nn.Linear(units, 4 * units)
        self.recurrent = nn.Linear(units, 4 * units, bias=False)
        self.peepholes = nn.Parameter(0.1 * torch.randn(3, units))
        self.hidden = nn.Parameter(torch.zeros(1, units))
        self.cell = nn.Parameter(torch.zeros(1, units))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute the outputs for inputs of shape (n, steps, units)."""
        to_input, to_forget, to_output = self.peepholes
        hidden = self.hidden.expand(len(x), -1)
        cell = self.cell.expand(len(x), -1)
        outputs = []
        for gates in self.inputs(x.transpose(0, 1)):
            i, f, c, o = (gates + self.recurrent(hidden)).chunk(4, 1)
            i = torch.sigmoid(i + cell * to_input)
            f = torch.sigmoid(f + cell * to_forget)
            cell = f * cell + i * torch.tanh(c)
            # Lasagne 0.1 adds this connection after the nonlinearity.
            gate = torch.sigmoid(o) + cell * to_output
            hidden = gate * torch.tanh(cell)
            outputs.append(hidden)
        return torch.stack(outputs)


def native_step(x: np.ndarray, train: bool) -> Callable[[], object]:
    """A call of the network in PyTorch alone."""
    model, inputs = LSTM(x.shape[-1]), torch.from_numpy(x)
    optimiser = torch.optim.SGD(model.parameters(), _RATE)

    def step():
        if not train:
            with torch.inference_mode():
                return model(inputs).square().mean()
        optimiser.zero_grad()
        loss = model(inputs).square().mean()
        loss.backward()
        optimiser.step()
        return loss.detach()

    return step


def theano_step(x: np.ndarray, train: bool, mode: Any) -> Callable[[], object]:
    """A call of the network in Theano."""
    lasagne.random.set_rng(np.random.RandomState(0))
    first = InputLayer(x.shape)
    network = LSTMLayer(first, x.shape[-1])
    loss = T.sqr(lasagne.layers.get_output(network)).mean()
    updates = None
    if train:
        parameters = lasagne.layers.get_all_params(network, trainable=True)
        updates = lasagne.updates.sgd(loss, parameters, _RATE)
    f = theano.function([first.input_var], loss, updates=updates, mode=mode)
    return lambda: f(x)


def main() -> None:
    """Measure the network, and print and write the times."""
    args = parse_arguments()
    measured: dict[str, Any] = {
        'revision': environment.revision(),
        'machine': machine('cpu', C_CODE),
        'rows': [],
    }
    print(measured['machine'])
    print(
        f'LSTM, {args.steps} steps, batch of {args.batch_size}, '
        f'{args.units} units'
    )
    x = np.random.RandomState(0).normal(
        size=(args.batch_size, args.steps, args.units)
    )
    for train in False, True:
        row = {
            'train': train,
            **measure(x.astype('float32'), train, args.repeats),
        }
        measured['rows'].append(row)
        print_row(row)
        if args.json:
            with open(args.json, 'w') as file:
                json.dump(measured, file, indent=1)


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    command_line.add_count(parser, '--steps', 50, 'steps of a sequence')
    command_line.add_count(parser, '--batch-size', 64, 'sequences')
    command_line.add_count(parser, '--units', 256, 'units of the layer')
    command_line.add_count(
        parser, '--repeats', 7, 'number of calls whose median is taken'
    )
    parser.add_argument(
        '--json', metavar='FILE', help='also write all times to a file'
    )
    return parser.parse_args()


def measure(x: np.ndarray, train: bool, repeats: int) -> dict[str, float]:
    """The seconds a call of each implementation."""
    functions = {
        'torch': theano_step(x, train, torch_mode('cpu')),
        'native': native_step(x, train),
    }
    if C_CODE:
        functions['theano'] = theano_step(x, train, 'FAST_RUN')
    for function in functions.values():
        function()
    return time_alternating(functions, repeats, 0, _PAUSE)


def print_row(row: dict[str, Any]) -> None:
    """Print a row. The speeds are relative to the engine's."""
    print(
        'training step' if row['train'] else 'forward',
        *(
            f'{name} {1e3 * row[name]:.1f} ms'
            + (
                ''
                if name == 'torch'
                else f' (engine: {row[name] / row["torch"]:.2f} times as fast)'
            )
            for name in ('torch', 'native', 'theano')
            if name in row
        ),
        sep=', ',
        flush=True,
    )


if __name__ == '__main__':
    cli.run(main)
