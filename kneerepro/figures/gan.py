"""Figures 3.6 to 3.10: the DCGAN and the WGAN-GP."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from matplotlib.figure import Figure

from kneerepro.figures.losses import loss_figure, plot_curve
from kneerepro.figures.style import (
    BLUE,
    FOOTER_HEIGHT,
    GREY,
    ORANGE,
    new_figure,
    place_image,
    styled,
    white_level,
)

# All lengths are in inches.
_WIDTH = 7  # of a figure
_HEADING = 0.24  # above a grid of images
_THREE_ACROSS, _TWO_ACROSS = 2.18, 3.35  # widths of a grid

# Shorter curves are legible without a running median.
_SHORT = 500


@styled
def figure_3_6(
    over_time: np.ndarray,
    epochs: list[int],
    real: np.ndarray,
    footer: str | None = None,
) -> Figure:
    """Images that the DCGAN generates at several epochs (section 3.3).

    Parameters
    ----------
    over_time : array, shape (epochs, 9, rows, columns)
        Values in [0, 1]; six epochs in the thesis.
    epochs : list of int
        The epoch after which each nine images were generated.
    real : array, shape (n, rows, columns)
        Training images, which determine the intensity shown as white.
    footer : str, optional
        Small print at the bottom.

    Returns
    -------
    matplotlib.figure.Figure
    """
    return _grids_over_time(over_time, epochs, real, footer)


@styled
def figure_3_7(
    discriminator: np.ndarray,
    generator: np.ndarray,
    iterations_per_epoch: int,
    footer: str | None = None,
) -> Figure:
    """Losses of the DCGAN's two networks (Algorithm 2, section 3.3).

    Parameters
    ----------
    discriminator, generator : array, shape (1 + iterations,)
        The loss at each iteration. Iteration 0 is before the training. NaN
        means that there is no value.
    iterations_per_epoch : int
    footer : str, optional
        Small print at the bottom.

    Returns
    -------
    matplotlib.figure.Figure
    """
    # These are natural logarithms. The losses of Figure 3.10 have no unit.
    return _loss_plot(
        {'discriminator': discriminator, 'generator': generator},
        iterations_per_epoch,
        footer,
        'loss in nats',
    )


@styled
def figure_3_8(
    over_time: np.ndarray,
    epochs: list[int],
    real: np.ndarray,
    footer: str | None = None,
) -> Figure:
    """Images that the WGAN-GP generates at several epochs (section 3.4).

    Parameters
    ----------
    over_time, epochs, real, footer
        As in :func:`figure_3_6`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    return _grids_over_time(over_time, epochs, real, footer)


@styled
def figure_3_9(
    real: np.ndarray, generated: np.ndarray, footer: str | None = None
) -> Figure:
    """Real images beside generated ones (section 3.4).

    Parameters
    ----------
    real, generated : array, shape (n, rows, columns)
        Values in [0, 1]; 100 images each in the thesis.
    footer : str, optional
        Small print at the bottom.

    Returns
    -------
    matplotlib.figure.Figure
    """
    return _grids(
        [real, generated],
        ['real', 'generated'],
        2,
        _TWO_ACROSS,
        white_level(real),
        footer,
    )


@styled
def figure_3_10(
    critic: np.ndarray,
    generator: np.ndarray,
    iterations_per_epoch: int,
    footer: str | None = None,
) -> Figure:
    """Losses of the WGAN-GP's two networks (Algorithm 3, section 3.4).

    Parameters
    ----------
    critic, generator : array, shape (1 + iterations,)
        The loss at each iteration. Iteration 0 is before the training. NaN
        means that there is no value, as between the generator's steps (E8).
    iterations_per_epoch : int
    footer : str, optional
        Small print at the bottom.

    Returns
    -------
    matplotlib.figure.Figure
    """
    return _loss_plot(
        {'critic': critic, 'generator': generator},
        iterations_per_epoch,
        footer,
    )


# ------------------------------------------------------------------- images


def _grids_over_time(over_time, epochs, real, footer):
    """A grid of images for each epoch, two or three of them side by side."""
    return _grids(
        over_time,
        [f'epoch {epoch}' for epoch in epochs],
        2 if len(epochs) in (2, 4) else min(len(epochs), 3),
        _THREE_ACROSS,
        white_level(real),
        footer,
    )


def _grids(grids, headings, across, grid_width, vmax, footer):
    """Square grids of images with headings.

    Parameters
    ----------
    grids : sequence of array, shape (n, rows, columns)
    headings : list of str
    across : int
        How many grids stand side by side.
    grid_width : float
        In inches.
    vmax : float
        The intensity that is shown as white.
    footer : str or None

    Returns
    -------
    matplotlib.figure.Figure
    """
    columns = max(int(np.ceil(np.sqrt(len(images)))) for images in grids)
    rows = max(-(-len(images) // columns) for images in grids)
    gap, between = 0.03, 0.16  # images, grids
    image_width = (grid_width + gap) / columns - gap
    image_height = image_width * grids[0].shape[1] / grids[0].shape[2]
    row_height = rows * (image_height + gap) - gap + _HEADING + 0.06
    height = FOOTER_HEIGHT + -(-len(grids) // across) * row_height
    figure = new_figure(_WIDTH, height, footer)
    left = (_WIDTH - across * (grid_width + between) + between) / 2
    for i, (images, heading) in enumerate(zip(grids, headings)):
        row, column = divmod(i, across)
        x = left + column * (grid_width + between)
        top = height - row * row_height - _HEADING
        figure.text(
            (x + grid_width / 2) / _WIDTH,
            (top + 0.06) / height,
            heading,
            ha='center',
            va='bottom',
            fontsize=9,
        )
        for j, image in enumerate(images):
            down, along = divmod(j, columns)
            place_image(
                figure,
                image,
                x + along * (image_width + gap),
                top - down * (image_height + gap) - image_height,
                image_width,
                image_height,
                vmax,
            )
    return figure


# ------------------------------------------------------------------- losses


def _loss_plot(curves, iterations_per_epoch, footer, label='loss'):
    """The losses of two networks as thin lines, with their running medians.

    A few outliers would flatten the rest of a curve (chapter 4 reports them
    for the WGAN-GP's critic). They are marked at the edge of the plot
    instead, and the legend tells their number and their range.

    Parameters
    ----------
    curves : dict of str to array, shape (1 + iterations,)
        By the name of the network.
    iterations_per_epoch : int
    footer : str or None
    label : str
        Label of the axis of losses.

    Returns
    -------
    matplotlib.figure.Figure
    """
    count = len(next(iter(curves.values())))
    # The window is about a hundredth of the training.
    window = count // 200 * 2 + 1 if count > _SHORT else 1
    if window > 1:
        label += f' (thick: median over {window} iterations)'
    low, high = limits_of(curves.values())
    has_outliers = any(
        ((values < low) | (values > high)).any() for values in curves.values()
    )
    figure, axes = loss_figure(
        count - 1,
        iterations_per_epoch,
        label,
        footer,
        above=0.42 if has_outliers else 0.24,
    )
    axes.set_ylim(low, high)
    if low < 0 < high:
        axes.axhline(0, color=GREY, linewidth=0.5, zorder=1)
    handles, outliers = [], []
    for (name, values), color in zip(curves.items(), [BLUE, ORANGE]):
        if window > 1:
            plot_curve(axes, values, color=color, linewidth=0.4, alpha=0.35)
        handles += plot_curve(
            axes,
            _running_median(values, window),
            color=color,
            linewidth=1.3,
            zorder=3,
            label=name,
        )
        outliers += _mark_outliers(axes, values, name, color)
    # The legend stands above the plot: noisy curves leave no room inside.
    figure.legend(
        handles=handles + outliers,
        loc='upper center',
        ncol=2,
        bbox_to_anchor=(0.5, 1),
        borderaxespad=0.3,
        columnspacing=3,
    )
    return figure


def limits_of(curves: Iterable[np.ndarray]) -> tuple[float, float]:
    """Limits of y that show all but a few values that are far away.

    At each end of a curve, up to one value in a hundred may be left out, or up
    to three in a short curve. A value is far away if its distance from the
    others is greater than their range.

    Parameters
    ----------
    curves : iterable of array, shape (n,)
        NaN means that there is no value.

    Returns
    -------
    low, high : float
    """
    lows, highs = [], []
    for values in curves:
        values = np.sort(values[np.isfinite(values)])
        if len(values):
            few = min(max(3, len(values) // 100), len(values) // 10)
            low, high = values[few], values[-1 - few]
            lows.append(max(values[0], low - (high - low)))
            highs.append(min(values[-1], high + (high - low)))
    low, high = min(lows, default=0), max(highs, default=1)
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1
    return 0 if 0 <= low < high / 2 else low - margin, high + margin


def _running_median(values, window):
    """The median of the finite values in a window of an odd number of
    iterations. NaN stays NaN.
    """
    padded = np.pad(values, window // 2, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, window)
    smooth = np.full(len(values), np.nan)
    finite = np.isfinite(values)
    smooth[finite] = np.nanmedian(windows[finite], axis=1)
    return smooth


def _mark_outliers(axes, values, name, color):
    """Mark values beyond the limits of y at the edge of the plot.

    Return a list with the handle for the legend. It is empty if there are no
    such values.
    """
    low, high = axes.get_ylim()
    markers = []
    for beyond, edge, marker in [
        (values > high, 0.985, '^'),
        (values < low, 0.015, 'v'),
    ]:
        where = np.flatnonzero(beyond)
        if len(where):
            markers += axes.plot(
                where,
                np.full(len(where), edge),
                marker,
                color=color,
                markersize=4.5,
                markeredgewidth=0,
                clip_on=False,
                zorder=5,
                transform=axes.get_xaxis_transform(),
            )
    if markers:
        markers[0].set_label(
            _outlier_label(name, values[(values > high) | (values < low)])
        )
    return markers[:1]


def _outlier_label(name, outliers):
    """Count outliers and give their range.

    For example, 'critic: 3 values beyond the axis (−700 to 3,000)'.
    """
    noun = 'value' if len(outliers) == 1 else 'values'
    ends = sorted({outliers.min(), outliers.max()})
    extent = ' to '.join(_number(value) for value in ends)
    return f'{name}: {len(outliers)} {noun} beyond the axis ({extent})'


def _number(value):
    digits = ',.0f' if 100 <= abs(value) < 1e6 else '.3g'
    return f'{value:{digits}}'.replace('-', '−')
