"""What --precision bf16 does to the losses: the four networks, trained in
float32 and in bf16.

From the same seed, on the same minibatches of the preset's synthetic knees.
A third training tells how much of the difference is none of bf16's: in
float32, of images times 1 + 1e-7. All take turns, iteration by iteration, so
that whatever else the machine does slows each.
"""

import itertools
import json
import os
import time

import kneerepro  # noqa: F401, makes Theano importable

# isort: split
import lasagne
import numpy as np

from kneerepro import algorithms, config, engines
from kneerepro.data.dataset import Dataset
from kneerepro.data.reading.selection import Selection
from kneerepro.data.splits import minibatches
from kneerepro.experiment.session import dataset_file, options_of
from kneerepro.phantom.default import default_knees
from kneerepro.registry import EXPERIMENTS
from kneerepro.runs import environment, zoo
from kneerepro.utils import cli

ITERATIONS = {'cae2d': 300, 'cae3d': 60, 'dcgan': 200, 'wgan_gp': 200}
LOSSES = {
    'cae2d': ['train'],
    'cae3d': ['train'],
    'dcgan': ['discriminator', 'generator'],
    'wgan_gp': ['critic', 'generator'],
}
#: Precision, and what the images are multiplied by.
TRAININGS = {
    'float32': ('float32', 1.0),
    'bf16': ('bf16', 1.0),
    'perturbed': ('float32', 1 + 1e-7),
}

_LAST = 0.1  # of the iterations: those whose losses are averaged


class Training:
    """A network in training.

    Attributes
    ----------
    losses : dict of str to list of float
    seconds : list of float
        Of each iteration.
    """

    def __init__(self, network, parameters, shape, mode, factor):
        lasagne.random.set_rng(np.random.RandomState(parameters['seed']))
        spec = EXPERIMENTS[network]
        pair = zoo.build(network, zoo.options_of(network, parameters, shape))
        settings = {
            name: parameters[name]
            for name in (
                'learning_rate',
                'beta1',
                'beta2',
                'penalty_weight',
                *([] if spec.autoencoder else ['batch_size', 'seed']),
            )
            if name in parameters
        }
        compile_network = getattr(algorithms, spec.compiler)
        compiled = compile_network(*pair, mode=mode, **settings)
        self._first, self._second = compiled[:2]
        self._steps = parameters.get('critic_steps', 1)
        self._factor = np.float32(factor)
        self.losses = {name: [] for name in LOSSES[network]}
        self.seconds = []

    def step(self, images):
        """An iteration, on images of shape (batch, 1, ...)."""
        images = images * self._factor
        start = time.perf_counter()
        first, *second = self.losses.values()
        first.append(float(self._first(images)))
        if second and len(first) % self._steps == 0:
            second[0].append(float(self._second()))
        self.seconds.append(time.perf_counter() - start)


def measure(network, preset, out, device, iterations):
    """The trainings of a network.

    Returns
    -------
    dict
        The losses of each by name, seconds of iterations, batch size.
    """
    parameters = config.read_preset(preset, network)
    knees = default_knees(
        __file__,
        *(
            parameters[name]
            for name in ('patients', 'matrix', 'slices', 'seed')
        ),
    )
    path = dataset_file(
        knees,
        True,
        os.path.join(out, 'datasets'),
        options_of(parameters),
        Selection(),
    )
    with Dataset(path) as dataset:
        examples = (dataset.examples(EXPERIMENTS[network].on_volumes)).load()
        shape = tuple(map(int, dataset.shape))
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
        'losses': {name: one.losses for name, one in trainings.items()},
        'seconds': {name: one.seconds for name, one in trainings.items()},
    }


def compared(row):
    """What a network's trainings amount to.

    Parameters
    ----------
    row : dict
        Of :func:`measure`.

    Returns
    -------
    dict of str to dict
        For each loss: its mean over the last tenth of the iterations, by
        precision; the greatest ``difference`` of bf16 from float32, and of
        the ``perturbed`` float32, each relative to the greatest loss.
    """
    result = {}
    for name in row['losses']['float32']:
        plain, bf16, perturbed = (
            np.array(row['losses'][one][name]) for one in TRAININGS
        )
        last = max(1, int(_LAST * len(plain)))
        result[name] = {
            'float32': plain[-last:].mean(),
            'bf16': bf16[-last:].mean(),
            **{
                what: np.abs(values - plain).max() / np.abs(plain).max()
                for what, values in (
                    ('difference', bf16),
                    ('perturbed', perturbed),
                )
            },
        }
    return result


def main():
    parser = config.Parser(__doc__)
    parser.add_argument(
        'networks',
        nargs='*',
        metavar='NETWORK',
        type=cli.one_of(LOSSES),
        help=f'of {", ".join(LOSSES)} (default: all)',
    )
    config.add_preset(parser)
    config.add_out(parser)
    parser.add_argument(
        '--iterations',
        type=cli.positive_int,
        metavar='N',
        help='(default: '
        + ', '.join(f'{name} {n}' for name, n in ITERATIONS.items())
        + ')',
    )
    parser.add_argument('--device', choices=engines.DEVICES, default='auto')
    parser.add_argument(
        '--untimed',
        action='store_true',
        help='leave out the times, where the machine has other work',
    )
    parser.add_argument(
        '--json',
        metavar='FILE',
        help='write all losses and times to a file as well',
    )
    args = parser.parse_args()
    engine = engines.Engine('torch', args.device)
    measured = {
        'revision': environment.revision(),
        'machine': f'{environment.processor()}, '
        f'{environment.cores()} cores; {engine}',
        'preset': config.preset_name(args.preset),
        'rows': [],
    }
    print(measured['machine'])
    for network in args.networks or LOSSES:
        row = measure(
            network,
            args.preset,
            args.out,
            args.device,
            args.iterations or ITERATIONS[network],
        )
        row['compared'] = compared(row)
        for name, one in row['compared'].items():
            print(
                network,
                name
                + ': {float32:.4g} in float32, {bf16:.4g} in '
                'bf16; greatest difference {difference:.2g}, of perturbed '
                'float32 {perturbed:.2g}'.format(**one),
            )
        # The first iteration allocates the memory.
        plain, bf16 = (
            np.median(row['seconds'][name][1:]) for name in ('float32', 'bf16')
        )
        row['times'] = None if args.untimed else plain / bf16
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


if __name__ == '__main__':
    cli.run(main)
