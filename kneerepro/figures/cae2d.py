"""Figures 3.2 and 3.3: the 2D convolutional autoencoder."""

from kneerepro.figures.losses import autoencoder_losses
from kneerepro.figures.style import (
    FOOTER,
    axes_at,
    new_figure,
    show_image,
    styled,
    window,
)


@styled
def figure_3_2(truth, reconstruction, slides, footer=None):
    """Reconstructed slides below their ground truth (section 3.1).

    Parameters
    ----------
    truth, reconstruction : array, shape (n, rows, columns)
        Values in [0, 1]; six in the thesis.
    slides : list of int
        Numbers of the slides, from 1.
    footer : str, optional
        Small print.

    Returns
    -------
    matplotlib.figure.Figure
    """
    # All in inches. The columns fill the width, unless they are few.
    width, left, right, gap, seam, top = 7, 0.3, 0.06, 0.05, 0.05, 0.28
    step = min((width - left - right + gap) / len(slides), 1.6)
    wide = step - gap
    tall = wide * truth.shape[1] / truth.shape[2]
    left += (width - left - right + gap - step * len(slides)) / 2
    figure = new_figure(width, FOOTER + 2 * tall + seam + top, footer)
    white = window(truth)
    for row, images, name in [
        (1, truth, 'ground truth'),
        (0, reconstruction, 'reconstruction'),
    ]:
        for i, (image, slide) in enumerate(zip(images, slides)):
            axes = axes_at(
                figure,
                left + i * step,
                FOOTER + row * (tall + seam),
                wide,
                tall,
            )
            show_image(axes, image, white)
            if row == 1:
                axes.set_title(f'slide {slide}', pad=4)
            if i == 0:
                axes.set_ylabel(name)
    return figure


@styled
def figure_3_3(
    train_mse,
    test_mse,
    first_ten,
    iterations_per_epoch,
    insets,
    inset_epochs,
    footer=None,
    baselines=None,
):
    """Mean squared error over the iterations, with reconstructions of one
    slide at some epochs as insets (section 3.1).

    Parameters
    ----------
    train_mse : array, shape (1 + iterations,)
        Mean squared error (E6) of each minibatch, by iteration; 0 is before
        the training. NaN where there is no value, here and below.
    test_mse : array, shape (1 + iterations,)
        That of the test set, at 0 and where an epoch ends.
    first_ten : array, shape (1 + iterations,)
        That of the first ten test images, which the thesis plots (E19).
    iterations_per_epoch : int
    insets : array, shape (k, rows, columns)
        Reconstructions, values in [0, 1].
    inset_epochs : list of int
        After which each of them was made.
    footer : str, optional
        Small print.
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
