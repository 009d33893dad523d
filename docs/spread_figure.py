"""Draw how the spread of autoencoders' codes changes during the training."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from kneerepro.figures.style import (
    BLUE,
    GREY,
    ORANGE,
    axes_at,
    new_figure,
    styled,
)
from kneerepro.runs.collapse import COLLAPSES

_COLOURS = BLUE, ORANGE, '#3a7d44', '#7b5ea7'
_LEAST = 1e-9  # lower end of the axis


@styled
def draw(spreads: dict[str, np.ndarray]) -> Figure:
    """Draw the spread of codes on a logarithmic scale.

    Parameters
    ----------
    spreads : dict of str to array, shape (1 + iterations,)
        By the training's name in the legend; NaN where it was not measured.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = new_figure(6.5, 2.9)
    axes = axes_at(figure, 0.75, 0.5, 5.5, 2.2)
    for colour, (name, spread) in zip(_COLOURS, spreads.items()):
        measured = np.flatnonzero(np.isfinite(spread))
        # Equal codes have a spread of 0 in float32.
        axes.plot(
            measured,
            np.maximum(spread[measured], _LEAST),
            label=name,
            color=colour,
            linewidth=1.3,
        )
    axes.axhline(
        COLLAPSES['cae3d'].threshold,
        color=GREY,
        linewidth=0.8,
        dashes=(4, 2),
        label='below it, nothing is learned',
    )
    axes.set_yscale('log')
    axes.set_ylim(_LEAST, 2)
    axes.set_xlim(left=0)
    axes.set_xlabel('iteration')
    axes.set_ylabel('spread of the code')
    axes.legend(loc='lower right')
    return figure
