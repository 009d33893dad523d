"""Measure what it costs that two processes share a training step.

Two processes of one thread each train beside one process of two threads, on
the same minibatches. So the times differ by the sums over the processes, by
what both of them compute (random numbers and the optimiser), and by how well
two threads share one computation. The steps alternate, so that other load on
the machine slows both equally. docs/publish.py --distributed-overhead FILE
writes the table.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import socket
import subprocess
import sys
import time
from typing import Any

import check_environment  # noqa: F401, says what to run
import numpy as np
from interleaved import machine
from network_sizes import BATCH_SIZES, THESIS

from kneerepro import command_line
from kneerepro.runs import environment
from kneerepro.utils import cli
from kneerepro.utils.errors import UserError

THREADS = 2
#: Examples in a minibatch: the thesis's, but fewer for the GANs, whose steps
#: would take ten seconds.
SIZES = {**BATCH_SIZES, 'dcgan': 32, 'wgan_gp': 32}

# Seconds of pause before each step: the threads of the process that ran before
# keep spinning for a while.
_PAUSE = 0.2


class Side:
    """Processes that share each training step.

    Parameters
    ----------
    case : dict
        Arguments of :func:`steps.compile_step`.
    size : int
        The number of processes, which share the threads.

    Attributes
    ----------
    seconds : list of float
        Of each step.
    answers : list of list of dict
        What the processes said after each step: its ``losses``; the ``calls``
        and ``bytes`` of its sums; the peak ``memory`` in bytes up to now.
    """

    def __init__(self, case: dict[str, Any], size: int):
        self.seconds: list[float] = []
        self.answers: list[list[dict[str, Any]]] = []
        port = _free_port()
        self._processes = [
            subprocess.Popen(
                [sys.executable, __file__, '--serve', json.dumps(case)],
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={
                    **os.environ,
                    'OMP_NUM_THREADS': str(THREADS // size),
                    'RANK': str(rank),
                    'WORLD_SIZE': str(size),
                    'MASTER_ADDR': '127.0.0.1',
                    'MASTER_PORT': str(port),
                    'GLOO_SOCKET_IFNAME': 'lo',
                },
            )
            for rank in range(size)
        ]

    def step(self) -> None:
        """Make a step; the first one compiles it as well.

        Raises
        ------
        UserError
            If a process ends.
        """
        time.sleep(_PAUSE)
        start = time.perf_counter()
        for process in self._processes:
            with contextlib.suppress(BrokenPipeError):
                print('step', file=process.stdin, flush=True)
        lines = [process.stdout.readline() for process in self._processes]
        self.seconds.append(time.perf_counter() - start)
        if not all(lines):
            raise UserError('a process has ended: see above for why')
        self.answers.append(list(map(json.loads, lines)))

    def close(self) -> None:
        """End the processes."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.communicate()


def measure(case: dict[str, Any], count: int) -> dict[str, Any]:
    """Measure a network.

    Parameters
    ----------
    case : dict
        Arguments of :func:`steps.compile_step`.
    count : int
        Steps of each side, after a first one.

    Returns
    -------
    dict
        `case`; the ``calls`` and ``bytes`` of a step; and for each number of
        processes, as a text, the ``steps`` in seconds and the largest peak
        ``memory`` of a process, in bytes.

    Raises
    ------
    UserError
        If a process ends, or if the losses of both sides differ.
    """
    with contextlib.ExitStack() as stack:
        sides = {}
        for size in 1, 2:
            sides[size] = Side(case, size)
            stack.callback(sides[size].close)
        for _ in range(1 + count):
            for side in sides.values():
                side.step()
    losses = [side.answers[0][0]['losses'] for side in sides.values()]
    if not np.allclose(*losses, rtol=1e-3, atol=1e-3):
        raise UserError(
            f'the first losses of {case["network"]} are {losses[0]} on one '
            f'process, and {losses[1]} on two'
        )
    answer = sides[2].answers[-1][0]
    return {
        **case,
        'calls': answer['calls'],
        'bytes': answer['bytes'],
        **{
            str(size): {
                'steps': side.seconds[1:],
                'memory': max(each['memory'] for each in side.answers[-1]),
            }
            for size, side in sides.items()
        },
    }


def serve(case: dict[str, Any]) -> None:
    """Make a step for each line on the standard input."""
    import kneerepro  # noqa: F401, makes Theano importable

    # isort: split
    import lasagne
    from steps import compile_step

    from kneerepro.engine import distributed

    distributed.initialise()
    lasagne.random.set_rng(np.random.RandomState(0))
    step = None
    for _ in sys.stdin:
        if step is None:
            step = compile_step(engine='torch', device='cpu', **case)
        before = distributed.traffic()
        losses = step()
        traffic = distributed.traffic() - before
        kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        answer = {
            'losses': losses,
            'calls': traffic.calls,
            'bytes': traffic.bytes,
            'memory': 1024 * kilobytes,
        }
        print(json.dumps(answer), flush=True)


def _free_port() -> int:
    """A port of this machine that nothing uses at the moment."""
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        return server.getsockname()[1]


def main() -> None:
    """Measure the networks, and write the results."""
    args = parse_arguments()
    if args.serve:
        serve(json.loads(args.serve))
        return
    rows: list[dict[str, Any]] = []
    content = {
        'revision': environment.revision(),
        'machine': machine('cpu'),
        'rows': rows,
    }
    for network in args.networks or THESIS:
        case = {'network': network, 'batch_size': SIZES[network]}
        if args.quick:
            case.update(batch_size=4, width=1 / 32)
        rows.append(measure(case, args.steps))
        one, two = (np.median(rows[-1][size]['steps']) for size in '12')
        print(f'{network}: {one:.3g} s, on two {two:.3g} s', flush=True)
    with open(args.json, 'w', encoding='utf-8') as file:
        json.dump(content, file, indent=1)
    print('wrote', args.json)


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = command_line.Parser(__doc__)
    parser.add_argument(
        'networks', nargs='*', type=cli.one_of(THESIS), metavar='NETWORK'
    )
    command_line.add_count(
        parser, '--steps', 7, 'number of steps whose median is taken'
    )
    parser.add_argument(
        '--quick',
        action='store_true',
        help='measure narrow networks, to see whether it works',
    )
    parser.add_argument(
        '--json',
        metavar='FILE',
        default='distributed_overhead.json',
        help='file to write (default: distributed_overhead.json)',
    )
    parser.add_argument('--serve', help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == '__main__':
    cli.run(main)
