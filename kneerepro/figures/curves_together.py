"""Curves of several runs in the same axes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from kneerepro.figures.losses import plot_curve
from kneerepro.figures.style import axes_at, new_figure, styled

# In inches.
_WIDTH, _HEIGHT = 6, 2  # of a plot
_LEFT, _BOTTOM, _TOP, _RIGHT = 0.74, 0.44, 0.26, 0.26  # around it
_LINE = 0.2  # of the legend, which stands above all plots


@styled
def curves_together(
    curves: Mapping[str, Mapping[str, np.ndarray]], colours: Mapping[str, str]
) -> Figure:
    """One plot for each loss, with the curves of all runs.

    Parameters
    ----------
    curves : dict of str to dict of str to array, shape (1 + iterations,)
        By the title of the plot and the name of the run. NaN means that there
        is no value.
    colours : dict of str to str
        By the name of the run.

    Returns
    -------
    matplotlib.figure.Figure
    """
    above = len(colours) * _LINE + 0.1
    step = _BOTTOM + _HEIGHT + _TOP
    figure = new_figure(_LEFT + _WIDTH + _RIGHT, len(curves) * step + above)
    lines = {}
    for place, (title, of_runs) in enumerate(reversed([*curves.items()])):
        axes = axes_at(figure, _LEFT, place * step + _BOTTOM, _WIDTH, _HEIGHT)
        axes.set_title(title, loc='left')
        if place == 0:
            axes.set_xlabel('iteration')
        for name, values in of_runs.items():
            (lines[name],) = plot_curve(
                axes, values, color=colours[name], linewidth=0.8
            )
        longest = max(len(values) for values in of_runs.values())
        axes.set_xlim(0, max(1, longest - 1))
        axes.xaxis.set_major_locator(MaxNLocator(9, integer=True))
        axes.xaxis.set_major_formatter(StrMethodFormatter('{x:,.0f}'))
        axes.ticklabel_format(axis='y', useOffset=False, scilimits=(-4, 6))
    figure.legend(
        [lines[name] for name in colours if name in lines],
        [name for name in colours if name in lines],
        loc='upper left',
        bbox_to_anchor=(_LEFT / (_LEFT + _WIDTH + _RIGHT), 1),
        borderaxespad=0.2,
    )
    return figure
