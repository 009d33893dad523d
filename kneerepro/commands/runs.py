"""List all runs, the newest of each experiment first."""

import csv
import os
from collections import namedtuple

from kneerepro import config, runs
from kneerepro.engines import precision_of
from kneerepro.registry import EXPERIMENTS
from kneerepro.utils.errors import UserError

# Of losses.csv, however long, what is read from its end: rows of an epoch or
# more, so that the losses that come once an epoch are among them.
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

_Entry = namedtuple('_Entry', 'age name cells defect')


def add_arguments(parser):
    config.add_out(parser)


def run(args):
    entries = [
        (experiment, entry)
        for experiment in EXPERIMENTS
        for entry in _entries(args.out, experiment)
    ]
    if not entries:
        print(f'no runs in {args.out}')
        return
    rows = [_HEADINGS] + [
        (experiment, entry.name, *entry.cells) for experiment, entry in entries
    ]
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        print(
            '  '.join(
                cell.ljust(width) for cell, width in zip(row, widths)
            ).rstrip()
        )
    for _, entry in entries:
        if entry.defect:
            print(entry.defect)


def _entries(root, experiment):
    """The folders of an experiment: runs by age, then the damaged ones."""
    parent = os.path.join(root, experiment)
    try:
        names = sorted(os.listdir(parent))
    except OSError:
        return []
    return sorted(
        _entry(parent, name)
        for name in names
        if os.path.isdir(os.path.join(parent, name))
    )


def _entry(parent, name):
    folder = os.path.join(parent, name)
    try:
        found = runs.Run(folder)
        settings = found.settings
        cells = (
            str(settings['preset']),
            found.state(),
            *_progress(found),
            ', '.join(
                [
                    settings['engine'],
                    settings['device'],
                    *['bf16'] * (precision_of(settings) == 'bf16'),
                ]
            ),
        )
        return _Entry(-found.created(), name, cells, None)
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
    # In time, it comes after all that are none.
    return _Entry(1, name, ('', 'damaged', '', '', ''), defect)


def _progress(run):
    """Iterations done, of all; and the last losses."""
    parameters, data = run.parameters, run.settings['data']
    total = parameters['iterations'] or (
        parameters['epochs'] * (data['train'] // parameters['batch_size'])
    )
    try:
        names, rows = _last_rows(run.path('losses.csv'))
    except FileNotFoundError:
        names, rows = [], []
    done = rows[-1][0] if rows else run.iteration()
    losses = []
    for column, name in enumerate(names[2:], 2):
        value = next(
            (row[column] for row in reversed(rows) if row[column]), None
        )
        if value is not None:
            losses.append(f'{name.replace("_", " ")} {float(value):.4g}')
    return f'{done}/{total}', ', '.join(losses)


def _last_rows(path):
    """The heading of a table, and its last whole rows."""
    with open(path, 'rb') as file:
        heading = file.readline()
        names = next(csv.reader([heading.decode()]), [])
        beginning = max(len(heading), file.seek(0, os.SEEK_END) - _TAIL)
        file.seek(beginning)
        lines = file.read().decode().split('\n')
    # The first may lack its beginning, the last its end.
    rows = csv.reader(lines[beginning > len(heading) : -1])
    return names, [row for row in rows if len(row) == len(names)]
