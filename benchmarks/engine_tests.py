"""The engine's tests on a device, with nothing but Python's own unittest.

Each module of tests/engine takes a process of its own. One that imports a
package that is not installed is left out.
"""

import collections
import glob
import importlib
import json
import os
import sys
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from children import ROOT, cores_each, run_child

#: Beside those of tests/engine.
_OTHERS = ('tests.test_engines',)


def modules():
    """The names of the modules of tests."""
    paths = glob.glob(
        os.path.join(ROOT, 'tests', 'engine', '**', 'test_*.py'),
        recursive=True,
    )
    names = [
        os.path.relpath(path, ROOT)[:-3].replace(os.sep, '.')
        for path in sorted(paths)
    ]
    return [*names, *_OTHERS]


def run_tests(device, seconds, names=None, **variables):
    """Run the tests, several modules at a time.

    Parameters
    ----------
    device : {'cpu', 'cuda'}
    seconds : float
        After which what still runs is stopped.
    names : list of str, optional
        Modules, by default all.
    **variables
        Of the processes' environment.

    Returns
    -------
    list of dict
        Of each module its ``name`` and either ``error``, why there is nothing
        more to say, ``lacks``, the package for want of which it was left out,
        or ``ran``, the number of tests, ``failed``, the names of those that
        failed, and ``skipped``, numbers by reason.
    """
    end = time.monotonic() + seconds
    names = names or modules()
    workers, threads = cores_each(len(names))

    def test(name):
        return {
            'name': name,
            **run_child(
                [__file__, name],
                end - time.monotonic(),
                threads,
                KNEEREPRO_TEST_DEVICE=device,
                **variables,
            ),
        }

    with ThreadPoolExecutor(workers) as executor:
        return list(executor.map(test, names))


def _test_module(name):
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        return {'lacks': error.name}
    suite = unittest.defaultTestLoader.loadTestsFromName(name)
    result = unittest.TextTestRunner(sys.stderr).run(suite)
    return {
        'ran': result.testsRun - len(result.skipped),
        'failed': [str(test) for test, _ in result.failures + result.errors]
        + [str(test) for test in result.unexpectedSuccesses],
        'skipped': collections.Counter(reason for _, reason in result.skipped),
    }


if __name__ == '__main__':
    found = _test_module(sys.argv[1])
    with open(sys.argv[2], 'w') as file:
        json.dump(found, file)
