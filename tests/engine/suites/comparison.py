"""Runs modules of tests in both ways, prints what differs, and counts."""

from __future__ import annotations

import argparse
import importlib.util
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from multiprocessing.pool import ThreadPool

from tests.engine.suites.outcomes import (
    compare,
    in_words,
    read_reasons,
    write_table,
)
from tests.engine.suites.processes import took_too_long
from tests.engine.suites.results import Results, ResultsFile


def add_arguments(parser: argparse.ArgumentParser, results: str) -> None:
    """Add the options that the scripts of all suites have.

    Parameters
    ----------
    parser : ArgumentParser
    results : str
        Where the results are kept by default.
    """
    parser.add_argument(
        '--device',
        default='cpu',
        help='where the engine runs: cpu (the default) or cuda',
    )
    parser.add_argument(
        '--timeout', type=int, default=3600, help='seconds for each module'
    )
    parser.add_argument(
        '--jobs',
        type=int,
        choices=[1, 2],
        default=2,
        help='how many processes run at the same time (default: 2)',
    )
    parser.add_argument(
        '--results',
        metavar='FILE',
        default=results,
        help='where the results of modules are kept (default: %(default)s)',
    )
    parser.add_argument(
        '--continue',
        dest='continued',
        action='store_true',
        help='take the results of modules that are in this file from there',
    )
    parser.add_argument(
        '--minutes',
        type=float,
        default=float('inf'),
        help='start no module after this time, and name those that did not '
        'run;\nwith --continue, 0 only shows what is in the file',
    )
    parser.add_argument(
        '--table',
        metavar='FILE',
        help='write the outcomes as a table in reStructuredText',
    )
    parser.add_argument(
        '--verbose',
        action='store_true',
        help='list all tests, with tracebacks and reasons',
    )


def require(
    parser: argparse.ArgumentParser, tests: str, *packages: str
) -> None:
    """End the program if a package that these tests need is missing."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            parser.error(
                f'{tests} require the package {package}, which is not '
                f'installed: pip install {package}'
            )


def run_all(
    modules: Sequence[str],
    run: Callable[[str, str], Results],
    explained: str | os.PathLike,
    args: argparse.Namespace,
    whole: bool = False,
) -> int:
    """Run modules in both ways; return the exit status.

    Parameters
    ----------
    modules : sequence of str
    run : callable
        Runs a module with a linker, 'torch' or 'theano', and returns
        ``{test: (outcome, text)}``.
    explained : path
        The file with the reasons of tests that may differ.
    args : Namespace
        Values of :func:`add_arguments`.
    whole : bool
        Whether these are all modules, so that each reason must be used.
    """
    reasons = read_reasons(explained)
    unused, rows, not_run = set(reasons), [], []
    file = ResultsFile(args.results, args.device)
    known = file.read() if args.continued else {}
    end = time.monotonic() + 60 * args.minutes
    for module in modules:
        start, how = time.monotonic(), 'as before'
        if module not in known:
            if start >= end:
                not_run.append(module)
                continue
            engine, theano = _run_both(module, run, args.jobs)
            if took_too_long(module, theano):
                print(f'{module}: Theano took more than {args.timeout} s')
                not_run.append(module)
                continue
            known[module] = engine, theano
            file.add(module, engine, theano)
            how = f'{time.monotonic() - start:.0f} s'
        counts = _count(known[module], reasons, unused, args.verbose)
        rows.append((module, counts))
        print(f'{module}: {in_words(counts)}, {how}', flush=True)
    total = sum((counts for _, counts in rows), Counter())
    print(f'all: {in_words(total)}')
    if not_run:
        print('not run: ' + ', '.join(not_run))
    if args.table:
        write_table(args.table, [*rows, ('all', total)], not_run)
    if whole and not not_run:
        _report_unused(explained, unused)
    return int(total['differs'] > 0)


def _run_both(module, run, jobs):
    """Run one module with the engine and with Theano alone."""
    with ThreadPool(jobs) as pool:
        return pool.map(
            lambda linker: run(module, linker), ['torch', 'theano'], 1
        )


def _count(results, reasons, unused, verbose):
    """Count the outcomes of one module, and print what differs.

    The patterns in `reasons` that explain a test are removed from `unused`.
    """
    counts = Counter()
    for row in compare(*results, reasons):
        counts[row.outcome] += 1
        unused.discard(row.pattern)
        if verbose:
            print(
                f'{row.outcome}: {row.test}\n'
                f'{reasons.get(row.pattern, row.text)}'
            )
        elif row.outcome == 'differs':
            last_line = row.text.strip().rpartition('\n')[2]
            print(f'{row.outcome}: {row.test}\n    {last_line[:300]}')
    return counts


def _report_unused(explained: str | os.PathLike, unused: Iterable[str]):
    for pattern in sorted(unused):
        print(
            f'{os.path.basename(explained)}: no test that matches '
            f'{pattern} differs'
        )
