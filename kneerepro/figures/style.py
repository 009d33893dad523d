"""What all figures share."""

import textwrap

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from kneerepro.files import replacing

TRAIN, TEST = '#1f4e9c', '#d95f0e'
GREY = '0.35'

_STYLE = {'font.size': 9, 'axes.titlesize': 9, 'axes.labelsize': 9,
          'xtick.labelsize': 8, 'ytick.labelsize': 8, 'legend.fontsize': 8,
          'font.family': 'DejaVu Sans', 'axes.spines.right': False,
          'axes.spines.top': False, 'legend.frameon': False}


def styled(draw):
    """Decorator: `draw` runs with the package's matplotlib settings."""
    def styled_draw(*args, **kwargs):
        with rc_context(_STYLE):
            return draw(*args, **kwargs)
    styled_draw.__doc__, styled_draw.__name__ = draw.__doc__, draw.__name__
    return styled_draw


def new_figure(width, height, footer=None):
    """A figure of this size in inches, with small print below: up to two
    lines, for which 0.3 inches are to be left."""
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    if footer:
        figure.text(0.5, 0.07 / height, textwrap.fill(footer, 17 * width),
                    ha='center', va='bottom', fontsize=7, color=GREY)
    return figure


def show_image(axes, image, vmax=1, frame=False):
    """An MR image in grey, 0 to `vmax`, without ticks."""
    axes.imshow(image, cmap='gray', vmin=0, vmax=vmax,
                interpolation='bilinear')
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


def save_png(figure, path):
    """Write a figure at 200 dpi; the file appears when it is whole."""
    with replacing(path) as temporary:
        figure.savefig(temporary, format='png', dpi=200,
                       metadata={'Software': None})
