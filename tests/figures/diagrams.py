"""What tests look for in a diagram of boxes."""

import numpy as np


def texts(figure):
    return [
        text for text in figure.texts + figure.axes[0].texts if text.get_text()
    ]


def words(figure):
    return [text.get_text() for text in texts(figure)]


def corners(figure, name, face='front'):
    """The four corners of a face, shape (4, 2)."""
    (patch,) = [
        patch
        for patch in figure.axes[0].patches
        if patch.get_gid() == f'{name} {face}'
    ]
    return patch.get_xy()[:4]


def edges(figure, name, face='front'):
    """The two edges of a face that start at its first corner."""
    corner, end, _, other_end = corners(figure, name, face)
    return end - corner, other_end - corner


def fronts(figure, name):
    """The fronts of boxes whose names begin with `name`, without filters."""
    return [
        patch
        for patch in figure.axes[0].patches
        if patch.get_gid().startswith(name)
        and patch.get_gid().endswith('front')
        and 'filter' not in patch.get_gid()
    ]


def pixels(figure):
    """The figure as an image."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3]
