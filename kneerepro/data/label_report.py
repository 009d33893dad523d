"""Say how a table of labels was joined, and list what has no partner."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Callable

from kneerepro.data.labels import Joined, Unmatched
from kneerepro.data.report import csv_cell
from kneerepro.utils.files import replacing

_COLUMNS = 'kind', 'volume_or_line', 'patient', 'side', 'visit', 'reason'


def describe_labels(joined: Joined) -> Iterator[str]:
    """Tell a user how a table was joined, line by line.

    Parameters
    ----------
    joined : Joined

    Yields
    ------
    str
    """
    table = joined.table
    keys = [f'patient: {table.patient_column!r}']
    if table.side_column:
        numbers = ', 1 right and 2 left' if table.numbered_sides else ''
        keys.append(f'side: {table.side_column!r}{numbers}')
    if table.visit_column:
        keys.append(f'visit: {table.visit_column!r}')
    yield (
        f'labels of {joined.matched} of {len(joined.rows)} volumes, from '
        f'{table.path} ({"; ".join(keys)}; columns: {len(table.columns)})'
    )
    if joined.several_projects:
        yield (
            f'  volumes with readings of several projects, of which READPRJ '
            f'15 comes before 37 and 42: {joined.several_projects}'
        )
    for kind, text in [
        ('volume', 'volumes without a label'),
        ('row', 'rows without a volume'),
    ]:
        reasons = Counter(
            item.reason for item in joined.unmatched if item.kind == kind
        )
        listed = ', '.join(
            f'{reason}: {count}' for reason, count in reasons.most_common()
        )
        count = sum(reasons.values())
        yield f'  {text}: {count} ({listed})' if count else f'  {text}: 0'


def unmatched_path(out: str) -> str:
    """The file beside a dataset file that lists what has no partner."""
    return os.path.splitext(out)[0] + '.labels.csv'


def write_unmatched(
    path: str, unmatched: Iterable[Unmatched], name: Callable[[str], str]
) -> None:
    """List volumes without a row and rows without a volume.

    Parameters
    ----------
    path : str
        The CSV file to write.
    unmatched : iterable of Unmatched
    name : callable
        Returns what to call a patient.
    """
    with (
        replacing(path) as temporary,
        open(temporary, 'w', newline='', encoding='utf-8') as file,
    ):
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(_COLUMNS)
        for item in unmatched:
            writer.writerow(
                [
                    item.kind,
                    item.number,
                    item.patient and csv_cell(name(item.patient)),
                    item.side,
                    csv_cell(item.visit),
                    item.reason,
                ]
            )
