"""Write measurements into the documentation, as files in ``docs/measured/``.

Finished runs provide their numbers, their figures and the judgements of the
thesis's claims. The benchmarks provide the rest, with --json FILE:
step_time.py the times of training steps, growth.py how these grow, readings.py
what is learned under each reading of the thesis, precision.py how bf16 changes
the losses, distributed_overhead.py and distributed_cost.py what several
processes cost. The pages numbers.rst, claims.rst, thesis.rst and
distributed.rst include the files. `make numbers` trains, measures and
publishes everything.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable

import published_benchmarks
import published_runs
import published_scaling
from measured_files import exists, write
from revisions import check_runs

from kneerepro import command_line
from kneerepro.claims.evidence import newest_runs
from kneerepro.registry import THESIS
from kneerepro.runs import Run
from kneerepro.utils import cli
from kneerepro.utils.errors import UserError


def main() -> None:
    """Write what the command line provides."""
    args = parse_arguments()
    # Read first, so that a bad file is refused before anything is written.
    step_times = [published_benchmarks.read(path) for path in args.steps]
    precision = [published_benchmarks.read(path) for path in args.precision]
    growth, readings, overhead, cost = (
        published_benchmarks.read(path) if path else None
        for path in (
            args.growth,
            args.readings,
            args.distributed_overhead,
            args.distributed_cost,
        )
    )
    thesis_size, more_knees, gans3d = (
        [Run(path) for path in paths]
        for paths in (args.thesis_size, args.more_knees, args.gans3d)
    )
    check_runs([*thesis_size, *more_knees, *gans3d])
    if not args.no_runs:
        publish_runs(args.out, args.preset)
    for experiment in 'cae2d', 'cae3d':
        runs = [run for run in thesis_size if run.experiment == experiment]
        publish(
            f'thesis_size_{experiment}',
            published_runs.thesis_size(runs) if runs else (),
            f'experiments/{experiment}.py --preset thesis',
        )
    publish(
        'more_knees',
        published_runs.more_knees(more_knees) if more_knees else (),
        'experiments/cae2d.py --patients 400',
    )
    publish(
        'gans3d',
        published_runs.gans3d(gans3d) if gans3d else (),
        'experiments/dcgan3d.py and wgan_gp3d.py',
    )
    publish(
        'steps',
        published_benchmarks.step_times(step_times, of_the_thesis=True),
        'benchmarks/step_time.py',
    )
    publish(
        'others',
        published_benchmarks.step_times(step_times, of_the_thesis=False),
        'benchmarks/step_time.py resnet unet3d',
    )
    publish(
        'growth',
        published_benchmarks.growth(growth) if growth else (),
        'benchmarks/growth.py',
    )
    publish(
        'readings',
        published_benchmarks.readings(readings) if readings else (),
        'benchmarks/readings.py',
    )
    publish(
        'distributed_overhead',
        published_scaling.overhead(overhead) if overhead else (),
        'benchmarks/distributed_overhead.py',
    )
    publish(
        'distributed_counts',
        published_scaling.counts(cost) if cost else (),
        'benchmarks/distributed_cost.py',
    )
    publish(
        'distributed_cost',
        published_scaling.cost(cost) if cost else (),
        'benchmarks/distributed_cost.py',
    )
    if precision:
        write('precision', *published_benchmarks.precision(precision))


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = command_line.Parser(__doc__)
    command_line.add_out(parser)
    parser.add_argument(
        '--preset',
        metavar='NAME',
        default='quick',
        help='preset of the runs (default: quick)',
    )
    parser.add_argument(
        '--no-runs',
        action='store_true',
        help='keep what is published of runs',
    )
    parser.add_argument(
        '--thesis-size',
        metavar='RUN',
        nargs='+',
        default=[],
        help="all runs of an autoencoder at the thesis's size (default: keep "
        'what is published of it)',
    )
    parser.add_argument(
        '--more-knees',
        metavar='RUN',
        nargs='+',
        default=[],
        help='runs of the 2D autoencoder on more knees (default: keep what is '
        'published)',
    )
    parser.add_argument(
        '--gans3d',
        metavar='RUN',
        nargs='+',
        default=[],
        help='runs of the GANs of volumes (default: keep what is published)',
    )
    parser.add_argument(
        '--steps',
        metavar='FILE',
        nargs='+',
        default=[],
        help='from benchmarks/step_time.py (default: keep the published '
        'times)',
    )
    parser.add_argument(
        '--growth',
        metavar='FILE',
        help='from benchmarks/growth.py (default: keep what is published)',
    )
    parser.add_argument(
        '--readings',
        metavar='FILE',
        help='from benchmarks/readings.py (default: keep what is published)',
    )
    for name in 'distributed-overhead', 'distributed-cost':
        parser.add_argument(
            f'--{name}',
            metavar='FILE',
            help=f'from benchmarks/{name.replace("-", "_")}.py (default: keep '
            'what is published)',
        )
    parser.add_argument(
        '--precision',
        metavar='FILE',
        nargs='+',
        default=[],
        help='from benchmarks/precision.py (default: keep what is published)',
    )
    return parser.parse_args()


def publish(name: str, lines: Iterable[str], script: str) -> None:
    """Write a file, unless there is nothing new.

    Parameters
    ----------
    name : str
        The file's name, without extension.
    lines : iterable of str
        None of them if there is nothing new.
    script : str
        The script that measures it. The page names it if nothing has been
        published yet.
    """
    lines = list(lines)
    if lines:
        write(name, *lines)
    elif not exists(name):
        write(name, f'Not measured yet; run ``{script}``.', '')


def publish_runs(out: str, preset: str) -> None:
    """Write the numbers, figures and claims of finished runs.

    Raises
    ------
    UserError
        If a run is missing.
    """
    runs = newest_runs(out, preset)
    runs = {name: runs[name] for name in runs if name in THESIS}
    missing = [name for name in THESIS if name not in runs]
    if missing:
        raise UserError(
            f'{out} has no finished run of the preset {preset} of '
            f'{", ".join(missing)}: python experiments/thesis.py '
            f'--preset {preset} makes them'
        )
    check_runs(runs.values())
    write('runs', *published_runs.numbers(runs))
    write('claims', *published_runs.judgements(runs))


if __name__ == '__main__':
    cli.run(main)
