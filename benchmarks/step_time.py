"""Time a training step on the PyTorch engine, in PyTorch alone, and on
Theano's C code; or, with --inference, the use of trained networks.

The networks are the thesis's four, at its sizes and batch sizes (Table 2.5),
and on request two others. The implementations run alternating steps in
separate processes. Theano's compilation cache starts empty. A GAN's step is
one step of each of its two networks.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import check_environment  # noqa: F401, says what to run
import numpy as np
from interleaved import machine, time_interleaved
from network_sizes import BATCH_SIZES, NETWORKS, THESIS
from steps import ENGINES

from kneerepro import command_line, engines
from kneerepro.compat.theano_flags import C_CODE
from kneerepro.runs import environment
from kneerepro.utils import cli

_HEADINGS = (
    'network',
    'batch',
    'engine',
    'compile, s',
    '1st step',
    's a step',
    'least, greatest',
    'peak GiB',
    'limit, s',
    'speed',
)
_WIDTHS = 7, 5, 6, 10, 8, 8, 16, 8, 8, 6
# Names are aligned to the left, numbers to the right.
_ALIGNMENTS = '<><>>>>>>>'
_ROW = ' '.join(
    f'{{:{alignment}{width}}}'
    for alignment, width in zip(_ALIGNMENTS, _WIDTHS)
)
_RULE = _ROW.format(*('=' * width for width in _WIDTHS))


def main() -> None:
    """Measure the networks, and print and write the times."""
    args = parse_arguments()
    # From Python 3.12 on, Theano compiles no C code.
    compared = [engine for engine in ENGINES if engine != 'theano' or C_CODE]
    measured = {
        'revision': environment.revision(),
        'machine': machine(args.device, C_CODE),
        'rows': [],
    }
    print(measured['machine'])
    print(_RULE, _ROW.format(*_HEADINGS), _RULE, sep='\n', flush=True)
    for network in args.networks or THESIS:
        rows = time_interleaved(
            [
                {
                    'network': network,
                    'engine': engine,
                    'device': args.device,
                    'batch_size': args.batch_size or BATCH_SIZES[network],
                    **({'task': 'inference'} if args.inference else {}),
                }
                for engine in compared
            ],
            args.steps,
            limits=True,
        )
        print_rows(rows)
        measured['rows'] += rows
        if args.json:
            with open(args.json, 'w') as file:
                json.dump(measured, file, indent=1)
    print(_RULE)


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument(
        'networks',
        nargs='*',
        metavar='NETWORK',
        type=cli.one_of(NETWORKS),
        help=f"{', '.join(NETWORKS)} (default: the thesis's, the first four)",
    )
    command_line.add_count(
        parser, '--steps', 5, 'number of steps whose median is taken'
    )
    parser.add_argument(
        '--batch-size',
        type=cli.positive_int,
        metavar='N',
        help="examples in a minibatch (default: the thesis's)",
    )
    parser.add_argument(
        '--inference',
        action='store_true',
        help="reconstruct or generate a minibatch with the thesis's networks "
        'instead of training them',
    )
    parser.add_argument(
        '--device',
        choices=engines.DEVICES,
        default='auto',
        help="PyTorch's device",
    )
    parser.add_argument(
        '--json', metavar='FILE', help='also write all times to a file'
    )
    return parser.parse_args()


def print_rows(rows: list[dict[str, Any]]) -> None:
    """Print rows of :func:`interleaved.time_interleaved`.

    The speeds are relative to the last row. No step can be faster than its
    limit: the time of its multiplications at the best speed of the processor.
    Our algorithms of convolution need fewer of them.
    """
    last = np.median(rows[-1]['steps'])
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
                '' if row['limit'] is None else f'{row["limit"]:.3g}',
                f'{last / median:.2f}',
            ),
            flush=True,
        )


if __name__ == '__main__':
    cli.run(main)
