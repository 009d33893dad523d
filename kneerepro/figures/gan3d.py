"""What GANs of volumes generate, in the manner of Figures 3.6 to 3.9.

The thesis has no such figures: it names GANs of volumes as future work
(section 4.2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from kneerepro.figures.planes import PROPORTIONS
from kneerepro.figures.style import (
    FOOTER_HEIGHT,
    GREY,
    new_figure,
    place_image,
    styled,
    white_level,
)

# All lengths are in inches.
_WIDTH = 7  # of a figure
_HEADING, _NAMES = 0.22, 0.17  # above the planes of a group
_GAP = 0.03  # between images
_BETWEEN_PLANES, _BETWEEN_GROUPS = 0.1, 0.24

#: Images by the name of their plane, each of shape (n, height, width).
Planes = Mapping[str, np.ndarray]


@styled
def volumes_over_time(
    over_time: Planes,
    epochs: Sequence[int],
    real: Planes,
    footer: str | None = None,
) -> Figure:
    """Three planes of volumes generated at several epochs (section 4.2).

    Parameters
    ----------
    over_time : dict of str to array, shape (epochs, n, height, width)
        By the name of the plane; values in [0, 1].
    epochs : sequence of int
        The epoch after which each n volumes were generated.
    real : dict of str to array, shape (n, height, width)
        Planes of real volumes, which determine the intensity shown as white.
    footer : str, optional
        Small print at the bottom.

    Returns
    -------
    matplotlib.figure.Figure
    """
    groups = {
        f'epoch {epoch}': {name: over_time[name][i] for name in over_time}
        for i, epoch in enumerate(epochs)
    }
    return _draw(groups, min(len(groups), 2), real, footer)


@styled
def real_and_generated_volumes(
    real: Planes, generated: Planes, footer: str | None = None
) -> Figure:
    """Three planes of real volumes above those of generated ones.

    Parameters
    ----------
    real, generated : dict of str to array, shape (n, height, width)
        By the name of the plane; values in [0, 1].
    footer : str, optional
        Small print at the bottom.

    Returns
    -------
    matplotlib.figure.Figure
    """
    return _draw({'real': real, 'generated': generated}, 1, real, footer)


def _draw(
    groups: Mapping[str, Planes],
    across: int,
    real: Planes,
    footer: str | None,
) -> Figure:
    """Draw groups of planes, `across` of them side by side.

    Each group has its name above it, and the names of the planes above their
    square grids of images.
    """
    planes = list(real)
    width = (_WIDTH - 0.1 + _BETWEEN_GROUPS) / across - _BETWEEN_GROUPS
    grid_width = (width + _BETWEEN_PLANES) / len(planes) - _BETWEEN_PLANES
    count = max(
        len(images) for group in groups.values() for images in group.values()
    )
    columns = int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    image_width = (grid_width + _GAP) / columns - _GAP
    tallest = image_width * max(PROPORTIONS[name] for name in planes)
    group_height = _HEADING + _NAMES + rows * (tallest + _GAP)
    lines = -(-len(groups) // across)
    height = FOOTER_HEIGHT + lines * (group_height + 0.06)
    figure = new_figure(_WIDTH, height, footer)
    vmax = white_level(
        np.concatenate([np.ravel(images) for images in real.values()])
    )
    for i, (heading, group) in enumerate(groups.items()):
        line, place = divmod(i, across)
        left = 0.05 + place * (width + _BETWEEN_GROUPS)
        top = height - line * (group_height + 0.06) - _HEADING
        _write(figure, heading, left + width / 2, top, fontsize=9)
        for j, name in enumerate(planes):
            x = left + j * (grid_width + _BETWEEN_PLANES)
            _write(
                figure,
                name,
                x + grid_width / 2,
                top - _NAMES,
                fontsize=7,
                color=GREY,
            )
            for k, image in enumerate(group[name]):
                row, column = divmod(k, columns)
                image_height = image_width * PROPORTIONS[name]
                place_image(
                    figure,
                    image,
                    x + column * (image_width + _GAP),
                    top - _NAMES - (row + 1) * (image_height + _GAP),
                    image_width,
                    image_height,
                    vmax,
                )
    return figure


def _write(figure, text, x, y, **style):
    """Write a text centred above a place."""
    width, height = figure.get_size_inches()
    figure.text(
        x / width,
        (y + 0.04) / height,
        text,
        ha='center',
        va='bottom',
        **style,
    )
