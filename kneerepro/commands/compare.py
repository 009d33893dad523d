"""Hold the networks against the thesis's tables, cell by cell.

Printed values stand beside those of the layers that are built. What differs
is explained by an erratum of the thesis (E1 to E21, listed at the end), or it
is a mismatch. The exit status is 1 if there is a mismatch or, in the default
reading, if an erratum no longer applies.

--variant compares another reading, RUN the networks of a finished run. What
such a reading changes on its own account, as fewer filters, no erratum
explains: it is a mismatch too, and that is what exit status 1 means then.
"""

import sys

from kneerepro.commands import inputs
from kneerepro.registry import EXPERIMENTS
from kneerepro.thesis import compare
from kneerepro.thesis.formats import FORMATS, summary
from kneerepro.thesis.reproduction import build, of_model
from kneerepro.utils.errors import UserError
from kneerepro.utils.files import replacing

_SHOWN = 5


def add_arguments(parser):
    parser.add_argument(
        'model',
        metavar='RUN',
        nargs='?',
        help='folder of a finished run, or its model.npz '
        '(default: what the preset thesis builds)',
    )
    parser.add_argument(
        '--variant',
        metavar='NAME=VALUE',
        action='append',
        default=[],
        help='another value of a parameter, as '
        'in a preset: filter_size=5, channels=128,128,64,1, '
        'cae2d.iterations=22500 (of one experiment alone), '
        '...; can be repeated',
    )
    parser.add_argument(
        '--format',
        choices=list(FORMATS),
        default='terminal',
        help='(default: terminal)',
    )
    parser.add_argument(
        '--out', metavar='FILE', help='write to a file (default: print)'
    )
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='replace a file that is there already',
    )


def run(args):
    if args.out:
        inputs.refuse_existing([args.out], args.overwrite)
    report = _report(args)
    text = FORMATS[args.format](report)
    if args.out:
        with replacing(args.out) as temporary:
            with open(temporary, 'w', encoding='utf-8') as file:
                file.write(text)
        print(f'wrote {args.out}: {summary(report)}')
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
                'a run has a reading of its own: leave --variant '
                'out, or the run'
            )
        model = inputs.load_model(args.model, EXPERIMENTS)
        return compare.compare(
            [of_model(model, args.model)],
            f'the run {args.model}',
            default=False,
        )
    variants = {}
    for text in args.variant:
        name, equals, value = text.partition('=')
        if not equals:
            raise UserError(
                f'--variant {text}: needed is NAME=VALUE, such '
                'as filter_size=5'
            )
        variants[name] = value
    builts = build(variants)
    if not variants:
        return compare.compare(builts)
    return compare.compare(
        builts,
        'the reading with '
        + ', '.join(f'{name} = {value}' for name, value in variants.items()),
        default=False,
    )
