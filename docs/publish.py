"""Write what was measured into the documentation: ``docs/measured/``.

From finished runs come their numbers, their figures and the judgement of the
thesis's claims; from benchmarks/step_time.py --json FILE the times of steps;
from benchmarks/growth.py how they grow; from benchmarks/readings.py what the
readings of the thesis lead to; from benchmarks/precision.py what bf16 does to
the losses. The pages numbers.rst and claims.rst include all of it.
`make numbers` does the whole: it trains, measures, and calls this.
"""

import io
import json
import os

import growth_figures

import kneerepro  # noqa: F401, makes Theano importable

# isort: split
import numpy as np
import spread_figure
from PIL import Image

from kneerepro import claims, config, runs
from kneerepro.claims.evidence import Evidence, gather
from kneerepro.claims.measurement import count_text, interval_text, verdict
from kneerepro.engines import precision_of
from kneerepro.experiment.captions import SHOWN
from kneerepro.experiment.figures import CODES, FIGURES, file_name
from kneerepro.registry import EXPERIMENTS
from kneerepro.runs.losses import last_value
from kneerepro.thesis.reproduction import NAMES
from kneerepro.utils import cli
from kneerepro.utils.errors import UserError
from kneerepro.utils.files import reason
from kneerepro.utils.rst import escaped, table

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'measured')

_WIDTH = 1000  # pixels of a figure
_CURVES = '3.3', '3.5', '3.7', '3.10'

#: The thesis's networks, and those of benchmarks/others.py.
_NETWORKS = {**NAMES, 'resnet': 'residual network', 'unet3d': '3D U-Net'}


def main():
    parser = config.Parser(__doc__)
    config.add_out(parser)
    parser.add_argument(
        '--preset',
        metavar='NAME',
        default='quick',
        help='of the runs (default: quick)',
    )
    parser.add_argument(
        '--no-runs',
        action='store_true',
        help='leave what is published of runs as it is',
    )
    parser.add_argument(
        '--thesis-size',
        metavar='RUN',
        nargs='+',
        default=[],
        help="autoencoders at the thesis's size (default: "
        'what is published of them stays)',
    )
    parser.add_argument(
        '--steps',
        metavar='FILE',
        nargs='+',
        default=[],
        help='of benchmarks/step_time.py (default: the times '
        'that are published stay)',
    )
    parser.add_argument(
        '--growth', metavar='FILE', help='of benchmarks/growth.py (likewise)'
    )
    parser.add_argument(
        '--readings',
        metavar='FILE',
        help='of benchmarks/readings.py (likewise)',
    )
    parser.add_argument(
        '--precision',
        metavar='FILE',
        nargs='+',
        default=[],
        help='of benchmarks/precision.py (default: what is published stays)',
    )
    args = parser.parse_args()
    measured = [read(path) for path in args.steps]
    growing = read(args.growth) if args.growth else None
    learned = read(args.readings) if args.readings else None
    precise = [read(path) for path in args.precision]
    os.makedirs(FOLDER, exist_ok=True)
    if not args.no_runs:
        publish_runs(args.out, args.preset)
    if args.thesis_size or not published('thesis_size'):
        write(
            'thesis_size',
            *(
                thesis_size([runs.Run(path) for path in args.thesis_size])
                if args.thesis_size
                else not_measured('experiments/cae3d.py --preset thesis')
            ),
        )
    for name, ours, how in (
        ('steps', True, 'benchmarks/step_time.py'),
        ('others', False, 'benchmarks/step_time.py resnet unet3d'),
    ):
        lines = list(steps_table(measured, ours))
        if lines or not published(name):
            write(name, *(lines or not_measured(how)))
    if growing or not published('growth'):
        write(
            'growth',
            *(
                growth_of_steps(growing)
                if growing
                else not_measured('benchmarks/growth.py')
            ),
        )
    if learned or not published('readings'):
        write(
            'readings',
            *(
                readings_table(learned)
                if learned
                else not_measured('benchmarks/readings.py')
            ),
        )
    if precise:
        write('precision', *precision_table(precise))


def read(path):
    """What a benchmark has measured.

    Raises
    ------
    UserError
        If the file is none of its.
    """
    try:
        with open(path, encoding='utf-8') as file:
            measured = json.load(file)
        measured['machine']
        check_revision(measured.get('revision'), path)
        return measured
    except OSError as error:
        raise UserError(f'cannot read {path}: {reason(error)}') from None
    except (ValueError, KeyError, TypeError):
        raise UserError(
            f'{path} is not what a benchmark of this package '
            'writes with --json'
        ) from None


def check_revision(revision, what):
    """Refuse what nobody could run again.

    Parameters
    ----------
    revision : str or None
        Of :func:`kneerepro.runs.environment.revision`.
    what : str
        That ran there, for the message.

    Raises
    ------
    UserError
        For a revision that is not known, or was changed.
    """
    if revision is None:
        raise UserError(
            f'{what} does not tell which revision it ran: run it '
            'again in a git checkout'
        )
    if revision.endswith('-dirty'):
        raise UserError(
            f'{what} ran {revision}, a revision with changes that '
            'are not committed: commit them, and run it again'
        )


def check_runs(found):
    """Refuse runs of which a start was on an unknown or changed revision."""
    for run in found:
        for start in run.environments():
            check_revision(start['revision'], run.folder)


def published(name):
    return os.path.exists(os.path.join(FOLDER, name + '.inc'))


def not_measured(script):
    return [f'Not measured so far; ``{script}`` does it.', '']


def publish_runs(out, preset):
    """The numbers, figures and claims of finished runs.

    Raises
    ------
    UserError
        If one is missing.
    """
    found = gather(out, preset)
    missing = [name for name in EXPERIMENTS if name not in found]
    if missing:
        raise UserError(
            f'{out} has no finished run of the preset {preset} '
            f'of {", ".join(missing)}: python '
            f'experiments/thesis.py --preset {preset} makes them'
        )
    check_runs(found.values())
    write('runs', *runs_table(found), *losses_table(found), *figures(found))
    write('claims', *judgements(found))


def write(name, *lines):
    """Write one of the files that pages include."""
    path = os.path.join(FOLDER, name + '.inc')
    with open(path, 'w', encoding='utf-8') as file:
        file.write('.. Made by docs/publish.py\n\n' + '\n'.join(lines) + '\n')
    print('wrote', os.path.relpath(path))


# -------------------------------------------------------------------- the runs


def runs_table(found):
    """What the runs are, and the machine."""
    rows = []
    for name, run in found.items():
        results, data = run.results(), run.settings['data']
        iterations = len(results[losses_of(results)[0]]) - 1
        seconds = float(results['seconds'])
        rows.append(
            [
                NAMES[name],
                '{volumes} of {shape[0]} x {shape[1]} x {shape[2]}'.format(
                    **data
                ),
                f'{data["train"]:,} and {data["test"]:,}',
                f'{iterations:,}',
                run.parameters['batch_size'],
                f'{seconds:.0f}',
            ]
        )
    yield from table(
        [
            'network',
            'volumes',
            'training and test examples',
            'iterations',
            'batch',
            'seconds',
        ],
        rows,
    )
    for start in unique(
        machine(one) for run in found.values() for one in run.environments()
    ):
        yield from [start + '.', '']
    caution = claims.caution(found)
    if caution:
        yield from [escaped(caution[0].upper() + caution[1:] + '.'), '']


def machine(environment):
    return escaped(
        'Revision {revision} on {processor}, {cores} cores: '
        '{engine}; Python {python}, NumPy {numpy}, Theano {Theano}, Lasagne '
        '{Lasagne}'.format(**environment)
    )


def unique(items):
    return list(dict.fromkeys(items))


def losses_of(results):
    return sorted(name for name in results if name.endswith('_loss'))


def losses_table(found):
    """Where the losses begin and end."""
    rows = []
    for name, run in found.items():
        results = run.results()
        for loss in losses_of(results):
            values = results[loss][~np.isnan(results[loss])]
            rows.append(
                [
                    NAMES[name],
                    loss[: -len('_loss')].replace('_', ' '),
                    *(
                        f'{value:.4g}'
                        for value in (values[0], values.min(), values[-1])
                    ),
                ]
            )
    yield from table(['network', 'loss', 'first', 'least', 'last'], rows)


def figures(found):
    """The figures of chapter 3 and the codes, as pictures small enough to be
    kept.
    """
    for name, run in found.items():
        heading = NAMES[name]
        yield from [heading, '^' * len(heading), '']
        yield from figures_of(run)


def figures_of(run, prefix=''):
    """Those of a run; `prefix` is that of their files."""
    for number in FIGURES[run.experiment]:
        if number.startswith('3.'):  # others are the same for every run
            yield from figure_of(
                run,
                file_name(number),
                prefix,
                f'Figure {number}. {escaped(SHOWN[number])}',
                coloured=number in _CURVES,
            )
    if os.path.exists(run.path('figures', CODES + '.png')):
        yield from figure_of(
            run,
            CODES,
            prefix + run.experiment + '_',
            'The codes of all '
            'examples on their first two principal components.',
        )


def figure_of(run, name, prefix, caption, coloured=True):
    """Keep a figure of a run as a picture, and include it."""
    with Image.open(run.path('figures', name + '.png')) as image:
        image = image.convert('RGB')
        image.thumbnail((_WIDTH, 2 * _WIDTH), Image.LANCZOS)
    if coloured:
        file = save_curves(image, prefix + name)
    else:
        file = f'{prefix}{name}.jpg'
        image.convert('L').save(os.path.join(FOLDER, file), quality=80)
    return [f'.. figure:: measured/{file}', '', f'   {caption}', '']


def thesis_size(found):
    """Autoencoders at the thesis's size: what they are, and what they have
    learned. The figures are those of the first run of each network.
    """
    check_runs(found)
    rows, curves, first = [], {}, {}
    for run in found:
        results = run.results()
        spread = results['code_spread']
        curves[reading_of(run)] = spread
        first.setdefault(run.experiment, run)
        rows.append(
            [
                NAMES[run.experiment],
                run.parameters['normalise'],
                run.parameters['output_bias'],
                f'{len(spread) - 1:,}',
                f'{float(results["seconds"]):,.0f} s',
                *(
                    f'{last_value(results[name]):.4f}'
                    for name in ('train_loss', 'test_loss')
                ),
                f'{float(results["mean_mse"]):.4f}',
                f'{float(results["components_mse"]):.4f}',
                f'{last_value(spread):.2g}',
                f'{results["identified"].sum()} of '
                f'{len(results["identified"])}',
            ]
        )
    yield from table(
        [
            'network',
            'normalise',
            'output bias',
            'iterations',
            'time',
            'training MSE',
            'test MSE',
            'of the mean',
            'of components',
            'spread',
            'identified',
        ],
        rows,
    )
    for start in unique(
        machine(one) for run in found for one in run.environments()
    ):
        yield from [start + '.', '']
    figure = spread_figure.draw(curves)
    yield from [
        f'.. figure:: measured/{save_figure(figure, "spread")}',
        '',
        '   Spread of the code over the iterations.',
        '',
    ]
    for run in first.values():
        yield from figures_of(run, 'thesis_')


def reading_of(run):
    """A run by its network and its readings of E17 and E21."""
    return '{}, {}, bias {}'.format(
        NAMES[run.experiment],
        run.parameters['normalise'],
        config.as_text(run.parameters['output_bias']),
    )


def save_figure(figure, name):
    """Save a figure of few colours; returns the file's name."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format='png', dpi=_WIDTH / figure.get_figwidth())
    with Image.open(buffer) as image:
        return save_curves(image.convert('RGB'), name)


def save_curves(image, name):
    """Save an image of few colours; returns the file's name."""
    file = name + '.png'
    image.quantize(64, dither=Image.Dither.NONE).save(
        os.path.join(FOLDER, file), optimize=True
    )
    return file


# ------------------------------------------------------------------ the claims


def judgements(found):
    """C1 to C9, with what they were judged by."""
    run = next(iter(found.values()))
    evidence = Evidence(
        found,
        run.settings['engine'],
        run.settings['device'],
        precision_of(run.settings),
    )
    judged = claims.judge_all(evidence)
    yield from table(
        ['', 'the thesis', 'measured'],
        [
            [claim.number, claim.says, found_verdict]
            for claim, found_verdict, _, _ in judged
        ],
    )
    for claim, found_verdict, why, measured in judged:
        heading = f'{claim.number} {found_verdict}'
        yield from [
            heading,
            '-' * len(heading),
            '',
            escaped(f'{claim.says} ({why})'),
            '',
        ]
        if measured:
            yield from table(
                ['', 'number', 'samples', 'threshold'],
                [
                    [
                        one.name,
                        interval_text(one.estimate),
                        count_text(one),
                        f'{one.side} {one.threshold:.4g}, {one.reason}: '
                        f'{verdict(one)}'
                        if one.side
                        else '',
                    ]
                    for one in measured
                ],
            )


# ------------------------------------------------------------------- the times


def steps_table(measured, ours):
    """Seconds of a step on each engine, of the thesis's networks or of the
    others; nothing where none was measured.
    """
    chosen = [
        (one['machine'], row)
        for one in measured
        for row in one['rows']
        if (row['network'] in NAMES) == ours
    ]
    if not chosen:
        return
    yield from machines(
        line for lines, _ in chosen for line in lines.splitlines()
    )
    medians = {
        (row['network'], row['engine']): np.median(row['steps'])
        for _, row in chosen
    }
    rows = []
    for _, row in chosen:
        median = medians[row['network'], row['engine']]
        relative = (
            medians.get((row['network'], other))
            for other in ('native', 'theano')
        )
        rows.append(
            [
                _NETWORKS[row['network']],
                row['batch_size'],
                row['engine'],
                f'{row["compiling"] + row["first"]:.1f} s',
                f'{median:.3g} s',
                f'{min(row["steps"]):.3g} to {max(row["steps"]):.3g} '
                f'({len(row["steps"])})',
                f'{row["memory"]:.2f} GiB',
                *(
                    f'{other / median:.2f}' if other else '-'
                    for other in relative
                ),
            ]
        )
    yield from table(
        [
            'network',
            'batch',
            'engine',
            'first call',
            'a step',
            'least to greatest (of)',
            'peak memory',
            'x native',
            'x Theano',
        ],
        rows,
    )


def machines(lines):
    for line in unique(lines):
        yield f'| {escaped(line)}'
    yield ''


def growth_of_steps(measured):
    """How time and memory grow, a figure for each way."""
    yield from machines(measured['machine'].splitlines())
    for name, rows in measured['series'].items():
        file = save_figure(growth_figures.draw(name, rows), 'growth_' + name)
        where = (
            'what PyTorch had allocated on the GPU'
            if measured['device'] == 'cuda'
            else 'that of the process'
        )
        yield from [
            f'.. figure:: measured/{file}',
            '',
            f'   {growth_figures.CAPTIONS[name]} Memory is {where}.',
            '',
        ]


def readings_table(measured):
    """What is learned under each reading of E17 and E21."""
    yield from table(
        [
            'normalise',
            'output bias',
            'learning rate',
            'spread',
            'identified',
            'test MSE',
            'of that of the training mean',
        ],
        [
            [
                one['normalise'],
                one['output_bias'],
                f'{one["learning_rate"]:g}',
                f'{one["code_spread"]:.2g}',
                f'{one["identified"]} of {one["test"]}',
                f'{one["test_mse"]:.4f}',
                f'{one["test_mse"] / one["mean_mse"]:.2f}',
            ]
            for one in measured['rows']
        ],
    )
    yield (
        f'Preset {measured["preset"]} with {measured["patients"]} patients '
        f'and {measured["iterations"]} iterations. '
        + escaped(f'Revision {measured["revision"]} on {measured["machine"]}.')
    )
    yield ''


def precision_table(measured):
    """Losses in float32 and in bf16."""
    for line in unique(
        f'Preset {one["preset"]}, on {one["machine"]}.' for one in measured
    ):
        yield from [escaped(line), '']
    yield from table(
        [
            'network',
            'loss',
            'iterations',
            'float32',
            'bf16',
            'greatest difference',
            'of perturbed float32',
            'times as fast',
        ],
        [
            [
                NAMES[row['network']],
                name,
                row['iterations'],
                f'{one["float32"]:.4g}',
                f'{one["bf16"]:.4g}',
                f'{one["difference"]:.2g}',
                f'{one["perturbed"]:.2g}',
                f'{row["times"]:.2f}' if row['times'] else 'not timed',
            ]
            for measurement in measured
            for row in measurement['rows']
            for name, one in row['compared'].items()
        ],
    )


if __name__ == '__main__':
    cli.run(main)
