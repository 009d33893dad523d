"""Trains the networks on several processes, and on one.

Each process trains small networks twice, from the same seeds: once with the
other processes, and once alone, which is what one process computes. The
arguments name the networks. Process 0 prints the differences and the traffic
as JSON.
"""

import hashlib
import json
import sys
from contextlib import ExitStack
from unittest import mock

import numpy as np

import kneerepro  # noqa: F401, makes Theano importable

# isort: split
import lasagne
import theano
from lasagne.layers import get_all_params

from kneerepro import algorithms, networks
from kneerepro.algorithms import cae, dcgan, wgan_gp
from kneerepro.engine import distributed, processes, torch_mode
from kneerepro.engine.distributed import PlaceRows, StartAllReduce

ITERATIONS = 10
#: The sizes of the minibatches. Neither 2 nor 3 divides the most of them, and
#: the last one is short, as at the end of an epoch.
SIZES = [5] * (ITERATIONS - 1) + [4]
#: Adam's first steps are as long as the learning rate, however small the
#: gradient. In single precision, rounding errors decide on the direction where
#: it is nearly 0; there, the moments show whether the gradients agree.
LEARNING_RATES = {'float64': 5e-5, 'float32': 1e-6}
BUILD = {
    'cae2d': lambda: networks.build_cae2d(
        nz=5, rows=16, columns=32, width=1 / 32
    ),
    'cae3d': lambda: networks.build_cae3d(
        nz=4, depth=16, rows=16, columns=32, width=1 / 32
    ),
    'dcgan': lambda: networks.build_dcgan(nz=6, width=1 / 64),
    'wgan_gp': lambda: networks.build_wgan_gp(nz=6, width=1 / 64),
    'dcgan3d': lambda: networks.build_dcgan3d(
        nz=6, depth=16, rows=16, columns=32, width=1 / 64
    ),
    'wgan_gp3d': lambda: networks.build_wgan_gp3d(
        nz=6, depth=16, rows=16, columns=32, width=1 / 64
    ),
}


def compile_steps(network, pair, mode):
    """The training steps: compiled functions, with what each is called
    with."""
    options = {
        'learning_rate': LEARNING_RATES[theano.config.floatX],
        'mode': mode,
    }
    if network.startswith('cae'):
        functions = algorithms.compile_cae(*pair, **options)
        return [(functions.train, lambda x: [x])]
    compile_gan = getattr(algorithms, 'compile_' + network.removesuffix('3d'))
    functions = compile_gan(*pair, batch_size=SIZES[0], **options)
    return [
        (functions[0], lambda x: [x]),
        (functions.train_generator, lambda x: []),
    ]


def train(network, mode):
    """Train from fixed seeds.

    Returns
    -------
    values : dict of str to array
        The losses, and the values of all shared variables at the end:
        parameters, running averages, Adam's moments and random streams.
    steps : list of theano.compile.function_module.Function
    traffic : list of Traffic
        That of each step.
    """
    lasagne.random.set_rng(np.random.RandomState(1))
    pair = BUILD[network]()
    steps = compile_steps(network, pair, mode)
    shape = lasagne.layers.get_output_shape(pair[0])[1:]
    if network.startswith('cae'):
        shape = lasagne.layers.get_output_shape(pair[1])[1:]
    rng, losses = np.random.RandomState(2), []
    for size in SIZES:
        x = rng.rand(size, *shape).astype(theano.config.floatX)
        traffic = []
        for function, arguments in steps:
            before = distributed.traffic()
            losses.append(function(*arguments(x)))
            traffic.append(distributed.traffic() - before)
    values = {'losses': np.array(losses)}
    for k, (function, _) in enumerate(steps):
        for i, variable in enumerate(function.get_shared()):
            values[f'{k} {i} {variable}'] = np.asarray(variable.get_value())
    for i, param in enumerate(get_all_params(pair)):
        values[f'parameter {i} {param}'] = param.get_value()
    return values, [function for function, _ in steps], traffic


def difference(found, expected):
    """The largest difference, relative to the largest element."""
    found, expected = np.float64(found), np.float64(expected)
    return float(
        abs(found - expected).max() / max(abs(expected).max(), 1e-300)
    )


def compare(network):
    """Train on several processes and on one, and compare."""
    mode = torch_mode('cpu')
    found, steps, traffic = train(network, mode)
    digest = hashlib.sha256()
    for value in found.values():
        digest.update(value.tobytes())
    result = {
        'replicas are equal': processes.all_equal(digest.hexdigest()),
        'calls': [part.calls for part in traffic],
        'bytes': [part.bytes for part in traffic],
        'chains': [count(step, StartAllReduce) for step in steps],
        'gathers': [count(step, PlaceRows) for step in steps],
    }
    if distributed.rank() == 0:
        alone = mode.excluding('torch_minibatches')
        expected, steps, traffic = train(network, alone)
        assert not any(part.calls for part in traffic)
        result['differences'] = {
            name: difference(found[name], expected[name]) for name in expected
        }
    return result


def count(function, op_class):
    return sum(
        isinstance(node.op, op_class)
        for node in function.maker.fgraph.apply_nodes
    )


def main():
    distributed.initialise(timeout=120)
    with ExitStack() as stack:
        # The other functions take time to compile, and are not divided.
        for module in cae, dcgan, wgan_gp:
            stack.enter_context(mock.patch.object(module, 'compile_through'))
        for module in dcgan, wgan_gp:
            stack.enter_context(
                mock.patch.object(
                    module, 'sampling_functions', return_value=(None, None)
                )
            )
        results = {network: compare(network) for network in sys.argv[1:]}
    if distributed.rank() == 0:
        print(json.dumps(results))


if __name__ == '__main__':
    main()
