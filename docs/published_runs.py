"""What the documentation publishes from finished runs: their numbers, their
figures, and the judgements of the thesis's claims.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

import kneerepro  # noqa: F401, makes Theano importable

# isort: split
import measured_files
import numpy as np
import spread_figure

from kneerepro import claims, config
from kneerepro.claims.evidence import Evidence, newest_runs
from kneerepro.claims.measurement import (
    Measurement,
    count_text,
    interval_text,
    verdict,
)
from kneerepro.claims.volumes import quality_of
from kneerepro.engines import stored_precision
from kneerepro.experiment.captions import BEYOND, SHOWN
from kneerepro.experiment.figures import CODES, FIGURES, file_name
from kneerepro.registry import EXPERIMENTS
from kneerepro.runs import Run
from kneerepro.runs.losses import last_value
from kneerepro.utils.rst import escaped, table

#: Figures that show curves; the others are images in grey.
_CURVES = '3.3', '3.5', '3.7', '3.10'


def numbers(runs: dict[str, Run]) -> Iterator[str]:
    """Yield the tables of runs, machines and losses, and the figures.

    Parameters
    ----------
    runs : dict of str to kneerepro.runs.Run
        A finished run of each experiment.
    """
    yield from _runs_table(runs)
    yield from _environments(runs.values())
    caution = claims.caution(runs)
    if caution:
        yield from [escaped(caution[0].upper() + caution[1:] + '.'), '']
    yield from _losses_table(runs)
    for name, run in runs.items():
        heading = EXPERIMENTS[name].title
        yield from [heading, '^' * len(heading), '']
        yield from _figures(run)


def _runs_table(runs):
    rows = []
    for name, run in runs.items():
        results, data = run.results(), run.settings['data']
        iterations = len(results[_loss_names(results)[0]]) - 1
        rows.append(
            [
                EXPERIMENTS[name].title,
                '{volumes} of {shape[0]} x {shape[1]} x {shape[2]}'.format(
                    **data
                ),
                f'{data["train"]:,} and {data["test"]:,}',
                f'{iterations:,}',
                run.parameters['batch_size'],
                f'{float(results["seconds"]):.0f}',
            ]
        )
    yield from table(
        [
            'network',
            'volumes',
            'training and test examples',
            'iterations',
            'batch',
            'training time, s',
        ],
        rows,
    )


def _environments(runs: Iterable[Run]) -> Iterator[str]:
    """Yield a paragraph for each environment that one of the runs ran in."""
    paragraphs = [
        _environment_text(environment)
        for run in runs
        for environment in run.environments()
    ]
    for paragraph in dict.fromkeys(paragraphs):  # each of them once
        yield from [f'{paragraph}.', '']


def _environment_text(environment: dict[str, Any]) -> str:
    return escaped(
        'Revision {revision} on {processor}, {cores} cores: '
        '{engine}; Python {python}, NumPy {numpy}, Theano {Theano}, Lasagne '
        '{Lasagne}'.format(**environment)
    )


def _loss_names(results):
    return sorted(name for name in results if name.endswith('_loss'))


def _losses_table(runs):
    """The first, lowest and last value of each loss."""
    rows = []
    for name, run in runs.items():
        results = run.results()
        for loss in _loss_names(results):
            values = results[loss][~np.isnan(results[loss])]
            rows.append(
                [
                    EXPERIMENTS[name].title,
                    loss[: -len('_loss')].replace('_', ' '),
                    *(
                        f'{value:.4g}'
                        for value in (values[0], values.min(), values[-1])
                    ),
                ]
            )
    yield from table(['network', 'loss', 'first', 'lowest', 'last'], rows)


# ----------------------------------------------------------------- the figures


def _figures(run: Run, prefix: str = '') -> Iterator[str]:
    """Copy the figures of chapter 3 and the codes, and include them.

    Parameters
    ----------
    run : kneerepro.runs.Run
    prefix : str
        Put before the names of the copies.
    """
    for number in FIGURES[run.experiment]:
        if number.startswith('3.'):  # chapter 2's are the same for every run
            yield from _figure(
                run,
                file_name(number),
                prefix + file_name(number),
                f'Figure {number}. {escaped(SHOWN[number])}',
                coloured=number in _CURVES,
            )
    if os.path.exists(run.path('figures', f'{CODES}.png')):
        yield from _figure(
            run,
            CODES,
            f'{prefix}{run.experiment}_{CODES}',
            'The codes of all examples on their first two principal '
            'components.',
            coloured=True,
        )


def _figure(run, name, copy, caption, coloured):
    file = measured_files.save_copy(
        run.path('figures', f'{name}.png'), copy, coloured
    )
    return _include(file, caption)


def _include(file: str, caption: str) -> list[str]:
    return [f'.. figure:: measured/{file}', '', f'   {caption}', '']


# ------------------------------------------- runs of one network, side by side

#: The headings of what :func:`_learned` returns.
_LEARNED = (
    'iterations',
    'time',
    'training MSE',
    'test MSE',
    'MSE of the mean',
    'MSE of the components',
)


def thesis_size(runs: list[Run]) -> Iterator[str]:
    """Yield what an autoencoder of the thesis's size has learned.

    The figures are those of the first run.

    Parameters
    ----------
    runs : list of kneerepro.runs.Run
        Of the same network, with different readings.
    """
    rows, spreads = [], {}
    for run in runs:
        results = run.results()
        spreads[_reading(run)] = results['code_spread']
        rows.append(_thesis_size_row(run, results))
    yield from table(
        [
            'normalise',
            'output bias',
            'precision',
            *_LEARNED,
            'spread of the code',
            'identified',
        ],
        rows,
    )
    yield from _environments(runs)
    file = measured_files.save_figure(
        spread_figure.draw(spreads), f'spread_{runs[0].experiment}'
    )
    yield from _include(file, 'Spread of the code over the iterations.')
    yield from _figures(runs[0], 'thesis_')


def _thesis_size_row(run, results):
    spread = results['code_spread']
    return [
        run.parameters['normalise'],
        config.as_text(run.parameters['output_bias']),
        stored_precision(run.settings),
        *_learned(results, 4),
        f'{last_value(spread):.2g}',
        _identified(results),
    ]


def more_knees(runs: list[Run]) -> Iterator[str]:
    """Yield what the 2D autoencoder of the preset quick learns from more
    knees.

    The figures are those of the first run.

    Parameters
    ----------
    runs : list of kneerepro.runs.Run
        With different seeds.
    """
    rows = []
    for run in runs:
        results = run.results()
        rows.append(
            [
                str(run.parameters['patients']),
                config.as_text(run.parameters['learning_rate']),
                str(run.parameters['seed']),
                *_learned(results, 5),
                _identified(results),
            ]
        )
    yield from table(
        ['patients', 'learning rate', 'seed', *_LEARNED, 'identified'], rows
    )
    yield from _environments(runs)
    yield from _figures(runs[0], 'more_knees_')


def _learned(results, digits):
    losses = (
        last_value(results['train_loss']),
        last_value(results['test_loss']),
        float(results['mean_mse']),
        float(results['components_mse']),
    )
    return [
        f'{len(results["train_loss"]) - 1:,}',
        f'{float(results["seconds"]):,.0f} s',
        *(f'{loss:.{digits}f}' for loss in losses),
    ]


def _identified(results):
    return f'{results["identified"].sum()} of {len(results["identified"])}'


def _reading(run: Run) -> str:
    """The run's readings of E17 and E21."""
    bias = config.as_text(run.parameters['output_bias'])
    return f'{run.parameters["normalise"]}, bias {bias}'


# ------------------------------------------------- beyond the thesis: volumes


def gans3d(runs: list[Run]) -> Iterator[str]:
    """Yield what GANs of volumes generate, and how good it is.

    Parameters
    ----------
    runs : list of kneerepro.runs.Run
        Of different GANs.
    """
    yield from _runs_table({run.experiment: run for run in runs})
    yield from _environments(runs)
    for run in runs:
        for name in FIGURES[run.experiment]:
            title = BEYOND[name]
            yield from _figure(
                run,
                name,
                name,
                f'{title[0].upper()}{title[1:]}. {SHOWN[name]}',
                coloured=name.endswith('losses'),
            )
    yield from _qualities(runs)


def _qualities(runs):
    """A row for each measure, with a column for each run."""
    columns = {}
    for run in runs:
        found = newest_runs(
            run.path(os.pardir, os.pardir), run.settings['preset']
        )
        quality = quality_of(
            Evidence(
                {**found, run.experiment: run},
                run.settings['engine'],
                run.settings['device'],
                stored_precision(run.settings),
            ),
            run.experiment,
        )
        title = EXPERIMENTS[run.experiment].title
        columns[title] = {
            measurement.name: interval_text(measurement.estimate)
            for measurement in quality.measurements
        }
        yield from (f'{title}: {escaped(why)}.\n' for why in quality.missing)
    names = dict.fromkeys(
        name for column in columns.values() for name in column
    )
    yield from table(
        ['', *columns],
        [
            [name, *(column.get(name, '') for column in columns.values())]
            for name in names
        ],
    )


# ------------------------------------------------------------------ the claims


def judgements(runs: dict[str, Run]) -> Iterator[str]:
    """Yield the judgements of C1 to C9, with their measurements."""
    settings = next(iter(runs.values())).settings
    judged = claims.judge_all(
        Evidence(
            runs,
            settings['engine'],
            settings['device'],
            stored_precision(settings),
        )
    )
    yield from table(
        ['claim', 'the thesis says', 'verdict'],
        [
            [
                judgement.claim.number,
                judgement.claim.statement,
                judgement.verdict,
            ]
            for judgement in judged
        ],
    )
    for judgement in judged:
        claim = judgement.claim
        heading = f'{claim.number} {judgement.verdict}'
        yield from [
            heading,
            '-' * len(heading),
            '',
            escaped(f'{claim.statement} ({judgement.why})'),
            '',
        ]
        if judgement.measurements:
            yield from table(
                ['measurement', 'value', 'samples', 'threshold'],
                [
                    [
                        measurement.name,
                        interval_text(measurement.estimate),
                        count_text(measurement),
                        _threshold_text(measurement),
                    ]
                    for measurement in judgement.measurements
                ],
            )


def _threshold_text(measurement: Measurement) -> str:
    """The threshold of a measurement and the verdict, if it has one."""
    if not measurement.side:
        return ''
    return (
        f'{measurement.side} {measurement.threshold:.4g}, '
        f'{measurement.reason}: {verdict(measurement)}'
    )
