"""Read one knee at the resolution of the scanner."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import numpy as np

from kneerepro.data.convert import Options
from kneerepro.data.reading.catalogue import Catalogue
from kneerepro.data.reading.checks import Limits
from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.files import survey
from kneerepro.data.reading.pixels import read_slices
from kneerepro.data.reading.records import find_series, load_series
from kneerepro.data.reading.selection import Selection
from kneerepro.data.reading.series import Series
from kneerepro.data.reading.unpacking import Archives
from kneerepro.utils.errors import UserError
from kneerepro.utils.workers import Workers


@dataclass(frozen=True)
class Knee:
    """A series as it was acquired.

    Attributes
    ----------
    pixels : array, shape (slices, rows, columns), float32
        In the units of the modality, in the usual view of the plane.
    spacing : tuple of 3 floats
        Between slices, rows and columns, in mm.
    directions : str
        Six letters: see :class:`kneerepro.data.reading.geometry.Orientation`.
    side : str
        'LEFT', 'RIGHT' or ''.
    """

    pixels: np.ndarray
    spacing: tuple[float, float, float]
    directions: str
    side: str


def load_knee(
    source: str,
    number: int = 1,
    selection: Selection | None = None,
) -> Knee:
    """Read one series out of a folder, or an archive, of DICOM files.

    Parameters
    ----------
    source : str
    number : int
        Which of the usable series, from 1, in the order of the dataset, which
        is that of :func:`kneerepro.data.reading.records.find_series`.
    selection : kneerepro.data.reading.selection.Selection, optional
        By default that of the thesis.

    Returns
    -------
    Knee

    Raises
    ------
    UserError
        If there are fewer series, or the pixels cannot be decoded.
    """
    with Archives([source]) as archives:
        series = _find(source, number, selection or Selection(), archives)
        try:
            pixels = np.stack(
                [
                    scale * image + offset
                    for image, scale, offset in read_slices(series.slices)
                ]
            )
        except DefectError as error:
            raise UserError(
                f'{source}, series {series.uid}: {error}; choose another '
                'series'
            ) from None
    orientation = series.orientation()
    axes = [axis for axis, flip in enumerate(orientation.flips) if flip]
    return Knee(
        pixels=np.flip(pixels, axes),
        spacing=series.spacing(),
        directions=orientation.directions,
        side=series.side(),
    )


def _find(
    source: str, number: int, selection: Selection, archives: Archives
) -> Series:
    """The usable DICOM series with this number."""
    limits, options = Limits(), Options()
    with contextlib.closing(Catalogue()) as catalogue:
        total = survey([source]).count
        with Workers(1) as workers:
            archives.scan(catalogue, workers, options.depth, total)
        usable = [
            record
            for record in find_series(
                catalogue, selection, limits, options.depth, options.size
            )
            if record.usable and not record.is_array
        ]
        if len(usable) < number:
            raise UserError(
                f'{source} holds {len(usable)} usable DICOM series, so there '
                f'is no number {number}: data/inspect.py lists them'
            )
        series = load_series(catalogue, usable[number - 1], limits)
        assert isinstance(series, Series)
        return series
