"""What the commands ``inspect`` and ``prepare`` share."""

from __future__ import annotations

import argparse

from kneerepro.data.label_table import LabelTable, read_labels
from kneerepro.data.reading.checks import Limits
from kneerepro.data.reading.selection import add_arguments
from kneerepro.utils import cli
from kneerepro.utils.errors import UserError
from kneerepro.utils.text import printable

#: Exit status of ``--strict`` if anything is rejected.
REJECTED = 1


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the images, and the flags about how to read and check them."""
    parser.allow_abbrev = True  # for the command lines of earlier versions
    parser.formatter_class = _DefaultsHelpFormatter
    parser.add_argument(
        'source',
        metavar='SOURCE',
        nargs='+',
        help='folder that contains DICOM series, or volumes as NIfTI, '
        'MetaImage, NRRD, .mat or .npy, at any depth; one such file; or an '
        'archive of them',
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
        help='reject series that cover a thinner slab',
    )
    parser.add_argument(
        '--labels',
        metavar='FILE',
        help='table of labels by patient and side, such as KL grades, which '
        'are stored with the volumes',
    )
    parser.add_argument(
        '--label-columns',
        metavar='A,B',
        type=_names,
        help='columns of the table to keep (default: all)',
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


def labels_of(args: argparse.Namespace) -> LabelTable | None:
    """Return the table of labels, if there is one."""
    if args.labels is None:
        if args.label_columns is not None:
            raise UserError(
                '--label-columns needs --labels: name the table with --labels'
            )
        return None
    return read_labels(args.labels, args.label_columns)


def limits_of(args: argparse.Namespace) -> Limits:
    """Return the limits that the arguments set."""
    return Limits(min_slices=args.min_slices, min_coverage=args.min_coverage)


def print_line(line: str) -> None:
    """Print one line, without characters that control the terminal."""
    print(printable(line))


class _DefaultsHelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows the defaults of flags that have a value."""

    def _get_help_string(self, action):
        if action.default is None or action.default is False:
            return action.help
        return super()._get_help_string(action)


def _at_least_two(text):
    number = cli.positive_int(text)
    if number < 2:
        raise argparse.ArgumentTypeError(f'{text} is not at least 2')
    return number


def _names(text):
    return [name.strip() for name in text.split(',') if name.strip()]
