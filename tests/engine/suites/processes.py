"""Runs test modules in processes that may fail or be killed."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
_STOPPED = 'took more than'


def run(
    runner: str,
    module: str,
    linker: str,
    device: str,
    timeout: float,
    flags: Sequence[str] = (),
) -> dict[str, tuple[str, str]]:
    """Run the tests of one module in a process of its own.

    Parameters
    ----------
    runner : str
        The Python module whose process runs the tests. It calls
        :func:`main`.
    module : str
        What to run.
    linker : {'torch', 'theano'}
        Who carries out Theano's default mode.
    device : {'cpu', 'cuda'}
        Where the engine computes.
    timeout : float
        The most seconds that the process may take.
    flags : sequence of str
        More of Theano's flags, as ``'name=value'``.

    Returns
    -------
    dict
        ``{test: (outcome, text)}``, with the outcome 'passed', 'engine not
        used', 'failed' or 'skipped'. If the process did not end well, the
        module itself stands for one more test that failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        results_path, log = Path(folder, 'results'), Path(folder, 'log')
        theano_flags = [
            os.environ.get('THEANO_FLAGS'),
            'floatX=float64',
            f'base_compiledir={folder}',
            'warn.ignore_bug_before=all',
            *flags,
        ]
        end = None
        with open(log, 'w') as file:
            try:
                status = subprocess.run(
                    [
                        sys.executable,
                        '-m',
                        runner,
                        module,
                        linker,
                        device,
                        results_path,
                    ],
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    timeout=timeout,
                    cwd=ROOT,
                    env={
                        **os.environ,
                        'THEANO_FLAGS': ','.join(filter(None, theano_flags)),
                    },
                ).returncode
                if status:
                    end = f'the process ended with status {status}'
            except subprocess.TimeoutExpired:
                end = f'{_STOPPED} {timeout:g} seconds'
        results = read_results(results_path)
        if end or not results:
            text = log.read_text(errors='replace')[-3000:]
            results[module] = 'failed', f'{text}\n{end or "no test was found"}'
        return results


def took_too_long(module: str, results: dict[str, tuple[str, str]]) -> bool:
    """Whether the process of a module was stopped at the time limit."""
    _, text = results.get(module, ('', ''))
    return text.rpartition('\n')[2].startswith(_STOPPED)


def read_results(path: str | os.PathLike) -> dict[str, tuple[str, str]]:
    """Read what the process of a module wrote, as ``{test: (outcome, text)}``.

    A test that began but did not end has failed.
    """
    results = {}
    if os.path.exists(path):
        with open(path) as file:
            for line in file:
                if not line.endswith('\n'):
                    break  # the process was killed while writing
                test, outcome, text = json.loads(line)
                if outcome == 'began':
                    outcome, text = 'failed', 'began but did not end'
                results[test] = outcome, text
    return results


def main(run_module: Callable) -> None:
    """Run a module's tests in this process, which :func:`run` started.

    Parameters
    ----------
    run_module : callable
        Called with the module, the linker, the device, and a function
        ``write(test, outcome, text)``, which it calls at the beginning of each
        test, with the outcome 'began', and at its end.
    """
    parser = argparse.ArgumentParser()
    for name in 'module', 'linker', 'device', 'results':
        parser.add_argument(name)
    args = parser.parse_args()
    with open(args.results, 'w') as file:

        def write(*result):
            print(json.dumps(result), file=file, flush=True)

        run_module(args.module, args.linker, args.device, write)
