"""A series of slices: its order, spacing, orientation and side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kneerepro.data.reading.frames import Frame
from kneerepro.data.reading.geometry import (
    Orientation,
    along_normal,
    orient,
)

# A slab whose centre is nearer than this to the middle of the scanner, in mm,
# may be a knee of either side that was moved there.
_MIDDLE = 30


@dataclass(frozen=True)
class Slice(Frame):
    """One image of a series: a frame and the file that holds it.

    Attributes
    ----------
    path : str
    """

    path: str = ''


class Series:
    """The slices of one stack of a series.

    Parameters
    ----------
    uid : str
        SeriesInstanceUID.
    part : str
        Which part of the series this is, such as 'echo 2'; '' if the series
        has only one.
    slices : list of Slice

    Attributes
    ----------
    slices : list of Slice
        Sorted along the slice normal if all of them have positions.
    header : kneerepro.data.reading.header.Header
        Of the first of the given slices.
    """

    def __init__(self, uid: str, part: str, slices: list[Slice]):
        self.uid, self.part = uid, part
        self.slices = slices
        self.header = slices[0].header
        if self.has_positions():
            # A stable sort keeps slices at one position in the files' order.
            order = np.argsort(self.positions(), kind='stable')
            self.slices = [slices[i] for i in order]

    def __len__(self):
        return len(self.slices)

    def has_positions(self) -> bool:
        """Whether every slice has a position and an orientation."""
        return all(
            image.position and image.header.orientation
            for image in self.slices
        )

    def positions(self) -> np.ndarray:
        """The position of each slice along the slice normal, in mm.

        All slices must have positions.
        """
        return along_normal(
            self._cosines(),
            np.array([image.position for image in self.slices]),
        )

    def orientation(self) -> Orientation:
        """How the series lies in the patient. It must have positions."""
        return orient(self._cosines())

    def _cosines(self):
        assert self.header.orientation is not None, 'it has no positions'
        return self.header.orientation

    def spacing(self) -> tuple[float, float, float]:
        """The usual distances of slices, of rows and of columns.

        Returns
        -------
        tuple of 3 floats
            In mm; 0 where unknown.
        """
        steps = (
            np.diff(self.positions()) if self.has_positions() else np.empty(0)
        )
        # The lower median: of two steps, one of which spans a gap, it is the
        # other one.
        between = (
            float(np.sort(steps)[(len(steps) - 1) // 2]) if len(steps) else 0.0
        )
        return (between,) + (self.header.pixel_spacing or (0.0, 0.0))

    def paths(self) -> list[str]:
        """The files that hold the slices, each once."""
        return list(dict.fromkeys(image.path for image in self.slices))

    def side(self) -> str:
        """Which knee it is.

        Laterality decides; without it, the series description as the OAI
        writes it; without that, the centre of the slab, since the left knee
        is on the patient's left.

        Returns
        -------
        str
            'LEFT', 'RIGHT' or, if it is unknown, ''.
        """
        header = self.header
        known = {'L': 'LEFT', 'R': 'RIGHT'}.get(header.laterality[:1].upper())
        if known:
            return known
        words = header.description.upper().replace('_', ' ').split()
        if ('LEFT' in words) != ('RIGHT' in words):
            return 'LEFT' if 'LEFT' in words else 'RIGHT'
        if not self.has_positions():
            return ''
        x = self._centre()[0]
        if abs(x) < _MIDDLE:
            return ''
        return 'LEFT' if x > 0 else 'RIGHT'

    def _centre(self):
        """The centre of the slab in patient coordinates, in mm."""
        rows, columns = self.header.pixel_spacing or (0.0, 0.0)
        cosines = np.array(self._cosines())
        corners = np.array([image.position for image in self.slices])
        return (
            corners.mean(axis=0)
            + cosines[:3] * columns * (self.header.columns - 1) / 2
            + cosines[3:] * rows * (self.header.rows - 1) / 2
        )
