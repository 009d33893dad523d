"""What all figures share."""

import functools
import textwrap

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imsave

from kneerepro.utils.files import replacing

TRAIN, TEST = '#1f4e9c', '#d95f0e'
GREY = '0.35'
_NO_BREAK = '\N{NO-BREAK SPACE}'
FOOTER = 0.54  # inches at the bottom of a figure, for the small print

_STYLE = {
    'font.size': 9,
    'axes.titlesize': 9,
    'axes.labelsize': 9,
    'xtick.labelsize': 8,
    'ytick.labelsize': 8,
    'legend.fontsize': 8,
    'font.family': 'DejaVu Sans',
    'axes.spines.right': False,
    'axes.spines.top': False,
    'legend.frameon': False,
}


def styled(draw):
    """Decorator: `draw` runs with the package's matplotlib settings."""

    @functools.wraps(draw)
    def styled_draw(*args, **kwargs):
        with rc_context(_STYLE):
            return draw(*args, **kwargs)

    return styled_draw


def new_figure(width, height, footer=None):
    """A figure of this size in inches, with small print at the bottom.

    Nothing else may be less than :data:`FOOTER` above the bottom: this is
    room for three lines of 7 points. A longer text is set smaller.
    """
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    if footer:
        # Of what is between semicolons, short pieces stay in one line.
        whole = '; '.join(
            part.replace(' ', _NO_BREAK) if len(part) < 50 else part
            for part in footer.split('; ')
        )
        for size in 7, 6, 5, 4:
            # DejaVu Sans: 119 letters of 7 points in 7 inches.
            lines = textwrap.wrap(whole, int(17 * width * 7 / size))
            if len(lines) <= 3:
                break
        text = '\n'.join(lines).replace(_NO_BREAK, ' ')
        figure.text(
            0.5,
            0.07 / height,
            text,
            ha='center',
            va='bottom',
            fontsize=size,
            color=GREY,
        )
    return figure


def axes_at(figure, x, y, width, height):
    """New axes with their lower left corner at (`x`, `y`), in inches."""
    across, up = figure.get_size_inches()
    return figure.add_axes([x / across, y / up, width / across, height / up])


def show_image(axes, image, vmax=1, frame=False):
    """An MR image in grey, 0 to `vmax`, without ticks."""
    axes.imshow(
        image, cmap='gray', vmin=0, vmax=vmax, interpolation='bilinear'
    )
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(visible=frame, color=GREY, linewidth=0.6)


def window(truth):
    """The intensity to show as white: the 99.8th percentile of the truth.

    Scaling a volume to its maximum leaves the tissue dark where one bright
    vessel sets that maximum.
    """
    return max(float(np.percentile(truth, 99.8)), 1e-3)


def save_figure(figure, path):
    """Write a figure as PNG, at 200 dpi, and as PDF.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : str
        Without extension. The files appear when they are whole.

    Returns
    -------
    list of str
        Their paths.
    """
    # Nothing that differs from one time to the next.
    metadata = {
        'png': {'Software': None},
        'pdf': {'Creator': None, 'Producer': None, 'CreationDate': None},
    }
    for kind, data in metadata.items():
        with replacing(f'{path}.{kind}') as temporary:
            figure.savefig(temporary, format=kind, dpi=200, metadata=data)
    return [f'{path}.{kind}' for kind in metadata]


def save_tiles(images, path):
    """Write images as one PNG, a pixel for a pixel.

    Parameters
    ----------
    images : array, shape (rows of images, columns of images, rows, columns)
        Values in [0, 1].
    path : str
    """
    tiles = np.concatenate(np.concatenate(images, axis=1), axis=1)
    with replacing(path) as temporary:
        imsave(
            temporary,
            tiles,
            cmap='gray',
            vmin=0,
            vmax=1,
            format='png',
            metadata={'Software': None},
        )
