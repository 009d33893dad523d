"""Measure how --precision bf16 changes the losses of the four networks.

Each network is trained in float32 and in bf16. Both trainings start from the
same seed and see the same minibatches of the preset's synthetic knees. A third
training, in float32 with images multiplied by 1 + 1e-7, shows how much of the
difference is not due to bf16. The trainings alternate iteration by iteration,
so that any other load on the machine slows all of them equally.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from typing import Any

import check_environment  # noqa: F401, says what to run

import kneerepro  # noqa: F401, makes Theano importable

# isort: split
import lasagne
import numpy as np
from thesis_networks import compile_networks

from kneerepro import command_line, config, engines
from kneerepro.data.dataset import Dataset
from kneerepro.data.reading.selection import Selection
from kneerepro.data.splits import minibatches
from kneerepro.experiment.datasets import (
    dataset_file,
    options_from,
    synthetic_knees,
)
from kneerepro.registry import EXPERIMENTS, THESIS
from kneerepro.runs import environment
from kneerepro.utils import cli

ITERATIONS = {'cae2d': 300, 'cae3d': 60, 'dcgan': 200, 'wgan_gp': 200}
#: Precision, and the factor on the images.
TRAININGS = {
    'float32': ('float32', 1.0),
    'bf16': ('bf16', 1.0),
    'perturbed': ('float32', 1 + 1e-7),
}

# Final losses are averaged over this share of the iterations.
_LAST = 0.1


class Training:
    """A network in training.

    Attributes
    ----------
    losses : dict of str to list of float
    seconds : list of float
        Seconds of each iteration.
    """

    def __init__(
        self,
        network: str,
        parameters: dict[str, Any],
        shape: tuple[int, int, int],
        mode: Any,
        factor: float,
    ):
        lasagne.random.set_rng(np.random.RandomState(parameters['seed']))
        _, functions = compile_networks(network, parameters, shape, mode)
        spec = EXPERIMENTS[network]
        if spec.autoencoder:
            self._train, self._train_generator = functions.train, None
            names = ['train']
        else:
            _, adversary = spec.networks
            self._train = getattr(functions, f'train_{adversary}')
            self._train_generator = functions.train_generator
            names = [adversary, 'generator']
        self._critic_steps = parameters.get('critic_steps', 1)
        self._factor = np.float32(factor)
        self.losses: dict[str, list[float]] = {name: [] for name in names}
        self.seconds: list[float] = []

    def step(self, images: np.ndarray) -> None:
        """Run an iteration on images of shape (batch, 1, ...)."""
        images = images * self._factor
        start = time.perf_counter()
        losses, *generator_losses = self.losses.values()
        losses.append(float(self._train(images)))
        if generator_losses and len(losses) % self._critic_steps == 0:
            generator_losses[0].append(float(self._train_generator()))
        self.seconds.append(time.perf_counter() - start)


def measure(
    network: str, preset: str, out: str, device: str, iterations: int
) -> dict[str, Any]:
    """Train a network in each precision.

    Returns
    -------
    dict
        For each training its losses by name and the seconds of its
        iterations; and the batch size.
    """
    parameters = config.read_preset(preset, network)
    examples, shape = _examples(network, parameters, out)
    trainings = {
        name: Training(
            network,
            parameters,
            shape,
            engines.Engine('torch', device, precision).mode,
            factor,
        )
        for name, (precision, factor) in TRAININGS.items()
    }
    epochs = (
        minibatches(
            examples, parameters['batch_size'], parameters['seed'], epoch
        )
        for epoch in itertools.count(1)
    )
    batches = itertools.chain.from_iterable(epochs)
    for batch in itertools.islice(batches, iterations):
        for training in trainings.values():
            training.step(batch)
    return {
        'network': network,
        'batch_size': parameters['batch_size'],
        'iterations': iterations,
        'losses': {
            name: training.losses for name, training in trainings.items()
        },
        'seconds': {
            name: training.seconds for name, training in trainings.items()
        },
    }


def _examples(network, parameters, out):
    """The preset's synthetic knees, and the shape of a volume."""
    path = dataset_file(
        synthetic_knees(out, parameters),
        None,
        out,
        options_from(parameters),
        Selection(),
    )
    with Dataset(path) as dataset:
        examples = dataset.examples(EXPERIMENTS[network].on_volumes).load()
        return examples, tuple(map(int, dataset.shape))


def compare(row: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Compare a network's trainings.

    Parameters
    ----------
    row : dict
        From :func:`measure`.

    Returns
    -------
    dict of str to dict
        For each loss: its mean over the last tenth of the iterations, by
        precision; and the greatest ``difference`` of bf16, and of the
        ``perturbed`` float32, from float32, both relative to the greatest
        loss.
    """
    result = {}
    for name in row['losses']['float32']:
        plain, bf16, perturbed = (
            np.array(row['losses'][training][name]) for training in TRAININGS
        )
        last = max(1, int(_LAST * len(plain)))
        greatest = np.abs(plain).max()
        result[name] = {
            'float32': plain[-last:].mean(),
            'bf16': bf16[-last:].mean(),
            'difference': np.abs(bf16 - plain).max() / greatest,
            'perturbed': np.abs(perturbed - plain).max() / greatest,
        }
    return result


def main() -> None:
    """Measure the networks, and print and write the results."""
    args = parse_arguments()
    engine = engines.Engine('torch', args.device)
    measured = {
        'revision': environment.revision(),
        'machine': f'{environment.processor()}, '
        f'{environment.cores()} cores; {engine}',
        'preset': config.preset_name(args.preset),
        'rows': [],
    }
    print(measured['machine'])
    for network in args.networks or THESIS:
        row = measure(
            network,
            args.preset,
            args.out,
            args.device,
            args.iterations or ITERATIONS[network],
        )
        row['compared'] = compare(row)
        # The first iteration is left out: it allocates the memory.
        plain, bf16 = (
            np.median(row['seconds'][name][1:]) for name in ('float32', 'bf16')
        )
        row['times'] = None if args.untimed else plain / bf16
        print_losses(row)
        if not args.untimed:
            print(
                f'an iteration: {plain:.3g} s in float32, {bf16:.3g} s in '
                'bf16',
                flush=True,
            )
        measured['rows'].append(row)
        if args.json:
            with open(args.json, 'w', encoding='utf-8') as file:
                json.dump(measured, file, indent=1)


def print_losses(row: dict[str, Any]) -> None:
    """Print the comparison of a network's losses."""
    for name, values in row['compared'].items():
        print(
            f'{row["network"]} {name}: '
            '{float32:.4g} in float32, {bf16:.4g} in bf16; greatest '
            'difference {difference:.2g}, of perturbed float32 '
            '{perturbed:.2g}'.format(**values)
        )


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = command_line.Parser(__doc__)
    parser.add_argument(
        'networks',
        nargs='*',
        metavar='NETWORK',
        type=cli.one_of(THESIS),
        help=f'{", ".join(THESIS)} (default: all)',
    )
    command_line.add_preset(parser)
    command_line.add_out(parser)
    defaults = ', '.join(f'{name} {n}' for name, n in ITERATIONS.items())
    parser.add_argument(
        '--iterations',
        type=cli.positive_int,
        metavar='N',
        help=f'(default: {defaults})',
    )
    parser.add_argument('--device', choices=engines.DEVICES, default='auto')
    parser.add_argument(
        '--untimed',
        action='store_true',
        help='omit the times, if the machine has other work to do',
    )
    parser.add_argument(
        '--json',
        metavar='FILE',
        help='also write all losses and times to a file',
    )
    return parser.parse_args()


if __name__ == '__main__':
    cli.run(main)
