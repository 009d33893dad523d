"""Processes that take turns at training steps.

Each has a network on an engine to itself, for what one does to the allocation
of memory is not to help another; and they take turns, step by step, so that
whatever else the machine does slows all.
"""

import contextlib
import json
import math
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np

from kneerepro import engines
from kneerepro.runs import environment
from kneerepro.utils.errors import UserError

# The memory that is freed stays with the process, as the engine sees to itself
# (kneerepro.engine.memory): somebody who knows PyTorch well would ask glibc for
# it, or take another allocator.
_KEEP = {
    'MALLOC_MMAP_MAX_': '0',
    'MALLOC_TOP_PAD_': str(64 * 2**20),
    'MALLOC_TRIM_THRESHOLD_': str(2**31 - 1),
}
# Seconds before each step on the CPU, for the threads of whoever came before
# wait for more work at full speed a while (OpenBLAS's longest).
_PAUSE = 0.2


class Worker:
    """A process with a network on an engine.

    Parameters
    ----------
    case : dict
        What :func:`steps.compile_step` is to be given.
    compiledir : str
        For what Theano compiles.

    Attributes
    ----------
    compiling : float
        Seconds of compilation.
    steps : list of float
        Seconds of each step.
    losses : list of list of float
        Of each step.
    memory : float
        Peak memory, GiB: that of the process or, on CUDA, what PyTorch has
        allocated on the device.

    Raises
    ------
    UserError
        If the process stops before it is told to, which it says why itself.
    """

    def __init__(self, case, compiledir):
        self._case = case
        self._process = subprocess.Popen(
            [sys.executable, __file__, json.dumps(case)],
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={
                **os.environ,
                **(_KEEP if case['engine'] == 'native' else {}),
                'THEANO_FLAGS': with_flag(f'base_compiledir={compiledir}'),
            },
        )
        self.steps, self.losses = [], []
        self.compiling = self._ask('compile')['seconds']

    def step(self):
        answer = self._ask('step')
        self.steps.append(answer['seconds'])
        self.losses.append(answer['losses'])

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def row(self):
        """What was measured, as JSON holds it; the first step, which
        allocates the memory, by itself.
        """
        first, *others = self.steps
        return {
            **self._case,
            'compiling': self.compiling,
            'first': first,
            'steps': others,
            'memory': self.memory,
        }

    def _ask(self, word):
        with contextlib.suppress(BrokenPipeError):
            print(word, file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise UserError(
                'the process that measures {network} on {engine} stopped '
                'with status {}: see above for why'.format(
                    self._process.wait(), **self._case
                )
            )
        answer = json.loads(answer)
        self.memory = answer['memory']
        return answer


def with_flag(flag):
    """The flags that Theano is given, and one more."""
    return ','.join(filter(None, [os.environ.get('THEANO_FLAGS'), flag]))


def take_turns(cases, count, end=math.inf):
    """Have processes make training steps, each in its turn.

    Parameters
    ----------
    cases : list of dict
        What :func:`steps.compile_step` is to be given, for each.
    count : int
        Steps of each, after a first one.
    end : float, optional
        The time, of ``time.monotonic``, after which they begin no more steps;
        two of each are made in any case.

    Returns
    -------
    list of dict
        Of each what :meth:`Worker.row` says.

    Raises
    ------
    UserError
        If one of them stops.
    """
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        workers = []
        for case in cases:
            workers.append(Worker(case, folder))
            stack.callback(workers[-1].close)
        for i in range(1 + count):
            if i > 1 and time.monotonic() > end:
                break
            for worker in workers:
                worker.step()
        return [worker.row() for worker in workers]


def machine(device, with_theano=False):
    """The processor and the versions that the times belong to, lines."""
    lines = [
        f'{environment.processor()}, {environment.cores()} cores; '
        f'Python {platform.python_version()}, NumPy {np.__version__}',
        f'torch, native: {engines.Engine("torch", device)}',
    ]
    if with_theano:
        import theano

        blas = (
            'OpenBLAS wheel'
            if 'scipy_openblas' in theano.config.blas.ldflags
            else theano.config.blas.ldflags or 'none'
        )
        lines.append(f'theano: Theano {theano.__version__}, BLAS: {blas}')
    return '\n'.join(lines)


def _work(case):
    """Do what is asked for on the standard input, a word a line."""
    if case['engine'] != 'native':
        # Not counted as compilation. PyTorch alone does without, and without
        # its memory.
        import theano  # noqa: F401
    from steps import compile_step

    step = None
    for word in sys.stdin:
        if word == 'step\n' and not _on_cuda(case):
            time.sleep(_PAUSE)
        start = time.perf_counter()
        losses = None
        if word == 'compile\n':
            step = compile_step(**case)
        else:
            losses = step()
        _synchronise(case)
        seconds = time.perf_counter() - start
        print(
            json.dumps(
                {
                    'seconds': seconds,
                    'losses': losses,
                    'memory': _peak_memory(case) / 2**30,
                }
            ),
            flush=True,
        )


def _synchronise(case):
    if _on_cuda(case):
        import torch

        torch.cuda.synchronize()


def _peak_memory(case):
    """Bytes."""
    if _on_cuda(case):
        import torch

        return torch.cuda.max_memory_allocated()
    kilobyte = 1 if sys.platform == 'darwin' else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kilobyte


def _on_cuda(case):
    if case['engine'] == 'theano' or case['device'] == 'cpu':
        return False
    import torch

    return torch.cuda.is_available()


if __name__ == '__main__':
    _work(json.loads(sys.argv[1]))
