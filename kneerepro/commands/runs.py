"""List all runs, the newest of each experiment first."""

from __future__ import annotations

import argparse
import csv
import os
from dataclasses import dataclass

from kneerepro import command_line, runs
from kneerepro.engines import stored_precision
from kneerepro.registry import EXPERIMENTS
from kneerepro.utils.errors import UserError
from kneerepro.utils.text import printable

# Bytes read from the end of losses.csv, however long it is. They span more
# than an epoch, so they contain the losses that are logged once per epoch.
_TAIL = 2**16

_HEADINGS = (
    'experiment',
    'run',
    'preset',
    'state',
    'iterations',
    'losses',
    'engine',
)


@dataclass(frozen=True)
class _Entry:
    """A row of the list.

    Attributes
    ----------
    name : str
        The run's folder, without its path.
    created : int or None
        Nanoseconds since the epoch; None for a damaged run.
    cells : tuple of str
        The columns after the experiment and the name.
    defect : str or None
        What is damaged.
    """

    name: str
    created: int | None
    cells: tuple[str, ...]
    defect: str | None = None

    def sort_key(self) -> tuple[bool, int, str]:
        """Newest first, then damaged runs by name."""
        return self.created is None, -(self.created or 0), self.name


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    command_line.add_out(parser)


def run(args: argparse.Namespace) -> None:
    """Print the list."""
    entries = [
        (experiment, entry)
        for experiment in EXPERIMENTS
        for entry in _entries(args.out, experiment)
    ]
    if not entries:
        print(printable(f'no runs in {args.out}'))
        return
    rows = [_HEADINGS] + [
        tuple(map(printable, (experiment, entry.name, *entry.cells)))
        for experiment, entry in entries
    ]
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths)]
        print('  '.join(cells).rstrip())
    for _, entry in entries:
        if entry.defect:
            print(printable(entry.defect))


def _entries(root: str, experiment: str) -> list[_Entry]:
    """The runs of an experiment: the newest first, damaged ones last."""
    parent = os.path.join(root, experiment)
    try:
        names = os.listdir(parent)
    except OSError:
        return []
    entries = [
        _entry(parent, name)
        for name in names
        if os.path.isdir(os.path.join(parent, name))
    ]
    return sorted(entries, key=_Entry.sort_key)


def _entry(parent: str, name: str) -> _Entry:
    folder = os.path.join(parent, name)
    try:
        run = runs.Run(folder)
        settings = run.settings
        engine = [settings['engine'], settings['device']]
        if stored_precision(settings) == 'bf16':
            engine.append('bf16')
        cells = (
            str(settings['preset']),
            run.state(),
            *_progress(run),
            ', '.join(engine),
        )
        return _Entry(name, run.created_ns(), cells)
    except (UserError, OSError) as error:
        defect = str(error)
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        ArithmeticError,
        csv.Error,
    ) as error:
        defect = f'{folder} is damaged ({error!r})'
    return _Entry(name, None, ('', 'damaged', '', '', ''), defect)


def _progress(run: runs.Run) -> tuple[str, str]:
    """Iterations done out of all, and the last value of each loss."""
    parameters, data = run.parameters, run.settings['data']
    total = parameters['iterations'] or (
        parameters['epochs'] * (data['train'] // parameters['batch_size'])
    )
    try:
        names, rows = _last_rows(run.path('losses.csv'))
    except FileNotFoundError:
        names, rows = [], []
    done = rows[-1][0] if rows else run.saved_iteration()
    losses = []
    for column, name in enumerate(names[2:], 2):
        values = [row[column] for row in rows if row[column]]
        if values:
            losses.append(f'{name.replace("_", " ")} {float(values[-1]):.4g}')
    return f'{done}/{total}', ', '.join(losses)


def _last_rows(path: str) -> tuple[list[str], list[list[str]]]:
    """The heading of a table, and its last complete rows."""
    with open(path, 'rb') as file:
        heading = file.readline()
        names = next(csv.reader([heading.decode()]), [])
        start = max(len(heading), file.seek(0, os.SEEK_END) - _TAIL)
        file.seek(start)
        lines = file.read().decode().split('\n')
    # The last line may lack its end, and the first its beginning.
    del lines[-1]
    if start > len(heading):
        del lines[0]
    return names, [row for row in csv.reader(lines) if len(row) == len(names)]
