"""The four networks, trained by Algorithms 1 to 3 on two engines.

Run as a script, it compares the PyTorch engine with Theano's C code, or on
CUDA with itself on the CPU: 20 iterations of every training step, from the
same seed and from the same state, in float32 and float64, and what the trained
networks then give in their deterministic mode. Each precision takes a process
of its own.

From the same seed, a GAN on one engine parts in float32 from that on another
all at once: a rounding error turns the sign of a rectifier's input or of a
gradient near 0, and Adam makes a step of the full rate from either. Theano
parts from itself so, if the images change by one part in ten millions. So
there, what counts is that each step does the same to the same state.

The gradient penalty of WGAN-GP jumps in such a place by itself, for it is made
of a gradient. A loss that differs there has to be one that the other engine
finds as well, when each pixel is changed by a rounding at random.
"""

import argparse
import json
import os
import subprocess
import sys
from collections import namedtuple

import numpy as np

import kneerepro  # noqa: F401, makes Theano importable

# isort: split
import lasagne
import theano
from lasagne.layers import get_all_params

from kneerepro import algorithms, networks
from kneerepro.utils import cli

NETWORKS = 'cae2d', 'cae3d', 'dcgan', 'wgan_gp'
#: Greatest relative difference of a loss, by precision.
TOLERANCES = {'float32': 1e-4, 'float64': 1e-9}

Outcome = namedtuple('Outcome', 'losses outputs parameters steps')


def build(network, iterations, batch_size=16):
    """A narrow network and minibatches for it, from fixed seeds.

    Parameters
    ----------
    network : str
        Of `NETWORKS`.
    iterations, batch_size : int

    Returns
    -------
    pair : tuple of Layer
    images : array, shape (iterations, batch_size, 1, ...)
    """
    lasagne.random.set_rng(np.random.RandomState(1))
    size = (32, 32, 32) if network == 'cae3d' else (64, 64)
    if network == 'cae2d':
        pair = networks.build_cae2d(width=1 / 8)
    elif network == 'cae3d':
        pair = networks.build_cae3d(20, *size, width=1 / 16)
    else:
        pair = getattr(networks, 'build_' + network)(width=1 / 16)
    return pair, np.random.RandomState(2).rand(
        iterations, batch_size, 1, *size
    ).astype(theano.config.floatX)


def compile_steps(network, pair, mode, batch_size):
    """The compiled functions of a network; and its training steps, each a
    function and a function of a minibatch that calls it."""
    if network.startswith('cae'):
        functions = algorithms.compile_cae(*pair, mode=mode)
        return functions, [(functions.train, functions.train)]
    functions = getattr(algorithms, 'compile_' + network)(
        *pair, batch_size=batch_size, mode=mode
    )
    return functions, [
        (functions[0], functions[0]),
        (functions[1], lambda x: functions[1]()),
    ]


def train(network, mode, iterations, batch_size=16):
    """Train a narrow network from a fixed seed.

    Parameters
    ----------
    network : str
        Of `NETWORKS`.
    mode : theano.compile.Mode or str
    iterations : int
        For a GAN, of both of its steps.
    batch_size : int

    Returns
    -------
    Outcome
        ``losses``, of shape (iterations, 1 or 2); ``outputs``, a list of what
        the network gives in deterministic mode; ``parameters``, a list; and
        ``steps``, the compiled functions of the training steps.
    """
    pair, images = build(network, iterations, batch_size)
    functions, steps = compile_steps(network, pair, mode, batch_size)
    losses = [[step(x) for _, step in steps] for x in images]
    if network.startswith('cae'):
        outputs = [function(images[0]) for function in functions[1:]]
    else:
        z = np.random.RandomState(3).normal(size=(batch_size, 200))
        outputs = [
            functions[2](images[0]),
            functions.sample(3),
            functions.generate(z.astype(theano.config.floatX)),
        ]
    return Outcome(
        np.array(losses),
        [np.asarray(one) for one in outputs],
        [param.get_value() for param in get_all_params(pair)],
        [function for function, _ in steps],
    )


def train_from_same_states(
    network, modes, iterations, batch_size=16, draws=30
):
    """Train on two engines, the first of which begins each step with the
    state of the second: parameters, Adam's and the random streams'.

    Parameters
    ----------
    network : str
        Of `NETWORKS`.
    modes : pair of theano.compile.Mode or str
    iterations, batch_size : int
    draws : int
        How often, at most, the second engine is given images with another
        rounding, where the losses differ by more than `TOLERANCES`.

    Returns
    -------
    losses : array, shape (2, iterations, 1 or 2)
        Of the first, and of the second that which is nearest to it.
    jumps : int
        How many of the second are of images with another rounding.
    """
    pair, images = build(network, iterations, batch_size)
    both = [
        compile_steps(network, pair, mode, batch_size)[1] for mode in modes
    ]
    rng, jumps = np.random.RandomState(4), 0
    losses = np.empty((2, iterations, len(both[0])))
    tolerance = TOLERANCES[theano.config.floatX]
    for i, k in np.ndindex(losses.shape[1:]):
        first, second = both[0][k], both[1][k]
        state = [variable.get_value() for variable in second[0].get_shared()]
        value = _from_state(first, state, images[i])
        expected = _from_state(second, state, images[i])
        losses[:, i, k] = value, expected
        scale = np.abs(losses[1, : i + 1, k]).max()
        others = []
        while (
            abs(value - expected) > tolerance * scale and len(others) < draws
        ):
            others.append(
                _from_state(second, state, _rounded_anew(images[i], rng))
            )
            expected = min(others, key=lambda other: abs(value - other))
        if others:
            if abs(value - expected) <= tolerance * scale:
                losses[1, i, k] = expected
                jumps += 1
            _from_state(second, state, images[i])
    return losses, jumps


def _from_state(step, state, images):
    """The loss of a step that begins with a state."""
    function, call = step
    for variable, value in zip(function.get_shared(), state):
        variable.set_value(value)
    return float(call(images))


def _rounded_anew(images, rng):
    """Images of which each pixel is changed by its last bit, or left."""
    noise = np.finfo(images.dtype).eps * rng.uniform(-1, 1, images.shape)
    return (images * (1 + noise)).astype(images.dtype)


def difference(values, expected):
    """The greatest difference between two arrays, relative to the greatest
    element; of lists of arrays, the greatest of all."""
    if not isinstance(expected, list):
        values, expected = [values], [expected]
    return max(
        float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-30))
        for a, b in zip(values, expected)
    )


def compare(network, iterations, mode, reference):
    """Train on two engines.

    Parameters
    ----------
    network : str
        Of `NETWORKS`.
    iterations : int
    mode, reference : theano.compile.Mode or str

    Returns
    -------
    dict
        The greatest relative differences: ``steps``, of the losses from the
        same states; ``losses``, ``outputs`` and ``parameters``, from the same
        seed. How many ``jumps`` there were. And whether it ``agrees``: the
        losses are finite, and as near as `TOLERANCES` has them be.
    """
    found = train(network, mode, iterations)
    expected = train(network, reference, iterations)
    losses, jumps = train_from_same_states(
        network, [mode, reference], iterations
    )
    result = {
        'network': network,
        'dtype': theano.config.floatX,
        'steps': difference(*losses),
        'jumps': jumps,
    }
    result.update(
        (name, difference(getattr(found, name), getattr(expected, name)))
        for name in ('losses', 'outputs', 'parameters')
    )
    chaotic = result['dtype'] == 'float32' and not network.startswith('cae')
    result['agrees'] = bool(np.isfinite(found.losses).all()) and (
        max(result['steps'], 0 if chaotic else result['losses'])
        <= TOLERANCES[result['dtype']]
    )
    return result


def compare_all(args):
    """Compare the networks, print the differences; returns whether all
    agree."""
    from kneerepro.engine import torch_mode

    reference = 'FAST_RUN' if args.against == 'theano' else torch_mode('cpu')
    results = []
    for network in args.networks or NETWORKS:
        results.append(
            compare(
                network, args.iterations, torch_mode(args.device), reference
            )
        )
        print(
            '{network:8} {dtype} {steps:9.1e} {jumps:5} {losses:9.1e} '
            '{outputs:9.1e} {parameters:9.1e}  {}'.format(
                'agrees' if results[-1]['agrees'] else 'DIFFERS', **results[-1]
            ),
            flush=True,
        )
    if args.json:
        with open(args.json, 'w') as file:
            json.dump(results, file)
    return all(result['agrees'] for result in results)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument(
        'networks',
        nargs='*',
        metavar='NETWORK',
        type=cli.one_of(NETWORKS),
        help=f'of {", ".join(NETWORKS)} (default: all)',
    )
    parser.add_argument('--iterations', type=int, default=20)
    parser.add_argument('--device', default='cpu', choices=['cpu', 'cuda'])
    parser.add_argument(
        '--against',
        default='theano',
        choices=['theano', 'cpu'],
        help="Theano's C code (default), or the engine on the CPU",
    )
    parser.add_argument(
        '--precision', choices=TOLERANCES, help='(default: both)'
    )
    parser.add_argument(
        '--json', metavar='FILE', help='write the differences of one precision'
    )
    args = parser.parse_args()
    if args.precision == theano.config.floatX:
        sys.exit(not compare_all(args))
    if args.json and not args.precision:
        parser.error('--json needs --precision')

    print(
        'greatest relative difference of the losses from the same states, '
        'but for jumps,\nwhich are counted; of losses, outputs and '
        'parameters from the same seed:',
        flush=True,
    )
    failed = False
    for precision in [args.precision] if args.precision else TOLERANCES:
        flags = os.environ.get('THEANO_FLAGS', '') + f',floatX={precision}'
        failed |= (
            subprocess.run(
                [
                    sys.executable,
                    '-m',
                    'tests.engine.training',
                    *args.networks,
                    '--iterations',
                    str(args.iterations),
                    '--device',
                    args.device,
                    '--against',
                    args.against,
                    '--precision',
                    precision,
                    *(['--json', args.json] if args.json else []),
                ],
                env={**os.environ, 'THEANO_FLAGS': flags.strip(',')},
            ).returncode
            != 0
        )
    sys.exit(failed)


if __name__ == '__main__':
    main()
