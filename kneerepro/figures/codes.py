"""The codes of an autoencoder, by what is known of each knee."""

import numpy as np
from matplotlib.lines import Line2D

from kneerepro.figures.style import (
    FOOTER,
    GREY,
    TEST,
    TRAIN,
    axes_at,
    new_figure,
    styled,
)

_SIDES = {
    'LEFT': ('left knee', TRAIN),
    'RIGHT': ('right knee', TEST),
    '': ('side unknown', '0.6'),
}
_SIDE = 2.3  # inches of a plot
_MANY = 500  # points; from here on they are drawn smaller


@styled
def scatter_of_codes(plane, explained, tests, sides, widths, footer=None):
    """Codes on their first two principal components.

    Parameters
    ----------
    plane : array, shape (n, 2)
        A row for each example.
    explained : array, shape (2,)
        Share of the codes' variance along each component.
    tests : array of bool, shape (n,)
        Whether it is a test example.
    sides : array of str, shape (n,)
        'LEFT', 'RIGHT' or ''.
    widths : array, shape (n,)
        Epicondylar width of the knee in mm; NaN where it is unknown. The
        plot by width is left out if no width is known.
    footer : str, optional
        Small print.

    Returns
    -------
    matplotlib.figure.Figure
    """
    known = np.isfinite(widths)
    left, bottom, gap = 0.74, FOOTER + 0.44, 0.75
    figure = new_figure(7, bottom + _SIDE + 0.45, footer)
    by_side = axes_at(figure, left, bottom, _SIDE, _SIDE)
    for side, (_, colour) in _SIDES.items():
        _draw(by_side, plane, tests, sides == side, color=colour)
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
        if (sides == side).any()
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
        bbox_to_anchor=(left / 7, 1.0),
        borderaxespad=0.4,
        handletextpad=0.2,
        columnspacing=1.2,
        frameon=False,
    )
    plots = [by_side]
    if known.any():
        by_width = axes_at(figure, left + _SIDE + gap, bottom, _SIDE, _SIDE)
        _draw(by_width, plane, tests, ~known, color='0.8')
        points = _draw(
            by_width, plane, tests, known, c=widths[known], cmap='viridis'
        )
        bar = figure.colorbar(
            points,
            cax=axes_at(
                figure, left + 2 * _SIDE + gap + 0.08, bottom, 0.1, _SIDE
            ),
        )
        bar.set_label('epicondylar width, mm')
        bar.outline.set_visible(False)
        plots.append(by_width)
    for axes in plots:
        axes.set_xlabel(
            f'first component ({explained[0]:.0%} of the variance)'
        )
        axes.set_ylabel(f'second component ({explained[1]:.0%})')
        axes.tick_params(color=GREY)
        axes.margins(0.06)
    return figure


def _draw(axes, plane, tests, chosen, **style):
    size = 16 if len(plane) < _MANY else 4
    points = axes.scatter(*plane[chosen].T, s=size, linewidths=0, **style)
    tested = plane[chosen & tests]
    axes.scatter(
        *tested.T,
        s=1.6 * size,
        facecolor='none',
        edgecolor='black',
        linewidths=0.8 if size > 4 else 0.4,
        zorder=3,
    )
    return points
