"""Seconds per training step of the four networks: on the PyTorch engine, in
PyTorch alone, and on Theano's C code.

At thesis size and batch size (Table 2.5). Each has a process of its own, for
what one does to the allocation of memory is not to help another; they take
turns, step by step, so that whatever else the machine does slows all. Theano's
compilation cache starts empty. A GAN's step is one of each of its two
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
from kneerepro import cli, engines, environment

NETWORKS = ['cae2d', 'cae3d', 'dcgan', 'wgan_gp']
BATCH_SIZES = dict(cae2d=128, cae3d=4, dcgan=128, wgan_gp=128)  # Table 2.5
ENGINES = ['torch', 'native', 'theano']


def compile_step(network, batch_size, engine, device):
    """Compile a network; returns a function that makes one training step."""
    if engine == 'native':
        return native_step(network, batch_size, device)
    from kneerepro import algorithms, networks
    mode = engines.Engine(engine, device).mode
    pair = getattr(networks, 'build_' + network)()
    x = minibatch(network, batch_size)
    if network.startswith('cae'):
        functions = algorithms.compile_cae(*pair, mode=mode)
        return lambda: functions.train(x)
    compile_gan = getattr(algorithms, 'compile_' + network)
    functions = compile_gan(*pair, batch_size=batch_size, mode=mode)
    return lambda: (functions[0](x), functions[1]())


def native_step(network, batch_size, device):
    """The same in PyTorch alone."""
    import torch

    from native import training_step
    if device == 'auto':
        device = 'cuda' if torch.cuda.is_available() else 'cpu'
    _, step = training_step(network, batch_size, device)
    x = torch.from_numpy(minibatch(network, batch_size))
    return lambda: step(x.to(device))


def minibatch(network, batch_size):
    """What a network is trained on here: noise."""
    size = (160, 64, 64) if network == 'cae3d' else (64, 64)
    return np.random.RandomState(0).rand(batch_size, 1, *size).astype(
        'float32')


def work(network, batch_size, engine, device):
    """Measure what is asked for on the standard input, a word a line."""
    import theano  # noqa: F401, not counted as compilation
    step = None
    for word in sys.stdin:
        start = time.perf_counter()
        if word == 'compile\n':
            step = compile_step(network, int(batch_size), engine, device)
        else:
            step()
        seconds = time.perf_counter() - start
        kilobyte = 1 if sys.platform == 'darwin' else 1024
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kilobyte
        print(seconds, memory / 2**30, flush=True)


class Worker:
    """A process with a network on an engine.

    Attributes
    ----------
    compiling : float
        Seconds of compilation.
    steps : list of float
        Seconds of each step.
    memory : float
        Peak memory of the process, GiB.
    """

    def __init__(self, network, batch_size, engine, device, compiledir):
        flags = os.environ['THEANO_FLAGS'] + f',base_compiledir={compiledir}'
        self._process = subprocess.Popen(
            [sys.executable, __file__, '--worker', network, str(batch_size),
             engine, 'cpu' if engine == 'theano' else device], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, 'THEANO_FLAGS': flags})
        self.steps = []
        self.compiling = self._ask('compile')

    def step(self):
        self.steps.append(self._ask('step'))

    def close(self):
        self._process.stdin.close()
        self._process.wait()

    def _ask(self, word):
        print(word, file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline().split()
        if not answer:
            sys.exit('the measuring process stopped with status '
                     f'{self._process.wait()}')
        seconds, self.memory = map(float, answer)
        return seconds


def measure(network, batch_size, device, count):
    """Workers of the engines, after a first step and `count` more."""
    with tempfile.TemporaryDirectory() as folder:
        workers = {engine: Worker(network, batch_size, engine, device, folder)
                   for engine in ENGINES}
        for _ in range(1 + count):
            for worker in workers.values():
                worker.step()
        for worker in workers.values():
            worker.close()
    return workers


def machine(device):
    """The processor and the versions that the times belong to."""
    import theano
    blas = ('OpenBLAS wheel' if 'scipy_openblas' in theano.config.blas.ldflags
            else theano.config.blas.ldflags or 'none')
    return (f'{environment.processor()}, {environment.cores()} cores; '
            f'Python {platform.python_version()}, NumPy {np.__version__}\n'
            f'torch, native: {engines.Engine("torch", device)}\n'
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
    parser.add_argument('--json', metavar='FILE',
                        help='write all times to a file as well')
    args = parser.parse_args()
    for network in args.networks:
        if network not in NETWORKS:
            parser.error(f'{network} is none of {", ".join(NETWORKS)}')

    measured = {'machine': machine(args.device), 'rows': []}
    print(measured['machine'])
    widths = 7, 5, 6, 10, 8, 8, 16, 8, 6
    row = ' '.join(f'{{:{"<" if i in (0, 2) else ">"}{width}}}'
                   for i, width in enumerate(widths))
    rule = row.format(*('=' * width for width in widths))
    print(rule, row.format('network', 'batch', 'engine', 'compile, s',
                           '1st step', 's a step', 'least, greatest',
                           'peak GiB', 'times'),
          rule, sep='\n', flush=True)
    for network in args.networks or NETWORKS:
        batch_size = args.batch_size or BATCH_SIZES[network]
        workers = measure(network, batch_size, args.device, args.steps)
        slowest = np.median(workers['theano'].steps[1:])
        for engine, worker in workers.items():
            # The first step allocates the memory.
            first, *steps = worker.steps
            median = np.median(steps)
            print(row.format(
                network, batch_size, engine, f'{worker.compiling:.1f}',
                f'{first:.2f}', f'{median:.2f}',
                f'{min(steps):.2f}, {max(steps):.2f}', f'{worker.memory:.2f}',
                f'{slowest / median:.2f}'), flush=True)
            measured['rows'].append({
                'network': network, 'batch_size': batch_size,
                'engine': engine, 'compiling': worker.compiling,
                'first': first, 'steps': steps, 'memory': worker.memory})
        if args.json:
            with open(args.json, 'w') as file:
                json.dump(measured, file, indent=1)
    print(rule)


if __name__ == '__main__':
    if sys.argv[1:2] == ['--worker']:
        work(*sys.argv[2:])
    else:
        cli.run(main)
