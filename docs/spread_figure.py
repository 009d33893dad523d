"""The spread of autoencoders' codes over their trainings."""

import numpy as np

from kneerepro.figures.style import (
    GREY,
    TEST,
    TRAIN,
    axes_at,
    new_figure,
    styled,
)
from kneerepro.runs.collapse import COLLAPSES

_COLOURS = TRAIN, TEST, '#3a7d44', '#7b5ea7'


@styled
def draw(curves):
    """Draw the spread of codes on a logarithmic scale.

    Parameters
    ----------
    curves : dict of str to array, shape (1 + iterations,)
        By what the training is called; NaN where it was not measured.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = new_figure(6.5, 2.9)
    axes = axes_at(figure, 0.75, 0.5, 5.5, 2.2)
    for colour, (name, values) in zip(_COLOURS, curves.items()):
        where = np.flatnonzero(np.isfinite(values))
        # In float32, codes that are all the same have a spread of 0.
        axes.plot(
            where,
            np.maximum(values[where], 1e-9),
            label=name,
            color=colour,
            linewidth=1.3,
        )
    threshold = COLLAPSES['cae3d'].threshold
    axes.axhline(
        threshold,
        color=GREY,
        linewidth=0.8,
        dashes=(4, 2),
        label='below it, nothing is learned',
    )
    axes.set_yscale('log')
    axes.set_ylim(1e-9, 2)
    axes.set_xlim(left=0)
    axes.set_xlabel('iteration')
    axes.set_ylabel('spread of the code')
    axes.legend(loc='lower right')
    return figure
