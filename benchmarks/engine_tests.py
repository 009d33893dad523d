"""Run the engine's tests on a device, with only Python's own unittest.

Each module of tests/engine runs in its own process. A module that imports a
package that is not installed is skipped.
"""

from __future__ import annotations

import collections
import glob
import importlib
import json
import os
import sys
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import check_environment  # noqa: F401, says what to run
from processes import ROOT, run_for_json, split_cores

# Modules outside tests/engine that test the engine as well.
_MORE_MODULES = ('tests.test_engines',)


def modules() -> list[str]:
    """The names of the test modules."""
    paths = glob.glob(
        os.path.join(ROOT, 'tests', 'engine', '**', 'test_*.py'),
        recursive=True,
    )
    names = [
        os.path.relpath(path, ROOT)[:-3].replace(os.sep, '.')
        for path in sorted(paths)
    ]
    return [*names, *_MORE_MODULES]


def run_tests(
    device: str,
    seconds: float,
    names: list[str] | None = None,
    **variables: str,
) -> list[dict[str, Any]]:
    """Run test modules, several at a time.

    Parameters
    ----------
    device : {'cpu', 'cuda'}
    seconds : float
        Time limit for all modules together. Those that still run are stopped.
    names : list of str, optional
        The modules, by default all.
    **variables
        Environment variables of the processes.

    Returns
    -------
    list of dict
        For each module its ``name``, and one of these: ``error``, the reason
        why there is no result; ``lacks``, the missing package for which it
        was skipped; or ``ran``, the number of tests, with ``failed``, the
        names of those that failed, and ``skipped``, their number by reason.
    """
    end = time.monotonic() + seconds
    names = names or modules()
    workers, threads = split_cores(len(names))

    def test(name):
        result = run_for_json(
            [__file__, name],
            end - time.monotonic(),
            threads,
            KNEEREPRO_TEST_DEVICE=device,
            **variables,
        )
        return {'name': name, **result}

    with ThreadPoolExecutor(workers) as executor:
        return list(executor.map(test, names))


def _test_module(name):
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        return {'lacks': error.name}
    suite = unittest.defaultTestLoader.loadTestsFromName(name)
    result = unittest.TextTestRunner(sys.stderr).run(suite)
    failed = [test for test, _ in result.failures + result.errors]
    return {
        'ran': result.testsRun - len(result.skipped),
        'failed': [str(test) for test in failed + result.unexpectedSuccesses],
        'skipped': collections.Counter(reason for _, reason in result.skipped),
    }


if __name__ == '__main__':
    module_name, out = sys.argv[1:]
    found = _test_module(module_name)
    with open(out, 'w') as file:
        json.dump(found, file)
