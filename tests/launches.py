"""Start programs with torchrun, and find the processes that it starts."""

import os
import subprocess
import sys
import time

from tests.subprocesses import ROOT

#: Seconds after which a launch has failed.
TIMEOUT = 300


def launch(*program, count=2, restarts=0, **environment):
    """Start a Python program in several processes of one thread each.

    Parameters
    ----------
    *program : str
        A script, or ``-m`` and a module, with its arguments.
    count : int
    restarts : int
        How often torchrun may start all of them again.
    **environment : str
        Environment variables.

    Returns
    -------
    subprocess.Popen
        torchrun.
    """
    return subprocess.Popen(
        [
            sys.executable,
            '-m',
            'torch.distributed.run',
            f'--nproc-per-node={count}',
            f'--max-restarts={restarts}',
            *program,
        ],
        cwd=ROOT,
        env={
            **os.environ,
            'OMP_NUM_THREADS': '1',
            # gloo would look the machine's name up, which need not be known.
            'GLOO_SOCKET_IFNAME': 'lo',
            **environment,
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(launched, status=0):
    """Wait for a launch; return its output and its errors.

    Parameters
    ----------
    launched : subprocess.Popen
    status : int or None
        With which it has to end; None for any but 0.
    """
    try:
        output, errors = launched.communicate(timeout=TIMEOUT)
    finally:
        for pid in workers(launched).values():
            os.kill(pid, 9)
        launched.kill()
    found = launched.returncode
    if found == 0 if status is None else found != status:
        raise AssertionError(f'it ended with {found}:\n{output}{errors}')
    return output, errors


def workers(launched):
    """The processes that torchrun has started, as a dict from rank to pid."""
    found = {}
    for name in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{name}/stat') as file:
                parent = int(file.read().rpartition(')')[2].split()[1])
            if parent != launched.pid:
                continue
            with open(f'/proc/{name}/environ') as file:
                variables = file.read().split('\0')
        except OSError:
            continue  # it has ended
        for variable in variables:
            if variable.startswith('RANK='):
                found[int(variable[5:])] = int(name)
    return found


def wait_until(condition, launched):
    """Wait until a function returns something true, and return it.

    Raises
    ------
    AssertionError
        If the launch ends before, or takes too long.
    """
    end = time.monotonic() + TIMEOUT
    while launched.poll() is None and time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.005)
    launched.kill()
    raise AssertionError(''.join(launched.communicate()))
