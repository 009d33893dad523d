"""Tensors drawn as boxes in parallel projection, and rows of them.

All lengths are in inches, and the axes have data coordinates in inches.
"""

import math
import textwrap

from matplotlib.colors import to_rgb
from matplotlib.patches import Polygon

from kneerepro.figures.style import FOOTER, GREY, TEST, TRAIN, new_figure

THICKNESS = 0.0155  # of a stack of feature maps, times sqrt(channels)
STEP = (0.024, -0.012)  # from one feature volume of a stack to the next
UNIT = 0.085  # height of a vector, times log2(1 + units)
_BAR = 0.085  # width of a vector
# Where a pixel of the axis away from the viewer goes, to the right and
# upwards: cabinet projection, at 45 degrees and half the length.
AWAY = 0.5 * math.cos(math.pi / 4)

_IMAGE, _HIDDEN, _END, _FILTER = '0.88', '#a9c1e6', TRAIN, TEST

_SMALL, _MEDIUM = 6.5, 7  # points
_WIDTH, _LEFT, _RIGHT = 7, 0.3, 0.2
_TALLEST = 1.25  # box
_ARROW = 0.14  # shortest
_APART = 0.07  # texts
_BETWEEN = 0.2  # rows
_TITLE = 0.22
_MARGIN = 0.06


def box_of(shape):
    """How to draw the activations of a layer for one example.

    Parameters
    ----------
    shape : tuple of int
        ``(units,)``, ``(channels, rows, columns)`` or ``(channels, depth,
        rows, columns)``.

    Returns
    -------
    Vector, Maps or Volumes

    Raises
    ------
    ValueError
        For any other shape.
    """
    kind = {1: Vector, 3: Maps, 4: Volumes}.get(len(shape))
    if kind is None or None in shape:
        raise ValueError(f'no way to draw a tensor of shape {shape}')
    return kind(*shape)


class Vector:
    """A thin bar; its height goes with the logarithm of the units."""

    def __init__(self, units):
        self.units = units

    def size(self, scale):
        """Width and height at `scale` inches for a pixel."""
        return _BAR, UNIT * math.log2(1 + self.units)

    def draw(self, axes, x, y, scale, colour, name, filters=()):
        """Draw with the centre at (`x`, `y`).

        Parameters
        ----------
        axes : matplotlib.axes.Axes
        x, y : float
        scale : float
            Inches for a pixel.
        colour : colour
            Of the front; the other faces are lighter and darker.
        name : str
            The patches' `gid` is this and the face, such as 'front'.
        filters : list of tuple of int
            Sizes of filters to show, where they meet the visible corner.
        """
        width, height = self.size(scale)
        _face(
            axes,
            (x - width / 2, y - height / 2),
            (width, 0),
            (0, height),
            colour,
            f'{name} front',
        )


class Maps:
    """A box: rows upwards, columns away from the viewer, and the channels to
    the right, where the thickness goes with their square root.
    """

    def __init__(self, channels, rows, columns):
        self.channels, self.spatial = channels, (rows, columns)

    def _edges(self, scale, spatial):
        rows, columns = spatial
        return (
            THICKNESS * math.sqrt(self.channels),
            scale * rows,
            scale * columns * AWAY,
        )

    def size(self, scale):
        """Width and height at `scale` inches for a pixel."""
        width, height, away = self._edges(scale, self.spatial)
        return width + away, height + away

    def draw(self, axes, x, y, scale, colour, name, filters=()):
        """As :meth:`Vector.draw`."""
        width, height = self.size(scale)
        edges = self._edges(scale, self.spatial)
        left, top = x - width / 2, y + height / 2 - edges[2]
        _cuboid(axes, left, top, edges, colour, name)
        for size in filters:
            # A filter covers all channels.
            _cuboid(
                axes,
                left,
                top,
                self._edges(scale, _within(size, self.spatial)),
                _FILTER,
                f'{name} filter',
            )


class Volumes:
    """Boxes one behind the other: columns to the right, rows upwards and
    depth away from the viewer. Their number goes with the square root of the
    channels'.
    """

    def __init__(self, channels, depth, rows, columns):
        self.spatial = (depth, rows, columns)
        #: How many boxes are drawn.
        self.count = round(math.sqrt(channels))

    @staticmethod
    def _edges(scale, spatial):
        depth, rows, columns = spatial
        return scale * columns, scale * rows, scale * depth * AWAY

    def size(self, scale):
        """Width and height at `scale` inches for a pixel."""
        width, height, away = self._edges(scale, self.spatial)
        behind = self.count - 1
        return (
            width + away + behind * STEP[0],
            height + away - behind * STEP[1],
        )

    def draw(self, axes, x, y, scale, colour, name, filters=()):
        """As :meth:`Vector.draw`, the first of the boxes with the name, the
        others with a number behind it.
        """
        width, height = self.size(scale)
        edges = self._edges(scale, self.spatial)
        for i in reversed(range(self.count)):
            left = x - width / 2 + i * STEP[0]
            top = y + height / 2 - edges[2] + i * STEP[1]
            label = f'{name} {i}' if i else name
            _cuboid(axes, left, top, edges, colour, label)
            for size in filters:
                size = self._edges(scale, _within(size, self.spatial))
                _cuboid(
                    axes,
                    left + edges[0] - size[0],
                    top,
                    size,
                    _FILTER,
                    f'{label} filter',
                )


def _within(size, spatial):
    """The part of a filter that lies in the box."""
    return tuple(map(min, size, spatial))


def _cuboid(axes, left, top, edges, colour, name):
    """The three visible faces; (`left`, `top`) is the front's corner."""
    width, height, away = edges
    _face(
        axes,
        (left, top),
        (width, 0),
        (away, away),
        _mixed(colour, 1, 0.45),
        f'{name} top',
    )
    _face(
        axes,
        (left + width, top - height),
        (away, away),
        (0, height),
        _mixed(colour, 0, 0.25),
        f'{name} side',
    )
    _face(
        axes,
        (left, top - height),
        (width, 0),
        (0, height),
        colour,
        f'{name} front',
    )


def _face(axes, corner, edge, other, colour, gid):
    """A parallelogram, from a corner and the two edges that start there."""
    (x, y), (a, b), (c, d) = corner, edge, other
    axes.add_patch(
        Polygon(
            [(x, y), (x + a, y + b), (x + a + c, y + b + d), (x + c, y + d)],
            facecolor=colour,
            edgecolor=_mixed(colour, 0, 0.6),
            linewidth=0.4,
            joinstyle='round',
            gid=gid,
        )
    )


def _mixed(colour, grey, weight):
    return tuple(
        (1 - weight) * value + weight * grey for value in to_rgb(colour)
    )


class Row:
    """A network from left to right, and where its parts go.

    Parameters
    ----------
    title : str
    stages : list of kneerepro.figures.architecture.Stage
    parameters : int
        How many are trained.
    first, last : str
        What the input and the output are.
    """

    def __init__(self, title, stages, parameters, first, last):
        self.title, self.stages, self.parameters = title, stages, parameters
        self.boxes = [box_of(stage.shape) for stage in stages]
        self.shapes = [' × '.join(map(str, stage.shape)) for stage in stages]
        self.roles = [first] + [''] * (len(stages) - 2) + [last]
        self.operations = ['\n'.join(stage.operation) for stage in stages[1:]]
        # Filters are shown where they are applied: on what a convolution
        # reads, and on what a transposed one adds to.
        self.filters = [[] for _ in stages]
        for i, stage in enumerate(stages):
            if stage.filter:
                self.filters[i if stage.transposed else i - 1].append(
                    stage.filter
                )

        self._labels = []
        for shape, role in zip(self.shapes, self.roles):
            (wide, tall), (wider, taller) = (
                _measured(shape, _SMALL),
                _measured(role, _MEDIUM),
            )
            self._labels.append((max(wide, wider), tall + taller))
        self._operations = [
            _measured(text, _SMALL) for text in self.operations
        ]

    def half(self, scale):
        """Half the height of the tallest box."""
        return max(box.size(scale)[1] for box in self.boxes) / 2

    def above(self, scale):
        """Height of boxes and labels above the axis."""
        return max(
            box.size(scale)[1] / 2 + label[1] + 0.08
            for box, label in zip(self.boxes, self._labels)
        )

    def below(self, scale):
        """Height of boxes and operations below it."""
        return (
            self.half(scale)
            + 0.08
            + max(height for _, height in self._operations)
        )

    def places(self, scale, extra=0):
        """Centres of the boxes and of the operations between them.

        Parameters
        ----------
        scale : float
            Inches for a pixel.
        extra : float
            To put between the boxes beyond what they need.

        Returns
        -------
        centres, between : list of float
            From the left margin.
        width : float
        """
        halves = [box.size(scale)[0] / 2 for box in self.boxes]
        # A box with the label above it.
        items = [
            max(half, label[0] / 2)
            for half, label in zip(halves, self._labels)
        ]
        centres, between, edge = [items[0]], [], 0
        for i, (wide, _) in enumerate(self._operations):
            here = centres[i] + halves[i]
            centre = extra + max(
                centres[i] + items[i] + _APART + items[i + 1],
                here + _ARROW + halves[i + 1],
                # The operation stands in the middle of the gap.
                2 * (edge + wide / 2) - here + halves[i + 1],
            )
            centres.append(centre)
            between.append((here + centre - halves[i + 1]) / 2)
            edge = between[-1] + wide / 2 + _APART
        return centres, between, max(edge - _APART, centres[-1] + items[-1])


def draw_rows(rows, footer=None):
    """Draw two networks, the second, below, fed by the first.

    Parameters
    ----------
    rows : pair of Row
    footer : str, optional
        Small print, of up to three lines.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        For so many layers that their labels find no room.
    """
    usable = _WIDTH - _LEFT - _RIGHT
    # The bars' height does not depend on the scale.
    tallest = max([_TALLEST] + [2 * row.half(0) for row in rows])

    def fits(scale):
        return all(
            row.places(scale)[2] <= usable and 2 * row.half(scale) <= tallest
            for row in rows
        )

    if not fits(0):
        raise ValueError('too many layers: their labels find no room')
    scale = _largest(fits, 1)
    note = _note(rows)
    bottom = (FOOTER + 0.02 if footer else 0.08) + _measured(note, _SMALL)[1]
    heights = [_TITLE + row.above(scale) + row.below(scale) for row in rows]
    height = bottom + 0.12 + sum(heights) + _BETWEEN + _MARGIN
    figure = new_figure(_WIDTH, height, footer)
    axes = figure.add_axes([0, 0, 1, 1])
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
        f'{sum(row.parameters for row in rows):,} trainable parameters in all',
        fontsize=_MEDIUM,
        ha='right',
    )
    _, (x, y) = _draw_row(axes, rows[0], scale, top, usable)
    below = top - heights[0] - _BETWEEN
    end, _ = _draw_row(axes, rows[1], scale, below, usable)
    # Like the end of a line of text.
    left, right, gutter = _MARGIN, _WIDTH - _MARGIN, below + _BETWEEN / 2
    axes.plot(
        [x, right, right, left, left],
        [y, y, gutter, gutter, end[1]],
        color=GREY,
        linewidth=0.7,
        solid_joinstyle='round',
    )
    _arrow(axes, (left, end[1]), end)
    return figure


def _largest(fits, high):
    """The largest number up to `high` for which `fits` is true, which it is
    for 0.
    """
    if fits(high):
        return high
    low = 0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _draw_row(axes, row, scale, top, usable):
    """Draw a row; return the points where it begins and ends."""
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
    y = top - _TITLE - row.above(scale)
    sides = []
    for i, (box, centre) in enumerate(zip(row.boxes, centres)):
        x = _LEFT + centre
        colour = _HIDDEN
        if i in (0, len(centres) - 1):
            colour = _END if isinstance(box, Vector) else _IMAGE
        box.draw(axes, x, y, scale, colour, row.stages[i].name, row.filters[i])
        wide, tall = box.size(scale)
        sides.append((x - wide / 2 - 0.03, x + wide / 2 + 0.03))
        for text, size, offset in [
            (row.shapes[i], _SMALL, 2),
            (row.roles[i], _MEDIUM, 11),
        ]:
            if text:
                axes.annotate(
                    text,
                    (x, y + tall / 2),
                    (0, offset),
                    textcoords='offset points',
                    fontsize=size,
                    ha='center',
                    va='bottom',
                    linespacing=1,
                )

    floor = y - row.half(scale) - 0.04
    for i, (centre, text) in enumerate(zip(between, row.operations)):
        x = _LEFT + centre
        _arrow(axes, (sides[i][1], y), (sides[i + 1][0], y))
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
            linespacing=1.15,
        )
    return (sides[0][0], y), (sides[-1][1], y)


def _arrow(axes, start, end):
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
    """What the sizes in the figure mean."""
    if any(isinstance(box, Volumes) for row in rows for box in row.boxes):
        text = (
            'Shapes are channels × depth × rows × columns; depth, rows '
            'and columns are to one scale. As many volumes are drawn as '
            'the square root of the number of channels;'
        )
    else:
        text = (
            'Shapes are channels × rows × columns; rows and columns are '
            'to one scale. The thickness of a box is proportional to the '
            'square root of its number of channels;'
        )
    return textwrap.fill(
        text + ' the height of a bar is proportional to the logarithm of its '
        'number of units. Orange: what one filter covers.',
        140,
    )


def _measured(text, size):
    """Width and height of a text of this font size."""
    figure = new_figure(1, 1)
    box = figure.text(
        0, 0, text, fontsize=size, linespacing=1.15
    ).get_window_extent(figure.canvas.get_renderer())
    return box.width / figure.dpi, box.height / figure.dpi
