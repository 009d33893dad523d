"""The four networks, trained by Algorithms 1 to 3 on two engines.

Run as a script, this compares the PyTorch engine with Theano's C code, or the
engine on CUDA with the engine on the CPU. It runs 20 iterations of every
training step, from the same seed and from the same states, in float32 and
float64. It also compares what the trained networks compute in deterministic
mode. Each precision has a process of its own.

In float32, two GANs trained from the same seed on different engines diverge
suddenly. A rounding error changes the sign of a rectifier's input, or of a
gradient near 0, and Adam makes a step of the full rate in either direction.
Theano diverges from itself in the same way if the images change by one part in
ten million. So for GANs in float32, only the steps from the same states must
agree.

The gradient penalty of WGAN-GP contains a gradient, so at such a point it
jumps even from the same state. If a loss differs there, the other engine must
find the same loss after random rounding errors in the pixels.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass

import numpy as np

import kneerepro  # noqa: F401, makes Theano importable

# isort: split
import lasagne
import theano
from lasagne.layers import get_all_params

from kneerepro import algorithms, networks
from kneerepro.utils import cli

NETWORKS = 'cae2d', 'cae3d', 'dcgan', 'wgan_gp'
#: The largest relative difference of a loss, by precision.
TOLERANCES = {'float32': 1e-4, 'float64': 1e-9}


@dataclass(frozen=True)
class Outcome:
    """The result of a training.

    Attributes
    ----------
    losses : array, shape (iterations, 1 or 2)
    outputs : list of array
        What the trained network computes in deterministic mode.
    parameters : list of array
    steps : list of theano.compile.function_module.Function
        The training steps.
    """

    losses: np.ndarray
    outputs: list
    parameters: list
    steps: list


def build(network, iterations, batch_size=16, width=1.0):
    """A narrow network and minibatches for it, from fixed seeds.

    Parameters
    ----------
    network : str
        One of `NETWORKS`.
    iterations, batch_size : int
    width : float
        Factor on the numbers of filters.

    Returns
    -------
    pair : tuple of Layer
    images : array, shape (iterations, batch_size, 1, ...)
    """
    lasagne.random.set_rng(np.random.RandomState(1))
    size = (32, 32, 32) if network == 'cae3d' else (64, 64)
    if network == 'cae2d':
        pair = networks.build_cae2d(width=width / 8)
    elif network == 'cae3d':
        pair = networks.build_cae3d(20, *size, width=width / 16)
    else:
        pair = getattr(networks, 'build_' + network)(width=width / 16)
    return pair, np.random.RandomState(2).rand(
        iterations, batch_size, 1, *size
    ).astype(theano.config.floatX)


def compile_steps(network, pair, mode, batch_size):
    """Compile the functions of a network.

    Returns
    -------
    functions : CAEFunctions, DCGANFunctions or WGANGPFunctions
    steps : list of (function, callable)
        The training steps: each compiled function, and a function that calls
        it with a minibatch.
    """
    if network.startswith('cae'):
        functions = algorithms.compile_cae(*pair, mode=mode)
        return functions, [(functions.train, functions.train)]
    functions = getattr(algorithms, 'compile_' + network)(
        *pair, batch_size=batch_size, mode=mode
    )
    train_first = (
        functions.train_discriminator
        if network == 'dcgan'
        else functions.train_critic
    )
    train_generator = functions.train_generator
    return functions, [
        (train_first, train_first),
        (train_generator, lambda x: train_generator()),
    ]


class Training:
    """A narrow network, its images, and its compiled functions, from fixed
    seeds.

    Parameters
    ----------
    network : str
        One of `NETWORKS`.
    mode : theano.compile.Mode or str
    iterations : int
        In each one, a GAN makes both of its steps.
    batch_size : int
    width : float
        See :func:`build`.

    Attributes
    ----------
    steps : list of theano.compile.function_module.Function
        The training steps.
    """

    def __init__(self, network, mode, iterations, batch_size=16, width=1.0):
        self._pair, self._images = build(
            network, iterations, batch_size, width
        )
        functions, self._calls = compile_steps(
            network, self._pair, mode, batch_size
        )
        self.steps = [function for function, _ in self._calls]
        if network.startswith('cae'):
            self._on_images = [
                functions.test,
                functions.reconstruct,
                functions.encode,
            ]
            self._from_noise = []
        else:
            self._on_images = [
                functions.discriminate
                if network == 'dcgan'
                else functions.criticise
            ]
            z = np.random.RandomState(3).normal(size=(batch_size, 200))
            self._from_noise = [
                (functions.sample, 3),
                (functions.generate, z.astype(theano.config.floatX)),
            ]

    def run(self):
        """Train from the present state.

        Returns
        -------
        Outcome
        """
        losses = [[step(x) for _, step in self._calls] for x in self._images]
        outputs = [function(self._images[0]) for function in self._on_images]
        outputs += [function(value) for function, value in self._from_noise]
        return Outcome(
            losses=np.array(losses),
            outputs=[np.asarray(output) for output in outputs],
            parameters=[
                param.get_value() for param in get_all_params(self._pair)
            ],
            steps=self.steps,
        )

    def state(self):
        """The values of all shared variables: parameters, Adam's moments and
        random streams, as ``[(variable, value)]``."""
        functions = [
            *self.steps,
            *self._on_images,
            *(function for function, _ in self._from_noise),
        ]
        variables = {
            variable: variable.get_value()
            for function in functions
            for variable in function.get_shared()
        }
        return list(variables.items())


def train(network, mode, iterations, batch_size=16):
    """Train a narrow network from a fixed seed: see :class:`Training`.

    Returns
    -------
    Outcome
    """
    return Training(network, mode, iterations, batch_size).run()


def train_from_same_states(
    network, modes, iterations, batch_size=16, draws=30
):
    """Train on two engines. The first begins each step with the state of the
    second: parameters, Adam's moments and random streams.

    Parameters
    ----------
    network : str
        One of `NETWORKS`.
    modes : pair of theano.compile.Mode or str
    iterations, batch_size : int
    draws : int
        Where the losses differ by more than `TOLERANCES`, the second engine
        gets images with other rounding errors, at most so many times.

    Returns
    -------
    losses : array, shape (2, iterations, 1 or 2)
        The losses of the first engine, and the nearest ones of the second.
    jumps : int
        How many losses of the second needed other rounding errors.
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
    """The loss of a step that begins with a given state."""
    function, call = step
    for variable, value in zip(function.get_shared(), state):
        variable.set_value(value)
    return float(call(images))


def _rounded_anew(images, rng):
    """Images with random changes of up to one bit in each pixel."""
    noise = np.finfo(images.dtype).eps * rng.uniform(-1, 1, images.shape)
    return (images * (1 + noise)).astype(images.dtype)


def difference(values, expected):
    """The largest difference between two arrays, relative to the largest
    element. For lists of arrays, the largest of all these."""
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
        One of `NETWORKS`.
    iterations : int
    mode, reference : theano.compile.Mode or str

    Returns
    -------
    dict
        The largest relative differences: ``steps``, for the losses from the
        same states, and ``losses``, ``outputs`` and ``parameters``, from the
        same seed. The number of ``jumps``. And whether the engine ``agrees``:
        all losses are finite and within `TOLERANCES`.
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
    """Compare the networks and print the differences; returns whether all
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


def make_parser():
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument(
        'networks',
        nargs='*',
        metavar='NETWORK',
        type=cli.one_of(NETWORKS),
        help=f'one of {", ".join(NETWORKS)} (default: all)',
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
        '--json',
        metavar='FILE',
        help='write the differences to a file; requires --precision',
    )
    return parser


def compare_in_subprocess(args, precision):
    """Compare in a process of its own, because Theano's ``floatX`` is fixed on
    import; returns whether all agree."""
    flags = os.environ.get('THEANO_FLAGS', '') + f',floatX={precision}'
    command = [
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
    ]
    if args.json:
        command += ['--json', args.json]
    environment = {**os.environ, 'THEANO_FLAGS': flags.strip(',')}
    return subprocess.run(command, env=environment).returncode == 0


def main():
    parser = make_parser()
    args = parser.parse_args()
    if args.precision == theano.config.floatX:
        sys.exit(not compare_all(args))
    if args.json and not args.precision:
        parser.error('--json requires --precision')

    print(
        'largest relative difference of the losses from the same states, '
        'number of jumps,\nand largest relative differences of losses, '
        'outputs and parameters from the same\nseed:',
        flush=True,
    )
    precisions = [args.precision] if args.precision else list(TOLERANCES)
    agreed = [
        compare_in_subprocess(args, precision) for precision in precisions
    ]
    sys.exit(not all(agreed))


if __name__ == '__main__':
    main()
