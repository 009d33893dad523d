"""Predicted beside true labels, and how predictions improve with labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, StrMethodFormatter

from kneerepro.figures.style import (
    BLUE,
    FOOTER_HEIGHT,
    GREY,
    ORANGE,
    axes_at,
    new_figure,
    styled,
)

_WIDTH = 7  # of the figure, in inches
_SIZE = 2.4  # of each plot, in inches
_LEFT, _BOTTOM, _GAP = 0.74, FOOTER_HEIGHT + 0.46, 0.85
# The network's features, then the baselines.
_STYLES = (
    {'color': BLUE, 'marker': 'o'},
    {'color': ORANGE, 'marker': 's'},
    {'color': '0.35', 'marker': '^'},
    {'color': '0.65', 'linestyle': '--'},
)

Curve = Sequence[tuple[int, Sequence[float]]]


@styled
def figure_of_numbers(
    name: str,
    labels: np.ndarray,
    predicted: np.ndarray,
    title: str,
    score: str,
    curves: Mapping[str, Curve],
    footer: str | None = None,
) -> Figure:
    """Predicted against true values, and the learning curves.

    Parameters
    ----------
    name : str
        Of the label, with its unit.
    labels, predicted : array, shape (n,)
    title : str
        Above the predictions: from what, and how good they are.
    score : str
        What the learning curves show.
    curves : dict of str to sequence of (int, sequence of float)
        For each set of features: the number of labelled patients, and the
        score once for each draw of them.
    footer : str, optional
        Small print at the bottom.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = new_figure(_WIDTH, _BOTTOM + _SIZE + 0.5, footer)
    axes = axes_at(figure, _LEFT, _BOTTOM, _SIZE, _SIZE)
    both = np.concatenate([labels, predicted])
    margin = 0.05 * np.ptp(both)
    ends = both.min() - margin, both.max() + margin
    axes.plot(ends, ends, color=GREY, linewidth=0.8, zorder=0)
    axes.scatter(labels, predicted, s=12, color=BLUE, linewidths=0)
    axes.set(
        xlim=ends, ylim=ends, xlabel=f'true {name}', ylabel=f'predicted {name}'
    )
    axes.set_title(title)
    _draw_curves(figure, score, curves)
    return figure


@styled
def figure_of_classes(
    name: str,
    classes: Sequence[str],
    codes: np.ndarray,
    probabilities: np.ndarray,
    title: str,
    score: str,
    curves: Mapping[str, Curve],
    footer: str | None = None,
) -> Figure:
    """How often each class is predicted as each, and the learning curves.

    Parameters
    ----------
    name : str
        Of the label.
    classes : sequence of str
    codes : array of int, shape (n,)
        The number of each volume's class.
    probabilities : array, shape (n, classes)
        The likeliest class counts as the predicted one.
    title, score, curves, footer
        As for :func:`figure_of_numbers`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = new_figure(_WIDTH, _BOTTOM + _SIZE + 0.5, footer)
    axes = axes_at(figure, _LEFT, _BOTTOM, _SIZE, _SIZE)
    count = len(classes)
    table = np.zeros((count, count), int)
    np.add.at(table, (codes, probabilities.argmax(1)), 1)
    share = table / np.maximum(1, table.sum(1, keepdims=True))
    axes.imshow(share, cmap='Blues', vmin=0, vmax=1)
    for (row, column), number in np.ndenumerate(table):
        axes.text(
            column,
            row,
            f'{number:,}',
            ha='center',
            va='center',
            color='white' if share[row, column] > 0.5 else 'black',
        )
    axes.set_xticks(range(count), classes)
    axes.set_yticks(range(count), classes)
    axes.set(xlabel=f'predicted {name}', ylabel=f'true {name}')
    axes.set_title(title)
    _draw_curves(figure, score, curves)
    return figure


def _draw_curves(figure, score, curves):
    """Draw the mean of each curve, and its range over the draws."""
    axes = axes_at(figure, _LEFT + _SIZE + _GAP, _BOTTOM, _SIZE, _SIZE)
    for (name, curve), style in zip(curves.items(), _STYLES):
        counts = [count for count, _ in curve]
        values = np.array([values for _, values in curve])
        axes.plot(
            counts, values.mean(1), label=name, markersize=4, lw=1.2, **style
        )
        axes.fill_between(
            counts,
            values.min(1),
            values.max(1),
            color=style['color'],
            alpha=0.15,
            linewidth=0,
        )
    axes.set_xscale('log')
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(counts)
    axes.xaxis.set_major_formatter(StrMethodFormatter('{x:.0f}'))
    # A few labels can predict far worse than the mean.
    lowest = min(
        np.median(values) for curve in curves.values() for _, values in curve
    )
    axes.set_ylim(bottom=max(axes.get_ylim()[0], min(lowest, 0) - 0.3))
    axes.set(xlabel='patients with a label', ylabel=score)
    axes.legend(loc='best')
