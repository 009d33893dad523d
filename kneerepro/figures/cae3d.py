"""Figures 3.4 and 3.5: the 3D convolutional autoencoder."""

import textwrap

from kneerepro.figures.losses import autoencoder_losses
from kneerepro.figures.style import (
    FOOTER,
    GREY,
    axes_at,
    new_figure,
    show_image,
    styled,
    window,
)


@styled
def figure_3_4(
    truth, reconstruction, patients, slides, over_time, epochs, footer=None
):
    """Reconstructions of three patients at three depths, and over time.

    Parameters
    ----------
    truth, reconstruction : array, shape (patients, slides, rows, columns)
        Values in [0, 1].
    patients : list of str
        What to call each patient.
    slides : list of int
        Numbers of the slides, from 1.
    over_time : array, shape (1 + epochs, rows, columns)
        The ground truth of one slide and its reconstructions.
    epochs : list of int
        After which each reconstruction was made.
    footer : str, optional
        Small print.

    Returns
    -------
    matplotlib.figure.Figure
    """
    # All in inches. The pairs fill the width, unless they are few.
    width, left, gap, seam, line = 7, 0.4, 0.12, 0.03, 0.2
    usable = width - left - 0.06
    pair = min((usable + gap) / len(slides) - gap, 3)
    side = (pair - seam) / 2
    small = min((usable + gap) / len(over_time) - gap, side)
    tall = truth.shape[2] / truth.shape[3]
    row_bottoms = [
        FOOTER + tall * small + 3 * line + i * (tall * side + 0.05)
        for i in reversed(range(len(patients)))
    ]
    top = row_bottoms[0] + tall * side
    height = top + 2.2 * line
    figure = new_figure(width, height, footer)

    def show(image, x, y, side, vmax, title=''):
        axes = axes_at(figure, x, y, side, tall * side)
        show_image(axes, image, vmax)
        axes.set_title(title, fontsize=7, color=GREY, pad=3)
        return axes

    def heading(text, x, y, **kwargs):
        figure.text(x / width, y / height, text, fontsize=9, **kwargs)

    vmax = window(truth)
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
        f'Slide {slides[len(slides) // 2]} of {patients[0]} over training '
        'time',
        left,
        FOOTER + tall * small + 1.2 * line,
    )
    vmax = window(over_time[0])
    titles = ['ground truth'] + [f'epoch {epoch}' for epoch in epochs]
    for i, (image, title) in enumerate(zip(over_time, titles)):
        show(image, left + i * (small + gap), FOOTER, small, vmax, title)
    return figure


@styled
def figure_3_5(
    train_mse,
    test_mse,
    first_ten,
    iterations_per_epoch,
    over_time,
    epochs,
    footer=None,
    baselines=None,
):
    """Mean squared error over the iterations, with reconstructions of one
    slide at some epochs as insets (section 3.2).

    Parameters
    ----------
    train_mse, test_mse, first_ten, iterations_per_epoch, footer, baselines
        As in :func:`kneerepro.figures.cae2d.figure_3_3`, of volumes.
    over_time : array, shape (insets, rows, columns)
        Reconstructions of one slide, values in [0, 1].
    epochs : list of int
        After which each of them was made.

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
