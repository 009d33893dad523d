"""List the series in folders of DICOM files, and why some cannot be used.

Nothing is converted.
"""

from __future__ import annotations

import argparse
import contextlib
from collections import Counter
from collections.abc import Iterable

from kneerepro.commands.data import (
    REJECTED,
    add_source_arguments,
    labels_of,
    limits_of,
    print_line,
)
from kneerepro.data.contents import describe_dataset, is_dataset
from kneerepro.data.convert import Options
from kneerepro.data.label_report import describe_labels
from kneerepro.data.labels import Knee, join
from kneerepro.data.progress import PhaseProgress
from kneerepro.data.reading.catalogue import Catalogue
from kneerepro.data.reading.defects import NOTES
from kneerepro.data.reading.files import survey
from kneerepro.data.reading.records import SeriesRecord, find_series
from kneerepro.data.reading.selection import selection_of
from kneerepro.data.reading.unpacking import Archives
from kneerepro.utils.errors import UserError
from kneerepro.utils.text import pad, printable, width
from kneerepro.utils.workers import Workers

# Characters of a description in the table: as many as DICOM allows.
_MAX_DESCRIPTION = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_source_arguments(parser)


def run(args: argparse.Namespace) -> int | None:
    """List the series; return the exit status."""
    datasets = list(filter(is_dataset, args.source))
    for path in datasets:
        for line in describe_dataset(path):
            print_line(line)
    args.source = [path for path in args.source if path not in datasets]
    if not args.source:
        return None
    labels = labels_of(args)
    selection = selection_of(args)
    with contextlib.closing(Catalogue()) as catalogue:
        with (
            PhaseProgress() as progress,
            Workers(args.workers) as workers,
            Archives(args.source) as archives,
        ):
            total = survey(args.source).count
            archives.scan(
                catalogue, workers, args.depth, total, progress=progress
            )
        records = find_series(
            catalogue, selection, limits_of(args), args.depth, Options().size
        )
        files = catalogue.defective_files()
    _print_table(records)
    _print_defects(records)
    _print_notes(records)
    for path, code, message in files:
        print_line(f'{code}: {archives.shown(path)}: {message}')
    usable = sum(record.usable for record in records)
    selected = sum(record.selected for record in records)
    rejected = len(files) + selected - usable
    print(
        f'{usable} usable series, {rejected} series or files to be '
        f'rejected, {len(records) - selected} not selected'
    )
    if not usable:
        explanation = selection.explain(
            record.description for record in records if not record.selected
        )
        text = 'nothing usable in ' + ', '.join(args.source)
        raise UserError(f'{text}. {explanation}' if explanation else text)
    if labels is not None:
        _print_labels(labels, records)
    return REJECTED if args.strict and rejected else None


def _print_table(records: Iterable[SeriesRecord]) -> None:
    """Print a line for each series.

    Descriptions appear here only, on the user's screen: they may name a
    person, so no file repeats them.
    """
    rows = [
        (
            '',
            'slices',
            'matrix',
            'spacing, mm',
            'plane',
            'side',
            'patient',
            'description',
        )
    ]
    patients: dict[str, int] = {}
    for record in records:
        number = patients.setdefault(
            record.identity.patient, len(patients) + 1
        )
        rows.append(
            (
                _state(record),
                str(record.slices),
                f'{record.rows} x {record.columns}',
                ' x '.join(
                    f'{length:.3g}' if length else '?'
                    for length in record.spacing
                ),
                record.plane,
                record.side,
                str(number),
                f'{_shortened(record.description)} {record.part}'.strip(),
            )
        )
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(width, column)) for column in zip(*cells)]
    for line in cells:
        print('  '.join(map(pad, line, widths)).rstrip())


def _shortened(description):
    if len(description) <= _MAX_DESCRIPTION:
        return description
    return description[: _MAX_DESCRIPTION - 3] + '...'


def _state(record):
    if not record.selected:
        return '-'
    return record.defect.code if record.defect else 'usable'


def _print_defects(records: Iterable[SeriesRecord]) -> None:
    for record in records:
        if record.defect:
            print_line(
                f'{record.defect.code}: {record.uid}: {record.defect.message}'
            )


def _print_notes(records: Iterable[SeriesRecord]) -> None:
    notes = Counter(note for record in records for note in record.notes)
    for note, count in sorted(notes.items()):
        print(f'note {note}: {count}: {NOTES[note]}')


def _print_labels(labels, records):
    knees = [Knee.of_record(record) for record in records if record.usable]
    for line in describe_labels(join(labels, knees)):
        print_line(line)
