"""Figures 2.1, 2.2 and 3.1: the images that the networks learn from."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from kneerepro.figures.style import (
    FOOTER_HEIGHT,
    GREY,
    ORANGE,
    axes_at,
    new_figure,
    place_image,
    styled,
    white_level,
)

_SCALE_BAR = 50  # mm


@styled
def figure_2_1(
    volume: np.ndarray,
    spacing: tuple[float, float, float],
    directions: str,
    footer: str | None = None,
    at: tuple[float, float, float] = (0.5, 0.5, 0.5),
) -> Figure:
    """One patient in the sagittal, axial and coronal plane, all to one scale.

    Parameters
    ----------
    volume : array, shape (slices, rows, columns)
    spacing : tuple of 3 floats
        Distances between slices, between rows and between columns, in mm.
    directions : str
        Six letters out of L, R, A, P, S and I. They name the side of the
        patient on which the first and the last slice lie, then the first and
        the last row, then the first and the last column.
    footer : str, optional
        Small print at the bottom.
    at : tuple of 3 floats
        Where to cut the three planes, from 0 at the patient's right, front
        and head to 1 at the left, back and foot.

    Returns
    -------
    matplotlib.figure.Figure
    """
    volume, spacing = _as_patient(volume, spacing, directions)
    cut = [min(int(a * n), n - 1) for a, n in zip(at, volume.shape)]
    # The axes are right-left, front-back and head-foot. Positions and lengths
    # along them are in mm.
    place = [(i + 0.5) * step for i, step in zip(cut, spacing)]
    x, y, z = np.multiply(volume.shape, spacing)
    panels = [
        ('sagittal', volume[cut[0]].T, (y, z), place[1:], 'APSI'),
        ('axial', volume[:, :, cut[2]].T, (x, y), place[:2], 'RLAP'),
        ('coronal', volume[:, cut[1]].T, (x, z), place[::2], 'RLSI'),
    ]

    # From here on, all lengths of the figure are in inches.
    width, gap, title_height = 7, 0.12, 0.25
    scale = (width - 4 * gap) / (y + 2 * x)
    tallest = max(z, y) * scale
    figure = new_figure(width, FOOTER_HEIGHT + tallest + title_height, footer)
    vmax = float(np.percentile(volume, 99.7))
    left = gap
    for title, image, (columns, rows), lines, letters in panels:
        axes = axes_at(
            figure,
            left,
            FOOTER_HEIGHT + (tallest - rows * scale) / 2,
            columns * scale,
            rows * scale,
        )
        axes.imshow(
            image,
            cmap='gray',
            vmin=0,
            vmax=vmax,
            extent=(0, columns, rows, 0),
            aspect='auto',
            interpolation='bilinear',
        )
        axes.set_axis_off()
        axes.set_title(title, pad=4)
        axes.axvline(lines[0], color=ORANGE, linewidth=0.5, alpha=0.8)
        axes.axhline(lines[1], color=ORANGE, linewidth=0.5, alpha=0.8)
        _draw_letters(axes, letters)
        if title == 'sagittal':
            _draw_scale_bar(axes, columns - 6, rows - 6)
        left += columns * scale + gap
    return figure


def _draw_letters(axes, letters):
    """Write letters at the left, right, top and bottom edge."""
    for letter, place in zip(
        letters, [(0.03, 0.5), (0.97, 0.5), (0.5, 0.97), (0.5, 0.03)]
    ):
        axes.text(
            *place,
            letter,
            transform=axes.transAxes,
            fontsize=7,
            color='white',
            ha='center',
            va='center',
            bbox=dict(facecolor='black', edgecolor='none', pad=0.8, alpha=0.6),
        )


def _draw_scale_bar(axes, right, bottom):
    axes.plot(
        [right - _SCALE_BAR, right],
        [bottom] * 2,
        color='white',
        linewidth=1.5,
        solid_capstyle='butt',
    )
    axes.text(
        right - _SCALE_BAR / 2,
        bottom - 3,
        f'{_SCALE_BAR} mm',
        color='white',
        fontsize=7,
        ha='center',
        va='bottom',
    )


def _as_patient(volume, spacing, directions):
    """Turn a volume so that its axes run from right to left, from front to
    back and from head to foot; return it and its spacing.
    """
    pairs = [directions[i : i + 2] for i in (0, 2, 4)]
    order, flips = [], []
    for i, pair in enumerate(['RL', 'AP', 'SI']):
        axis = next(
            axis for axis, found in enumerate(pairs) if set(found) == set(pair)
        )
        order.append(axis)
        if pairs[axis] != pair:
            flips.append(i)
    return (
        np.flip(np.transpose(volume, order), flips),
        [spacing[axis] for axis in order],
    )


@styled
def figure_2_2(volume: np.ndarray, footer: str | None = None) -> Figure:
    """All slides of one resized volume, from the first to the last.

    Parameters
    ----------
    volume : array, shape (depth, rows, columns)
        Values in [0, 1].
    footer : str, optional
        Small print at the bottom.

    Returns
    -------
    matplotlib.figure.Figure
    """
    return _contact_sheet(
        volume,
        16 if len(volume) > 25 else 5,
        white_level(volume),
        footer,
        numbered=True,
    )


@styled
def figure_3_1(images: np.ndarray, footer: str | None = None) -> Figure:
    """Randomly selected examples of the 2D dataset.

    Parameters
    ----------
    images : array, shape (n, 1, rows, columns)
        Values in [0, 1]; 25 images in the thesis.
    footer : str, optional
        Small print at the bottom.

    Returns
    -------
    matplotlib.figure.Figure
    """
    return _contact_sheet(
        images[:, 0],
        int(np.ceil(np.sqrt(len(images)))),
        white_level(images),
        footer,
        width=5,
    )


def _contact_sheet(images, columns, vmax, footer, numbered=False, width=7):
    """Images in rows from left to right, with the number of the first image
    beside each row if `numbered`.
    """
    rows = -(-len(images) // columns)
    # All lengths are in inches.
    left, right, gap, top = 0.3 if numbered else 0.06, 0.06, 0.02, 0.06
    image_width = (width - left - right + gap) / columns - gap
    image_height = image_width * images.shape[1] / images.shape[2]
    height = FOOTER_HEIGHT + rows * (image_height + gap) - gap + top
    figure = new_figure(width, height, footer)
    for i, image in enumerate(images):
        row, column = divmod(i, columns)
        x = left + column * (image_width + gap)
        y = height - top - (row + 1) * image_height - row * gap
        place_image(figure, image, x, y, image_width, image_height, vmax)
        if numbered and column == 0:
            figure.text(
                (x - 0.06) / width,
                (y + image_height / 2) / height,
                str(i + 1),
                fontsize=7,
                color=GREY,
                ha='right',
                va='center',
            )
    return figure
