"""Read one knee at the resolution of the scanner."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import numpy as np

from kneerepro.data.convert import Options
from kneerepro.data.reading.arrays import ArrayVolume
from kneerepro.data.reading.catalogue import Catalogue
from kneerepro.data.reading.checks import Limits
from kneerepro.data.reading.defects import defect_of
from kneerepro.data.reading.files import survey
from kneerepro.data.reading.records import (
    SeriesRecord,
    find_series,
    load_series,
)
from kneerepro.data.reading.selection import Selection
from kneerepro.data.reading.series import Series
from kneerepro.data.reading.slices import read_slices
from kneerepro.data.reading.unpacking import Archives
from kneerepro.utils.errors import UserError
from kneerepro.utils.scripts import typed
from kneerepro.utils.workers import Workers

# As arrays are taken to lie that do not say it.
_USUAL_DIRECTIONS = 'LRSIAP'


@dataclass(frozen=True)
class Knee:
    """A series, or a volume from another file, as it was acquired.

    Attributes
    ----------
    pixels : array, shape (slices, rows, columns), float32
        In the units of the modality, in the usual view of the plane.
    spacing : tuple of 3 floats
        Between slices, rows and columns, in mm; 1 where it is unknown.
    directions : str
        Six letters: see :class:`kneerepro.data.reading.geometry.Orientation`.
        Those of the usual sagittal view if they are unknown.
    side : str
        'LEFT', 'RIGHT' or ''.
    spacing_known : bool
        Whether all of the spacing is known.
    """

    pixels: np.ndarray
    spacing: tuple[float, float, float]
    directions: str
    side: str
    spacing_known: bool = True


def load_knee(
    source: str,
    number: int = 1,
    selection: Selection | None = None,
) -> Knee:
    """Read one series or volume out of a folder, a file or an archive.

    Parameters
    ----------
    source : str
        As for :func:`kneerepro.data.prepare.prepare`.
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
        record, found = _find(
            source, number, selection or Selection(), archives
        )
        try:
            pixels = np.stack(
                [
                    scale * image + offset
                    for image, scale, offset in read_slices(found)
                ]
            )
        except Exception as error:
            defect = defect_of(error, 'UNDECODABLE_PIXELS')
            raise UserError(
                f'{source}, series {record.uid or number}: {defect.code}: '
                f'{defect.message}; choose another series'
            ) from None
    orientation = found.orientation()
    flips = orientation.flips if orientation else ()
    slices, rows, columns = (length or 1.0 for length in record.spacing)
    return Knee(
        pixels=np.flip(pixels, [i for i, flip in enumerate(flips) if flip]),
        spacing=(slices, rows, columns),
        directions=record.directions or _USUAL_DIRECTIONS,
        side=record.side,
        spacing_known=all(record.spacing),
    )


def _find(
    source: str, number: int, selection: Selection, archives: Archives
) -> tuple[SeriesRecord, Series | ArrayVolume]:
    """The usable series with this number."""
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
            if record.usable
        ]
        if len(usable) < number:
            raise UserError(
                f'{source} holds {len(usable)} usable series, so there is no '
                f'number {number}: {typed("inspect")} lists them'
            )
        record = usable[number - 1]
        return record, load_series(catalogue, record, limits)
