"""Made-up images, and what tests look for in a figure."""

import numpy as np

from kneerepro.figures.style import FOOTER_HEIGHT

FOOTER = (
    "kneerepro 0.1.0: preset quick, not the thesis's; synthetic knees, 1,152 "
    'training and 44 test images of 64 x 64; 0.125 of the filters (thesis: '
    '1); batch 32 (thesis: 128); epochs 60 (thesis: 100); α 0.001 (thesis: '
    '0.0001); torch engine, cpu'
)


def images(*shape, seed=1):
    """Random images with values in [0, 1]."""
    return np.random.RandomState(seed).rand(*shape).astype('float32')


def texts(figure):
    """The texts outside the axes."""
    return [text.get_text() for text in figure.texts]


def shown(axes):
    """The images that axes show."""
    return [image.get_array().data for image in axes.get_images()]


def placed(figure):
    """The images outside the axes, and their places from 0 to 1."""
    to_figure = figure.transFigure.inverted()
    return [artist.get_array().data for artist in figure.artists], [
        artist.get_window_extent().transformed(to_figure)
        for artist in figure.artists
    ]


def white_levels(figure):
    """The intensities shown as black and white, of images outside the axes."""
    return {artist.get_clim() for artist in figure.artists}


def corners(boxes):
    """The lower left corner of each box: array of shape (boxes, 2)."""
    return np.array([[box.x0, box.y0] for box in boxes])


def all_axes(figure):
    """All axes of a figure, including those within other axes."""
    found = list(figure.axes)
    for axes in found:
        found += axes.child_axes
    return found


def visible_texts(figure):
    """All texts that can be read on a figure that has been drawn."""
    found = list(figure.texts)
    for legend in figure.legends:
        found += legend.get_texts()
    for axes in all_axes(figure):
        found += [axes.title, *axes.texts]
        if axes.get_legend():
            found += axes.get_legend().get_texts()
        for axis in axes.xaxis, axes.yaxis:
            low, high = sorted(axis.get_view_interval())
            found += [axis.label, axis.get_offset_text()]
            for tick in axis.get_major_ticks():
                if low <= tick.get_loc() <= high:
                    found += [tick.label1, tick.label2]
    return [
        text
        for text in found
        if text.get_visible() and text.get_text().strip()
    ]


def assert_nothing_overlaps(case, figure):
    """Texts and images neither overlap nor leave the figure, and only the
    footer is in its place.
    """
    if figure.stale:  # a test may have drawn it
        figure.canvas.draw()
    boxes = [
        (axes.get_title() or 'image', axes.get_window_extent())
        for axes in all_axes(figure)
        if axes.get_images()
    ]
    boxes += [
        ('image', artist.get_window_extent()) for artist in figure.artists
    ]
    boxes += [
        (text.get_text(), text.get_window_extent())
        for text in visible_texts(figure)
    ]
    for i, (name, box) in enumerate(boxes):
        case.assertGreaterEqual(box.x0, 0, name)
        case.assertLessEqual(box.x1, figure.bbox.x1, name)
        case.assertGreaterEqual(box.y0, 0, name)
        case.assertLessEqual(box.y1, figure.bbox.y1, name)
        if not name.startswith('kneerepro'):
            case.assertGreater(box.y0, FOOTER_HEIGHT * figure.dpi - 0.5, name)
        for other, other_box in boxes[:i]:
            case.assertFalse(
                box.padded(-0.5).overlaps(other_box), f'{name} and {other}'
            )
