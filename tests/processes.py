"""Run code in several processes that compute together."""

import os
import socket
import subprocess
import sys

from tests.subprocesses import ROOT

#: A process that hangs is ended after so many seconds.
TIMEOUT = 300


def free_port():
    """A port of this machine that nothing uses at the moment."""
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        return server.getsockname()[1]


def run_processes(count, *arguments, **environment):
    """Run Python in several processes, as torchrun would.

    Warnings are errors there, and each process has one thread.

    Parameters
    ----------
    count : int
    *arguments : str
        Of the interpreter, such as ``-c`` and code.
    **environment : str
        Environment variables.

    Returns
    -------
    list of (int, str, str)
        For each process its exit status, its output and its errors.
    """
    environment = {
        **os.environ,
        'THEANO_FLAGS': '',
        'THEANORC': os.devnull,
        'PYTHONWARNINGS': '',
        'OMP_NUM_THREADS': '1',
        'WORLD_SIZE': str(count),
        'MASTER_ADDR': '127.0.0.1',
        'MASTER_PORT': str(free_port()),
        # gloo would look the machine's name up, which need not be known.
        'GLOO_SOCKET_IFNAME': 'lo',
        **environment,
    }
    processes = [
        subprocess.Popen(
            [sys.executable, '-W', 'error', *arguments],
            cwd=ROOT,
            env={**environment, 'RANK': str(rank), 'LOCAL_RANK': str(rank)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(count)
    ]
    try:
        outputs = [
            process.communicate(timeout=TIMEOUT) for process in processes
        ]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return [
        (process.returncode, *output)
        for process, output in zip(processes, outputs)
    ]


def assert_all_succeed(test, results):
    """Fail a test with the errors of the processes that failed."""
    for rank, (status, _, errors) in enumerate(results):
        test.assertEqual(status, 0, f'process {rank}:\n{errors}')
