"""Seconds per training step, compile time and peak memory of the networks.

At thesis size and batch size (Table 2.5). Each network runs in a process of
its own, with a compilation cache that starts empty, and is then compiled
again from that cache. A GAN's step is one of each of its two networks.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np

import kneerepro  # noqa: F401, before Theano
from kneerepro import cli

NETWORKS = ['cae2d', 'cae3d', 'dcgan', 'wgan_gp']
BATCH_SIZES = dict(cae2d=128, cae3d=4, dcgan=128, wgan_gp=128)  # Table 2.5


def build(network, batch_size):
    """Compile a network; returns a function that makes one training step."""
    from kneerepro import algorithms, networks
    pair = getattr(networks, 'build_' + network)()
    size = (160, 64, 64) if network == 'cae3d' else (64, 64)
    x = np.random.RandomState(0).rand(batch_size, 1, *size).astype('float32')
    if network.startswith('cae'):
        functions = algorithms.compile_cae(*pair)
        return lambda: functions.train(x)
    compile_gan = getattr(algorithms, 'compile_' + network)
    functions = compile_gan(*pair, batch_size=batch_size)
    return lambda: (functions[0](x), functions[1]())


def measure(network, batch_size, steps):
    """What one process measures, as a dict; times in seconds, memory in
    GiB."""
    import theano  # noqa: F401, not counted as compilation
    start = time.perf_counter()
    step = build(network, batch_size)
    result = {'compile': time.perf_counter() - start, 'steps': []}
    if steps:
        step()  # not counted: it allocates the memory
    for _ in range(steps):
        start = time.perf_counter()
        step()
        result['steps'].append(time.perf_counter() - start)
    kilobyte = 1 if sys.platform == 'darwin' else 1024
    result['memory'] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                        * kilobyte / 2**30)
    return result


def measure_in_subprocess(network, batch_size, steps, compiledir):
    flags = os.environ['THEANO_FLAGS'] + f',base_compiledir={compiledir}'
    output = subprocess.run(
        [sys.executable, __file__, network, '--child', '--steps', str(steps),
         '--batch-size', str(batch_size)], check=True,
        stdout=subprocess.PIPE, env={**os.environ, 'THEANO_FLAGS': flags})
    return json.loads(output.stdout)


def machine():
    """The processor and the versions that the times belong to."""
    import theano
    name = platform.processor() or platform.machine()
    try:
        with open('/proc/cpuinfo') as file:
            name = next(line.split(':')[1].strip() for line in file
                        if line.startswith('model name'))
    except (OSError, StopIteration):
        pass
    cores = (len(os.sched_getaffinity(0))
             if hasattr(os, 'sched_getaffinity') else os.cpu_count())
    blas = ('OpenBLAS wheel' if 'scipy_openblas' in theano.config.blas.ldflags
            else theano.config.blas.ldflags or 'none')
    return (f'{name}, {cores} cores; Python {platform.python_version()}, '
            f'Theano {theano.__version__}, NumPy {np.__version__}, '
            f'BLAS: {blas}')


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('networks', nargs='*', metavar='NETWORK',
                        help=f'of {", ".join(NETWORKS)} (default: all)')
    parser.add_argument('--steps', type=cli.positive_int, default=5,
                        help='of which the median is taken (default: 5)')
    parser.add_argument('--batch-size', type=cli.positive_int,
                        help='instead of the thesis\'s')
    parser.add_argument('--child', action='store_true',
                        help=argparse.SUPPRESS)
    args = parser.parse_args()
    for network in args.networks:
        if network not in NETWORKS:
            parser.error(f'{network} is none of {", ".join(NETWORKS)}')
    if args.child:
        print(json.dumps(measure(args.networks[0], args.batch_size,
                                 args.steps)))
        return

    print(machine())
    row = '{:<8} {:>5} {:>10} {:>10} {:>9} {:>17} {:>9}'
    rule = row.format(*('=' * width for width in (8, 5, 10, 10, 9, 17, 9)))
    print(rule, row.format('network', 'batch', 'compile', 'compile', 's/step',
                           'least, greatest', 'memory'),
          row.format('', '', 'first, s', 'again, s', 'median', '', 'GiB'),
          rule, sep='\n', flush=True)
    for network in args.networks or NETWORKS:
        batch_size = args.batch_size or BATCH_SIZES[network]
        with tempfile.TemporaryDirectory() as compiledir:
            first = measure_in_subprocess(network, batch_size, 1, compiledir)
            again = measure_in_subprocess(network, batch_size, args.steps,
                                          compiledir)
        steps = again['steps']
        print(row.format(
            network, batch_size, f'{first["compile"]:.0f}',
            f'{again["compile"]:.0f}', f'{np.median(steps):.2f}',
            f'{min(steps):.2f}, {max(steps):.2f}', f'{again["memory"]:.2f}'),
            flush=True)
    print(rule)


if __name__ == '__main__':
    cli.run(main)
