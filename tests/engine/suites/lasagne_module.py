"""The process that runs one of Lasagne's test modules with pytest."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.engine.suites import processes
from tests.engine.suites.default_mode import use_engine


def run_module(path, linker, device, write):
    """Run one module's tests; see :func:`processes.main`."""
    import kneerepro  # noqa: F401, makes Theano and Lasagne importable

    # isort: split
    import pytest

    used = use_engine(device) if linker == 'torch' else None

    class Recorder:
        def pytest_runtest_logstart(self, nodeid):
            if used:
                used.clear()
            write(nodeid, 'began', '')

        def pytest_runtest_logreport(self, report):
            if report.failed:
                write(report.nodeid, 'failed', report.longreprtext)
            elif report.skipped:
                write(report.nodeid, 'skipped', report.longreprtext)
            elif report.when == 'call':
                write(
                    report.nodeid,
                    'engine not used' if used == [] else 'passed',
                    '',
                )

        def pytest_collectreport(self, report):
            if report.failed:
                write(report.nodeid, 'failed', report.longreprtext)

    folder = folder_of_tests(path)
    status = pytest.main(
        [
            path,
            '-q',
            # Lasagne's setup.cfg and lasagne/conftest.py are for pytest 2.
            *('-c', os.devnull, '--rootdir', folder, '--confcutdir', folder),
            *('-p', 'no:cacheprovider', '--import-mode=importlib'),
        ],
        plugins=[Recorder()],
    )
    # 1: some tests failed, which is in their outcomes.
    if status not in (0, 1):
        sys.exit(int(status))


def folder_of_tests(path):
    """The folder ``tests`` that contains a module, or else its own folder."""
    folders = Path(path).parents
    return str(next((f for f in folders if f.name == 'tests'), folders[0]))


if __name__ == '__main__':
    processes.main(run_module)
