"""Write the files of docs/measured: text that pages include, and pictures."""

from __future__ import annotations

import io
import os

from matplotlib.figure import Figure
from PIL import Image

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'measured')

_WIDTH = 1000  # pixels of a picture
_COLOURS = 256  # of a drawing, which make the files small


def exists(name: str) -> bool:
    """Whether the text has been written before."""
    return os.path.exists(os.path.join(FOLDER, f'{name}.inc'))


def write(name: str, *lines: str, script: str = 'docs/publish.py') -> None:
    """Write text that a page includes.

    Parameters
    ----------
    name : str
        The file's name, without extension.
    *lines : str
    script : str
        What makes it, for those who read the file.
    """
    path = _path(f'{name}.inc')
    with open(path, 'w', encoding='utf-8') as file:
        file.write(f'.. Made by {script}\n\n' + '\n'.join(lines) + '\n')
    print('wrote', os.path.relpath(path))


def save_figure(figure: Figure, name: str) -> str:
    """Save a figure of few colours; return the file's name."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format='png', dpi=_WIDTH / figure.get_figwidth())
    with Image.open(buffer) as image:
        return _save_png(image.convert('RGB'), name)


def save_copy(
    path: str, name: str, coloured: bool, width: int = _WIDTH
) -> str:
    """Save a smaller copy of a picture.

    Parameters
    ----------
    path : str
        The picture, a PNG.
    name : str
        The copy's name, without extension.
    coloured : bool
        Whether it is a drawing in a few colours rather than images.
    width : int
        The largest number of pixels across.

    Returns
    -------
    str
        The copy's name: a PNG if it is a drawing, otherwise a JPEG.
    """
    with Image.open(path) as image:
        image = image.convert('RGB')
        image.thumbnail((width, 2 * width), Image.LANCZOS)
    if coloured:
        return _save_png(image, name)
    file = f'{name}.jpg'
    image.save(_path(file), quality=80)
    return file


def _save_png(image, name):
    file = f'{name}.png'
    # The palette spans all colours, however few pixels have them. Otherwise,
    # those of a colour bar would be missing.
    image.quantize(
        _COLOURS,
        Image.Quantize.MAXCOVERAGE,
        kmeans=1,  # refines it, so that greys stay grey
        dither=Image.Dither.NONE,
    ).save(_path(file), optimize=True)
    return file


def _path(file):
    os.makedirs(FOLDER, exist_ok=True)
    return os.path.join(FOLDER, file)
