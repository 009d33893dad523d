"""The commands ``data/prepare.py`` and ``data/inspect.py``."""

import argparse
import contextlib
from collections import Counter

from kneerepro.data.convert import NORMALISATIONS, Options
from kneerepro.data.dataset import Dataset
from kneerepro.data.prepare import describe, prepare
from kneerepro.data.progress import PhaseProgress
from kneerepro.data.reading import records as finding
from kneerepro.data.reading.catalogue import Catalogue
from kneerepro.data.reading.checks import Limits
from kneerepro.data.reading.identity import default_key_file, load_key
from kneerepro.data.reading.scan import scan, survey
from kneerepro.data.reading.selection import add_arguments, selection_of
from kneerepro.utils import cli
from kneerepro.utils.errors import UserError
from kneerepro.utils.workers import Workers

REJECTED = 1  # exit status of --strict


def prepare_main(description):
    """``data/prepare.py``; returns its exit status."""
    parser = _parser(description)
    parser.add_argument(
        '--out',
        metavar='FILE',
        default='knees.h5',
        help='HDF5 file to write; the report is put beside',
    )
    parser.add_argument(
        '--npy',
        action='store_true',
        help='write the volumes as FILE.npy as well',
    )
    parser.add_argument(
        '--overwrite', action='store_true', help='replace another FILE'
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
        help='how to scale to [0, 1] '
        '(E17): by the minimum and maximum of each volume, '
        'each slice or the dataset, or slice-max, each slice '
        'divided by its maximum (default: volume)',
    )
    parser.add_argument(
        '--flip-left',
        action='store_true',
        help='mirror left knees to look like right ones',
    )
    parser.add_argument(
        '--one-per-patient',
        action='store_true',
        help='reject all series of a patient but the first',
    )
    parser.add_argument(
        '--key-file',
        metavar='FILE',
        default=default_key_file(),
        help="secret key of the patients' hashes, written where missing",
    )
    parser.add_argument(
        '--identifiers',
        action='store_true',
        help='keep PatientIDs and absolute paths in dataset and report',
    )
    args = parser.parse_args()
    with PhaseProgress() as progress:
        summary = prepare(
            args.source,
            args.out,
            Options(args.depth, args.size, args.normalise, args.flip_left),
            _limits(args),
            selection_of(args),
            key=load_key(args.key_file),
            workers=args.workers,
            one_per_patient=args.one_per_patient,
            identifiers=args.identifiers,
            overwrite=args.overwrite,
            npy=args.npy,
            progress=progress,
        )
    if summary is None:
        print(
            f'{args.out} was made from the same files with the same '
            'options: it is kept'
        )
    else:
        print('\n'.join(describe(summary, args.out)))
    with Dataset(args.out) as dataset:
        provenance = dataset.provenance
        print(
            '{}: {} volumes of {} x {} x {}, hash {:.12}'.format(
                args.out, len(dataset.volumes), *dataset.shape, dataset.hash
            )
        )
    if args.strict and provenance['rejected']:
        return REJECTED


def inspect_main(description):
    """``data/inspect.py``; returns its exit status."""
    args = _parser(description).parse_args()
    options, limits = Options(args.depth), _limits(args)
    with contextlib.closing(Catalogue()) as catalogue:
        with PhaseProgress() as progress, Workers(args.workers) as workers:
            total = survey(args.source).count
            scan(
                catalogue,
                args.source,
                workers,
                args.depth,
                progress=lambda done: progress(
                    'reading headers', done, total, 0
                ),
            )
        selection = selection_of(args)
        found = finding.find(catalogue, selection, limits, options)
        files = catalogue.defective_files()
    _print_table(found)
    for path, code, message in files:
        print(f'{code}: {path}: {message}')
    rejected = len(files) + sum(
        one.selected and one.defect is not None for one in found
    )
    usable = sum(one.selected and one.defect is None for one in found)
    print(
        f'{usable} usable series, {rejected} series or files to be '
        f'rejected, {sum(not one.selected for one in found)} not selected'
    )
    if not usable:
        raise UserError(
            '. '.join(
                filter(
                    None,
                    (
                        'nothing usable in ' + ', '.join(args.source),
                        selection.explain(found),
                    ),
                )
            )
        )
    if args.strict and rejected:
        return REJECTED


def _parser(description):
    parser = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        'source',
        metavar='SOURCE',
        nargs='+',
        help='folder with DICOM series at any depth, or with volumes as .mat '
        'or .npy; or such a file',
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
        help='reject series with fewer',
    )
    parser.add_argument(
        '--min-coverage',
        type=cli.non_negative_float,
        metavar='MM',
        default=Limits().min_coverage,
        help='reject series whose slices cover less',
    )
    parser.add_argument(
        '--workers',
        type=cli.positive_int,
        default=1,
        metavar='N',
        help='processes',
    )
    parser.add_argument(
        '--strict',
        action='store_true',
        help='exit with status 1 if anything is rejected',
    )
    return parser


def _at_least_two(text):
    number = cli.positive_int(text)
    if number < 2:
        raise argparse.ArgumentTypeError(f'{text} is not at least 2')
    return number


def _limits(args):
    return Limits(args.min_slices, args.min_coverage)


def _print_table(found):
    """One line for each series; descriptions are for the screen alone."""
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
    patients = {}
    for one in found:
        number = patients.setdefault(one.identity.patient, len(patients) + 1)
        state = (
            '-'
            if not one.selected
            else one.defect.code
            if one.defect
            else 'usable'
        )
        rows.append(
            (
                state,
                str(one.slices),
                f'{one.rows} x {one.columns}',
                ' x '.join(
                    f'{length:.3g}' for length in one.spacing if length
                ),
                one.plane,
                one.side,
                str(number),
                f'{one.description} {one.part}'.strip(),
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        print(
            '  '.join(
                cell.ljust(width) for cell, width in zip(row, widths)
            ).rstrip()
        )
    for one in found:
        if one.selected and one.defect:
            print(f'{one.defect.code}: {one.uid}: {one.defect.message}')
    notes = Counter(note for one in found for note in one.notes)
    for note, count in sorted(notes.items()):
        print(f'note {note}: {count}')
