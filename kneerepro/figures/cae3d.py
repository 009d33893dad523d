"""Figures 3.4 and 3.5: the 3D convolutional autoencoder."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.figure import Figure

from kneerepro.figures.losses import autoencoder_losses
from kneerepro.figures.style import (
    FOOTER_HEIGHT,
    GREY,
    axes_at,
    new_figure,
    show_image,
    styled,
    white_level,
)

# Lengths in inches.
_WIDTH, _LEFT = 7, 0.4  # of the figure, and of its left margin
_GAP = 0.12  # between pairs of images, and between images over time
_SEAM = 0.03  # between the images of a pair
_LINE = 0.2  # height of a line of text


@styled
def figure_3_4(
    truth: np.ndarray,
    reconstruction: np.ndarray,
    patients: list[str],
    slides: list[int],
    over_time: np.ndarray,
    epochs: list[int],
    footer: str | None = None,
) -> Figure:
    """Reconstructions of three patients at three depths, and over time.

    Parameters
    ----------
    truth, reconstruction : array, shape (patients, slides, rows, columns)
        Values in [0, 1].
    patients : list of str
        The name of each patient in the figure.
    slides : list of int
        Numbers of the slides, counted from 1.
    over_time : array, shape (1 + epochs, rows, columns)
        The ground truth of one slide, followed by its reconstructions.
    epochs : list of int
        The epoch after which each reconstruction was made.
    footer : str, optional
        Small print at the bottom.

    Returns
    -------
    matplotlib.figure.Figure
    """
    # The pairs of images fill the width, unless there are only a few of them.
    usable = _WIDTH - _LEFT - 0.06
    pair = min((usable + _GAP) / len(slides) - _GAP, 3)
    side = (pair - _SEAM) / 2
    small = min((usable + _GAP) / len(over_time) - _GAP, side)
    aspect = truth.shape[2] / truth.shape[3]
    row_bottoms = [
        FOOTER_HEIGHT + aspect * small + 3 * _LINE + i * (aspect * side + 0.05)
        for i in reversed(range(len(patients)))
    ]
    top = row_bottoms[0] + aspect * side
    figure = new_figure(_WIDTH, top + 2.2 * _LINE, footer)
    for j, slide in enumerate(slides):
        x = _LEFT + j * (pair + _GAP) + pair / 2
        _heading(figure, f'slide {slide}', x, top + 1.2 * _LINE, ha='center')
    _draw_pairs(figure, truth, reconstruction, patients, row_bottoms, side)
    _heading(
        figure,
        f'Slide {slides[len(slides) // 2]} of {patients[0]} over the epochs',
        _LEFT,
        FOOTER_HEIGHT + aspect * small + 1.2 * _LINE,
    )
    _draw_over_time(figure, over_time, epochs, small)
    return figure


def _draw_pairs(figure, truth, reconstruction, patients, row_bottoms, side):
    """Draw each slide beside its reconstruction, with a row for each patient.

    `side` is the width of an image.
    """
    vmax = white_level(truth)
    for i, (patient, y) in enumerate(zip(patients, row_bottoms)):
        titles = ['', ''] if i else ['ground truth', 'reconstruction']
        for j, images in enumerate(zip(truth[i], reconstruction[i])):
            left = _LEFT + j * (2 * side + _SEAM + _GAP)
            for k, (image, title) in enumerate(zip(images, titles)):
                x = left + k * (side + _SEAM)
                axes = _show(figure, image, x, y, side, vmax, title)
                if j == k == 0:
                    axes.set_ylabel(textwrap.fill(patient, 14))


def _draw_over_time(figure, images, epochs, side):
    """Draw a ground truth and its reconstructions side by side."""
    vmax = white_level(images[0])
    titles = ['ground truth'] + [f'epoch {epoch}' for epoch in epochs]
    for i, (image, title) in enumerate(zip(images, titles)):
        x = _LEFT + i * (side + _GAP)
        _show(figure, image, x, FOOTER_HEIGHT, side, vmax, title)


def _show(figure, image, x, y, width, vmax, title):
    """Show an image with its lower left corner at (x, y); return its axes."""
    rows, columns = image.shape
    axes = axes_at(figure, x, y, width, width * rows / columns)
    show_image(axes, image, vmax)
    axes.set_title(title, fontsize=7, color=GREY, pad=3)
    return axes


def _heading(figure, text, x, y, **kwargs):
    width, height = figure.get_size_inches()
    figure.text(x / width, y / height, text, fontsize=9, **kwargs)


@styled
def figure_3_5(
    train_mse: np.ndarray,
    test_mse: np.ndarray,
    first_ten: np.ndarray,
    iterations_per_epoch: int,
    over_time: np.ndarray,
    epochs: list[int],
    footer: str | None = None,
    baselines: dict[str, float] | None = None,
) -> Figure:
    """Mean squared error over the iterations (section 3.2).

    Insets show the reconstruction of one slide at several epochs.

    Parameters
    ----------
    train_mse, test_mse, first_ten, iterations_per_epoch, footer, baselines
        As in :func:`kneerepro.figures.cae2d.figure_3_3`, for volumes.
    over_time : array, shape (insets, rows, columns)
        Reconstructions of one slide with values in [0, 1].
    epochs : list of int
        The epoch after which each of them was made.

    Returns
    -------
    matplotlib.figure.Figure
    """
    return autoencoder_losses(
        train_mse,
        test_mse,
        first_ten,
        iterations_per_epoch,
        over_time,
        epochs,
        footer,
        'volumes',
        baselines or {},
    )
