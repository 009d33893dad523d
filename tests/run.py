"""Runs the tests on all cores: ``python -m tests.run [FILE ...]``.

One worker process for each core takes one test module after the other and runs
it with nose. What the module and its child processes print is kept, and shown
only if a test fails. The report, by default ``build/tests.xml``, has the cases
of all modules.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
COUNTS = 'tests', 'errors', 'failures', 'skip'

# They take longest, so they are started first: the last module to end decides
# how long all take.
SLOWEST = (
    'experiments/test_trainings.py',
    'engine/test_training.py',
    'experiments/test_resume.py',
    'test_api.py',
    'data/test_prepare.py',
    'experiments/test_gans3d.py',
    'compat/test_theano_flags.py',
    'engine/kernels/test_jit.py',
    'commands/test_reconstruct.py',
    'engine/fused/test_channel_sums.py',
    'engine/fused/test_truncation.py',
    'engine/kernels/test_scan.py',
    'engine/test_lasagne.py',
    'data/test_join.py',
    'test_engines.py',
)


def main() -> int:
    """Run the tests; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('files', metavar='FILE', nargs='*')
    parser.add_argument('--processes', type=int, metavar='N')
    parser.add_argument(
        '--report', type=Path, metavar='XML', default=ROOT / 'build/tests.xml'
    )
    args = parser.parse_args()
    # Each worker has one core. This must precede all imports of NumPy.
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    # Tests start a hundred processes. Python shall compile the package once.
    os.environ.pop('PYTHONDONTWRITEBYTECODE', None)
    sys.dont_write_bytecode = False
    from kneerepro.runs.environment import cores

    started, suites = time.monotonic(), []
    # Workers that are forked let tests fork in turn, so that what a test
    # patches holds in the processes that it starts.
    with ProcessPoolExecutor(
        args.processes or cores(), multiprocessing.get_context('fork')
    ) as pool:
        running = [
            pool.submit(run_module, path) for path in args.files or modules()
        ]
        for future in as_completed(running):
            path, status, output, suite = future.result()
            suites.append(suite)
            if status != 'ok':
                print(output)
            print(
                f'{status:6} {path}: {suite.get("tests")} tests, '
                f'{float(suite.get("time")):.1f} s',
                flush=True,
            )
    counts = write_report(suites, args.report)
    failed = counts['errors'] + counts['failures']
    print(
        f'{counts["tests"] - failed - counts["skip"]} passed, {failed} '
        f'failed, {counts["skip"]} skipped in '
        f'{time.monotonic() - started:.0f} s'
    )
    return 1 if failed or not suites else 0


def modules() -> list[str]:
    """Return the paths of all test modules, the slowest first."""
    paths = {
        str(path.relative_to(ROOT))
        for path in (ROOT / 'tests').rglob('test_*.py')
    }
    first = [f'tests/{name}' for name in SLOWEST if f'tests/{name}' in paths]
    return first + sorted(paths - set(first))


def run_module(path: str) -> tuple[str, str, str, ElementTree.Element]:
    """Run the tests of a module in this process.

    Returns
    -------
    path : str
    status : {'ok', 'FAILED'}
    output : str
        What the tests and their child processes printed.
    suite : Element
        The module's part of the report.
    """
    import nose

    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report, log = Path(folder, 'report.xml'), Path(folder, 'log.txt')
        with open(log, 'wb') as file:
            ends = redirect(file.fileno())
            try:
                succeeded = nose.run(
                    argv=[
                        'nose',
                        path,
                        '--with-xunit',
                        f'--xunit-file={report}',
                    ]
                )
            finally:
                restore(ends)
        output = log.read_text(errors='replace')
        suite = ElementTree.parse(report).getroot()
    suite.set('time', str(time.monotonic() - started))
    if not int(suite.get('tests', 0)) and not succeeded:
        suite.set('errors', '1')
    return path, 'ok' if succeeded else 'FAILED', output, suite


def redirect(descriptor: int) -> list[int]:
    """Send what this process and its children print to a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    ends = [os.dup(1), os.dup(2)]
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    return ends


def restore(ends: list[int]) -> None:
    """Undo :func:`redirect`."""
    sys.stdout.flush()
    sys.stderr.flush()
    for descriptor, end in enumerate(ends, 1):
        os.dup2(end, descriptor)
        os.close(end)


def write_report(
    suites: list[ElementTree.Element], path: Path
) -> dict[str, int]:
    """Write the cases of all modules as one suite; return the counts."""
    whole = ElementTree.Element('testsuite', name='tests')
    counts = dict.fromkeys(COUNTS, 0)
    for suite in suites:
        whole.extend(suite)
        for name in COUNTS:
            counts[name] += int(suite.get(name, 0))
    for name, count in counts.items():
        whole.set(name, str(count))
    path.parent.mkdir(exist_ok=True)
    ElementTree.ElementTree(whole).write(path, encoding='utf-8')
    return counts


if __name__ == '__main__':
    sys.exit(main())
