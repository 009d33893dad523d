"""Some reconstructions beside the truth, with their errors."""

import numpy as np

import kneerepro
from kneerepro.figures.style import (
    FOOTER,
    axes_at,
    new_figure,
    show_image,
    styled,
    window,
)

_COLUMNS = 6


@styled
def overview(volumes, reconstruction, squared_error, mse, source):
    """Slices of the volumes of least, median and greatest error.

    Parameters
    ----------
    volumes, reconstruction, squared_error : array or View
        Of shape (n, 1, depth, rows, columns).
    mse : array, shape (n,)
        Mean squared error of each volume.
    source : str
        What they are of, for the small print.

    Returns
    -------
    matplotlib.figure.Figure
    """
    depth = volumes.shape[2]
    chosen = _chosen(mse)
    each = min(_COLUMNS // len(chosen), depth)
    slices = [depth * (i + 1) // (each + 1) for i in range(each)]
    shown = [
        np.concatenate([array[i][0, slices] for _, i in chosen])
        for array in (volumes, reconstruction, squared_error)
    ]

    # All in inches.
    left, gap, line, right = 0.3, 0.04, 0.2, 0.65
    seam = 0.08  # between volumes, beside the gap
    count = len(shown[0])
    side = (7 - left - right - 2 * seam) / _COLUMNS - gap
    xs = [left + i * (side + gap) + i // each * seam for i in range(count)]
    width = xs[-1] + side + gap + right
    tall = side * volumes.shape[3] / volumes.shape[4]
    height = FOOTER + 3 * (tall + gap) + 2 * line
    figure = new_figure(
        width, height, f'kneerepro {kneerepro.__version__}; ' + source
    )
    white = window(shown[0])
    # As for the intensities: one voxel would leave all others dark.
    worst = float(np.percentile(shown[2], 99.8)) or 1.0
    kinds = [
        ('ground truth', 'gray', white),
        ('reconstruction', 'gray', white),
        ('squared error', 'inferno', worst),
    ]
    for row, (name, colours, vmax) in enumerate(kinds):
        y = FOOTER + (2 - row) * (tall + gap)
        for column, image in enumerate(shown[row]):
            axes = axes_at(figure, xs[column], y, side, tall)
            show_image(axes, image, vmax)
            axes.images[0].set_cmap(colours)
            if row == 0:
                axes.set_title(
                    f'slice {slices[column % each] + 1}', fontsize=7, pad=3
                )
            if column == 0:
                axes.set_ylabel(name)
    bar = figure.colorbar(
        axes.images[0],
        extend='max',
        cax=axes_at(figure, width - right + 0.05, FOOTER, 0.1, tall),
    )
    bar.ax.tick_params(labelsize=7)
    bar.formatter.set_powerlimits((-2, 2))
    for i, (name, number) in enumerate(chosen):
        middle = (xs[i * each] + xs[i * each + each - 1] + side) / 2
        figure.text(
            middle / width,
            1 - 0.9 * line / height,
            f'{name}MSE {mse[number]:.2g}, volume {number}',
            ha='center',
            fontsize=8,
        )
    return figure


def _chosen(mse):
    """What to call each volume, and its number."""
    order = np.argsort(mse, kind='stable')
    if len(order) == 1:
        return [('', 0)]
    places = [('least ', 0), ('median ', len(order) // 2), ('greatest ', -1)]
    if len(order) == 2:
        del places[1]
    return [(name, order[place]) for name, place in places]
