"""Write synthetic knee MRI as DICOM series.

Folders and files are laid out like the Osteoarthritis Initiative's.
"""

from __future__ import annotations

import argparse
import os

from kneerepro.command_line import add_count
from kneerepro.phantom import write_patients
from kneerepro.utils import cli
from kneerepro.utils.progress import Progress
from kneerepro.utils.text import printable
from kneerepro.utils.workers import cores


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.allow_abbrev = True  # for the command lines of earlier versions
    parser.add_argument(
        '--out', metavar='DIR', required=True, help='folder to write to'
    )
    add_count(parser, '--patients', 27, 'number of patients')
    add_count(parser, '--matrix', 384, 'rows and columns of a slice')
    add_count(parser, '--slices', 160, 'slices of a series')
    parser.add_argument(
        '--seed',
        type=cli.seed,
        default=0,
        metavar='N',
        help='another seed gives other knees (default: 0)',
    )
    add_count(
        parser,
        '--workers',
        cores(),
        'number of processes, which does not change the files',
    )


def run(args: argparse.Namespace) -> None:
    """Write the series, unless they exist."""
    with Progress('synthetic knees', 'patients') as progress:
        write_patients(
            args.out,
            args.patients,
            args.seed,
            args.matrix,
            args.slices,
            progress,
            args.workers,
        )
    out = printable(args.out)
    print(
        f'{out} holds {args.patients} patients, each with a series of '
        f'{args.slices} x {args.matrix} x {args.matrix}; their anatomy is in '
        f'{os.path.join(out, "ground_truth.csv")}'
    )
