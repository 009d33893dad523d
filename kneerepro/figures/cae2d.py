"""Figures 3.2 and 3.3: the 2D convolutional autoencoder."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from kneerepro.figures.losses import autoencoder_losses
from kneerepro.figures.style import (
    FOOTER_HEIGHT,
    axes_at,
    new_figure,
    show_image,
    styled,
    white_level,
)


@styled
def figure_3_2(
    truth: np.ndarray,
    reconstruction: np.ndarray,
    slides: list[int],
    footer: str | None = None,
) -> Figure:
    """Reconstructed slides below their ground truth (section 3.1).

    Parameters
    ----------
    truth, reconstruction : array, shape (n, rows, columns)
        Values in [0, 1]; six images in the thesis.
    slides : list of int
        Numbers of the slides, counted from 1.
    footer : str, optional
        Small print at the bottom.

    Returns
    -------
    matplotlib.figure.Figure
    """
    # All lengths are in inches. The columns fill the width, unless there are
    # only a few of them.
    width, left, right, gap, seam, title = 7, 0.3, 0.06, 0.05, 0.05, 0.28
    usable = width - left - right + gap
    step = min(usable / len(slides), 1.6)
    image_width = step - gap
    image_height = image_width * truth.shape[1] / truth.shape[2]
    left += (usable - step * len(slides)) / 2
    figure = new_figure(
        width, FOOTER_HEIGHT + 2 * image_height + seam + title, footer
    )
    vmax = white_level(truth)
    for row, images, name in [
        (1, truth, 'ground truth'),
        (0, reconstruction, 'reconstruction'),
    ]:
        for i, (image, slide) in enumerate(zip(images, slides)):
            axes = axes_at(
                figure,
                left + i * step,
                FOOTER_HEIGHT + row * (image_height + seam),
                image_width,
                image_height,
            )
            show_image(axes, image, vmax)
            if row == 1:
                axes.set_title(f'slide {slide}', pad=4)
            if i == 0:
                axes.set_ylabel(name)
    return figure


@styled
def figure_3_3(
    train_mse: np.ndarray,
    test_mse: np.ndarray,
    first_ten: np.ndarray,
    iterations_per_epoch: int,
    insets: np.ndarray,
    inset_epochs: list[int],
    footer: str | None = None,
    baselines: dict[str, float] | None = None,
) -> Figure:
    """Mean squared error over the iterations (section 3.1).

    Insets show the reconstruction of one slide at several epochs.

    Parameters
    ----------
    train_mse : array, shape (1 + iterations,)
        Mean squared error (E6) of the minibatch of each iteration. Iteration
        0 is before the training. Here and below, NaN means that there is no
        value.
    test_mse : array, shape (1 + iterations,)
        Error of the whole test set, before the training and at the end of
        each epoch.
    first_ten : array, shape (1 + iterations,)
        Error of the first ten test images, which the thesis plots (E19).
    iterations_per_epoch : int
    insets : array, shape (k, rows, columns)
        Reconstructions with values in [0, 1].
    inset_epochs : list of int
        The epoch after which each of them was made.
    footer : str, optional
        Small print at the bottom.
    baselines : dict of str to float, optional
        Mean squared errors on the test set to draw as lines, by their names.

    Returns
    -------
    matplotlib.figure.Figure
    """
    return autoencoder_losses(
        train_mse,
        test_mse,
        first_ten,
        iterations_per_epoch,
        insets,
        inset_epochs,
        footer,
        'images',
        baselines or {},
    )
