"""Draw how time and memory of a training step grow with its input, from the
file of benchmarks/growth.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from kneerepro.figures.style import (
    BLUE,
    GREY,
    ORANGE,
    axes_at,
    new_figure,
    styled,
)

#: What varies in each series: its key in a row, and the label of the axis.
VARIED = {
    'batch': ('batch_size', 'images in a minibatch'),
    'volume': ('depth', 'slices of 64 x 64 in a volume'),
    'dcgan3d': ('batch_size', 'volumes in a minibatch'),
    'wgan_gp3d': ('batch_size', 'volumes in a minibatch'),
}
CAPTIONS = {
    'batch': '2D autoencoder: seconds and peak memory of a training step '
    'against the size of the minibatch.',
    'volume': '3D autoencoder, two volumes a minibatch: seconds and peak '
    'memory of a training step against the depth of the volumes.',
    'dcgan3d': '3D DCGAN at full size: seconds and peak memory of the first '
    'training step against the size of the minibatch.',
    'wgan_gp3d': '3D WGAN-GP at full size: seconds and peak memory of the '
    'first training step against the size of the minibatch.',
}


@dataclass(frozen=True)
class _Style:
    """How the points of an engine are drawn."""

    label: str
    colour: str
    marker: str


_STYLES = {
    'torch': _Style(label='the engine', colour=BLUE, marker='o'),
    'native': _Style(label='PyTorch alone', colour=ORANGE, marker='s'),
}


@styled
def draw(name: str, rows: list[dict[str, Any]]) -> Figure:
    """Draw the times and the memory of one series.

    The times are medians, with bars from the least to the greatest.

    Parameters
    ----------
    name : {'batch', 'volume', 'dcgan3d', 'wgan_gp3d'}
    rows : list of dict
        As benchmarks/growth.py writes them. Those of one of the engines may be
        missing.

    Returns
    -------
    matplotlib.figure.Figure
    """
    key, label = VARIED[name]
    figure = new_figure(6.5, 2.7)
    time_axes = axes_at(figure, 0.6, 0.5, 2.5, 2.0)
    memory_axes = axes_at(figure, 3.85, 0.5, 2.5, 2.0)
    for engine, style in _STYLES.items():
        of_engine = sorted(
            (row for row in rows if row['engine'] == engine),
            key=lambda row: row[key],
        )
        if not of_engine:
            continue
        sizes = [row[key] for row in of_engine]
        times = [row['steps'] for row in of_engine]
        memory = [row['memory'] for row in of_engine]
        _plot(time_axes, sizes, [np.median(steps) for steps in times], style)
        time_axes.vlines(
            sizes,
            [min(steps) for steps in times],
            [max(steps) for steps in times],
            color=style.colour,
            linewidth=1.2,
        )
        _plot(memory_axes, sizes, memory, style)
    sizes = sorted({row[key] for row in rows})
    for axes in time_axes, memory_axes:
        axes.set_xscale('log', base=2)
        axes.set_xticks(sizes, map(str, sizes))
        axes.set_xlabel(label)
        axes.grid(color=GREY, alpha=0.25, linewidth=0.5)
    time_axes.set_ylabel('time of a step, s')
    time_axes.set_yscale('log')
    time_axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    time_axes.yaxis.set_major_formatter(StrMethodFormatter('{x:g}'))
    time_axes.yaxis.set_minor_formatter(NullFormatter())
    time_axes.legend(loc='upper left')
    memory_axes.set_ylabel('peak memory, GiB')
    memory_axes.set_ylim(bottom=0)
    return figure


def _plot(
    axes: Axes, sizes: list[int], values: list[float], style: _Style
) -> None:
    axes.plot(
        sizes,
        values,
        color=style.colour,
        marker=style.marker,
        markersize=4,
        linewidth=1.2,
        label=style.label,
    )
