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
    # All lengths are in inches. The pairs of images fill the width, unless
    # there are only a few of them.
    width, left, gap, seam, line = 7, 0.4, 0.12, 0.03, 0.2
    usable = width - left - 0.06
    pair = min((usable + gap) / len(slides) - gap, 3)
    side = (pair - seam) / 2
    small = min((usable + gap) / len(over_time) - gap, side)
    aspect = truth.shape[2] / truth.shape[3]
    row_bottoms = [
        FOOTER_HEIGHT + aspect * small + 3 * line + i * (aspect * side + 0.05)
        for i in reversed(range(len(patients)))
    ]
    top = row_bottoms[0] + aspect * side
    height = top + 2.2 * line
    figure = new_figure(width, height, footer)

    def show(image, x, y, side, vmax, title=''):
        axes = axes_at(figure, x, y, side, aspect * side)
        show_image(axes, image, vmax)
        axes.set_title(title, fontsize=7, color=GREY, pad=3)
        return axes

    def heading(text, x, y, **kwargs):
        figure.text(x / width, y / height, text, fontsize=9, **kwargs)

    vmax = white_level(truth)
    for i, (patient, y) in enumerate(zip(patients, row_bottoms)):
        titles = ['', ''] if i else ['ground truth', 'reconstruction']
        for j in range(len(slides)):
            x = left + j * (pair + gap)
            axes = show(truth[i, j], x, y, side, vmax, titles[0])
            show(
                reconstruction[i, j], x + side + seam, y, side, vmax, titles[1]
            )
            if j == 0:
                axes.set_ylabel(textwrap.fill(patient, 14))
    for j, slide in enumerate(slides):
        heading(
            f'slide {slide}',
            left + j * (pair + gap) + pair / 2,
            top + 1.2 * line,
            ha='center',
        )

    heading(
        f'Slide {slides[len(slides) // 2]} of {patients[0]} over the epochs',
        left,
        FOOTER_HEIGHT + aspect * small + 1.2 * line,
    )
    vmax = white_level(over_time[0])
    titles = ['ground truth'] + [f'epoch {epoch}' for epoch in epochs]
    for i, (image, title) in enumerate(zip(over_time, titles)):
        x = left + i * (small + gap)
        show(image, x, FOOTER_HEIGHT, small, vmax, title)
    return figure


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
