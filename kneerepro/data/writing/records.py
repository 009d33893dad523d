"""A volume to be written, and what the file says of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kneerepro.data.reading.grid import Grid


@dataclass(frozen=True)
class Output:
    """A volume to be written.

    Attributes
    ----------
    number : int or None
        Of the volume in the dataset. None: there is only one.
    kind : str
        What it is, such as 'squared_error'.
    values : array, shape (slices, rows, columns), float32
        In [0, limit].
    limit : float
        What viewers show as white.
    """

    number: int | None
    kind: str
    values: np.ndarray
    limit: float = 1.0

    @property
    def title(self) -> str:
        """What headers say that it is."""
        return 'kneerepro ' + self.kind.replace('_', ' ')


@dataclass(frozen=True)
class Subject:
    """Where a volume lies, and whose it is.

    Attributes
    ----------
    grid : Grid
        Of the volume.
    original : Grid or None
        Of the series that it was made from; None if that is unknown.
    frame_of_reference : str
        FrameOfReferenceUID of that series, or ''.
    patient : str
        PatientID, or ''.
    side : str
        'LEFT', 'RIGHT' or ''.
    """

    grid: Grid
    original: Grid | None = None
    frame_of_reference: str = ''
    patient: str = ''
    side: str = ''

    @property
    def nominal(self) -> bool:
        """Whether the grid is only that of :func:`nominal_grid`."""
        return self.original is None


def nominal_grid(
    shape: tuple[int, int, int],
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> Grid:
    """A grid for a volume whose position nobody knows.

    Parameters
    ----------
    shape : tuple of 3 ints
        Slices, rows and columns.
    spacing : tuple of 3 floats
        Distances of slices, rows and columns in mm.

    Returns
    -------
    Grid
        Around the origin, in the OAI's sagittal view.
    """
    depth, rows, columns = shape
    across, down, along = spacing
    return Grid(
        shape=shape,
        origin=(
            across * (depth - 1) / 2,
            along * (1 - columns) / 2,
            down * (rows - 1) / 2,
        ),
        steps=((-across, 0.0, 0.0), (0.0, 0.0, -down), (0.0, along, 0.0)),
    )
