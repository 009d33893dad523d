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
    figure = new_figure(7, 6.4, footer)
    # Inches: the pairs fill the width, the row over time the rest.
    grid = figure.add_gridspec(
        len(patients), len(slides), left=0.05, right=0.99, top=0.93,
        bottom=0.28, wspace=0.06, hspace=0.06)
    vmax = window(truth)
    for i, patient in enumerate(patients):
        for j, slide in enumerate(slides):
            pair = grid[i, j].subgridspec(1, 2, wspace=0.02)
            axes = [figure.add_subplot(cell) for cell in pair]
            show_image(axes[0], truth[i, j], vmax)
            show_image(axes[1], reconstruction[i, j], vmax)
            if j == 0:
                axes[0].set_ylabel(patient)
            if i == 0:
                axes[0].set_title('ground truth', fontsize=7, color=GREY,
                                  pad=3)
                axes[1].set_title('reconstruction', fontsize=7, color=GREY,
                                  pad=3)
                middle = np.mean([a.get_position().x0 for a in axes[1:]]
                                 + [axes[0].get_position().x1])
                figure.text(middle, 0.965, f'slide {slide}', ha='center')

    row = figure.add_gridspec(1, len(over_time), left=0.05, right=0.99,
                              top=0.19, bottom=0.06, wspace=0.06)
    figure.text(0.02, 0.225, f'Slide {slides[len(slides) // 2]} of '
                f'{patients[0]} over training time', fontsize=9)
    titles = ['ground truth'] + [f'epoch {epoch}' for epoch in epochs]
    vmax = window(over_time[0])
    for cell, image, title in zip(row, over_time, titles):
        axes = figure.add_subplot(cell)
        show_image(axes, image, vmax)
        axes.set_title(title, fontsize=7, color=GREY, pad=3)
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
    axes = figure.add_axes([0.09, 0.17, 0.88, 0.69])
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
        x = np.clip(iteration / len(train_mse), 0.11, 0.75)
        inset = axes.inset_axes([x - 0.09, 0.42, 0.2, 0.33])
        show_image(inset, image, window(image))
        inset.set_title(f'epoch {epoch}', fontsize=7, color=GREY, pad=2)
        axes.add_artist(ConnectionPatch(
            (0.5, 0), (iteration, test_mse[epoch]), inset.transAxes,
            axes.transData, arrowstyle='-', color=GREY, linewidth=0.6))
    return figure
