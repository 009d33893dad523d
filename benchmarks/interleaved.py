"""Time training steps of several implementations, interleaved.

Each implementation runs in its own process, so that its memory allocator does
not profit from what another has allocated. The implementations alternate step
by step, so that any other load on the machine slows all of them equally.
"""

from __future__ import annotations

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
from typing import Any

import check_environment  # noqa: F401, says what to run
import numpy as np

from kneerepro import engines
from kneerepro.runs import environment
from kneerepro.utils.errors import UserError

# glibc settings that keep freed memory in the process, as the engine itself
# does (kneerepro.engine.memory). Somebody who knows PyTorch well would set
# these, or use another allocator.
_KEEP_FREED_MEMORY = {
    'MALLOC_MMAP_MAX_': '0',
    'MALLOC_TOP_PAD_': str(64 * 2**20),
    'MALLOC_TRIM_THRESHOLD_': str(2**31 - 1),
}
# Seconds of pause before each step on the CPU: the BLAS threads of the process
# that ran before keep spinning for a while (OpenBLAS's longest).
_PAUSE = 0.2


class StepProcess:
    """A process that makes training steps with one implementation.

    Parameters
    ----------
    case : dict
        Arguments of :func:`steps.compile_step`.
    compiledir : str
        Folder for what Theano compiles.

    Attributes
    ----------
    compiling : float
        Seconds of compilation.
    steps : list of float
        Seconds of each step.
    losses : list of list of float
        Losses of each step.
    memory : float
        Peak memory in GiB: that of the process or, on CUDA, what PyTorch has
        allocated on the device.
    limit : float or None
        Seconds that the multiplications of a step take at the best speed of
        the processor; None where they were not counted.

    Raises
    ------
    UserError
        If the process ends before it is closed. Its own error message says
        why.
    """

    def __init__(self, case: dict[str, Any], compiledir: str):
        self._case = case
        keep = _KEEP_FREED_MEMORY if case['engine'] == 'native' else {}
        self._process = subprocess.Popen(
            [sys.executable, __file__, json.dumps(case)],
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={
                **os.environ,
                **keep,
                'THEANO_FLAGS': with_flag(f'base_compiledir={compiledir}'),
            },
        )
        self.steps: list[float] = []
        self.losses: list[list[float]] = []
        self.limit: float | None = None
        self.compiling = self._ask('compile')['seconds']

    def step(self) -> None:
        """Make one training step and record its time and losses."""
        answer = self._ask('step')
        self.steps.append(answer['seconds'])
        self.losses.append(answer['losses'])

    def find_limit(self) -> None:
        """Make another step, and find its limit if PyTorch makes it on the
        CPU.
        """
        memory = self.memory
        self.limit = self._ask('limit')['limit']
        self.memory = memory

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def row(self) -> dict[str, Any]:
        """The measurements, as JSON stores them.

        The first step is separate, because it allocates the memory.
        """
        first, *others = self.steps
        return {
            **self._case,
            'compiling': self.compiling,
            'first': first,
            'steps': others,
            'memory': self.memory,
            'limit': self.limit,
        }

    def _ask(self, word):
        with contextlib.suppress(BrokenPipeError):
            print(word, file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            network, engine = self._case['network'], self._case['engine']
            raise UserError(
                f'the process that measures {network} on {engine} stopped '
                f'with status {self._process.wait()}: see above for why'
            )
        answer = json.loads(answer)
        self.memory = answer['memory']
        return answer


def with_flag(flag: str) -> str:
    """The environment's THEANO_FLAGS with one flag added."""
    return ','.join(filter(None, [os.environ.get('THEANO_FLAGS'), flag]))


def time_interleaved(
    cases: list[dict[str, Any]],
    count: int,
    end: float = math.inf,
    limits: bool = False,
) -> list[dict[str, Any]]:
    """Time training steps of several implementations, interleaved.

    Parameters
    ----------
    cases : list of dict
        Arguments of :func:`steps.compile_step` for each implementation.
    count : int
        Steps of each, after a first one.
    end : float, optional
        The time, of ``time.monotonic``, after which no step begins. The first
        two steps of each implementation are made in any case.
    limits : bool
        Whether to find the limits as well, each with another step.

    Returns
    -------
    list of dict
        :meth:`StepProcess.row` of each.

    Raises
    ------
    UserError
        If a process stops.
    """
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        processes = []
        for case in cases:
            processes.append(StepProcess(case, folder))
            stack.callback(processes[-1].close)
        for i in range(1 + count):
            if i > 1 and time.monotonic() > end:
                break
            for process in processes:
                process.step()
        for process in processes if limits else ():
            process.find_limit()
        return [process.row() for process in processes]


def machine(device: str, with_theano: bool = False) -> str:
    """The processor and the versions that were measured, one on each line."""
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


def _serve(case):
    """Compile or make a step for each word on the standard input."""
    if case['engine'] != 'native':
        # Imported here so that it does not count as compilation. PyTorch
        # alone needs neither Theano nor its memory.
        import theano  # noqa: F401
    from steps import compile_step

    step = None
    for word in sys.stdin:
        if word == 'limit\n':
            print(
                json.dumps({'limit': _limit(case, step), 'memory': 0}),
                flush=True,
            )
            continue
        if word == 'step\n' and not _on_cuda(case):
            time.sleep(_PAUSE)
        start = time.perf_counter()
        losses = None
        if word == 'compile\n':
            step = compile_step(**case)
        else:
            losses = step()
        _synchronise(case)
        answer = {
            'seconds': time.perf_counter() - start,
            'losses': losses,
            'memory': _peak_memory(case) / 2**30,
        }
        print(json.dumps(answer), flush=True)


def _limit(case, step):
    """Seconds that the multiplications of a step take at the best speed of
    the processor; None where they are not counted.
    """
    if case['engine'] == 'theano' or _on_cuda(case):
        return None
    import arithmetic

    return arithmetic.limit(step, with_engine=case['engine'] == 'torch')


def _synchronise(case):
    if _on_cuda(case):
        import torch

        torch.cuda.synchronize()


def _peak_memory(case):
    """Peak memory in bytes."""
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
    _serve(json.loads(sys.argv[1]))
