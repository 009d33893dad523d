"""Measure how a training step's time and peak memory grow with the size of its
input, on the engine and in PyTorch alone.

Varies the size of the minibatch of the 2D autoencoder, and the depth of the
volumes of the 3D one. Both have the thesis's numbers of filters. The two
implementations alternate, as in step_time.py. docs/publish.py --growth FILE
draws the results.

On request, varies the size of the minibatch of the GANs of volumes, at full
size and on the engine alone, to see what fits into memory.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import dataclass
from typing import Any

import check_environment  # noqa: F401, says what to run
import numpy as np
from interleaved import machine, time_interleaved
from network_sizes import BATCH_SIZES, GANS_OF_VOLUMES

from kneerepro import command_line, engines
from kneerepro.runs import environment
from kneerepro.utils import cli

ENGINES = 'torch', 'native'


@dataclass(frozen=True)
class Series:
    """Measurements in which one size varies.

    Attributes
    ----------
    varied : str
        The argument of :func:`steps.compile_step` that varies.
    case : dict
        The other arguments.
    sizes : tuple of int
    quick_sizes : tuple of int
        Two small sizes that show whether the benchmark works.
    engines : tuple of str
        The implementations to compare.
    first_only : bool
        Whether to make only the first step, where it takes minutes.
    """

    varied: str
    case: dict[str, Any]
    sizes: tuple[int, ...]
    quick_sizes: tuple[int, int]
    engines: tuple[str, ...] = ENGINES
    first_only: bool = False


SERIES = {
    'batch': Series(
        varied='batch_size',
        case={'network': 'cae2d'},
        sizes=(8, 16, 32, 64, 128, 256),
        quick_sizes=(1, 2),
    ),
    'volume': Series(
        varied='depth',
        case={'network': 'cae3d', 'batch_size': 2},
        sizes=(16, 32, 64, 96, 160),
        quick_sizes=(16, 32),
    ),
    **{
        network: Series(
            varied='batch_size',
            case={'network': network},
            sizes=(1, 4, 8, BATCH_SIZES[network]),
            quick_sizes=(1, 2),
            engines=('torch',),
            first_only=True,
        )
        for network in GANS_OF_VOLUMES
    },
}
_DEFAULT = 'batch', 'volume'


def measure(
    series: Series, size: int, device: str, count: int
) -> list[dict[str, Any]]:
    """Measure one size.

    Parameters
    ----------
    series : Series
    size : int
    device : str
    count : int
        Steps of each engine, after a first one.

    Returns
    -------
    list of dict
        Rows of :func:`interleaved.time_interleaved`, one for each engine.
    """
    case = {**series.case, series.varied: size}
    rows = time_interleaved(
        [
            {**case, 'engine': engine, 'device': device}
            for engine in series.engines
        ],
        0 if series.first_only else count,
    )
    if series.first_only:
        rows = [{**row, 'steps': [row['first']]} for row in rows]
    return rows


def main() -> None:
    """Measure all series, and write the results."""
    args = parse_arguments()
    measured = {
        'revision': environment.revision(),
        'machine': machine(args.device),
        'device': engines.Engine('torch', args.device).device,
        'series': {},
    }
    print(measured['machine'])
    for name in args.series or _DEFAULT:
        series = SERIES[name]
        rows = measured['series'][name] = []
        sizes = series.quick_sizes if args.quick else series.sizes
        for size in [size for size in sizes if size <= args.largest]:
            for row in measure(series, size, args.device, args.steps):
                rows.append(row)
                print_row(series, size, row)
            # Written after each size, in case the next one needs more memory
            # than there is.
            with open(args.json, 'w') as file:
                json.dump(measured, file, indent=1)
    print('wrote', args.json)


def print_row(series: Series, size: int, row: dict[str, Any]) -> None:
    """Print the median time and the memory of one engine."""
    varied = series.varied.replace('_', ' ')
    print(
        f'{row["network"]} {varied}: {size:4} {row["engine"]:6} '
        f'{np.median(row["steps"]):.3g} s a step, {row["memory"]:.2f} GiB',
        flush=True,
    )


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument(
        'series',
        nargs='*',
        metavar='SERIES',
        type=cli.one_of(SERIES),
        help=f'{", ".join(SERIES)} (default: {" and ".join(_DEFAULT)})',
    )
    command_line.add_count(
        parser, '--steps', 5, 'number of steps whose median is taken'
    )
    parser.add_argument(
        '--largest',
        type=cli.positive_int,
        default=math.inf,
        metavar='N',
        help='leave out larger sizes',
    )
    parser.add_argument('--device', choices=engines.DEVICES, default='auto')
    parser.add_argument(
        '--quick',
        action='store_true',
        help='measure two small sizes, to see whether it works',
    )
    parser.add_argument(
        '--json',
        metavar='FILE',
        default='growth.json',
        help='file to write (default: growth.json)',
    )
    return parser.parse_args()


if __name__ == '__main__':
    cli.run(main)
