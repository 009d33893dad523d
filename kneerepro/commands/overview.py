"""A figure of reconstructions beside the ground truth, with their errors."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

import kneerepro
from kneerepro.data.views import View
from kneerepro.figures.style import (
    FOOTER_HEIGHT,
    axes_at,
    new_figure,
    show_image,
    styled,
    white_level,
)

_COLUMNS = 6

# In inches.
_WIDTH = 7  # of a figure with all columns
_LEFT, _RIGHT = 0.3, 0.65  # for the names of the rows, and the colour bar
_GAP = 0.04  # between panels
_SEAM = 0.08  # between volumes, in addition to the gap
_LINE = 0.2  # of text


@styled
def overview(
    volumes: np.ndarray | View,
    reconstruction: np.ndarray | Mapping[int, np.ndarray],
    squared_error: np.ndarray | Mapping[int, np.ndarray],
    mse: np.ndarray,
    source: str,
) -> Figure:
    """Draw slices of the volumes with the least, median and greatest error.

    Parameters
    ----------
    volumes : array or View
        Of shape (n, 1, depth, rows, columns).
    reconstruction, squared_error : array or dict
        Of the same shape; or only the volumes that :func:`choose` chooses, by
        number.
    mse : array, shape (n,)
        Mean squared error of each volume.
    source : str
        The model and the data, for the footer.

    Returns
    -------
    matplotlib.figure.Figure
    """
    depth = volumes.shape[2]
    chosen = choose(mse)
    per_volume = min(_COLUMNS // len(chosen), depth)
    slices = [depth * (i + 1) // (per_volume + 1) for i in range(per_volume)]
    truth, reconstructed, error = (
        np.concatenate([array[number][0, slices] for _, number in chosen])
        for array in (volumes, reconstruction, squared_error)
    )

    panel_width = (_WIDTH - _LEFT - _RIGHT - 2 * _SEAM) / _COLUMNS - _GAP
    panel_height = panel_width * volumes.shape[3] / volumes.shape[4]
    xs = [
        _LEFT + i * (panel_width + _GAP) + i // per_volume * _SEAM
        for i in range(len(truth))
    ]
    width = xs[-1] + panel_width + _GAP + _RIGHT
    height = FOOTER_HEIGHT + 3 * (panel_height + _GAP) + 2 * _LINE
    figure = new_figure(
        width, height, f'kneerepro {kneerepro.__version__}; {source}'
    )
    white = white_level(truth)
    # A percentile, as for the intensities: otherwise, a single voxel could
    # make all others dark.
    worst = float(np.percentile(error, 99.8)) or 1.0
    rows = [
        ('ground truth', truth, 'gray', white),
        ('reconstruction', reconstructed, 'gray', white),
        ('squared error', error, 'inferno', worst),
    ]
    for row, (name, images, colours, vmax) in enumerate(rows):
        y = FOOTER_HEIGHT + (2 - row) * (panel_height + _GAP)
        panels = [axes_at(figure, x, y, panel_width, panel_height) for x in xs]
        for axes, image in zip(panels, images):
            show_image(axes, image, vmax)
            axes.images[0].set_cmap(colours)
        panels[0].set_ylabel(name, fontsize=8)
        if row == 0:
            for column, axes in enumerate(panels):
                number = slices[column % per_volume] + 1
                axes.set_title(f'slice {number}', fontsize=7, pad=3)
    _add_colour_bar(figure, panels[-1].images[0], width, panel_height)
    for i, (name, number) in enumerate(chosen):
        first, last = xs[i * per_volume], xs[(i + 1) * per_volume - 1]
        figure.text(
            (first + last + panel_width) / 2 / width,
            1 - 0.9 * _LINE / height,
            f'{name}MSE {mse[number]:.2g}, volume {number}',
            ha='center',
            fontsize=8,
        )
    return figure


def _add_colour_bar(figure, image, width, panel_height):
    """Add a scale of the squared errors, beside the bottom row."""
    bar = figure.colorbar(
        image,
        extend='max',
        cax=axes_at(
            figure, width - _RIGHT + 0.05, FOOTER_HEIGHT, 0.1, panel_height
        ),
    )
    bar.ax.tick_params(labelsize=7)
    bar.formatter.set_powerlimits((-2, 2))


def choose(mse: np.ndarray) -> list[tuple[str, int]]:
    """Choose the volumes of an overview.

    Parameters
    ----------
    mse : array, shape (n,)
        Mean squared error of each volume.

    Returns
    -------
    list of (str, int)
        What to call each, and its number.
    """
    order = np.argsort(mse, kind='stable').tolist()
    if len(order) == 1:
        return [('', 0)]
    places = [('least ', 0), ('median ', len(order) // 2), ('greatest ', -1)]
    if len(order) == 2:
        del places[1]
    return [(name, order[place]) for name, place in places]
