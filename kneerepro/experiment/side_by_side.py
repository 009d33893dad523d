"""One page that sets finished runs side by side."""

from __future__ import annotations

import io
import itertools
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kneerepro import config
from kneerepro.engines import stored_precision
from kneerepro.experiment.captions import title_of
from kneerepro.experiment.curves import (
    TITLES,
    Chart,
    Curve,
    curves_in,
    label_of,
    limits_for,
)
from kneerepro.experiment.figures import FIGURES, Results, file_name
from kneerepro.experiment.report import figure_image
from kneerepro.figures.curves_together import curves_together
from kneerepro.figures.style import BLUE, ORANGE
from kneerepro.runs import Run
from kneerepro.utils.pages import as_base64, save_page, template_environment

# After blue and orange, those of ColorBrewer's scheme Dark2 that differ most.
_COLOURS = BLUE, ORANGE, '#1b9e77', '#e7298a', '#7570b3', '#a6761d', '#666666'

_NONE = '–'  # in place of a value that a run does not have


@dataclass(frozen=True)
class _Column:
    """A run on the page."""

    run: Run
    results: Results
    name: str
    colour: str

    @property
    def curves(self) -> dict[str, np.ndarray]:
        return curves_in(self.run, self.results)


def write(runs: Sequence[Run], path: str) -> None:
    """Write the page.

    Parameters
    ----------
    runs : sequence of kneerepro.runs.Run
        Finished ones, of any experiments.
    path : str

    Raises
    ------
    UserError
        If results or figures of a run are missing or damaged, or if the page
        cannot be written.
    """
    columns = [
        _Column(run, run.results(), name, colour)
        for run, name, colour in zip(
            runs, names_of(runs), itertools.cycle(_COLOURS)
        )
    ]
    settings = [_settings(column) for column in columns]
    rows = [
        (name, [values.get(name, _NONE) for values in settings])
        for name in _union(settings)
    ]
    charts = list(_charts(columns))
    page = _ENVIRONMENT.get_template('side_by_side.html').render(
        columns=columns,
        different=[row for row in rows if len(set(row[1])) > 1],
        same=[
            (name, values[0]) for name, values in rows if len(set(values)) == 1
        ],
        losses=list(_losses(columns)),
        charts=charts,
        static_charts=_static(charts, columns),
        figures=list(_figures(columns)),
    )
    save_page(page, path)


def names_of(runs: Sequence[Run]) -> list[str]:
    """Names that tell runs apart, as short as possible.

    Parameters
    ----------
    runs : sequence of kneerepro.runs.Run

    Returns
    -------
    list of str
        The names of their folders, with the experiment in front if these
        differ; or the folders.
    """
    folders = [run.folder for run in runs]
    names = [os.path.basename(os.path.abspath(path)) for path in folders]
    if len({run.experiment for run in runs}) > 1:
        names = [f'{run.experiment} {name}' for run, name in zip(runs, names)]
    return names if len(set(names)) == len(runs) else folders


def _settings(column: _Column) -> dict[str, str]:
    """All that may make a run's results differ from another's, as text."""
    run, results = column.run, column.results
    data = run.settings['data']
    size = ' x '.join(map(str, data['shape']))
    per_epoch = int(results['iterations_per_epoch'])
    return {
        'experiment': run.experiment,
        'preset': run.settings['preset'],
        'data': 'synthetic knees' if data['synthetic'] else 'own data',
        'dataset hash': f'{data["hash"]:.12}',
        'volumes': f'{data["volumes"]:,} of {size}',
        'training examples': f'{data["train"]:,}',
        'test examples': f'{data["test"]:,}',
        'iterations per epoch': f'{per_epoch:,}',
        **{
            name: config.as_text(value)
            for name, value in run.parameters.items()
        },
        'engine': run.settings['engine'],
        'device': run.settings['device'],
        'precision': stored_precision(run.settings),
        'training time': f'{float(results["seconds"]):,.0f} s',
    }


def _union(mappings: Iterable[dict[str, Any]]) -> list[str]:
    """The keys of all mappings, in the order in which they come up."""
    return list(dict.fromkeys(itertools.chain(*mappings)))


def _losses(columns):
    """Yield rows of the table of losses: name, and the lowest and the last
    value of each run.
    """
    for name in _union(column.curves for column in columns):
        values = []
        for column in columns:
            curve = column.curves.get(name, np.empty(0))
            measured = curve[np.isfinite(curve)]
            values.append(
                (f'{measured.min():.4g}', f'{measured[-1]:.4g}')
                if len(measured)
                else (_NONE, _NONE)
            )
        yield TITLES.get(name, name), values


def _charts(columns):
    """Yield a chart for each loss and measure, with the curves of all runs."""
    for name in _union(column.curves for column in columns):
        curves = [
            Curve(
                column.name,
                column.curves[name],
                int(column.results['iterations_per_epoch']),
                column.colour,
            )
            for column in columns
            if name in column.curves
        ]
        title = TITLES.get(name, name)
        yield Chart(
            title[0].upper() + title[1:],
            label_of(name),
            tuple(curves),
            limits_for(name, curves),
        )


def _static(charts, columns):
    """The same as a picture, for paper and readers without JavaScript."""
    if not charts:
        return None
    figure = curves_together(
        {
            chart.title: {curve.name: curve.values for curve in chart.curves}
            for chart in charts
        },
        {column.name: column.colour for column in columns},
    )
    file = io.BytesIO()
    figure.savefig(file, format='png', dpi=150, metadata={'Software': None})
    return as_base64(file.getvalue())


def _figures(columns):
    """Yield rows of pictures: the figure's number, and the picture of each
    run, or None.
    """
    numbers = [FIGURES[column.run.experiment] for column in columns]
    for number in _union(numbers):
        yield (
            number,
            [
                figure_image(column.run, file_name(number))
                if number in FIGURES[column.run.experiment]
                else None
                for column in columns
            ],
        )


_ENVIRONMENT = template_environment(title_of=title_of)
