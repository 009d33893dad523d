"""Two networks drawn as rows of boxes, the second row below the first.

All lengths are in inches, and the axes have data coordinates in inches.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from matplotlib.figure import Figure

from kneerepro.figures.boxes import FeatureVolumes, Vector, box_of
from kneerepro.figures.style import BLUE, FOOTER_HEIGHT, GREY, new_figure

_IMAGE_COLOUR, _HIDDEN_COLOUR, _END_COLOUR = '0.88', '#a9c1e6', BLUE

_SMALL, _MEDIUM = 6.5, 7  # points
_LABEL_SPACING = 1.15  # distance of an operation's lines, in line heights
_WIDTH, _LEFT, _RIGHT = 7, 0.3, 0.2  # width of the figure and of its margins
_MAX_HEIGHT = 1.25  # of a box
_MIN_ARROW = 0.14  # length of an arrow
_TEXT_GAP = 0.07  # between neighbouring texts
_ROW_GAP = 0.2
_TITLE_HEIGHT = 0.22
_MARGIN = 0.06
_BOX_GAP = 0.08  # between boxes and the texts above and below them
_NOTE_LETTERS = 140  # in a line of the note


@dataclass(frozen=True)
class Stage:
    """A layer, together with the following ones that keep its shape.

    Attributes
    ----------
    name : str
        Name of the layer.
    shape : tuple of int
        Shape of its output, without the batch.
    operation : list of str
        Lines that describe how it is computed from the previous stage. Empty
        for the input.
    filter_size : tuple of int or None
        Size of the filters of a convolution.
    transposed : bool
        Whether it is a transposed convolution. Its filters cover part of the
        output rather than of the input.
    """

    name: str
    shape: tuple[int, ...]
    operation: list[str]
    filter_size: tuple[int, ...] | None = None
    transposed: bool = False


class Row:
    """A network that is drawn from left to right, and its layout.

    Parameters
    ----------
    title : str
    stages : list of Stage
    parameters : int
        The number of trainable parameters.
    first, last : str
        What the input and the output are.
    """

    def __init__(
        self,
        title: str,
        stages: list[Stage],
        parameters: int,
        first: str,
        last: str,
    ):
        self.title, self.stages, self.parameters = title, stages, parameters
        self.boxes = [box_of(stage.shape) for stage in stages]
        self.shapes = [' × '.join(map(str, stage.shape)) for stage in stages]
        self.roles = [first] + [''] * (len(stages) - 2) + [last]
        self.operations = ['\n'.join(stage.operation) for stage in stages[1:]]
        # Filters are shown where they are applied: a convolution reads from
        # the previous stage, a transposed one adds to its own output.
        self.filters: list[list[tuple[int, ...]]] = [[] for _ in stages]
        for i, stage in enumerate(stages):
            if stage.filter_size:
                place = i if stage.transposed else i - 1
                self.filters[place].append(stage.filter_size)

        # Widths and heights of the texts above and below the boxes.
        self._labels = []
        for shape, role in zip(self.shapes, self.roles):
            shape_width, shape_height = _text_size(shape, _SMALL)
            role_width, role_height = _text_size(role, _MEDIUM)
            self._labels.append(
                (max(shape_width, role_width), shape_height + role_height)
            )
        self._operations = [
            _text_size(text, _SMALL) for text in self.operations
        ]

    def half_height(self, scale: float) -> float:
        """Half the height of the tallest box, at `scale` inches per pixel."""
        return max(box.size(scale)[1] for box in self.boxes) / 2

    def height_above(self, scale: float) -> float:
        """Height of boxes and labels above the centre line."""
        return max(
            box.size(scale)[1] / 2 + label_height + _BOX_GAP
            for box, (_, label_height) in zip(self.boxes, self._labels)
        )

    def height_below(self, scale: float) -> float:
        """Height of boxes and operations below the centre line."""
        return (
            self.half_height(scale)
            + _BOX_GAP
            + max(height for _, height in self._operations)
        )

    def places(
        self, scale: float, extra: float = 0
    ) -> tuple[list[float], list[float], float]:
        """Where the boxes and the operations between them go.

        Parameters
        ----------
        scale : float
            Inches per pixel.
        extra : float
            Space to add between the boxes beyond the least that they need.

        Returns
        -------
        boxes, operations : list of float
            Their centres, measured from the left margin.
        width : float
        """
        halves = [box.size(scale)[0] / 2 for box in self.boxes]
        # Half the width of each box with the label above it.
        items = [
            max(half, label_width / 2)
            for half, (label_width, _) in zip(halves, self._labels)
        ]
        centres, between, edge = [items[0]], [], 0.0
        for i, (text_width, _) in enumerate(self._operations):
            right = centres[i] + halves[i]
            centre = extra + max(
                centres[i] + items[i] + _TEXT_GAP + items[i + 1],
                right + _MIN_ARROW + halves[i + 1],
                # The operation is centred between both boxes, and must not
                # reach beyond the edge of the previous operation.
                2 * (edge + text_width / 2) - right + halves[i + 1],
            )
            centres.append(centre)
            between.append((right + centre - halves[i + 1]) / 2)
            edge = between[-1] + text_width / 2 + _TEXT_GAP
        width = max(edge - _TEXT_GAP, centres[-1] + items[-1])
        return centres, between, width


def draw_rows(rows: tuple[Row, Row], footer: str | None = None) -> Figure:
    """Draw two networks one below the other; the first feeds the second.

    Parameters
    ----------
    rows : pair of Row
    footer : str, optional
        Small print at the bottom, of up to three lines.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there are so many layers that their labels do not fit.
    """
    usable = _WIDTH - _LEFT - _RIGHT
    scale = _fitting_scale(rows, usable)
    note = _note(rows)
    bottom = FOOTER_HEIGHT + 0.02 if footer else 0.08
    bottom += _text_size(note, _SMALL)[1]
    heights = [
        _TITLE_HEIGHT + row.height_above(scale) + row.height_below(scale)
        for row in rows
    ]
    height = bottom + 0.12 + sum(heights) + _ROW_GAP + _MARGIN
    figure = new_figure(_WIDTH, height, footer)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, _WIDTH), ylim=(0, height))
    axes.set_axis_off()
    axes.text(
        _WIDTH / 2,
        bottom,
        note,
        fontsize=_SMALL,
        color=GREY,
        ha='center',
        va='top',
    )

    top = height - _MARGIN
    axes.text(
        _WIDTH - 2 * _MARGIN,
        top - 0.13,
        f'{sum(row.parameters for row in rows):,} trainable parameters in '
        'total',
        fontsize=_MEDIUM,
        ha='right',
    )
    _, end = _draw_row(axes, rows[0], scale, top, usable)
    below = top - heights[0] - _ROW_GAP
    start, _ = _draw_row(axes, rows[1], scale, below, usable)
    _draw_turn(axes, end, start, below + _ROW_GAP / 2)
    return figure


def _fitting_scale(rows, usable):
    """The largest number of inches per pixel at which both rows fit."""
    # The height of vectors does not depend on the scale.
    max_height = max([_MAX_HEIGHT] + [2 * row.half_height(0) for row in rows])

    def fits(scale):
        return all(
            row.places(scale)[2] <= usable
            and 2 * row.half_height(scale) <= max_height
            for row in rows
        )

    if not fits(0):
        raise ValueError(
            'too many layers: their labels do not fit into '
            f'{_WIDTH} inches; draw a network with fewer layers'
        )
    return _largest(fits, 1)


def _largest(fits, high):
    """The largest number from 0 to `high` for which `fits` is true.

    It must be true for 0.
    """
    if fits(high):
        return high
    low = 0
    for _ in range(30):  # to a billionth of `high`
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _draw_row(axes, row, scale, top, usable):
    """Draw a row; return the points where it begins and where it ends."""
    title = axes.text(2 * _MARGIN, top - 0.13, row.title, weight='bold')
    axes.annotate(
        f'{row.parameters:,} trainable parameters',
        (1, top - 0.13),
        (6, 0),
        xycoords=(title, 'data'),
        textcoords='offset points',
        fontsize=_MEDIUM,
        color=GREY,
    )
    extra = _largest(lambda x: row.places(scale, x)[2] <= usable, usable)
    centres, between, _ = row.places(scale, extra)
    y = top - _TITLE_HEIGHT - row.height_above(scale)
    sides = [
        _draw_stage(axes, row, i, _LEFT + centre, y, scale)
        for i, centre in enumerate(centres)
    ]
    floor = y - row.half_height(scale) - 0.04
    for i, (centre, text) in enumerate(zip(between, row.operations)):
        x = _LEFT + centre
        _draw_arrow(axes, (sides[i][1], y), (sides[i + 1][0], y))
        axes.plot(
            [x, x],
            [y - 0.04, floor],
            color=GREY,
            linewidth=0.4,
            linestyle=(0, (1, 2)),
        )
        axes.text(
            x,
            floor - 0.02,
            text,
            fontsize=_SMALL,
            ha='center',
            va='top',
            linespacing=_LABEL_SPACING,
        )
    return (sides[0][0], y), (sides[-1][1], y)


def _draw_stage(axes, row, i, x, y, scale):
    """Draw a box with its labels; return where arrows to and from it end."""
    box = row.boxes[i]
    colour = _HIDDEN_COLOUR
    if i in (0, len(row.boxes) - 1):
        colour = _END_COLOUR if isinstance(box, Vector) else _IMAGE_COLOUR
    box.draw(axes, x, y, scale, colour, row.stages[i].name, row.filters[i])
    width, height = box.size(scale)
    for text, size, offset in [
        (row.shapes[i], _SMALL, 2),
        (row.roles[i], _MEDIUM, 11),
    ]:
        if text:
            axes.annotate(
                text,
                (x, y + height / 2),
                (0, offset),
                textcoords='offset points',
                fontsize=size,
                ha='center',
                va='bottom',
                linespacing=1,
            )
    return x - width / 2 - 0.03, x + width / 2 + 0.03


def _draw_turn(axes, end, start, between):
    """Connect the end of the first row with the start of the second one.

    The line leads around to the left margin at a height between the rows.
    """
    (x, y), left, right = end, _MARGIN, _WIDTH - _MARGIN
    axes.plot(
        [x, right, right, left, left],
        [y, y, between, between, start[1]],
        color=GREY,
        linewidth=0.7,
        solid_joinstyle='round',
    )
    _draw_arrow(axes, (left, start[1]), start)


def _draw_arrow(axes, start, end):
    axes.annotate(
        '',
        end,
        start,
        arrowprops=dict(
            arrowstyle='-|>,head_length=0.3,head_width=0.12',
            color=GREY,
            linewidth=0.7,
            shrinkA=0,
            shrinkB=0,
        ),
    )


def _note(rows):
    """What the shapes, sizes and colours in the figure mean."""
    boxes = [box for row in rows for box in row.boxes]
    if any(isinstance(box, FeatureVolumes) for box in boxes):
        text = (
            'Shapes are channels × depth × rows × columns; depth, rows and '
            'columns have the same scale. The number of volumes drawn is the '
            'square root of the channels,'
        )
    else:
        text = (
            'Shapes are channels × rows × columns; rows and columns have the '
            'same scale. The thickness of a box is proportional to the square '
            'root of its channels,'
        )
    return textwrap.fill(
        text + ' and the height of a bar is proportional to the logarithm of '
        'its units. Orange: what one filter covers.',
        _NOTE_LETTERS,
    )


def _text_size(text, size):
    """Width and height of a text at this font size."""
    figure = new_figure(1, 1)
    box = figure.text(
        0, 0, text, fontsize=size, linespacing=_LABEL_SPACING
    ).get_window_extent(figure.canvas.get_renderer())
    return box.width / figure.dpi, box.height / figure.dpi
