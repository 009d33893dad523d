"""Seconds per training step of the four networks, on the PyTorch engine and
on Theano's C code.

At thesis size and batch size (Table 2.5). The two engines take turns in one
process, so that whatever else the machine does slows both; first calls, which
compile, and peak memory are measured in processes of their own, with a
compilation cache that starts empty. A GAN's step is one of each of its two
networks.
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
from kneerepro import cli, engines

NETWORKS = ['cae2d', 'cae3d', 'dcgan', 'wgan_gp']
BATCH_SIZES = dict(cae2d=128, cae3d=4, dcgan=128, wgan_gp=128)  # Table 2.5
ENGINES = ['torch', 'theano']


def compile_step(network, batch_size, engine, device='auto'):
    """Compile a network; returns a function that makes one training step."""
    from kneerepro import algorithms, networks
    mode = engines.Engine(engine, device if engine == 'torch' else 'cpu').mode
    pair = getattr(networks, 'build_' + network)()
    size = (160, 64, 64) if network == 'cae3d' else (64, 64)
    x = np.random.RandomState(0).rand(batch_size, 1, *size).astype('float32')
    if network.startswith('cae'):
        functions = algorithms.compile_cae(*pair, mode=mode)
        return lambda: functions.train(x)
    compile_gan = getattr(algorithms, 'compile_' + network)
    functions = compile_gan(*pair, batch_size=batch_size, mode=mode)
    return lambda: (functions[0](x), functions[1]())


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def measure_first(network, batch_size, engine, device):
    """First call, in seconds, and peak memory after the second, in GiB."""
    import theano  # noqa: F401, not counted as compilation
    steps = []

    def first():
        steps.append(compile_step(network, batch_size, engine, device))
        steps[0]()

    result = {'first': seconds(first)}
    steps[0]()
    kilobyte = 1 if sys.platform == 'darwin' else 1024
    result['memory'] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                        * kilobyte / 2**30)
    return result


def measure_steps(network, batch_size, device, count):
    """Seconds of the steps of both engines, which take turns."""
    steps = {engine: compile_step(network, batch_size, engine, device)
             for engine in ENGINES}
    times = {engine: [] for engine in ENGINES}
    for step in steps.values():
        step()  # not counted: it allocates the memory
    for _ in range(count):
        for engine, step in steps.items():
            times[engine].append(seconds(step))
    return times


def in_subprocess(arguments, compiledir):
    flags = os.environ['THEANO_FLAGS'] + f',base_compiledir={compiledir}'
    output = subprocess.run(
        [sys.executable, __file__, '--child', *map(str, arguments)],
        check=True, stdout=subprocess.PIPE,
        env={**os.environ, 'THEANO_FLAGS': flags})
    return json.loads(output.stdout)


def machine(device):
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
            f'NumPy {np.__version__}\n'
            f'torch: {engines.Engine("torch", device)}\n'
            f'theano: Theano {theano.__version__}, BLAS: {blas}')


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('networks', nargs='*', metavar='NETWORK',
                        help=f'of {", ".join(NETWORKS)} (default: all)')
    parser.add_argument('--steps', type=cli.positive_int, default=5,
                        help='of which the median is taken (default: 5)')
    parser.add_argument('--batch-size', type=cli.positive_int,
                        help='instead of the thesis\'s')
    parser.add_argument('--device', choices=engines.DEVICES, default='auto',
                        help='of the PyTorch engine')
    args = parser.parse_args()
    for network in args.networks:
        if network not in NETWORKS:
            parser.error(f'{network} is none of {", ".join(NETWORKS)}')

    print(machine(args.device))
    widths = 8, 5, 7, 9, 9, 18, 10
    row = ' '.join(f'{{:{"<" if i in (0, 2) else ">"}{width}}}'
                   for i, width in enumerate(widths))
    rule = row.format(*('=' * width for width in widths))
    print(rule, row.format('network', 'batch', 'engine', 'first, s',
                           's/step', 'least, greatest', 'memory'),
          rule, sep='\n', flush=True)
    ratios = {}
    for network in args.networks or NETWORKS:
        batch_size = args.batch_size or BATCH_SIZES[network]
        case = [network, batch_size, args.device]
        with tempfile.TemporaryDirectory() as folder:
            first = {engine: in_subprocess([*case, engine], folder)
                     for engine in ENGINES}
            times = in_subprocess([*case, args.steps], folder)
        for engine in ENGINES:
            steps = times[engine]
            print(row.format(
                network, batch_size, engine, f'{first[engine]["first"]:.1f}',
                f'{np.median(steps):.2f}',
                f'{min(steps):.2f}, {max(steps):.2f}',
                f'{first[engine]["memory"]:.2f} GiB'), flush=True)
        medians = [np.median(times[engine]) for engine in ENGINES]
        ratios[network] = medians[1] / medians[0]
    print(rule)
    for network, ratio in ratios.items():
        print(f'{network}: the PyTorch engine is {ratio:.2f} times as fast')


def child(network, batch_size, device, what):
    """Measure one thing and print it as JSON."""
    if what in ENGINES:
        result = measure_first(network, int(batch_size), what, device)
    else:
        result = measure_steps(network, int(batch_size), device, int(what))
    print(json.dumps(result))


if __name__ == '__main__':
    if sys.argv[1:2] == ['--child']:
        child(*sys.argv[2:])
    else:
        cli.run(main)
