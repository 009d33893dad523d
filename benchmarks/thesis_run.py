"""How long a whole run of one of the thesis's experiments takes.

The networks, the loop over minibatches, the losses that are logged and the
checkpoints are those of experiments/; the images are noise, in the thesis's
number and size, and no figures are drawn. From a few epochs, the first apart,
the time of all is extrapolated; --whole trains all of them.
"""

import argparse
import json
import tempfile
import time

import numpy as np

from kneerepro import algorithms, config, engines, runs
from kneerepro.data.splits import SPLITS
from kneerepro.data.views import View
from kneerepro.registry import EXPERIMENTS
from kneerepro.runs import zoo
from kneerepro.runs.training import Training, mean_over
from kneerepro.utils import cli


def timed_run(network, device, preset='thesis', epochs=3):
    """Train on noise.

    Parameters
    ----------
    network : str
        Of :data:`kneerepro.registry.EXPERIMENTS`.
    device : {'auto', 'cpu', 'cuda'}
    preset : str
    epochs : int or None
        How many to train, at least two; None for all.

    Returns
    -------
    dict
        ``compiling``, seconds; ``epochs``, seconds of each that was trained;
        ``iterations``, those of a whole run; ``whole``, whether all were
        trained; ``seconds``, of a whole run with its compilation,
        extrapolated if they were not.
    """
    parameters = config.read_preset(preset, network)
    count = parameters['epochs']
    if epochs is not None:
        parameters['epochs'] = min(epochs, count)
    engine = engines.Engine('torch', device)
    train, test = _examples(network, parameters)
    start = time.perf_counter()
    pair, functions = _compile(network, parameters, engine.mode)
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
            _losses(network),
            feed=engine.feed,
        )
        ends = [time.perf_counter()]
        for batch in training.minibatches():
            _iterate(
                network,
                training,
                functions,
                batch,
                test,
                parameters.get('first_ten_every'),
            )
            if training.ends_epoch:
                ends.append(time.perf_counter())
    spent = np.diff(ends).tolist()
    # The first one allocates the memory.
    rest = np.median(spent[1:]) * (count - len(spent)) if spent[1:] else 0
    return {
        'network': network,
        'compiling': compiling,
        'epochs': spent,
        'iterations': count * training.per_epoch,
        'whole': len(spent) == count,
        'seconds': compiling + sum(spent) + rest,
    }


def _examples(network, parameters):
    """Training and test examples, the latter None for a GAN."""
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


def _compile(network, parameters, mode):
    shape = (parameters['depth'], parameters['size'], parameters['size'])
    pair = zoo.build(network, zoo.options_of(network, parameters, shape))
    names = 'learning_rate', 'beta1', 'beta2'
    if not EXPERIMENTS[network].autoencoder:
        names += 'batch_size', 'seed', 'penalty_weight'
    compile_network = getattr(algorithms, EXPERIMENTS[network].compiler)
    return pair, compile_network(
        *pair,
        mode=mode,
        **{name: parameters[name] for name in names if name in parameters},
    )


def _losses(network):
    spec = EXPERIMENTS[network]
    return list(spec.losses) if spec.autoencoder else ['other', 'generator']


def _iterate(network, training, functions, batch, test, first_ten_every):
    """What experiments/ do with a minibatch."""
    if EXPERIMENTS[network].autoencoder:
        training.log(train=functions.train(batch))
        if training.is_every(first_ten_every):
            training.log(first_ten=functions.test(test[:10]))
        if training.ends_epoch:
            training.log(test=mean_over(functions.test, test, len(batch)))
    else:
        training.log(other=functions[0](batch))
        training.log(generator=functions[1]())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('network', choices=EXPERIMENTS)
    parser.add_argument('--device', choices=engines.DEVICES, default='auto')
    parser.add_argument(
        '--epochs',
        type=cli.positive_int,
        default=3,
        help='to extrapolate from (default: 3)',
    )
    parser.add_argument('--whole', action='store_true', help='train all')
    parser.add_argument(
        '--json', metavar='FILE', help='write the times to a file as well'
    )
    config.add_preset(parser, 'thesis')
    args = parser.parse_args()
    if args.epochs < 2:
        parser.error(
            '--epochs must be 2 or more: the first is not like the others'
        )
    result = timed_run(
        args.network,
        args.device,
        args.preset,
        None if args.whole else args.epochs,
    )
    print(
        '{network}: {seconds:.0f} s for {iterations:,} iterations, '
        '{compiling:.0f} s of them to compile{}'.format(
            ''
            if result['whole']
            else f', extrapolated from {len(result["epochs"])} epochs',
            **result,
        )
    )
    if args.json:
        with open(args.json, 'w') as file:
            json.dump(result, file)


if __name__ == '__main__':
    cli.run(main)
