"""Where the slices of a series lie in the patient, and how large they are.

DICOM's patient coordinates are in mm: x points to the patient's left, y to
the back, z to the head (DICOM part 3, C.7.6.2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# The usual view of each plane: the directions in which slices, rows and
# columns are counted. The OAI stores its sagittal series this way: slices from
# the patient's left to the right, rows downwards, columns from front to back.
_VIEWS = {
    'sagittal': ('LR', 'SI', 'AP'),
    'coronal': ('AP', 'SI', 'RL'),
    'axial': ('IS', 'AP', 'RL'),
}
# How much longer the steps between slices must be than those within them to
# tell the axes of a volume apart.
_THICK = 1.2
# The axis along which each direction runs, and its sign.
_AXES = {
    'RL': (0, 1),
    'LR': (0, -1),
    'AP': (1, 1),
    'PA': (1, -1),
    'IS': (2, 1),
    'SI': (2, -1),
}


@dataclass(frozen=True)
class Orientation:
    """How a series lies in the patient.

    Attributes
    ----------
    plane : str
        The nearest of 'sagittal', 'coronal' and 'axial'.
    directions : str
        Six letters, two for each axis (slices, rows, columns): the side of
        the patient where the axis begins and the side where it ends, after
        `flips`.
    flips : tuple of 3 bools
        Which axes (slices, rows, columns) must be reversed to give the usual
        view.
    """

    plane: str
    directions: str
    flips: tuple[bool, bool, bool]


def normal(orientation: Sequence[float]) -> np.ndarray:
    """The slice normal for an ImageOrientationPatient.

    Parameters
    ----------
    orientation : 6 floats
        ImageOrientationPatient: the directions of a row and of a column.

    Returns
    -------
    array, shape (3,)
    """
    cosines = np.array(orientation, float)
    return np.cross(cosines[:3], cosines[3:])


def along_normal(
    orientation: Sequence[float], positions: np.ndarray
) -> np.ndarray:
    """Distances of slices along the slice normal.

    Parameters
    ----------
    orientation : 6 floats
        ImageOrientationPatient: the directions of a row and of a column.
    positions : array, shape (slices, 3)
        ImagePositionPatient, in mm.

    Returns
    -------
    array, shape (slices,)
        In mm.
    """
    return np.asarray(positions, float) @ normal(orientation)


def lower_median(steps: np.ndarray) -> float:
    """The usual one of the distances between neighbouring slices.

    Parameters
    ----------
    steps : array, shape (n,)
        In mm.

    Returns
    -------
    float
        The lower median: of two steps, one of which spans a gap, it is the
        other one. 0 if there are none.
    """
    return float(np.sort(steps)[(len(steps) - 1) // 2]) if len(steps) else 0.0


def within_plane(
    orientation: Sequence[float], positions: np.ndarray
) -> np.ndarray:
    """Where slices begin within their plane.

    Parameters
    ----------
    orientation : 6 floats
        ImageOrientationPatient: the directions of a row and of a column.
    positions : array, shape (slices, 3)
        ImagePositionPatient, in mm.

    Returns
    -------
    array, shape (slices, 2)
        In mm, along a row and along a column.
    """
    directions = np.reshape(orientation, (2, 3))
    return np.asarray(positions, float) @ directions.T


def orient(orientation: Sequence[float]) -> Orientation:
    """How a series with these direction cosines lies in the patient.

    Parameters
    ----------
    orientation : 6 floats
        ImageOrientationPatient. The slices must be sorted along the slice
        normal.

    Returns
    -------
    Orientation
    """
    cosines = np.array(orientation, float)
    # Slices are counted along the normal, rows along a column, and columns
    # along a row.
    return orient_axes((normal(orientation), cosines[3:], cosines[:3]))


def orient_axes(
    vectors: Sequence[Sequence[float] | np.ndarray],
) -> Orientation:
    """How a volume with these axes lies in the patient.

    Parameters
    ----------
    vectors : 3 sequences of 3 floats
        The directions in which slices, rows and columns are counted, of any
        length.

    Returns
    -------
    Orientation
    """
    plane = _plane(vectors[0])
    letters, flips = '', []
    for vector, wanted in zip(vectors, _VIEWS[plane]):
        direction = _direction(vector)
        # If rows and columns are exchanged, they are left as they are.
        flip = direction == wanted[::-1]
        flips.append(flip)
        letters += wanted if flip else direction
    slices, rows, columns = flips
    return Orientation(
        plane=plane, directions=letters, flips=(slices, rows, columns)
    )


def usual_axes(vectors: Sequence[Sequence[float]]) -> tuple[int, int, int]:
    """Which axes of a volume are slices, rows and columns in the usual view.

    Parameters
    ----------
    vectors : 3 sequences of 3 floats
        The steps from voxel to voxel along each axis, in mm. The slices are
        those of the acquisition if these can be told: if the steps along one
        axis are more than 1.2 times as long as along the others. Otherwise
        they are sagittal.

    Returns
    -------
    tuple of 3 ints
        As for :func:`numpy.transpose`.
    """
    steps = np.array(vectors, float)
    lengths = np.linalg.norm(steps, axis=1)
    longest = int(lengths.argmax())
    others = np.delete(lengths, longest)
    # Rounded, because formats store lengths with different precision.
    if round(float(lengths[longest] / others.max()), 4) > _THICK:
        slices = longest
    else:
        slices = int(np.abs(steps[:, 0] / lengths).argmax())
    direction = _VIEWS[_plane(steps[slices])][1]
    axis, _ = _AXES[direction]
    along = np.abs(steps[:, axis] / lengths)
    rows = max({0, 1, 2} - {slices}, key=lambda i: along[i])
    return slices, rows, 3 - slices - rows


def _plane(vector):
    """The plane whose slices are counted in a direction."""
    return ('sagittal', 'coronal', 'axial')[int(np.abs(vector).argmax())]


def _direction(vector):
    """The name of the direction that is nearest to a vector."""
    axis = np.abs(vector).argmax()
    return next(
        name
        for name, (other, sign) in _AXES.items()
        if other == axis and sign * vector[axis] > 0
    )


def fit_to_square(
    rows: int,
    columns: int,
    pixel_spacing: tuple[float, float] | None,
    size: int,
) -> tuple[int, int]:
    """The largest image within a square that keeps the proportions in mm.

    Parameters
    ----------
    rows, columns : int
        Of the original image.
    pixel_spacing : tuple of 2 floats, or None
        Between rows and between columns, in mm. Pixels count as square if it
        is unknown.
    size : int
        Rows and columns of the square.

    Returns
    -------
    tuple of 2 ints
        Rows and columns: ``(size, size)`` for a square field of view.
    """
    row_spacing, column_spacing = pixel_spacing or (1.0, 1.0)
    height, width = rows * row_spacing, columns * column_spacing
    longer = max(height, width)
    return (
        _nearest(size * height / longer),
        _nearest(size * width / longer),
    )


def _nearest(length):
    # What lies half-way between two numbers goes up, even if a format that
    # stores spacings with fewer digits makes it slightly less.
    return max(1, math.floor(length + 0.5001))
