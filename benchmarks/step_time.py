"""Seconds per training step: on the PyTorch engine, in PyTorch alone, and on
Theano's C code.

The thesis's four networks at thesis size and batch size (Table 2.5) and, if
asked for, two that are not the thesis's. The engines take turns, step by step,
each in a process of its own. Theano's compilation cache starts empty. A GAN's
step is one of each of its two networks.
"""

import argparse
import json

import numpy as np
from steps import BATCH_SIZES, ENGINES, NETWORKS, THESIS
from turns import machine, take_turns

from kneerepro import engines
from kneerepro.compat.theano_flags import C_CODE
from kneerepro.runs import environment
from kneerepro.utils import cli


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument(
        'networks',
        nargs='*',
        metavar='NETWORK',
        type=cli.one_of(NETWORKS),
        help=f'of {", ".join(NETWORKS)} (default: the '
        "thesis's, the first four)",
    )
    parser.add_argument(
        '--steps',
        type=cli.positive_int,
        default=5,
        help='of which the median is taken (default: 5)',
    )
    parser.add_argument(
        '--batch-size', type=cli.positive_int, help="instead of the thesis's"
    )
    parser.add_argument(
        '--device',
        choices=engines.DEVICES,
        default='auto',
        help='of the PyTorch engine',
    )
    parser.add_argument(
        '--json', metavar='FILE', help='write all times to a file as well'
    )
    args = parser.parse_args()

    # From Python 3.12 on, Theano compiles no C code.
    compared = [engine for engine in ENGINES if engine != 'theano' or C_CODE]
    measured = {
        'revision': environment.revision(),
        'machine': machine(args.device, C_CODE),
        'rows': [],
    }
    print(measured['machine'])
    heading(
        (
            'network',
            'batch',
            'engine',
            'compile, s',
            '1st step',
            's a step',
            'least, greatest',
            'peak GiB',
            'times',
        )
    )
    for network in args.networks or THESIS:
        rows = take_turns(
            [
                {
                    'network': network,
                    'engine': engine,
                    'device': args.device,
                    'batch_size': args.batch_size or BATCH_SIZES[network],
                }
                for engine in compared
            ],
            args.steps,
        )
        print_rows(rows)
        measured['rows'] += rows
        if args.json:
            with open(args.json, 'w') as file:
                json.dump(measured, file, indent=1)
    print(RULE)


_WIDTHS = 7, 5, 6, 10, 8, 8, 16, 8, 6
_ROW = ' '.join(
    f'{{:{"<" if i in (0, 2) else ">"}{width}}}'
    for i, width in enumerate(_WIDTHS)
)
RULE = _ROW.format(*('=' * width for width in _WIDTHS))


def heading(names):
    print(RULE, _ROW.format(*names), RULE, sep='\n', flush=True)


def print_rows(rows):
    """Print rows of :func:`turns.take_turns`, with times relative to the
    last of them.
    """
    slowest = np.median(rows[-1]['steps'])
    for row in rows:
        median = np.median(row['steps'])
        print(
            _ROW.format(
                row['network'],
                row['batch_size'],
                row['engine'],
                f'{row["compiling"]:.1f}',
                f'{row["first"]:.3g}',
                f'{median:.3g}',
                f'{min(row["steps"]):.3g}, {max(row["steps"]):.3g}',
                f'{row["memory"]:.2f}',
                f'{slowest / median:.2f}',
            ),
            flush=True,
        )


if __name__ == '__main__':
    cli.run(main)
