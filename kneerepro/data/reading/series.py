"""A series of slices: its order, spacing, orientation and side."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kneerepro.data.reading.defects import Defect
from kneerepro.data.reading.frames import Frame
from kneerepro.data.reading.geometry import (
    Orientation,
    along_normal,
    lower_median,
    orient,
)
from kneerepro.data.reading.grid import Grid
from kneerepro.data.reading.header import Header
from kneerepro.data.reading.sides import side_at, side_in_words

# What a series says of itself if any of its slices does.
_TOLD_BY_ANY = (
    'image_type',
    'description',
    'patient',
    'study',
    'frame_of_reference',
    'laterality',
    'pixel_spacing',
)


@dataclass(frozen=True)
class Slice(Frame):
    """One image of a series: a frame and the file that holds it.

    Attributes
    ----------
    path : str
    """

    path: str = ''


def side_by_laterality(header: Header) -> str:
    """'LEFT', 'RIGHT' or '', by the laterality in a header."""
    return {'L': 'LEFT', 'R': 'RIGHT'}.get(header.laterality[:1].upper(), '')


def stated_side(header: Header) -> str:
    """'LEFT', 'RIGHT' or '', by the laterality in a header or, without it,
    by the description as the OAI writes it.
    """
    return side_by_laterality(header) or side_in_words(header.description)


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
    defect : Defect, optional
        What was found when the slices were separated from others.
    known_side : str
        'LEFT' or 'RIGHT' if where the slices lie beside others of the series
        tells which knee it is, whatever their headers say.

    Attributes
    ----------
    slices : list of Slice
        Sorted along the slice normal if all of them have positions.
    header : kneerepro.data.reading.header.Header
        Of the first of the given slices. What this one lacks, such as a
        PatientID, is taken from the others.
    """

    def __init__(
        self,
        uid: str,
        part: str,
        slices: list[Slice],
        defect: Defect | None = None,
        known_side: str = '',
    ):
        self.uid, self.part, self.defect = uid, part, defect
        self.slices = slices
        self.header = _common_header(slices)
        self._known_side = known_side
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
        within = self.header.pixel_spacing or (0.0, 0.0)
        return (lower_median(steps), *within)

    def grid(self) -> Grid | None:
        """Where the voxels lie, with the slices in their order here.

        Returns
        -------
        Grid or None
            None if positions or the pixel spacing are missing, or there is
            one slice alone.
        """
        header = self.header
        if (
            len(self) < 2
            or not self.has_positions()
            or header.pixel_spacing is None
        ):
            return None
        first, last = (
            np.array(self.slices[i].position, float) for i in (0, -1)
        )
        between_rows, between_columns = header.pixel_spacing
        directions = np.reshape(self._cosines(), (2, 3))
        along_row, along_column = directions / np.linalg.norm(
            directions, axis=1, keepdims=True
        )
        return Grid.of(
            (len(self), header.rows, header.columns),
            first,
            (
                (last - first) / (len(self) - 1),
                along_column * between_rows,
                along_row * between_columns,
            ),
        )

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
        stated = self._known_side or stated_side(self.header)
        if stated or not self.has_positions():
            return stated
        return side_at(self.centre()[0])

    def centre(self) -> np.ndarray:
        """The centre of the slab. It must have positions.

        Returns
        -------
        array, shape (3,)
            In patient coordinates, in mm.
        """
        rows, columns = self.header.pixel_spacing or (0.0, 0.0)
        cosines = np.array(self._cosines())
        corners = np.array([image.position for image in self.slices])
        return (
            corners.mean(axis=0)
            + cosines[:3] * columns * (self.header.columns - 1) / 2
            + cosines[3:] * rows * (self.header.rows - 1) / 2
        )


def _common_header(slices):
    """The header of the first slice, completed by those of the others."""
    header = slices[0].header
    others = {id(image.header): image.header for image in slices}.values()
    if len(others) == 1:
        return header
    found = {
        name: next(filter(None, (getattr(other, name) for other in others)))
        for name in _TOLD_BY_ANY
        if not getattr(header, name)
        and any(getattr(other, name) for other in others)
    }
    return replace(header, **found) if found else header
