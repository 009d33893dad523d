"""The codes of an autoencoder in a plane, coloured by side and by size."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kneerepro.figures.style import (
    BLUE,
    FOOTER_HEIGHT,
    GREY,
    ORANGE,
    axes_at,
    new_figure,
    styled,
)

_SIDES = {
    'LEFT': ('left knee', BLUE),
    'RIGHT': ('right knee', ORANGE),
    '': ('side unknown', '0.6'),
}
_WIDTH = 7  # of the figure, in inches
_SIZE = 2.3  # of each plot, in inches
_MANY = 500  # from this number on, points are smaller


@styled
def scatter_of_codes(
    plane: np.ndarray,
    explained: np.ndarray,
    in_test_set: np.ndarray,
    sides: np.ndarray,
    widths: np.ndarray,
    footer: str | None = None,
) -> Figure:
    """Codes on their first two principal components.

    Parameters
    ----------
    plane : array, shape (n, 2)
        A row for each example.
    explained : array, shape (2,)
        The fraction of the codes' variance along each component.
    in_test_set : array of bool, shape (n,)
        Whether each example belongs to the test set.
    sides : array of str, shape (n,)
        'LEFT', 'RIGHT' or '' if the side is unknown.
    widths : array, shape (n,)
        Epicondylar width of the knee in mm; NaN if it is unknown. The plot by
        width is left out if no width is known.
    footer : str, optional
        Small print at the bottom.

    Returns
    -------
    matplotlib.figure.Figure
    """
    left, bottom, gap = 0.74, FOOTER_HEIGHT + 0.44, 0.75
    figure = new_figure(_WIDTH, bottom + _SIZE + 0.45, footer)
    by_side = axes_at(figure, left, bottom, _SIZE, _SIZE)
    for side, (_, colour) in _SIDES.items():
        _draw(by_side, plane, in_test_set, sides == side, color=colour)
    _draw_legend(figure, left, set(sides))
    plots = [by_side]
    known = np.isfinite(widths)
    if known.any():
        left += _SIZE + gap
        by_width = axes_at(figure, left, bottom, _SIZE, _SIZE)
        _draw(by_width, plane, in_test_set, ~known, color='0.8')
        points = _draw(
            by_width,
            plane,
            in_test_set,
            known,
            c=widths[known],
            cmap='viridis',
        )
        left += _SIZE + 0.08
        bar = figure.colorbar(
            points, cax=axes_at(figure, left, bottom, 0.1, _SIZE)
        )
        bar.set_label('epicondylar width (mm)')
        bar.outline.set_visible(False)  # type: ignore[operator]
        plots.append(by_width)
    for axes in plots:
        axes.set_xlabel(
            f'first component ({explained[0]:.0%} of the variance)'
        )
        axes.set_ylabel(f'second component ({explained[1]:.0%})')
        axes.tick_params(color=GREY)
        axes.margins(0.06)
    return figure


def _draw(axes, plane, in_test_set, chosen, **style):
    """Draw the chosen points, those of test examples with a ring."""
    size = 16 if len(plane) < _MANY else 4
    points = axes.scatter(*plane[chosen].T, s=size, linewidths=0, **style)
    axes.scatter(
        *plane[chosen & in_test_set].T,
        s=1.6 * size,
        facecolor='none',
        edgecolor='black',
        linewidths=0.8 if size > 4 else 0.4,
        zorder=3,
    )
    return points


def _draw_legend(figure, left, sides):
    """Draw a legend of these sides and of the ring, above the plots."""
    marks = [
        Line2D(
            [],
            [],
            marker='o',
            linestyle='',
            color=colour,
            markersize=4,
            label=name,
        )
        for side, (name, colour) in _SIDES.items()
        if side in sides
    ]
    marks.append(
        Line2D(
            [],
            [],
            marker='o',
            linestyle='',
            markersize=5,
            markerfacecolor='none',
            markeredgecolor='black',
            markeredgewidth=0.8,
            label='test set',
        )
    )
    figure.legend(
        handles=marks,
        loc='upper left',
        ncols=len(marks),
        bbox_to_anchor=(left / _WIDTH, 1.0),
        borderaxespad=0.4,
        handletextpad=0.2,
        columnspacing=1.2,
        frameon=False,
    )
