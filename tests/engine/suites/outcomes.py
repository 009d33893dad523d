"""Outcomes of others' tests on the engine, beside those on Theano alone."""

from __future__ import annotations

import fnmatch
import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

#: What becomes of a test that runs in both ways.
OUTCOMES = (
    'passed',
    'differs',
    'explained',
    'engine not used',
    'failed by both',
    'engine only',
    'skipped',
)


@dataclass(frozen=True)
class Comparison:
    """A test in both ways.

    Attributes
    ----------
    test : str
    outcome : str
        One of `OUTCOMES`.
    text : str
        A traceback or a reason.
    pattern : str or None
        The pattern that explains why the test differs.
    """

    test: str
    outcome: str
    text: str
    pattern: str | None = None


def read_reasons(path: str | os.PathLike) -> dict[str, str]:
    """Read ``{pattern of test names: reason}`` from lines ``pattern: reason``.

    An indented line continues the previous one, and ``#`` starts a comment.
    """
    reasons, pattern = {}, None
    with open(path, encoding='utf-8') as file:
        for line in file:
            if not line.strip() or line.startswith('#'):
                continue
            if line[0].isspace():
                reason = f'{reasons[pattern]} {line.strip()}'
            else:
                pattern, _, reason = line.replace('\n', ' ').partition(': ')
            reasons[pattern] = reason.strip()
    return reasons


def compare(
    engine: Mapping[str, tuple[str, str]],
    theano: Mapping[str, tuple[str, str]],
    reasons: Iterable[str],
) -> list[Comparison]:
    """Compare the results of the engine and of Theano's own code.

    Parameters
    ----------
    engine, theano : dict
        ``{test: (outcome, text)}``, from
        :func:`tests.engine.suites.processes.run`.
    reasons : iterable of str
        Patterns of the tests that may differ.
    """
    rows = []
    for test in dict.fromkeys([*engine, *theano]):
        outcome, text = engine.get(test, ('failed', 'did not run'))
        expected, other = theano.get(test, ('failed', 'did not run'))
        pattern = None
        if 'skipped' in (outcome, expected):
            outcome = 'skipped'
        elif outcome == expected == 'failed':
            outcome, text = 'failed by both', other
        elif expected == 'failed':
            outcome = 'engine only'
        elif outcome == 'failed':
            pattern = _explanation(test, reasons)
            outcome = 'differs' if pattern is None else 'explained'
        rows.append(Comparison(test, outcome, text, pattern))
    return rows


def _explanation(test, reasons):
    """Return the first pattern that a test matches, or None."""
    for pattern in reasons:
        if fnmatch.fnmatchcase(test, pattern):
            return pattern
    return None


def in_words(counts: Counter) -> str:
    return ', '.join(f'{counts[outcome]} {outcome}' for outcome in OUTCOMES)


def write_table(
    path: str | os.PathLike,
    rows: Iterable[tuple[str, Counter]],
    not_run: Collection[str] = (),
) -> None:
    """Write the outcomes of modules, ``[(name, counts)]``, as a list-table.

    The modules in `not_run` are named below it.
    """
    lines = ['.. list-table::', '   :header-rows: 1', '']
    for name, *cells in [
        ['Module', *OUTCOMES],
        *([name, *(counts[o] for o in OUTCOMES)] for name, counts in rows),
    ]:
        lines.append(f'   * - {name}')
        lines += [f'     - {cell}' for cell in cells]
    if not_run:
        names = ', '.join(f'``{name}``' for name in not_run)
        lines += ['', f'Not run: {names}.']
    with open(path, 'w', encoding='utf-8') as file:
        file.write('\n'.join(lines) + '\n')
