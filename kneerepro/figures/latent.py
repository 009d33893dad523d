"""What lies between two codes, and where the codes of all volumes lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from kneerepro.figures.style import (
    FOOTER_HEIGHT,
    GREY,
    axes_at,
    new_figure,
    place_image,
    styled,
    white_level,
)

_WIDTH = 7  # of a figure, in inches
_SIZE = 3.2  # of the plot of codes, in inches
# Between images, above them, and for the names of their rows.
_GAP, _HEADING, _NAMES = 0.04, 0.24, 0.2


@styled
def interpolation(
    rows: Mapping[str, Sequence[np.ndarray]],
    headings: Sequence[str],
    proportions: Mapping[str, float],
    footer: str | None = None,
) -> Figure:
    """Images along the way from one code to another.

    Parameters
    ----------
    rows : dict of str to sequence of array, shape (rows, columns)
        By the name of the plane, an image for each step. The images of a row
        have one size; values in [0, 1].
    headings : sequence of str
        Above each step.
    proportions : dict of str to float
        Height of each plane relative to its width. Slices may be closer to
        each other than pixels.
    footer : str, optional
        Small print at the bottom.

    Returns
    -------
    matplotlib.figure.Figure
    """
    image_width = (_WIDTH - 0.1 - _NAMES + _GAP) / len(headings) - _GAP
    heights = [image_width * proportions[name] for name in rows]
    height = FOOTER_HEIGHT + sum(heights) + _GAP * len(heights) + _HEADING
    figure = new_figure(_WIDTH, height, footer)
    vmax = white_level(
        np.concatenate([np.ravel(images) for images in rows.values()])
    )
    top = height - _HEADING
    for (name, images), image_height in zip(rows.items(), heights):
        top -= image_height
        figure.text(
            (_NAMES - 0.05) / _WIDTH,
            (top + image_height / 2) / height,
            name,
            rotation=90,
            ha='right',
            va='center',
            fontsize=8,
        )
        for i, image in enumerate(images):
            x = _NAMES + i * (image_width + _GAP)
            place_image(figure, image, x, top, image_width, image_height, vmax)
        top -= _GAP
    for i, heading in enumerate(headings):
        x = _NAMES + i * (image_width + _GAP) + image_width / 2
        figure.text(
            x / _WIDTH,
            (height - _HEADING + 0.06) / height,
            heading,
            ha='center',
            va='bottom',
            fontsize=8,
        )
    return figure


@styled
def codes_by_label(
    plane: np.ndarray,
    explained: np.ndarray,
    name: str,
    values: np.ndarray,
    classes: Sequence[str] | None = None,
    footer: str | None = None,
) -> Figure:
    """The codes of volumes on their first two principal components.

    Parameters
    ----------
    plane : array, shape (n, 2)
        A row for each volume.
    explained : array, shape (2,)
        The fraction of the codes' variance along each component.
    name : str
        Of the label by which they are coloured.
    values : array, shape (n,)
        float; or the number of the class, if there are classes. NaN where the
        label is unknown.
    classes : sequence of str, optional
    footer : str, optional
        Small print at the bottom.

    Returns
    -------
    matplotlib.figure.Figure
    """
    left, bottom = 0.74, FOOTER_HEIGHT + 0.44
    figure = new_figure(_WIDTH, bottom + _SIZE + 0.2, footer)
    axes = axes_at(figure, left, bottom, _SIZE + 1.4, _SIZE)
    x, y = plane.T
    known = np.isfinite(values)
    axes.scatter(x[~known], y[~known], s=18, linewidths=0, color='0.8')
    if classes is None:
        points = axes.scatter(
            x[known],
            y[known],
            c=values[known],
            s=18,
            linewidths=0,
            cmap='viridis',
        )
        place = axes_at(figure, left + _SIZE + 1.5, bottom, 0.1, _SIZE)
        bar = figure.colorbar(points, cax=place)
        bar.set_label(name)
        bar.outline.set_visible(False)  # type: ignore[operator]
    else:
        for number, label in enumerate(classes):
            ours = values == number
            axes.scatter(x[ours], y[ours], s=18, linewidths=0, label=label)
        axes.legend(title=name, loc='center left', bbox_to_anchor=(1.01, 0.5))
    axes.set_xlabel(f'first component ({explained[0]:.0%} of the variance)')
    axes.set_ylabel(f'second component ({explained[1]:.0%})')
    axes.tick_params(color=GREY)
    axes.margins(0.06)
    return figure
