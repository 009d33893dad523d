"""Time a whole run of one of the thesis's experiments.

The networks, the loop over minibatches, the logged losses and the checkpoints
are those of its training. The images are noise, in the number and size of the
thesis's, and no figures are drawn. The time of all epochs is extrapolated from
a few, without the first; --whole trains all of them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from typing import Any

import check_environment  # noqa: F401, says what to run
import numpy as np
from thesis_networks import compile_networks

from kneerepro import command_line, config, engines, runs
from kneerepro.data.splits import SPLITS
from kneerepro.data.views import View
from kneerepro.registry import EXPERIMENTS, THESIS
from kneerepro.runs.batches import mean_over
from kneerepro.runs.training import Training
from kneerepro.utils import cli


def time_run(
    network: str,
    device: str,
    preset: str = 'thesis',
    epochs: int | None = 3,
) -> dict[str, Any]:
    """Train on noise and measure the time.

    Parameters
    ----------
    network : str
        One of :data:`kneerepro.registry.THESIS`.
    device : {'auto', 'cpu', 'cuda'}
    preset : str
    epochs : int or None
        How many epochs to train, at least two; None for all.

    Returns
    -------
    dict
        ``compiling``, seconds; ``epochs``, seconds of each epoch that was
        trained; ``iterations``, those of a whole run; ``whole``, whether all
        epochs were trained; ``seconds``, the time of a whole run with its
        compilation, extrapolated if they were not.
    """
    parameters = config.read_preset(preset, network)
    count = parameters['epochs']
    if epochs is not None:
        parameters['epochs'] = min(epochs, count)
    engine = engines.Engine('torch', device)
    train, test = _examples(network, parameters)
    shape = parameters['depth'], parameters['size'], parameters['size']
    start = time.perf_counter()
    pair, functions = compile_networks(network, parameters, shape, engine.mode)
    compiling = time.perf_counter() - start
    with tempfile.TemporaryDirectory() as folder:
        run = runs.create(
            folder,
            {
                'experiment': network,
                'preset': preset,
                'parameters': parameters,
            },
            {'parameters': parameters},
        )
        training = Training(
            run,
            pair,
            functions,
            engine.place(train),
            list(EXPERIMENTS[network].losses),
            feed=engine.feed,
        )
        spent = _train(
            network,
            training,
            functions,
            test,
            parameters.get('first_ten_every'),
        )
    # The first epoch is not extrapolated: it allocates the memory.
    rest = np.median(spent[1:]) * (count - len(spent)) if spent[1:] else 0
    return {
        'network': network,
        'compiling': compiling,
        'epochs': spent,
        'iterations': count * training.iterations_per_epoch,
        'whole': len(spent) == count,
        'seconds': compiling + sum(spent) + rest,
    }


def _train(network, training, functions, test, first_ten_every):
    """Train, and return the seconds of each epoch."""
    spec = EXPERIMENTS[network]
    ends = [time.perf_counter()]
    for batch in training.minibatches():
        # The same as in the loops of kneerepro/trainings/.
        if spec.autoencoder:
            training.log(train=functions.train(batch))
            if training.ends_interval(first_ten_every):
                training.log(first_ten=functions.test(test[:10]))
            if training.ends_epoch:
                training.log(test=mean_over(functions.test, test, len(batch)))
        else:
            adversary, generator = spec.losses
            train_adversary = getattr(functions, f'train_{adversary}')
            training.log(**{adversary: train_adversary(batch)})
            training.log(**{generator: functions.train_generator()})
        if training.ends_epoch:
            ends.append(time.perf_counter())
    return np.diff(ends).tolist()


def _examples(network, parameters):
    """Training and test examples. A GAN's test examples are None."""
    shape = (
        parameters['patients'],
        1,
        parameters['depth'],
        parameters['size'],
        parameters['size'],
    )
    examples = View(
        np.random.default_rng(0).random(shape, 'float32'),
        np.arange(shape[0]).astype(str),
        np.ones(shape[0], bool),
        images=not EXPERIMENTS[network].on_volumes,
    )
    if not EXPERIMENTS[network].autoencoder:
        return examples, None
    divided = SPLITS[parameters['split']](examples, parameters['test'])
    return examples.take(divided.train), examples.take(divided.test)


def main() -> None:
    """Time a run, and print and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('network', choices=THESIS)
    parser.add_argument('--device', choices=engines.DEVICES, default='auto')
    command_line.add_count(
        parser, '--epochs', 3, 'number of epochs to extrapolate from'
    )
    parser.add_argument(
        '--whole', action='store_true', help='train all epochs'
    )
    parser.add_argument(
        '--json', metavar='FILE', help='also write the times to a file'
    )
    command_line.add_preset(parser, 'thesis')
    args = parser.parse_args()
    if args.epochs < 2:
        parser.error(
            '--epochs must be 2 or more: the first epoch allocates the '
            'memory, and is not extrapolated'
        )
    result = time_run(
        args.network,
        args.device,
        args.preset,
        None if args.whole else args.epochs,
    )
    extrapolated = ''
    if not result['whole']:
        extrapolated = f', extrapolated from {len(result["epochs"])} epochs'
    print(
        '{network}: {seconds:.0f} s for {iterations:,} iterations, '
        '{compiling:.0f} s of them to compile'.format(**result)
        + extrapolated
    )
    if args.json:
        with open(args.json, 'w') as file:
            json.dump(result, file)


if __name__ == '__main__':
    cli.run(main)
