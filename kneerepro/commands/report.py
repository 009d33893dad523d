"""Write the report of a run again, or set several runs side by side.

For one RUN, its report.html is rewritten from its results and figures. For
several, one page shows the settings that differ, the curves in common charts
and the figures in columns.
"""

from __future__ import annotations

import argparse
import os

from kneerepro import runs
from kneerepro.commands import inputs
from kneerepro.experiment import report, side_by_side
from kneerepro.utils import cli
from kneerepro.utils.errors import UserError
from kneerepro.utils.text import printable

_SIDE_BY_SIDE = 'side_by_side.html'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        'runs', metavar='RUN', nargs='+', help='folder of a finished run'
    )
    parser.add_argument(
        '-o',
        '--out',
        type=cli.path,
        metavar='FILE',
        help="page to write (default: the run's report.html; for several "
        f'runs, {_SIDE_BY_SIDE})',
    )
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='replace a page that already exists; the report of a single run '
        'is always replaced, unless --out is given',
    )
    parser.add_argument(
        '--data',
        metavar='FILE',
        action='append',
        default=[],
        help='dataset of the run, if it has been moved; can be repeated',
    )


def run(args: argparse.Namespace) -> None:
    """Write the page."""
    found = [runs.Run(folder) for folder in _distinct(args.runs)]
    path = args.out
    if len(found) > 1:
        path = path or _SIDE_BY_SIDE
    if path:
        inputs.refuse_existing([path], args.overwrite)
    if len(found) > 1:
        side_by_side.write(found, path)
    else:
        path = report.write(found[0], found[0].results(), args.data, path)
    print(printable(f'wrote {path}'))


def _distinct(folders: list[str]) -> list[str]:
    """Refuse a run that is named twice."""
    seen: dict[str, str] = {}
    for folder in folders:
        other = seen.setdefault(os.path.realpath(folder), folder)
        if other is not folder:
            raise UserError(
                f'{folder} and {other} are the same run: name each run once'
            )
    return folders
