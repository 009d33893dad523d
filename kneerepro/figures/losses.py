"""Plots of losses over the iterations, for Figures 3.3, 3.5, 3.7 and 3.10."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import ConnectionPatch
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from kneerepro.figures.style import (
    BLUE,
    FOOTER_HEIGHT,
    GREY,
    ORANGE,
    axes_at,
    new_figure,
    show_image,
    white_level,
)

_WIDTH, _HEIGHT = 6, 3  # of the plot, in inches
_INSET = 0.95  # the longer side of an inset, in inches
_HEADING = 0.2  # above an inset, in inches
_GAP = 0.08  # least distance between curves, insets and legend, in inches
_LIGHT_ORANGE = '#fdae6b'  # the first ten test examples
_FEW = 12  # up to this number, values get markers
_DASHES = (6, 2), (1.5, 1.5)  # of the baselines
_TICK_STEPS = [1, 2, 2.5, 5, 10]


def loss_figure(
    iterations: int,
    iterations_per_epoch: int,
    ylabel: str,
    footer: str | None,
    above: float = 0,
) -> tuple[Figure, Axes]:
    """An empty plot with iterations at the bottom and epochs at the top.

    Parameters
    ----------
    iterations, iterations_per_epoch : int
    ylabel : str
    footer : str or None
    above : float
        Inches to leave free above the plot.

    Returns
    -------
    matplotlib.figure.Figure, matplotlib.axes.Axes
    """
    left, bottom = 0.74, FOOTER_HEIGHT + 0.44
    figure = new_figure(7, bottom + _HEIGHT + 0.46 + above, footer)
    axes = axes_at(figure, left, bottom, _WIDTH, _HEIGHT)
    axes.set_xlabel('iteration')
    axes.set_ylabel(ylabel)
    axes.set_xlim(0, max(iterations, 1))
    axes.xaxis.set_major_locator(
        MaxNLocator(9, steps=_TICK_STEPS, integer=True)
    )
    axes.xaxis.set_major_formatter(StrMethodFormatter('{x:,.0f}'))
    axes.ticklabel_format(axis='y', useOffset=False, scilimits=(-4, 6))
    # Matplotlib would put a power of ten where the axis of epochs begins.
    axes.yaxis.get_offset_text().set_x(-0.1)

    def to_epochs(x: Any) -> Any:
        return x / iterations_per_epoch

    def to_iterations(x: Any) -> Any:
        return x * iterations_per_epoch

    epochs = axes.secondary_xaxis('top', functions=(to_epochs, to_iterations))
    epochs.set_xlabel('epoch')
    epochs.spines['top'].set_visible(True)
    epochs.xaxis.set_major_locator(
        MaxNLocator(
            10,
            steps=_TICK_STEPS,
            integer=iterations >= iterations_per_epoch,
        )
    )
    return figure, axes


def plot_curve(axes: Axes, values: np.ndarray, **style: Any) -> list[Line2D]:
    """Plot values over the iterations, without those that are NaN.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    values : array, shape (1 + iterations,)
    style
        Arguments for :meth:`matplotlib.axes.Axes.plot`. If there are only a
        few values, they get markers in addition.

    Returns
    -------
    list of matplotlib.lines.Line2D
    """
    where = np.flatnonzero(np.isfinite(values))
    if len(where) <= _FEW:
        style = dict(style, marker='o', markersize=3, clip_on=False)
    return axes.plot(where, values[where], **style)


def autoencoder_losses(
    train_mse: np.ndarray,
    test_mse: np.ndarray,
    first_ten: np.ndarray,
    iterations_per_epoch: int,
    insets: np.ndarray,
    inset_epochs: list[int],
    footer: str | None,
    examples: str,
    baselines: dict[str, float],
) -> Figure:
    """The mean squared error of an autoencoder and some reconstructions.

    Parameters
    ----------
    train_mse, test_mse, first_ten, iterations_per_epoch, insets, \
inset_epochs, footer
        See :func:`kneerepro.figures.cae2d.figure_3_3`.
    examples : {'images', 'volumes'}
        What the dataset consists of.
    baselines : dict of str to float
        Mean squared errors on the test set to draw as lines, by their names.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = loss_figure(
        len(train_mse) - 1,
        iterations_per_epoch,
        'mean squared error (intensities from 0 to 1)',
        footer,
    )
    for values, name, style in [
        (
            train_mse,
            'training set, each minibatch',
            dict(color=BLUE, linewidth=0.6),
        ),
        (
            first_ten,
            f'first ten test {examples}, {_how_often(first_ten)}',
            dict(color=_LIGHT_ORANGE, linewidth=0.8),
        ),
        (
            test_mse,
            'whole test set, each epoch',
            dict(color=ORANGE, linewidth=1.3),
        ),
    ]:
        plot_curve(
            axes, values, label=_with_final_value(name, values), **style
        )
    for (name, value), dashes in zip(baselines.items(), _DASHES):
        axes.plot(
            [0, len(train_mse) - 1],
            [value] * 2,
            color=GREY,
            linewidth=0.9,
            dashes=dashes,
            label=f'{name} ({value:.2g})',
        )
    _place_insets(
        axes,
        axes.legend(loc='upper right', borderaxespad=0.2),
        test_mse,
        iterations_per_epoch,
        dict(zip(inset_epochs, insets)),
    )
    return figure


def _how_often(values):
    """How many iterations lie between one value and the next, in words."""
    gaps = np.diff(np.flatnonzero(np.isfinite(values)))
    # The last gap may be shorter: the last iteration always has a value.
    every = gaps[0] if len(gaps) else 1
    return 'each iteration' if every == 1 else f'every {every} iterations'


def _with_final_value(name, values):
    """Add the final value to a name in the legend.

    It cannot be read off the axis, which covers the much larger first values.
    """
    measured = values[np.isfinite(values)]
    return f'{name} (at the end {measured[-1]:.2g})' if len(measured) else name


def _place_insets(axes, legend, curve, iterations_per_epoch, insets):
    """Draw insets below the legend, each as near to its epoch as possible.

    Also set the limits of y, such that neither the legend nor an inset covers
    a curve.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    legend : matplotlib.legend.Legend
        In the upper right corner.
    curve : array, shape (1 + iterations,)
        The curve with which each inset is connected.
    iterations_per_epoch : int
    insets : dict of int to array, shape (rows, columns)
        By epoch.
    """
    iterations = len(curve) - 1
    figure = axes.figure
    box = legend.get_window_extent(figure.canvas.get_renderer())
    width, height = box.width / figure.dpi, box.height / figure.dpi + 0.05
    inset_width = inset_height = 0
    if insets:
        rows, columns = next(iter(insets.values())).shape
        inset_width, inset_height = (
            _INSET * np.array([columns, rows]) / max(rows, columns)
        )
        width = max(width, len(insets) * (inset_width + _GAP) - _GAP)
        height += _HEADING + inset_height
    # From here on, all lengths are fractions of the axes.
    width, gap = (width + _GAP) / _WIDTH, _GAP / _WIDTH
    bottom = 1 - (height + _GAP) / _HEIGHT  # curves may reach up to here
    inset_width, inset_height = inset_width / _WIDTH, inset_height / _HEIGHT

    start = _make_room(axes, iterations, 1 - width, bottom)
    if not insets:
        return
    places = [
        min(epoch * iterations_per_epoch, iterations) for epoch in insets
    ]
    lefts = _spread_out(
        np.array(places) / iterations - inset_width / 2,
        inset_width,
        gap,
        start + gap,
    )
    vmax = white_level(np.array(list(insets.values())))
    measured = np.flatnonzero(np.isfinite(curve))
    for left, place, (epoch, image) in zip(lefts, places, insets.items()):
        inset = axes.inset_axes(
            [left, bottom + _GAP / _HEIGHT, inset_width, inset_height]
        )
        show_image(inset, image, vmax, frame=True)
        inset.set_title(f'epoch {epoch}', fontsize=7, color=GREY, pad=2)
        value = np.interp(place, measured, curve[measured])
        # The line starts below the inset, or beside it where the curve is as
        # high as the inset.
        beside = value > bottom * axes.get_ylim()[1]
        _connect(axes, inset, (0, 0.5) if beside else (0.5, 0), place, value)


def _make_room(axes, iterations, left, bottom):
    """Set the limits of y for a legend and insets in the upper right corner.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    iterations : int
    left, bottom : float
        Where the corner begins, as fractions of the axes.

    Returns
    -------
    float
        Where the curves have fallen below the corner for good, as a fraction
        of the iterations. Insets may begin there.
    """
    points = [line.get_data() for line in axes.lines if len(line.get_xdata())]
    highest = np.max(
        [np.interp(np.arange(iterations + 1), *point) for point in points],
        axis=0,
    )
    # The highest value at each iteration or later.
    highest = np.maximum.accumulate(highest[::-1])[::-1]
    in_corner = highest[int(left * iterations)]
    top = max(1.05 * highest[0], in_corner / bottom)
    axes.set_ylim(0, top if top > 0 else 1)
    low = np.flatnonzero(highest <= max(in_corner, bottom * top))
    return low[0] / iterations


def _spread_out(lefts, width, gap, start):
    """Move insets apart: first to the right of `start` and of each other, and
    then back from the right edge of the axes. All lengths are fractions of
    the axes.
    """
    step = width + gap
    for i in range(len(lefts)):
        lefts[i] = max(lefts[i], lefts[i - 1] + step if i else start)
    for i in reversed(range(len(lefts))):
        last = i + 1 == len(lefts)
        lefts[i] = min(lefts[i], 1 - width if last else lefts[i + 1] - step)
    return lefts


def _connect(axes, inset, corner, x, y):
    """Draw a line from an inset to a point of a curve, and a ring there."""
    axes.add_artist(
        ConnectionPatch(
            corner,
            (x, y),
            inset.transAxes,
            axes.transData,
            arrowstyle='-',
            color=GREY,
            linewidth=0.6,
            zorder=3,
        )
    )
    axes.scatter(
        x,
        y,
        s=9,
        facecolor='white',
        edgecolor=GREY,
        linewidth=0.7,
        zorder=4,
        clip_on=False,
    )
