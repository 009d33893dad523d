"""Figures 3.6 to 3.10: the DCGAN and the WGAN-GP."""

import numpy as np

from kneerepro.figures.losses import loss_figure, plot_curve
from kneerepro.figures.style import (
    FOOTER,
    GREY,
    TEST,
    TRAIN,
    axes_at,
    new_figure,
    show_image,
    styled,
    window,
)

_WIDTH = 7  # of a figure, in inches
_HEADING = 0.24  # above a grid of images


@styled
def figure_3_6(over_time, epochs, real, footer=None):
    """Images that the DCGAN generates at some times (section 3.3).

    Parameters
    ----------
    over_time : array, shape (times, 9, rows, columns)
        Values in [0, 1]; six times in the thesis.
    epochs : list of int
        After which each nine were made.
    real : array, shape (n, rows, columns)
        Training images: what is white in them is white here.
    footer : str, optional
        Small print.

    Returns
    -------
    matplotlib.figure.Figure
    """
    return _over_time(over_time, epochs, real, footer)


@styled
def figure_3_7(discriminator, generator, iterations_per_epoch, footer=None):
    """Losses of the DCGAN's two networks (Algorithm 2, section 3.3).

    Parameters
    ----------
    discriminator, generator : array, shape (1 + iterations,)
        By iteration, 0 is before the training; NaN where there is no value.
    iterations_per_epoch : int
    footer : str, optional
        Small print.

    Returns
    -------
    matplotlib.figure.Figure
    """
    # Of natural logarithms; those of Figure 3.10 have no unit.
    return _losses(
        {'discriminator': discriminator, 'generator': generator},
        iterations_per_epoch,
        footer,
        'loss in nats',
    )


@styled
def figure_3_8(over_time, epochs, real, footer=None):
    """Images that the WGAN-GP generates at some epochs (section 3.4).

    Parameters
    ----------
    over_time, epochs, real, footer
        As in :func:`figure_3_6`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    return _over_time(over_time, epochs, real, footer)


@styled
def figure_3_9(real, generated, footer=None):
    """Real images beside generated ones (section 3.4).

    Parameters
    ----------
    real, generated : array, shape (n, rows, columns)
        Values in [0, 1]; 100 each in the thesis.
    footer : str, optional
        Small print.

    Returns
    -------
    matplotlib.figure.Figure
    """
    return _grids(
        [real, generated], ['real', 'generated'], 2, 3.35, window(real), footer
    )


@styled
def figure_3_10(critic, generator, iterations_per_epoch, footer=None):
    """Losses of the WGAN-GP's two networks (Algorithm 3, section 3.4).

    Parameters
    ----------
    critic, generator : array, shape (1 + iterations,)
        By iteration, 0 is before the training; NaN where there is no value,
        as between the generator's steps (E8).
    iterations_per_epoch : int
    footer : str, optional
        Small print.

    Returns
    -------
    matplotlib.figure.Figure
    """
    return _losses(
        {'critic': critic, 'generator': generator},
        iterations_per_epoch,
        footer,
    )


# ------------------------------------------------------------------- images


def _over_time(over_time, epochs, real, footer):
    return _grids(
        over_time,
        [f'epoch {epoch}' for epoch in epochs],
        2 if len(epochs) in (2, 4) else min(len(epochs), 3),
        2.18,
        window(real),
        footer,
    )


def _grids(grids, headings, across, wide, vmax, footer):
    """Square grids of images, `across` of them side by side, each `wide`
    inches.

    Parameters
    ----------
    grids : list of array, shape (n, rows, columns)
    headings : list of str
    across : int
    wide, vmax : float
    footer : str or None

    Returns
    -------
    matplotlib.figure.Figure
    """
    columns = max(int(np.ceil(np.sqrt(len(images)))) for images in grids)
    lines = max(-(-len(images) // columns) for images in grids)
    rows, gap, between = -(-len(grids) // across), 0.03, 0.16
    step = (wide + gap) / columns
    side = step - gap
    upright = side * grids[0].shape[1] / grids[0].shape[2]
    tall = lines * (upright + gap) - gap
    row_height = tall + _HEADING + 0.06
    height = FOOTER + rows * row_height
    figure = new_figure(_WIDTH, height, footer)
    left = (_WIDTH - across * (wide + between) + between) / 2
    for i, (images, heading) in enumerate(zip(grids, headings)):
        row, column = divmod(i, across)
        x = left + column * (wide + between)
        top = height - row * row_height - _HEADING
        figure.text(
            (x + wide / 2) / _WIDTH,
            (top + 0.06) / height,
            heading,
            ha='center',
            va='bottom',
            fontsize=9,
        )
        for j, image in enumerate(images):
            down, along = divmod(j, columns)
            show_image(
                axes_at(
                    figure,
                    x + along * step,
                    top - down * (upright + gap) - upright,
                    side,
                    upright,
                ),
                image,
                vmax,
            )
    return figure


# ------------------------------------------------------------------- losses


def _losses(curves, iterations_per_epoch, footer, label='loss'):
    """The losses of two networks, thin, and their running medians.

    A few outliers would leave the rest a flat line (claimed of the WGAN-GP's
    critic in chapter 4): they are marked at the edge instead, and the legend
    says how many they are and how far they go.

    Parameters
    ----------
    curves : dict of str to array, shape (1 + iterations,)
        By the network's name.
    iterations_per_epoch : int
    footer : str or None
    label : str
        Of the axis of losses, with their unit if they have one.

    Returns
    -------
    matplotlib.figure.Figure
    """
    count = len(next(iter(curves.values())))
    # About a hundredth of the training. Short curves are legible as they are.
    width = count // 200 * 2 + 1 if count > 500 else 1
    low, high = _limits(curves.values())
    beyond = any(
        ((values < low) | (values > high)).any() for values in curves.values()
    )
    figure, axes = loss_figure(
        count - 1,
        iterations_per_epoch,
        label
        if width == 1
        else f'{label} (thick: median over {width} iterations)',
        footer,
        above=0.42 if beyond else 0.24,
    )
    axes.set_ylim(low, high)
    if low < 0 < high:
        axes.axhline(0, color=GREY, linewidth=0.5, zorder=1)
    handles, outliers = [], []
    for (name, values), color in zip(curves.items(), [TRAIN, TEST]):
        if width > 1:
            plot_curve(axes, values, color=color, linewidth=0.4, alpha=0.35)
        handles += plot_curve(
            axes,
            _running_median(values, width),
            color=color,
            linewidth=1.3,
            zorder=3,
            label=name,
        )
        outliers += _mark_outliers(axes, values, name, color)
    # Above the plot: noisy curves leave no room inside.
    figure.legend(
        handles=handles + outliers,
        loc='upper center',
        ncol=2,
        bbox_to_anchor=(0.5, 1),
        borderaxespad=0.3,
        columnspacing=3,
    )
    return figure


def _limits(curves):
    """Limits of y that show all but a few values far away.

    A few is one in a hundred at either end of a curve, or three; far is
    farther from the others than those are from each other.
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


def _running_median(values, width):
    """The median of what there is within `width` iterations, an odd number;
    NaN where `values` are.
    """
    padded = np.pad(values, width // 2, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, width)
    smooth = np.full(len(values), np.nan)
    there = np.isfinite(values)
    smooth[there] = np.nanmedian(windows[there], axis=1)
    return smooth


def _mark_outliers(axes, values, name, color):
    """Mark values beyond the limits of y at the edge; returns the handle for
    the legend, if there are any.
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
        out = values[(values > high) | (values < low)]
        ends = [_number(value) for value in sorted({out.min(), out.max()})]
        markers[0].set_label(
            f'{name}: {len(out)} value{"s" * (len(out) > 1)} beyond the axis '
            f'({" to ".join(ends)})'
        )
    return markers[:1]


def _number(value):
    digits = ',.0f' if 100 <= abs(value) < 1e6 else '.3g'
    return f'{value:{digits}}'.replace('-', '−')
