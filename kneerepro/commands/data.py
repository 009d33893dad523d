"""The commands ``data/prepare.py`` and ``data/inspect.py``."""

from __future__ import annotations

import argparse
import contextlib
from collections import Counter
from collections.abc import Iterable

from kneerepro.data.contents import describe_dataset, headline, is_dataset
from kneerepro.data.convert import NORMALISATIONS, Options
from kneerepro.data.dataset import Dataset
from kneerepro.data.label_report import describe_labels
from kneerepro.data.label_table import read_labels
from kneerepro.data.labels import Knee, join
from kneerepro.data.prepare import Settings, describe, prepare
from kneerepro.data.progress import PhaseProgress
from kneerepro.data.reading.catalogue import Catalogue
from kneerepro.data.reading.checks import Limits
from kneerepro.data.reading.defects import NOTES
from kneerepro.data.reading.files import survey
from kneerepro.data.reading.identity import add_key_file, load_key
from kneerepro.data.reading.records import SeriesRecord, find_series
from kneerepro.data.reading.selection import add_arguments, selection_of
from kneerepro.data.reading.unpacking import Archives
from kneerepro.utils import cli
from kneerepro.utils.errors import UserError
from kneerepro.utils.text import pad, printable, width
from kneerepro.utils.workers import Workers

REJECTED = 1  # exit status of --strict

# Of a description, in the table: the longest that DICOM allows.
_MAX_DESCRIPTION = 64


def prepare_main(description: str) -> int | None:
    """Run ``data/prepare.py``; returns its exit status."""
    args = _prepare_parser(description).parse_args()
    settings = Settings(
        key=load_key(args.key_file),
        options=Options(
            depth=args.depth,
            size=args.size,
            normalise=args.normalise,
            flip_left=args.flip_left,
        ),
        limits=_limits(args),
        selection=selection_of(args),
        one_per_patient=args.one_per_patient,
        identifiers=args.identifiers,
        labels=_labels(args),
    )
    with PhaseProgress() as progress:
        summary = prepare(
            args.source,
            args.out,
            settings,
            workers=args.workers,
            overwrite=args.overwrite,
            npy=args.npy,
            progress=progress,
        )
    if summary is None:
        _print(
            f'{args.out} was made from the same files with the same '
            'options: it is kept'
        )
    else:
        for line in describe(summary, args.out):
            _print(line)
    with Dataset(args.out) as dataset:
        rejected = dataset.provenance['rejected']
        _print(headline(args.out, dataset))
    return REJECTED if args.strict and rejected else None


def inspect_main(description: str) -> int | None:
    """Run ``data/inspect.py``; returns its exit status."""
    args = _parser(description).parse_args()
    datasets = list(filter(is_dataset, args.source))
    for path in datasets:
        for line in describe_dataset(path):
            _print(line)
    args.source = [path for path in args.source if path not in datasets]
    if not args.source:
        return None
    labels = _labels(args)
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
            catalogue, selection, _limits(args), args.depth, Options().size
        )
        files = catalogue.defective_files()
    _print_table(records)
    _print_defects(records)
    _print_notes(records)
    for path, code, message in files:
        _print(f'{code}: {archives.shown(path)}: {message}')
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


# ------------------------------------------------------------------ arguments


def _parser(description):
    """The arguments that both commands take."""
    parser = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        'source',
        metavar='SOURCE',
        nargs='+',
        help='folder with DICOM series at any depth, or with volumes as '
        'NIfTI, MetaImage, NRRD, .mat or .npy; such a file; or an archive of '
        'them',
    )
    add_arguments(parser)
    parser.add_argument(
        '--depth',
        type=cli.positive_int,
        default=160,
        metavar='N',
        help='slices of a volume',
    )
    parser.add_argument(
        '--min-slices',
        type=_at_least_two,
        metavar='N',
        default=Limits().min_slices,
        help='reject series with fewer slices',
    )
    parser.add_argument(
        '--min-coverage',
        type=cli.non_negative_float,
        metavar='MM',
        default=Limits().min_coverage,
        help='reject series whose slab is thinner',
    )
    parser.add_argument(
        '--labels',
        metavar='FILE',
        help='table of labels, such as KL grades, by patient and side, to be '
        'stored with the volumes',
    )
    parser.add_argument(
        '--label-columns',
        metavar='A,B',
        type=_names,
        help='columns of the table to keep, by default all',
    )
    parser.add_argument(
        '--workers',
        type=cli.positive_int,
        default=1,
        metavar='N',
        help='number of processes',
    )
    parser.add_argument(
        '--strict',
        action='store_true',
        help='exit with status 1 if anything is rejected',
    )
    return parser


def _prepare_parser(description):
    parser = _parser(description)
    parser.add_argument(
        '--out',
        metavar='FILE',
        default='knees.h5',
        help='HDF5 file to write; the report is written beside it',
    )
    parser.add_argument(
        '--npy',
        action='store_true',
        help='also write the volumes as FILE.npy',
    )
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='replace FILE even if it is something else',
    )
    parser.add_argument(
        '--size',
        type=cli.positive_int,
        default=64,
        metavar='N',
        help='rows and columns of a slice',
    )
    parser.add_argument(
        '--normalise',
        choices=NORMALISATIONS,
        default='volume',
        help='how to scale to [0, 1] (E17): by the minimum and maximum of '
        'each volume, of each slice or of the dataset; slice-max divides '
        'each slice by its maximum',
    )
    parser.add_argument(
        '--flip-left',
        action='store_true',
        help='mirror left knees to look like right ones',
    )
    parser.add_argument(
        '--one-per-patient',
        action='store_true',
        help='reject all series of a patient except the first',
    )
    add_key_file(parser)
    parser.add_argument(
        '--identifiers',
        action='store_true',
        help='keep PatientIDs and absolute paths in the dataset and the '
        'report',
    )
    return parser


def _at_least_two(text):
    number = cli.positive_int(text)
    if number < 2:
        raise argparse.ArgumentTypeError(f'{text} is not at least 2')
    return number


def _names(text):
    return [name.strip() for name in text.split(',') if name.strip()]


def _labels(args):
    """The table of labels, if there is one."""
    if args.labels is None:
        if args.label_columns is not None:
            raise UserError(
                '--label-columns needs --labels: name the table with --labels'
            )
        return None
    return read_labels(args.labels, args.label_columns)


def _limits(args):
    return Limits(min_slices=args.min_slices, min_coverage=args.min_coverage)


# --------------------------------------------------------------------- output


def _print(line: str) -> None:
    """Print one line; nothing in it can end it or control the terminal."""
    print(printable(line))


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
            _print(
                f'{record.defect.code}: {record.uid}: {record.defect.message}'
            )


def _print_notes(records: Iterable[SeriesRecord]) -> None:
    notes = Counter(note for record in records for note in record.notes)
    for note, count in sorted(notes.items()):
        print(f'note {note}: {count}: {NOTES[note]}')


def _print_labels(labels, records):
    knees = [Knee.of_record(record) for record in records if record.usable]
    for line in describe_labels(join(labels, knees)):
        _print(line)
