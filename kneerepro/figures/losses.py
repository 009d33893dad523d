"""What the plots of losses share: Figures 3.3, 3.5, 3.7 and 3.10."""

import numpy as np
from matplotlib.patches import ConnectionPatch
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from kneerepro.figures.style import (
    FOOTER,
    GREY,
    TEST,
    TRAIN,
    axes_at,
    new_figure,
    show_image,
    window,
)

_WIDE, _TALL = 6, 3  # of the plot, in inches
_INSET = 0.95  # the longer side of an inset
_GAP = 0.08  # between curves, insets and legend, at least
_FIRST_TEN = '#fdae6b'  # lighter than TEST
_FEW = 12  # points, that one can tell apart
_DASHES = (6, 2), (1.5, 1.5)  # of the baselines


def loss_figure(iterations, iterations_per_epoch, ylabel, footer, above=0):
    """An empty plot over iterations and, at the top, epochs.

    Parameters
    ----------
    iterations, iterations_per_epoch : int
    ylabel : str
    footer : str or None
        Small print.
    above : float
        Inches to leave above the plot.

    Returns
    -------
    matplotlib.figure.Figure, matplotlib.axes.Axes
    """
    left, bottom = 0.74, FOOTER + 0.44
    figure = new_figure(7, bottom + _TALL + 0.46 + above, footer)
    axes = axes_at(figure, left, bottom, _WIDE, _TALL)
    axes.set_xlabel('iteration')
    axes.set_ylabel(ylabel)
    axes.set_xlim(0, max(iterations, 1))
    axes.xaxis.set_major_locator(
        MaxNLocator(9, steps=[1, 2, 2.5, 5, 10], integer=True)
    )
    axes.xaxis.set_major_formatter(StrMethodFormatter('{x:,.0f}'))
    axes.ticklabel_format(axis='y', useOffset=False, scilimits=(-4, 6))
    # A power of ten, if there is one, not where the epochs begin.
    axes.yaxis.get_offset_text().set_x(-0.1)

    by_epoch = axes.secondary_xaxis(
        'top',
        functions=(
            lambda x: x / iterations_per_epoch,
            lambda x: x * iterations_per_epoch,
        ),
    )
    by_epoch.set_xlabel('epoch')
    by_epoch.spines['top'].set_visible(True)
    by_epoch.xaxis.set_major_locator(
        MaxNLocator(
            10,
            steps=[1, 2, 2.5, 5, 10],
            integer=iterations >= iterations_per_epoch,
        )
    )
    return figure, axes


def plot_curve(axes, values, **style):
    """Plot what there is of `values`, shape (1 + iterations,), over its
    index; NaN is where there is none.
    """
    where = np.flatnonzero(np.isfinite(values))
    if len(where) <= _FEW:
        style = dict(style, marker='o', markersize=3, clip_on=False)
    return axes.plot(where, values[where], **style)


def autoencoder_losses(
    train_mse,
    test_mse,
    first_ten,
    iterations_per_epoch,
    insets,
    inset_epochs,
    footer,
    examples,
    baselines,
):
    """The mean squared error of an autoencoder, and what it reconstructs.

    Parameters
    ----------
    train_mse, test_mse, first_ten, iterations_per_epoch, insets, \
    inset_epochs, footer
        Of :func:`kneerepro.figures.cae2d.figure_3_3`.
    examples : str
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
        'mean squared error of intensities (0 to 1)',
        footer,
    )
    for values, text, style in [
        (
            train_mse,
            'training set, each minibatch',
            dict(color=TRAIN, linewidth=0.6),
        ),
        (
            first_ten,
            f'first ten test {examples}, {_how_often(first_ten)}',
            dict(color=_FIRST_TEN, linewidth=0.8),
        ),
        (
            test_mse,
            'whole test set, each epoch',
            dict(color=TEST, linewidth=1.3),
        ),
    ]:
        # How low it ends, nobody can read off an axis that begins at 0.12.
        there = values[np.isfinite(values)]
        end = f' (at the end {there[-1]:.2g})' if len(there) else ''
        plot_curve(axes, values, label=text + end, **style)
    for (name, value), dashes in zip(baselines.items(), _DASHES):
        axes.plot(
            [0, len(train_mse) - 1],
            [value] * 2,
            color=GREY,
            linewidth=0.9,
            dashes=dashes,
            label=f'{name} ({value:.2g})',
        )
    legend = axes.legend(loc='upper right', borderaxespad=0.2)
    _place_insets(
        axes,
        legend,
        test_mse,
        iterations_per_epoch,
        dict(zip(inset_epochs, insets)),
    )
    return figure


def _how_often(values):
    """In words, how many iterations there are from one value to the next."""
    gaps = np.diff(np.flatnonzero(np.isfinite(values)))
    # After the last iteration there may be one out of turn.
    every = gaps[0] if len(gaps) else 1
    return 'each iteration' if every == 1 else f'every {every} iterations'


def _place_insets(axes, legend, curve, iterations_per_epoch, insets):
    """Set the limits of y so that the legend and, below it, the insets cover
    no curve; each inset stands as near to its epoch as that allows.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    legend : matplotlib.legend.Legend
        In the upper right corner.
    curve : array, shape (1 + iterations,)
        What the insets are connected with.
    iterations_per_epoch : int
    insets : dict of int to array, shape (rows, columns)
        By epoch.
    """
    iterations = len(curve) - 1
    figure = axes.figure
    box = legend.get_window_extent(figure.canvas.get_renderer())
    # In inches, y from the top; later as parts of the axes.
    wide, low = box.width / figure.dpi, box.height / figure.dpi + 0.05
    if insets:
        rows, columns = next(iter(insets.values())).shape
        inset_wide, inset_tall = (
            _INSET * np.array([columns, rows]) / max(rows, columns)
        )
        step = inset_wide + _GAP
        wide = max(wide, len(insets) * step - _GAP)
        low += 0.2 + inset_tall  # 0.2: the headings
    wide, low = (wide + _GAP) / _WIDE, 1 - (low + _GAP) / _TALL

    # The highest value from each iteration on. Until it is low enough, the
    # insets have to keep to the right, or y has to go on.
    points = [line.get_data() for line in axes.lines if len(line.get_xdata())]
    highest = np.max(
        [np.interp(np.arange(iterations + 1), *point) for point in points],
        axis=0,
    )
    highest = np.maximum.accumulate(highest[::-1])[::-1]
    last = highest[int((1 - wide) * iterations)]
    top = max(1.05 * highest[0], last / low)
    axes.set_ylim(0, top if top > 0 else 1)
    if not insets:
        return
    start = np.flatnonzero(highest <= max(last, low * top))[0] / iterations

    # All in parts of the axes from here.
    step, inset_wide, gap = step / _WIDE, inset_wide / _WIDE, _GAP / _WIDE
    places = [
        min(epoch * iterations_per_epoch, iterations) for epoch in insets
    ]
    lefts = np.array(places) / iterations - inset_wide / 2
    # Apart from each other: first to the right, then back from the edge.
    for i in range(len(lefts)):
        lefts[i] = max(lefts[i], lefts[i - 1] + step if i else start + gap)
    for i in reversed(range(len(lefts))):
        lefts[i] = min(
            lefts[i],
            lefts[i + 1] - step if i + 1 < len(lefts) else 1 - inset_wide,
        )

    white = window(np.array(list(insets.values())))
    where = np.flatnonzero(np.isfinite(curve))
    bottom = low + _GAP / _TALL
    for left, place, (epoch, image) in zip(lefts, places, insets.items()):
        inset = axes.inset_axes([left, bottom, inset_wide, inset_tall / _TALL])
        show_image(inset, image, white, frame=True)
        inset.set_title(f'epoch {epoch}', fontsize=7, color=GREY, pad=2)
        value = np.interp(place, where, curve[where])
        # From below it, or from the side where the curve is as high.
        beside = value > low * axes.get_ylim()[1]
        axes.add_artist(
            ConnectionPatch(
                (0, 0.5) if beside else (0.5, 0),
                (place, value),
                inset.transAxes,
                axes.transData,
                arrowstyle='-',
                color=GREY,
                linewidth=0.6,
                zorder=3,
            )
        )
        axes.scatter(
            place,
            value,
            s=9,
            facecolor='white',
            edgecolor=GREY,
            linewidth=0.7,
            zorder=4,
            clip_on=False,
        )
