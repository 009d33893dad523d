"""Run Python in a separate process and read the JSON that it writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from typing import Any

from kneerepro.runs import environment

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

_LINES = 12  # of the output of a process that failed


def run_for_json(
    arguments: list[str],
    seconds: float,
    threads: int | None = None,
    **variables: str,
) -> Any:
    """Run Python in the root folder of the checkout.

    Parameters
    ----------
    arguments : list of str
        Arguments of the interpreter. One more is added at the end, the path of
        a file to which the process must write a dict or a list as JSON.
    seconds : float
        Time limit, after which the process is stopped.
    threads : int, optional
        The number of CPU threads that it may compute with.
    **variables
        Environment variables.

    Returns
    -------
    object
        What the process wrote. If it wrote nothing, a dict whose ``error``
        says how the process ended and quotes its last lines.
    """
    if threads:
        variables['OMP_NUM_THREADS'] = str(threads)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'result.json')
        try:
            process = subprocess.run(
                [sys.executable, *arguments, path],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors='replace',
                timeout=max(seconds, 1),
                env={**os.environ, **variables},
                check=False,
            )
        except subprocess.TimeoutExpired:
            return {'error': 'not finished within its time limit'}
        try:
            with open(path) as file:
                return json.load(file)
        except (OSError, ValueError):
            output = '\n'.join(process.stdout.splitlines()[-_LINES:])
            return {
                'error': f'ended with status {process.returncode}:\n{output}'
            }


def split_cores(count: int) -> tuple[int, int]:
    """Share the cores among `count` processes.

    Returns
    -------
    workers, threads : int
        How many processes to run at a time, and with how many threads each.
    """
    cores = environment.cores() or 1
    workers = max(1, min(count, cores // 2))
    return workers, max(1, cores // workers)
