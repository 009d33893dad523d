"""Convert DICOM series, or volumes in other formats, to the thesis's dataset.

Section 2.2 of the thesis describes it.
"""

from __future__ import annotations

import argparse

from kneerepro.commands.data import (
    REJECTED,
    add_source_arguments,
    labels_of,
    limits_of,
    print_line,
)
from kneerepro.data.contents import headline
from kneerepro.data.convert import NORMALISATIONS, Options
from kneerepro.data.dataset import Dataset
from kneerepro.data.decisions import Summary
from kneerepro.data.join import join_parts
from kneerepro.data.part_files import Part, PartFile
from kneerepro.data.prepare import describe, prepare
from kneerepro.data.prepare_part import describe_part, prepare_part
from kneerepro.data.progress import PhaseProgress
from kneerepro.data.reading.identity import add_key_file, load_key
from kneerepro.data.reading.selection import selection_of
from kneerepro.data.settings import Settings
from kneerepro.utils import cli
from kneerepro.utils.errors import UserError

# What may be given with --join; the parts decide the rest.
_WITH_JOIN = {
    'join',
    'key_file',
    'labels',
    'npy',
    'overwrite',
    'source',
    'strict',
    'workers',
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_source_arguments(parser)
    parser.add_argument(
        '--out',
        metavar='FILE',
        default='knees.h5',
        help='HDF5 file to write; the report is written beside it',
    )
    division = parser.add_mutually_exclusive_group()
    division.add_argument(
        '--part',
        metavar='K/N',
        type=_part,
        help='convert only the Kth of N parts of the series, to a file like '
        'knees.part-K-of-N.h5; for use on several machines',
    )
    division.add_argument(
        '--join',
        metavar='FILE',
        help='join all parts into FILE; SOURCE names the parts, and --labels '
        'the same table as before',
    )
    parser.add_argument(
        '--npy',
        action='store_true',
        help='also write the volumes as FILE.npy',
    )
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='replace FILE even if it was made from other data',
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


def run(args: argparse.Namespace) -> int | None:
    """Make the dataset, or a part of it; return the exit status."""
    if args.join is not None:
        return _join(args)
    settings = Settings(
        key=load_key(args.key_file),
        options=Options(
            depth=args.depth,
            size=args.size,
            normalise=args.normalise,
            flip_left=args.flip_left,
        ),
        limits=limits_of(args),
        selection=selection_of(args),
        one_per_patient=args.one_per_patient,
        identifiers=args.identifiers,
        labels=labels_of(args),
    )
    if args.part is not None:
        return _prepare_part(args, settings)
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
    return _report(args.out, summary, args.strict)


def _report(out: str, summary: Summary | None, strict: bool) -> int | None:
    """Say what a dataset contains; return the exit status."""
    if summary is None:
        _print_kept(out)
    else:
        for line in describe(summary, out):
            print_line(line)
    with Dataset(out) as dataset:
        rejected = dataset.provenance['rejected']
        print_line(headline(out, dataset))
    return REJECTED if strict and rejected else None


def _print_kept(path):
    print_line(
        f'{path} was made from the same files with the same options: it is '
        'kept'
    )


# ---------------------------------------------------------------------- parts


def _prepare_part(args, settings):
    """Convert a part of the series; return the exit status."""
    if args.npy:
        raise UserError('a part has no .npy file: give --npy with --join')
    with PhaseProgress() as progress:
        made = prepare_part(
            args.source,
            args.out,
            settings,
            args.part,
            workers=args.workers,
            overwrite=args.overwrite,
            progress=progress,
        )
    part = PartFile(args.part.path(args.out), verify=False)
    if not made:
        _print_kept(part.path)
    for line in describe_part(part, args.out):
        print_line(line)
    return REJECTED if args.strict and part.summary().rejected else None


def _join(args):
    """Join parts to a dataset; return the exit status."""
    _refuse_options_of_parts(args)
    with PhaseProgress() as progress:
        summary = join_parts(
            args.join,
            args.source,
            labels=args.labels,
            key=lambda: load_key(args.key_file),
            overwrite=args.overwrite,
            npy=args.npy,
            progress=progress,
        )
    return _report(args.join, summary, args.strict)


def _refuse_options_of_parts(args):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    for name, default in vars(parser.parse_args(['PART'])).items():
        if name not in _WITH_JOIN and getattr(args, name) != default:
            option = '--' + name.replace('_', '-')
            raise UserError(
                f'{option} cannot be combined with --join: it applies only '
                'when the parts are made'
            )


def _part(text):
    try:
        return Part.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
