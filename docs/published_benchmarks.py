"""What the documentation publishes from the files of benchmarks/."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import growth_figures
import measured_files
import numpy as np
from revisions import check_revision

from kneerepro.registry import EXPERIMENTS, THESIS
from kneerepro.utils.errors import UserError
from kneerepro.utils.files import reason
from kneerepro.utils.rst import escaped, table

#: Titles of the thesis's networks and of those of
#: benchmarks/other_networks.py.
_TITLES = {
    **{name: spec.title for name, spec in EXPERIMENTS.items()},
    'resnet': 'residual network',
    'unet3d': '3D U-Net',
}


def read(path: str) -> dict[str, Any]:
    """Read what a benchmark has written.

    Raises
    ------
    UserError
        If no benchmark has written the file, or if its revision is unknown
        or changed.
    """
    try:
        with open(path, encoding='utf-8') as file:
            measured = json.load(file)
        measured['machine']  # every benchmark writes it
        check_revision(measured.get('revision'), path)
        return measured
    except OSError as error:
        raise UserError(f'cannot read {path}: {reason(error)}') from None
    except (ValueError, KeyError, TypeError):
        raise UserError(
            f'{path} was not written by a benchmark of this package: give a '
            'file that one wrote with --json'
        ) from None


def step_times(
    measurements: Iterable[dict[str, Any]], of_the_thesis: bool
) -> Iterator[str]:
    """Yield the times of training steps; nothing if there are none.

    Parameters
    ----------
    measurements : iterable of dict
        From benchmarks/step_time.py.
    of_the_thesis : bool
        Whether to show the thesis's networks, rather than the others.
    """
    chosen = [
        (measured['machine'], row)
        for measured in measurements
        for row in measured['rows']
        if (row['network'] in THESIS) == of_the_thesis
    ]
    if not chosen:
        return
    yield from _line_block(
        line for machine, _ in chosen for line in machine.splitlines()
    )
    medians = {
        (row['network'], row['engine']): np.median(row['steps'])
        for _, row in chosen
    }
    yield from table(
        [
            'network',
            'batch',
            'engine',
            'first call',
            'median step',
            'smallest to largest (steps)',
            'limit',
            'peak memory',
            'x native',
            'x Theano',
        ],
        [_step_times_row(row, medians) for _, row in chosen],
    )


def _step_times_row(row, medians):
    median = medians[row['network'], row['engine']]
    speeds = []
    for engine in 'native', 'theano':
        other = medians.get((row['network'], engine))
        speeds.append(f'{other / median:.2f}' if other else '-')
    return [
        _TITLES[row['network']],
        row['batch_size'],
        row['engine'],
        f'{row["compiling"] + row["first"]:.1f} s',
        f'{median:.3g} s',
        f'{min(row["steps"]):.3g} to {max(row["steps"]):.3g} '
        f'({len(row["steps"])})',
        '-' if row['limit'] is None else f'{row["limit"]:.3g} s',
        f'{row["memory"]:.2f} GiB',
        *speeds,
    ]


def growth(measured: dict[str, Any]) -> Iterator[str]:
    """Yield how time and memory of a step grow, as a figure for each series.

    Parameters
    ----------
    measured : dict
        From benchmarks/growth.py.
    """
    yield from _line_block(measured['machine'].splitlines())
    memory = (
        'what PyTorch had allocated on the GPU'
        if measured['device'] == 'cuda'
        else 'that of the process'
    )
    for name, rows in measured['series'].items():
        file = measured_files.save_figure(
            growth_figures.draw(name, rows), f'growth_{name}'
        )
        yield from [
            f'.. figure:: measured/{file}',
            '',
            f'   {growth_figures.CAPTIONS[name]} Memory is {memory}.',
            '',
        ]


def readings(measured: dict[str, Any]) -> Iterator[str]:
    """Yield what is learned under each reading of E17 and E21.

    Parameters
    ----------
    measured : dict
        From benchmarks/readings.py.
    """
    yield from table(
        [
            'normalise',
            'output bias',
            'learning rate',
            'spread',
            'identified',
            'test MSE',
            'relative to the mean',
        ],
        [
            [
                row['normalise'],
                row['output_bias'],
                f'{row["learning_rate"]:g}',
                f'{row["code_spread"]:.2g}',
                f'{row["identified"]} of {row["test"]}',
                f'{row["test_mse"]:.4f}',
                f'{row["test_mse"] / row["mean_mse"]:.2f}',
            ]
            for row in measured['rows']
        ],
    )
    yield (
        f'Preset {measured["preset"]} with {measured["patients"]} patients '
        f'and {measured["iterations"]} iterations. '
        + escaped(f'Revision {measured["revision"]} on {measured["machine"]}.')
    )
    yield ''


def precision(measurements: list[dict[str, Any]]) -> Iterator[str]:
    """Yield losses in float32 and in bf16.

    Parameters
    ----------
    measurements : list of dict
        From benchmarks/precision.py.
    """
    lines = [
        f'Preset {measured["preset"]}, on {measured["machine"]}.'
        for measured in measurements
    ]
    for line in dict.fromkeys(lines):
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
                _TITLES[row['network']],
                name,
                row['iterations'],
                f'{values["float32"]:.4g}',
                f'{values["bf16"]:.4g}',
                f'{values["difference"]:.2g}',
                f'{values["perturbed"]:.2g}',
                f'{row["times"]:.2f}' if row['times'] else 'not timed',
            ]
            for measured in measurements
            for row in measured['rows']
            for name, values in row['compared'].items()
        ],
    )


def _line_block(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines that stay lines on the page, each of them once."""
    for line in dict.fromkeys(lines):
        yield f'| {escaped(line)}'
    yield ''
