"""Write what was measured into the documentation: ``docs/measured/``.

From finished runs come their numbers, their figures and the judgement of the
thesis's claims; from benchmarks/step_time.py --json FILE the times of steps,
from benchmarks/precision.py --json FILE what bf16 does to the losses.
The pages numbers.rst and claims.rst include all of it. `make numbers` does the
whole: it trains, measures, and calls this.
"""

import json
import os

import kneerepro     # noqa: F401, first: it readies Python for Theano
import numpy as np
from PIL import Image

from kneerepro import claims, cli, config
from kneerepro.built import NAMES
from kneerepro.claims.evidence import Evidence, gather
from kneerepro.claims.measurement import (
    count_text, interval_text, verdict)
from kneerepro.engines import precision_of
from kneerepro.errors import UserError
from kneerepro.figures.captions import SHOWN
from kneerepro.figures.of_runs import FIGURES, file_name

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'measured')

_WIDTH = 1000       # pixels of a figure
_CURVES = '3.3', '3.5', '3.7', '3.10'


def main():
    parser = config.Parser(__doc__)
    config.add_out(parser)
    parser.add_argument('--preset', metavar='NAME', default='quick',
                        help='of the runs (default: quick)')
    parser.add_argument('--steps', metavar='FILE', nargs='+', default=[],
                        help='of benchmarks/step_time.py (default: the times '
                        'that are published stay)')
    parser.add_argument('--precision', metavar='FILE', nargs='+', default=[],
                        help='of benchmarks/precision.py (default: what is '
                        'published stays)')
    args = parser.parse_args()
    found = gather(args.out, args.preset)
    missing = [name for name in config.EXPERIMENTS if name not in found]
    if missing:
        raise UserError(f'{args.out} has no finished run of the preset '
                        f'{args.preset} of {", ".join(missing)}: python '
                        f'experiments/thesis.py --preset {args.preset} makes '
                        'them')
    os.makedirs(FOLDER, exist_ok=True)
    write('runs', *runs_table(found), *losses_table(found),
          *figures(found))
    write('claims', *judgements(found))
    if args.steps:
        write('steps', *steps_table(read_all(args.steps)))
    if args.precision:
        write('precision', *precision_table(read_all(args.precision)))


def read_all(paths):
    """What benchmarks wrote."""
    measured = []
    for path in paths:
        with open(path, encoding='utf-8') as file:
            measured.append(json.load(file))
    return measured


def write(name, *lines):
    """Write one of the files that pages include."""
    path = os.path.join(FOLDER, name + '.inc')
    with open(path, 'w', encoding='utf-8') as file:
        file.write('.. Made by docs/publish.py\n\n' + '\n'.join(lines) + '\n')
    print('wrote', os.path.relpath(path))


def table(headings, rows):
    """Lines of a table."""
    yield from ['.. list-table::', '   :header-rows: 1', '']
    for row in [headings, *rows]:
        for i, cell in enumerate(row):
            yield f'   {"  -" if i else "* -"} {escaped(str(cell))}'.rstrip()
    yield ''


def escaped(text):
    """Text without what reStructuredText would take for markup."""
    return ''.join('\\' + c if c in '\\*`|_' else c for c in text)


# -------------------------------------------------------------------- the runs

def runs_table(found):
    """What the runs are, and the machine."""
    rows = []
    for name, run in found.items():
        results, data = run.results(), run.settings['data']
        iterations = len(results[losses_of(results)[0]]) - 1
        seconds = float(results['seconds'])
        rows.append([
            NAMES[name], '{volumes} of {shape[0]} x {shape[1]} x {shape[2]}'
            .format(**data), f'{data["train"]:,} and {data["test"]:,}',
            f'{iterations:,}', run.parameters['batch_size'],
            f'{seconds:.0f}'])
    yield from table(['network', 'volumes', 'training and test examples',
                      'iterations', 'batch', 'seconds'], rows)
    for start in unique(machine(one) for run in found.values()
                        for one in run.environments()):
        yield from [start + '.', '']
    caution = claims.caution(found)
    if caution:
        yield from [escaped(caution[0].upper() + caution[1:] + '.'), '']


def machine(environment):
    return escaped(
        'Revision {revision} on {processor}, {cores} cores: '
        '{engine}; Python {python}, NumPy {numpy}, Theano {Theano}, Lasagne '
        '{Lasagne}'.format(**environment))


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
            rows.append([NAMES[name], loss[:-len('_loss')].replace('_', ' '),
                         *(f'{value:.4g}' for value in (
                             values[0], values.min(), values[-1]))])
    yield from table(['network', 'loss', 'first', 'least', 'last'], rows)


def figures(found):
    """The figures of chapter 3, as pictures small enough to be kept."""
    for name, run in found.items():
        heading = NAMES[name]
        yield from [heading, '^' * len(heading), '']
        for number in FIGURES[name]:
            if not number.startswith('3.'):
                continue        # networks: the same for every run
            with Image.open(run.path('figures', file_name(number)
                                     + '.png')) as image:
                image = image.convert('RGB')
                image.thumbnail((_WIDTH, 2 * _WIDTH), Image.LANCZOS)
            if number in _CURVES:
                file, options = file_name(number) + '.png', {'optimize': True}
                image = image.quantize(64, dither=Image.Dither.NONE)
            else:
                file, options = file_name(number) + '.jpg', {'quality': 80}
                image = image.convert('L')
            image.save(os.path.join(FOLDER, file), **options)
            yield from [f'.. figure:: measured/{file}', '',
                        f'   Figure {number}. {escaped(SHOWN[number])}', '']


# ------------------------------------------------------------------ the claims

def judgements(found):
    """C1 to C9, with what they were judged by."""
    run = next(iter(found.values()))
    evidence = Evidence(found, run.settings['engine'],
                        run.settings['device'], precision_of(run.settings))
    judged = claims.judge_all(evidence)
    yield from table(['', 'the thesis', 'measured'], [
        [claim.number, claim.says, found_verdict]
        for claim, found_verdict, _, _ in judged])
    for claim, found_verdict, why, measured in judged:
        heading = f'{claim.number} {found_verdict}'
        yield from [heading, '-' * len(heading), '',
                    escaped(f'{claim.says} ({why})'), '']
        if measured:
            yield from table(
                ['', 'number', 'samples', 'threshold'],
                [[one.name, interval_text(one.estimate), count_text(one),
                  f'{one.side} {one.threshold:.4g}, {one.reason}: '
                  f'{verdict(one)}' if one.side else ''] for one in measured])


# ------------------------------------------------------------------- the times

def steps_table(measured):
    """Seconds of a step on each engine."""
    for line in unique(line for one in measured
                       for line in one['machine'].splitlines()):
        yield f'| {escaped(line)}'
    yield ''
    measured = [row for one in measured for row in one['rows']]
    medians = {(row['network'], row['engine']): np.median(row['steps'])
               for row in measured}
    rows = []
    for row in measured:
        median = medians[row['network'], row['engine']]
        rows.append([
            NAMES[row['network']], row['batch_size'], row['engine'],
            f'{row["compiling"]:.1f} s', f'{median:.2f} s',
            f'{min(row["steps"]):.2f} to {max(row["steps"]):.2f} '
            f'({len(row["steps"])})', f'{row["memory"]:.2f} GiB',
            *(f'{medians[row["network"], other] / median:.2f}'
              for other in ('native', 'theano'))])
    yield from table(['network', 'batch', 'engine', 'compile', 'a step',
                      'least to greatest (of)', 'peak memory', 'x native',
                      'x Theano'], rows)


def precision_table(measured):
    """Losses in float32 and in bf16."""
    for line in unique(f'Preset {one["preset"]}, on {one["machine"]}.'
                       for one in measured):
        yield from [escaped(line), '']
    yield from table(
        ['network', 'loss', 'iterations', 'float32', 'bf16',
         'greatest difference', 'of perturbed float32', 'times as fast'],
        [[NAMES[row['network']], name, row['iterations'],
          f'{one["float32"]:.4g}', f'{one["bf16"]:.4g}',
          f'{one["difference"]:.2g}', f'{one["perturbed"]:.2g}',
          f'{row["times"]:.2f}' if row['times'] else 'not timed']
         for measurement in measured for row in measurement['rows']
         for name, one in row['compared'].items()])


if __name__ == '__main__':
    cli.run(main)
