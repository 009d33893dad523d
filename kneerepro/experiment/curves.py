"""The curves of losses that reports let readers explore.

``templates/curves.js`` draws them with uPlot.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from kneerepro.experiment.figures import Results, baselines_of
from kneerepro.figures.gan import limits_of
from kneerepro.figures.style import BLUE, ORANGE
from kneerepro.registry import EXPERIMENTS
from kneerepro.runs import Run
from kneerepro.runs.collapse import COLLAPSES
from kneerepro.utils.pages import as_base64

_GREYS = '#555555', '#999999'  # of the baselines
_ERRORS = 'train', 'test', 'first_ten'  # of autoencoders
# As in the figures; all others are blue.
_COLOURS = {'test': ORANGE, 'first_ten': '#fdae6b', 'generator': ORANGE}

#: What losses and measures are called on pages, if not by their names.
TITLES = {
    'train': 'training set, each minibatch',
    'test': 'whole test set, each epoch',
    'first_ten': 'first ten test examples',
    'code_spread': 'spread of the code between examples',
    'image_spread': 'spread of generated examples, relative to real ones',
}


@dataclass(frozen=True)
class Curve:
    """Values over the iterations of a run.

    Attributes
    ----------
    name : str
    values : array, shape (1 + iterations,)
        From iteration 0, before the training. NaN where nothing was measured.
    per_epoch : int
        Iterations per epoch.
    colour : str
        In hexadecimal.
    dashed : bool
    """

    name: str
    values: np.ndarray
    per_epoch: int
    colour: str
    dashed: bool = False

    def as_data(self) -> dict[str, Any]:
        """What ``curves.js`` reads, convertible to JSON."""
        return {
            'name': self.name,
            'values': as_base64(self.values.astype('<f4').tobytes()),
            'perEpoch': self.per_epoch,
            'colour': self.colour,
            'dashed': self.dashed,
        }


@dataclass(frozen=True)
class Chart:
    """Curves over the same axes.

    Attributes
    ----------
    title : str
    label : str
        Of the vertical axis.
    curves : tuple of Curve
    limits : tuple of 2 floats, optional
        Of the vertical axis, unless readers ask for the outliers beyond.
    """

    title: str
    label: str
    curves: tuple[Curve, ...]
    limits: tuple[float, float] | None = None

    def as_data(self) -> dict[str, Any]:
        """What ``curves.js`` reads, convertible to JSON."""
        return {
            'title': self.title,
            'label': self.label,
            'curves': [curve.as_data() for curve in self.curves],
            'limits': self.limits,
        }


def curves_in(run: Run, results: Results) -> dict[str, np.ndarray]:
    """The losses of a run, and the measure of how much its outputs vary.

    Parameters
    ----------
    run : kneerepro.runs.Run
    results : dict of str to array
        From :meth:`kneerepro.runs.Run.results`.

    Returns
    -------
    dict of str to array, shape (1 + iterations,)
        Those that were measured, by name; the measure comes last.
    """
    spec, measure = EXPERIMENTS[run.experiment], COLLAPSES[run.experiment]
    keys = {name: f'{name}_loss' for name in spec.losses}
    keys[measure.measure] = measure.measure
    return {
        name: results[key]
        for name, key in keys.items()
        if key in results and np.isfinite(results[key]).any()
    }


def charts_of(run: Run, results: Results) -> list[Chart]:
    """The charts of a run: its losses, and how much its outputs vary.

    Parameters
    ----------
    run, results
        See :func:`curves_in`.

    Returns
    -------
    list of Chart
        Without those of which nothing was measured.
    """
    per_epoch = int(results['iterations_per_epoch'])
    curves = [
        Curve(
            TITLES.get(name, name), values, per_epoch, _COLOURS.get(name, BLUE)
        )
        for name, values in curves_in(run, results).items()
    ]
    measure = TITLES[COLLAPSES[run.experiment].measure]
    losses = [curve for curve in curves if curve.name != measure]
    charts = []
    if losses:
        baselines = [
            Curve(name, _level(value, losses[0]), per_epoch, grey, True)
            for (name, value), grey in zip(
                baselines_of(results).items(), _GREYS
            )
        ]
        charts.append(
            Chart(
                'Loss curves',
                label_of(EXPERIMENTS[run.experiment].losses[0]),
                (*losses, *baselines),
                limits_for(EXPERIMENTS[run.experiment].losses[0], losses),
            )
        )
    charts += [
        Chart(
            measure[0].upper() + measure[1:],
            label_of(COLLAPSES[run.experiment].measure),
            (curve,),
        )
        for curve in curves
        if curve.name == measure
    ]
    return charts


def _level(value: float, curve: Curve) -> np.ndarray:
    """A horizontal line below a curve, by its ends."""
    values = np.full(len(curve.values), np.nan)
    values[[0, -1]] = value
    return values


def limits_for(
    name: str, curves: Iterable[Curve]
) -> tuple[float, float] | None:
    """Limits of the chart of a loss, which for GANs are those of its figure.

    The first losses of a critic can be a thousand times the later ones.

    Parameters
    ----------
    name : str
        Of a loss or measure.
    curves : iterable of Curve

    Returns
    -------
    tuple of 2 floats, or None
        None if all values are to be shown.
    """
    if label_of(name) != 'loss':
        return None
    low, high = limits_of(curve.values for curve in curves)
    return float(low), float(high)


def label_of(name: str) -> str:
    """What a loss or measure is, for the vertical axis of its chart."""
    if name.endswith('_spread'):
        return 'spread'
    return 'mean squared error' if name in _ERRORS else 'loss'
