"""The figures of benchmarks/growth.py: time and memory of a training step
against what it is given.
"""

import numpy as np
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from kneerepro.figures.style import (
    GREY,
    TEST,
    TRAIN,
    axes_at,
    new_figure,
    styled,
)

#: What grows, in a row and on an axis.
GROWS = {
    'batch': ('batch_size', 'images in a minibatch'),
    'volume': ('depth', 'slices of 64 x 64 in a volume'),
}
CAPTIONS = {
    'batch': '2D autoencoder: seconds and peak memory of a training step '
    'against the size of the minibatch.',
    'volume': '3D autoencoder, two volumes a minibatch: seconds and peak '
    'memory of a training step against the depth of the volumes.',
}
_ENGINES = {
    'torch': ('the engine', TRAIN, 'o'),
    'native': ('PyTorch alone', TEST, 's'),
}


@styled
def draw(name, rows):
    """Draw one series: medians of the times, from the least to the greatest;
    and memory.

    Parameters
    ----------
    name : {'batch', 'volume'}
    rows : list of dict
        As benchmarks/growth.py writes them.

    Returns
    -------
    matplotlib.figure.Figure
    """
    key, label = GROWS[name]
    figure = new_figure(6.5, 2.7)
    time = axes_at(figure, 0.6, 0.5, 2.5, 2.0)
    memory = axes_at(figure, 3.85, 0.5, 2.5, 2.0)
    for engine, (called, color, marker) in _ENGINES.items():
        of = sorted(
            (row for row in rows if row['engine'] == engine),
            key=lambda row: row[key],
        )
        sizes = [row[key] for row in of]
        style = {
            'color': color,
            'marker': marker,
            'markersize': 4,
            'linewidth': 1.2,
            'label': called,
        }
        times = [row['steps'] for row in of]
        time.plot(sizes, [np.median(one) for one in times], **style)
        time.vlines(
            sizes,
            [min(one) for one in times],
            [max(one) for one in times],
            color=color,
            linewidth=1.2,
        )
        memory.plot(sizes, [row['memory'] for row in of], **style)
    time.set_ylabel('time of a step, s')
    memory.set_ylabel('peak memory, GiB')
    for axes in time, memory:
        axes.set_xscale('log', base=2)
        axes.set_xticks(sizes, map(str, sizes))
        axes.set_xlabel(label)
        axes.grid(color=GREY, alpha=0.25, linewidth=0.5)
    time.set_yscale('log')
    time.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    time.yaxis.set_major_formatter(StrMethodFormatter('{x:g}'))
    time.yaxis.set_minor_formatter(NullFormatter())
    time.legend(loc='upper left')
    memory.set_ylim(bottom=0)
    return figure
