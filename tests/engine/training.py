"""The four networks, trained by Algorithms 1 to 3 on two engines.

Run as a script, it compares the PyTorch engine with Theano's C code: 20
iterations of every training step from the same seed, in float32 and float64,
and what the trained networks then give in their deterministic mode. Each
precision takes a process of its own.

In float32, a GAN on one engine may part from that on another all at once: a
rounding error turns the sign of a rectifier's input or of a gradient near 0,
and Adam makes a step of the full rate from either. In float64, no such thing
happens within so few iterations.
"""

import argparse
import os
import subprocess
import sys
from collections import namedtuple

import numpy as np

import kneerepro  # noqa: F401, before Theano
import lasagne
import theano
from lasagne.layers import get_all_params

from kneerepro import algorithms, networks

NETWORKS = 'cae2d', 'cae3d', 'dcgan', 'wgan_gp'
#: Greatest relative difference of a loss, by precision.
TOLERANCES = {'float32': 1e-4, 'float64': 1e-9}

Outcome = namedtuple('Outcome', 'losses outputs parameters')


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
        the network gives in deterministic mode; ``parameters``, a list.
    """
    lasagne.random.set_rng(np.random.RandomState(1))
    dtype = theano.config.floatX
    size = (32, 32, 32) if network == 'cae3d' else (64, 64)
    images = np.random.RandomState(2).rand(
        iterations, batch_size, 1, *size).astype(dtype)
    if network.startswith('cae'):
        if network == 'cae2d':
            pair = networks.build_cae2d(width=1 / 8)
        else:
            pair = networks.build_cae3d(20, *size, width=1 / 16)
        functions = algorithms.compile_cae(*pair, mode=mode)
        losses = [[functions.train(x)] for x in images]
        outputs = [function(images[0]) for function in functions[1:]]
    else:
        pair = getattr(networks, 'build_' + network)(width=1 / 16)
        functions = getattr(algorithms, 'compile_' + network)(
            *pair, batch_size=batch_size, mode=mode)
        losses = [[functions[0](x), functions[1]()] for x in images]
        z = np.random.RandomState(3).normal(size=(batch_size, 200))
        outputs = [functions[2](images[0]), functions.sample(3),
                   functions.generate(z.astype(dtype))]
    return Outcome(np.array(losses), [np.asarray(one) for one in outputs],
                   [param.get_value() for param in get_all_params(pair)])


def difference(values, expected):
    """The greatest difference between two arrays, relative to the greatest
    element; of lists of arrays, the greatest of all."""
    if not isinstance(expected, list):
        values, expected = [values], [expected]
    return max(float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-30))
               for a, b in zip(values, expected))


def compare(network, iterations, device):
    """Train on both engines, print the differences; returns whether the
    losses agree."""
    from kneerepro.engine import torch_mode
    found = train(network, torch_mode(device), iterations)
    expected = train(network, 'FAST_RUN', iterations)
    losses, outputs, parameters = (
        difference(*pair) for pair in zip(found, expected))
    tolerance = TOLERANCES[theano.config.floatX]
    agrees = np.isfinite(found.losses).all() and losses <= tolerance
    print(f'{network:8} {theano.config.floatX} {losses:9.1e} {outputs:9.1e} '
          f'{parameters:9.1e}  {"agrees" if agrees else "DIFFERS"}',
          flush=True)
    return agrees


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('networks', nargs='*', metavar='NETWORK',
                        help=f'of {", ".join(NETWORKS)} (default: all)')
    parser.add_argument('--iterations', type=int, default=20)
    parser.add_argument('--device', default='cpu', choices=['cpu', 'cuda'])
    parser.add_argument('--precision', choices=TOLERANCES,
                        help='(default: both)')
    args = parser.parse_args()
    for network in args.networks:
        if network not in NETWORKS:
            parser.error(f'{network} is none of {", ".join(NETWORKS)}')
    if args.precision == theano.config.floatX:
        sys.exit(not all([compare(network, args.iterations, args.device)
                          for network in args.networks or NETWORKS]))

    print('greatest relative difference of losses, outputs, parameters:',
          flush=True)
    failed = False
    for precision in [args.precision] if args.precision else TOLERANCES:
        flags = os.environ.get('THEANO_FLAGS', '') + f',floatX={precision}'
        failed |= 0 != subprocess.run(
            [sys.executable, '-m', 'tests.engine.training', *args.networks,
             '--iterations', str(args.iterations), '--device', args.device,
             '--precision', precision],
            env={**os.environ, 'THEANO_FLAGS': flags.strip(',')}).returncode
    sys.exit(failed)


if __name__ == '__main__':
    main()
