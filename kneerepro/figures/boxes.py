"""Tensors drawn as boxes in cabinet projection.

All lengths are in inches. The axes must have data coordinates in inches, too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Union

from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Polygon

from kneerepro.figures.style import ORANGE

_MAP = 0.0155  # thickness of a stack of maps, times the root of its channels
_STEP = (0.024, -0.012)  # from one volume of a stack to the next
_UNIT = 0.085  # height of a vector, times log2(1 + units)
_VECTOR_WIDTH = 0.085
# Cabinet projection: lines that lead away from the viewer are drawn at 45
# degrees and at half their length. This is how far they go, both to the right
# and upwards.
_AWAY = 0.5 * math.cos(math.pi / 4)
_FILTER_COLOUR = ORANGE


@dataclass(frozen=True)
class Vector:
    """A thin bar whose height grows with the logarithm of the units.

    Attributes
    ----------
    units : int
    """

    units: int

    def size(self, scale: float) -> tuple[float, float]:
        """Width and height at `scale` inches per pixel."""
        return _VECTOR_WIDTH, _UNIT * math.log2(1 + self.units)

    def draw(
        self,
        axes: Axes,
        x: float,
        y: float,
        scale: float,
        colour: str,
        name: str,
        filters: Sequence[tuple[int, ...]] = (),
    ) -> None:
        """Draw the bar or the box with its centre at (`x`, `y`).

        Parameters
        ----------
        axes : matplotlib.axes.Axes
        x, y : float
        scale : float
            Inches per pixel.
        colour : str
            Colour of the front. The top is lighter, the side is darker.
        name : str
            Each patch has as its `gid` this name and that of the face, such
            as 'encoder.conv1 front'.
        filters : sequence of tuple of int
            Sizes of filters to show at the corner nearest to the viewer.
            Vectors have none.
        """
        width, height = self.size(scale)
        _draw_face(
            axes,
            (x - width / 2, y - height / 2),
            (width, 0),
            (0, height),
            colour,
            f'{name} front',
        )


@dataclass(frozen=True)
class FeatureMaps:
    """A box for a stack of feature maps.

    Its rows are drawn upwards, its columns away from the viewer and its
    channels to the right. The thickness is proportional to the square root of
    the number of channels.

    Attributes
    ----------
    channels, rows, columns : int
    """

    channels: int
    rows: int
    columns: int

    def _edges(self, scale, spatial):
        rows, columns = spatial
        return (
            _MAP * math.sqrt(self.channels),
            scale * rows,
            scale * columns * _AWAY,
        )

    def size(self, scale: float) -> tuple[float, float]:
        """Width and height at `scale` inches per pixel."""
        width, height, away = self._edges(scale, (self.rows, self.columns))
        return width + away, height + away

    def draw(
        self,
        axes: Axes,
        x: float,
        y: float,
        scale: float,
        colour: str,
        name: str,
        filters: Sequence[tuple[int, ...]] = (),
    ) -> None:
        """As :meth:`Vector.draw`. A filter covers all channels."""
        spatial = self.rows, self.columns
        width, height = self.size(scale)
        edges = self._edges(scale, spatial)
        left, top = x - width / 2, y + height / 2 - edges[2]
        _draw_cuboid(axes, left, top, edges, colour, name)
        for size in filters:
            _draw_cuboid(
                axes,
                left,
                top,
                self._edges(scale, _clipped(size, spatial)),
                _FILTER_COLOUR,
                f'{name} filter',
            )


@dataclass(frozen=True)
class FeatureVolumes:
    """Boxes one behind the other for a stack of feature volumes.

    Columns are drawn to the right, rows upwards and depth away from the
    viewer. The number of boxes is the square root of the number of channels.

    Attributes
    ----------
    channels, depth, rows, columns : int
    """

    channels: int
    depth: int
    rows: int
    columns: int

    @property
    def count(self) -> int:
        """The number of boxes."""
        return round(math.sqrt(self.channels))

    @staticmethod
    def _edges(scale, spatial):
        depth, rows, columns = spatial
        return scale * columns, scale * rows, scale * depth * _AWAY

    def size(self, scale: float) -> tuple[float, float]:
        """Width and height at `scale` inches per pixel."""
        width, height, away = self._edges(
            scale, (self.depth, self.rows, self.columns)
        )
        behind = self.count - 1
        return (
            width + away + behind * _STEP[0],
            height + away - behind * _STEP[1],
        )

    def draw(
        self,
        axes: Axes,
        x: float,
        y: float,
        scale: float,
        colour: str,
        name: str,
        filters: Sequence[tuple[int, ...]] = (),
    ) -> None:
        """As :meth:`Vector.draw`.

        The box in front has the name; those behind it have the name and a
        number.
        """
        spatial = self.depth, self.rows, self.columns
        width, height = self.size(scale)
        edges = self._edges(scale, spatial)
        for i in reversed(range(self.count)):
            left = x - width / 2 + i * _STEP[0]
            top = y + height / 2 - edges[2] + i * _STEP[1]
            label = f'{name} {i}' if i else name
            _draw_cuboid(axes, left, top, edges, colour, label)
            for size in filters:
                covered = self._edges(scale, _clipped(size, spatial))
                _draw_cuboid(
                    axes,
                    left + edges[0] - covered[0],
                    top,
                    covered,
                    _FILTER_COLOUR,
                    f'{label} filter',
                )


Box = Union[Vector, FeatureMaps, FeatureVolumes]


def box_of(shape: tuple[int | None, ...]) -> Box:
    """Choose how to draw the activations of a layer for one example.

    Parameters
    ----------
    shape : tuple of int
        ``(units,)``, ``(channels, rows, columns)`` or ``(channels, depth,
        rows, columns)``.

    Returns
    -------
    Vector, FeatureMaps or FeatureVolumes

    Raises
    ------
    ValueError
        If the shape is none of these.
    """
    kinds = {1: Vector, 3: FeatureMaps, 4: FeatureVolumes}
    if len(shape) not in kinds or None in shape:
        raise ValueError(
            f'cannot draw activations of shape {shape}: only vectors, and '
            'images or volumes with channels, of known sizes can be drawn'
        )
    return kinds[len(shape)](*shape)


def _clipped(size, spatial):
    """The part of a filter that lies within the box."""
    return tuple(map(min, size, spatial))


def _draw_cuboid(axes, left, top, edges, colour, name):
    """Draw the three visible faces of a box.

    (`left`, `top`) is the upper left corner of the front.
    """
    width, height, away = edges
    _draw_face(
        axes,
        (left, top),
        (width, 0),
        (away, away),
        _mixed(colour, 1, 0.45),
        f'{name} top',
    )
    _draw_face(
        axes,
        (left + width, top - height),
        (away, away),
        (0, height),
        _mixed(colour, 0, 0.25),
        f'{name} side',
    )
    _draw_face(
        axes,
        (left, top - height),
        (width, 0),
        (0, height),
        colour,
        f'{name} front',
    )


def _draw_face(axes, corner, edge, other_edge, colour, gid):
    """Draw a parallelogram, given a corner and the edges that start there."""
    (x, y), (a, b), (c, d) = corner, edge, other_edge
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
    """Mix a colour with a grey from 0, black, to 1, white."""
    return tuple(
        (1 - weight) * value + weight * grey for value in to_rgb(colour)
    )
