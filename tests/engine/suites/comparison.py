"""Runs modules of tests in both ways, prints what differs, and counts."""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from multiprocessing.pool import ThreadPool

from tests.engine.suites.outcomes import (
    compare,
    in_words,
    read_reasons,
    write_table,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that the scripts of all suites have."""
    parser.add_argument(
        '--device',
        default='cpu',
        help='where the engine runs: cpu (the default) or cuda',
    )
    parser.add_argument(
        '--timeout', type=int, default=3600, help='seconds for each module'
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


def run_all(
    modules: Sequence[str],
    run: Callable[[str, str], dict],
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
    unused, rows = set(reasons), []
    for module in modules:
        start = time.monotonic()
        counts = _count(module, run, reasons, unused, args.verbose)
        rows.append((module, counts))
        seconds = time.monotonic() - start
        print(f'{module}: {in_words(counts)}, {seconds:.0f} s', flush=True)
    total = sum((counts for _, counts in rows), Counter())
    print(f'all: {in_words(total)}')
    if args.table:
        write_table(args.table, [*rows, ('all', total)])
    if whole:
        for pattern in sorted(unused):
            print(
                f'{os.path.basename(explained)}: no test that matches '
                f'{pattern} differs'
            )
    return int(total['differs'] > 0)


def _count(module, run, reasons, unused, verbose):
    """Run one module in both ways, and count the outcomes.

    The patterns in `reasons` that explain a test are removed from `unused`.
    """
    with ThreadPool(2) as pool:
        engine, theano = pool.map(
            lambda linker: run(module, linker), ['torch', 'theano']
        )
    counts = Counter()
    for row in compare(engine, theano, reasons):
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
