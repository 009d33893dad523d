"""Figures 3.4 and 3.5: the 3D convolutional autoencoder."""

import numpy as np
from matplotlib.patches import ConnectionPatch

from kneerepro.figures.style import (
    GREY, TEST, TRAIN, new_figure, show_image, styled, window)


@styled
def figure_3_4(truth, reconstruction, patients, slides, over_time, epochs,
               footer=None):
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
    row_bottoms = [0.45 + tall * small + 3 * line + i * (tall * side + 0.05)
                   for i in reversed(range(len(patients)))]
    top = row_bottoms[0] + tall * side
    height = top + 2.2 * line
    figure = new_figure(width, height, footer)

    def show(image, x, y, side, vmax, title=''):
        axes = figure.add_axes([x / width, y / height, side / width,
                                tall * side / height])
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
            show(reconstruction[i, j], x + side + seam, y, side, vmax,
                 titles[1])
            if j == 0:
                axes.set_ylabel(patient)
    for j, slide in enumerate(slides):
        heading(f'slide {slide}', left + j * (pair + gap) + pair / 2,
                top + 1.2 * line, ha='center')

    heading(f'Slide {slides[len(slides) // 2]} of {patients[0]} over training '
            'time', left, 0.45 + tall * small + 1.2 * line)
    vmax = window(over_time[0])
    titles = ['ground truth'] + [f'epoch {epoch}' for epoch in epochs]
    for i, (image, title) in enumerate(zip(over_time, titles)):
        show(image, left + i * (small + gap), 0.45, small, vmax, title)
    return figure


@styled
def figure_3_5(train_mse, test_mse, iterations_per_epoch, over_time, epochs,
               footer=None):
    """Training and test loss, with a reconstruction at some epochs as insets.

    Parameters
    ----------
    train_mse : array, shape (iterations,)
        Mean squared error of each minibatch.
    test_mse : array, shape (epochs + 1,)
        That of the test set before training and after each epoch.
    iterations_per_epoch : int
    over_time : array, shape (insets, rows, columns)
        Reconstructions of one slide.
    epochs : list of int
        After which each of them was made.
    footer : str, optional
        Small print.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = new_figure(7, 4.2, footer)
    axes = figure.add_axes([0.09, 0.2, 0.88, 0.66])
    axes.plot(np.arange(1, len(train_mse) + 1), train_mse, color=TRAIN,
              linewidth=0.7, label='training set, each minibatch')
    axes.plot(np.arange(len(test_mse)) * iterations_per_epoch, test_mse,
              color=TEST, linewidth=1.4, label='test set, each epoch')
    axes.set_xlabel('iteration')
    axes.set_ylabel('mean squared error')
    axes.set_xlim(0, len(train_mse))
    highest = max(np.max(train_mse), np.max(test_mse))
    axes.set_ylim(0, 1.05 * highest)
    by_epoch = axes.secondary_xaxis(
        'top', functions=(lambda x: x / iterations_per_epoch,
                          lambda x: x * iterations_per_epoch))
    by_epoch.set_xlabel('epoch')
    by_epoch.spines['top'].set_visible(True)
    axes.legend(loc='upper right')

    # The insets stand in the empty part of the plot above the curves.
    for image, epoch in zip(over_time, epochs):
        iteration = epoch * iterations_per_epoch
        x = np.clip(iteration / len(train_mse), 0.13, 0.75)
        inset = axes.inset_axes([x - 0.09, 0.42, 0.2, 0.33])
        show_image(inset, image, window(over_time), frame=True)
        inset.set_title(f'epoch {epoch}', fontsize=7, color=GREY, pad=2)
        # From below it, or from the side where the curve is as high.
        beside = test_mse[epoch] > 0.4 * axes.get_ylim()[1]
        axes.add_artist(ConnectionPatch(
            (0, 0.5) if beside else (0.5, 0), (iteration, test_mse[epoch]),
            inset.transAxes, axes.transData, arrowstyle='-', color=GREY,
            linewidth=0.6))
    return figure
