"""The style that all figures share, and how they are saved."""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import BboxImage, imsave
from matplotlib.transforms import Bbox, TransformedBbox

from kneerepro.utils.files import replacing

# The training set is blue and the test set orange; so are the two networks of
# a GAN.
BLUE, ORANGE, GREY = '#1f4e9c', '#d95f0e', '0.35'

#: Inches at the bottom of a figure that are reserved for its footer: three
#: lines of 7 points.
FOOTER_HEIGHT = 0.54

_FOOTER_SIZES = 7, 6, 5, 4  # points, the largest that fits
_FOOTER_LINES = 3
# Letters of DejaVu Sans per inch at 7 points: 119 letters fit into 7 inches.
_LETTERS_PER_INCH = 17
# Facts in the footer that are shorter than this are kept on one line.
_LONG_FACT = 50
_NO_BREAK = '\N{NO-BREAK SPACE}'

_STYLE: dict[Any, Any] = {
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

_Draw = TypeVar('_Draw', bound=Callable[..., Figure])


def styled(draw: _Draw) -> _Draw:
    """Decorator that runs `draw` with the package's matplotlib settings."""

    @functools.wraps(draw)
    def styled_draw(*args, **kwargs):
        with rc_context(_STYLE):
            return draw(*args, **kwargs)

    return cast(_Draw, styled_draw)


def new_figure(
    width: float, height: float, footer: str | None = None
) -> Figure:
    """Create a figure with a footer in small print.

    Parameters
    ----------
    width, height : float
        In inches. Everything else must stay :data:`FOOTER_HEIGHT` above the
        bottom if there is a footer.
    footer : str, optional
        Facts separated by semicolons. A text of more than three lines is set
        in a smaller font.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    if footer:
        text, size = _wrapped(footer, width)
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


def _wrapped(footer, width):
    """The lines of a footer and their font size in points."""
    text = '; '.join(
        fact.replace(' ', _NO_BREAK) if len(fact) < _LONG_FACT else fact
        for fact in footer.split('; ')
    )
    for size in _FOOTER_SIZES:
        letters = int(_LETTERS_PER_INCH * width * _FOOTER_SIZES[0] / size)
        lines = textwrap.wrap(text, letters)
        if len(lines) <= _FOOTER_LINES:
            break
    return '\n'.join(lines).replace(_NO_BREAK, ' '), size


def axes_at(
    figure: Figure, x: float, y: float, width: float, height: float
) -> Axes:
    """Add axes at a place in a figure.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    x, y : float
        The lower left corner, in inches.
    width, height : float
        In inches.

    Returns
    -------
    matplotlib.axes.Axes
    """
    across, up = figure.get_size_inches()
    return figure.add_axes((x / across, y / up, width / across, height / up))


def show_image(
    axes: Axes, image: np.ndarray, vmax: float = 1, frame: bool = False
) -> None:
    """Show an MR image in grey without ticks.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    image : array, shape (rows, columns)
    vmax : float
        The intensity that is shown as white. 0 is black.
    frame : bool
        Whether to draw a frame around the image.
    """
    axes.imshow(
        image, cmap='gray', vmin=0, vmax=vmax, interpolation='bilinear'
    )
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(visible=frame, color=GREY, linewidth=0.6)


def place_image(
    figure: Figure,
    image: np.ndarray,
    x: float,
    y: float,
    width: float,
    height: float,
    vmax: float = 1,
) -> None:
    """Show an MR image in grey at a place in a figure, without axes.

    Axes take a hundred times as long to make, which counts in a figure of
    two hundred images.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    image : array, shape (rows, columns)
    x, y : float
        The lower left corner, in inches.
    width, height : float
        In inches. The image is stretched to this size.
    vmax : float
        The intensity that is shown as white. 0 is black.
    """
    across, up = figure.get_size_inches()
    place = Bbox.from_bounds(x / across, y / up, width / across, height / up)
    artist = BboxImage(
        TransformedBbox(place, figure.transFigure),
        cmap='gray',
        interpolation='bilinear',
    )
    artist.set_data(image)
    artist.set_clim(0, vmax)
    figure.add_artist(artist)
    # Otherwise, a PDF would have all images as one, at 72 dpi.
    figure.suppressComposite = True


def white_level(images: np.ndarray) -> float:
    """The intensity to show as white: the 99.8th percentile of `images`.

    With the maximum, a single bright vessel would leave all tissue dark.

    Parameters
    ----------
    images : array
        Of any shape.

    Returns
    -------
    float
        Above 0, even if all images are black.
    """
    return max(float(np.percentile(images, 99.8)), 1e-3)


def save_figure(figure: Figure, path: str) -> list[str]:
    """Save a figure as PNG, with 200 dpi, and as PDF.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : str
        Without extension. The files appear only once they are complete.

    Returns
    -------
    list of str
        The paths of both files.
    """
    # The same figure always gives the same files: no date, no versions.
    metadata: dict[str, dict[str, None]] = {
        'png': {'Software': None},
        'pdf': {'Creator': None, 'Producer': None, 'CreationDate': None},
    }
    for kind, data in metadata.items():
        with replacing(f'{path}.{kind}') as temporary:
            figure.savefig(temporary, format=kind, dpi=200, metadata=data)
    return [f'{path}.{kind}' for kind in metadata]


def save_tiles(images: np.ndarray, path: str) -> None:
    """Save images side by side as one PNG, at their own resolution.

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
            metadata={'Software': None},  # type: ignore[dict-item]
        )
