"""Processes that measure or test something, and write down as JSON what they
found.
"""

import json
import os
import subprocess
import sys
import tempfile

from kneerepro.runs import environment

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

_LINES = 12  # of what a process said before it failed


def run_child(arguments, seconds, threads=None, **variables):
    """Run Python, in the folder of the checkout.

    Parameters
    ----------
    arguments : list of str
        Of the interpreter; the path of a file is added, to which the process
        is to write a dict, or a list, as JSON.
    seconds : float
        After which it is stopped.
    threads : int, optional
        That it may compute with on the CPU.
    **variables
        Of the environment.

    Returns
    -------
    object
        What it wrote. Where it wrote nothing, a dict of ``error``, how it
        ended and its last lines.
    """
    if threads:
        variables['OMP_NUM_THREADS'] = str(threads)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'found.json')
        try:
            done = subprocess.run(
                [sys.executable, *arguments, path],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors='replace',
                timeout=max(seconds, 1),
                env={**os.environ, **variables},
            )
        except subprocess.TimeoutExpired:
            return {'error': 'not done when its time was over'}
        try:
            with open(path) as file:
                return json.load(file)
        except (OSError, ValueError):
            said = '\n'.join(done.stdout.splitlines()[-_LINES:])
            return {'error': f'ended with status {done.returncode}:\n{said}'}


def cores_each(count):
    """How many of `count` processes to run at a time, and with how many
    threads each.
    """
    cores = environment.cores()
    workers = max(1, min(count, cores // 2))
    return workers, max(1, cores // workers)
