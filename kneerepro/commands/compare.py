"""Compare the networks with the thesis's tables, cell by cell.

Each printed value stands beside that of the layers that are built. Either an
erratum of the thesis (E1 to E21, listed at the end) explains a difference, or
it is a mismatch. The exit status is 1 if there is a mismatch or, in the
default reading, if an erratum no longer applies.

--variant compares another reading, and RUN the networks of a finished run.
What such a reading changes by itself, such as fewer filters, is explained by
no erratum: these differences count as mismatches too.
"""

from __future__ import annotations

import argparse
import sys

from kneerepro.commands import inputs
from kneerepro.registry import EXPERIMENTS
from kneerepro.thesis import compare
from kneerepro.thesis.formats import FORMATS
from kneerepro.thesis.presentation import summary
from kneerepro.thesis.reproduction import from_model, reproduce
from kneerepro.utils.errors import UserError
from kneerepro.utils.files import replacing
from kneerepro.utils.text import printable

_SHOWN = 5  # mismatches, so that a small run does not fill the screen


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        'model',
        metavar='RUN',
        nargs='?',
        help='folder of a finished run, or its model.npz '
        '(default: the networks of the preset thesis)',
    )
    parser.add_argument(
        '--variant',
        metavar='NAME=VALUE',
        action='append',
        default=[],
        help='another value of a parameter, as in a preset: filter_size=5, '
        'channels=128,128,64,1, or, for one experiment alone, '
        'cae2d.iterations=22500; can be repeated',
    )
    parser.add_argument(
        '--format',
        choices=list(FORMATS),
        default='terminal',
        help='output format (default: terminal)',
    )
    parser.add_argument(
        '--out', metavar='FILE', help='write to a file (default: print)'
    )
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='replace a file that already exists',
    )


def run(args: argparse.Namespace) -> int:
    """Compare, write the report, and return the exit status."""
    if args.out:
        inputs.refuse_existing([args.out], args.overwrite)
    report = _report(args)
    text = FORMATS[args.format](report)
    if args.out:
        with (
            replacing(args.out) as temporary,
            open(temporary, 'w', encoding='utf-8') as file,
        ):
            file.write(text)
        print(printable(f'wrote {args.out}: {summary(report)}'))
    else:
        print(text, end='')
    sys.stdout.flush()
    for line in report.problems[:_SHOWN]:
        print(f'not explained: {line}', file=sys.stderr)
    if len(report.problems) > _SHOWN:
        print(f'and {len(report.problems) - _SHOWN} more', file=sys.stderr)
    return 1 if report.problems else 0


def _report(args):
    if args.model:
        if args.variant:
            raise UserError(
                f'{args.model} was trained under a reading of its own: leave '
                'out either --variant or the run'
            )
        model = inputs.load_model(args.model, EXPERIMENTS)
        return compare.compare(
            [from_model(model, args.model)],
            f'the run {args.model}',
            default=False,
        )
    variants = _variants(args.variant)
    reproductions = reproduce(variants)
    if not variants:
        return compare.compare(reproductions)
    values = [f'{name} = {value}' for name, value in variants.items()]
    return compare.compare(
        reproductions,
        f'the reading with {", ".join(values)}',
        default=False,
    )


def _variants(arguments: list[str]) -> dict[str, str]:
    """Values by name, from ``NAME=VALUE``."""
    variants = {}
    for argument in arguments:
        name, equals, value = argument.partition('=')
        if not equals:
            raise UserError(
                f'--variant {argument} is not of the form NAME=VALUE, such '
                'as filter_size=5'
            )
        variants[name] = value
    return variants
