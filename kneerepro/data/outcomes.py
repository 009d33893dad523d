"""What came of each file and each series by itself.

What depends on other series is decided afterwards, by
:mod:`kneerepro.data.decisions`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from kneerepro.data.labels import Knee
from kneerepro.data.parallel import Conversion
from kneerepro.data.reading.catalogue import Catalogue
from kneerepro.data.reading.grid import Grid
from kneerepro.data.reading.records import SeriesRecord
from kneerepro.data.report import Locator

CONVERTED, REJECTED = 'converted', 'rejected'
NOT_SELECTED, PASSED_OVER = 'not selected', 'passed over'


@dataclass(frozen=True)
class Volume:
    """A converted series, ready for the dataset.

    Attributes
    ----------
    path : str
        The file with its values.
    pixel_hash : str
        Of its values before normalisation.
    low, high : float
        Its extremes before normalisation.
    patient : str
        The patient's name in the dataset.
    certain : bool
        Whether the identity rests on a PatientID.
    side : str
        'LEFT', 'RIGHT' or ''.
    series, frame_of_reference : str
        SeriesInstanceUID and FrameOfReferenceUID, or ''.
    grid : Grid, or None
        Where the voxels of the series lie, with its axes in the order and
        direction of the volume's.
    knee : kneerepro.data.labels.Knee
        Whom and what it shows, to find its labels.
    place : int
        Its number among the volumes of its file.
    """

    path: str
    pixel_hash: str
    low: float
    high: float
    patient: str
    certain: bool
    side: str
    series: str = ''
    frame_of_reference: str = ''
    grid: Grid | None = None
    knee: Knee = Knee('')
    place: int = 0


@dataclass(frozen=True)
class Outcome:
    """What came of a series, or of a file that belongs to none.

    Attributes
    ----------
    decision : str
        CONVERTED, REJECTED, NOT_SELECTED or PASSED_OVER.
    row : dict
        What the report says of it beside the other attributes.
    code, reason : str
        Of the rejection; a file that is passed over has a reason alone.
    notes : list of str
        Codes of :data:`kneerepro.data.reading.defects.NOTES`.
    volume : Volume, or None
        If it was converted.
    """

    decision: str
    row: dict[str, Any]
    code: str = ''
    reason: str = ''
    notes: list[str] = field(default_factory=list)
    volume: Volume | None = None

    def as_json(self) -> dict[str, Any]:
        """The outcome in values that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Outcome:
        """The outcome whose :meth:`as_json` this is."""
        volume = fields['volume']
        if volume is not None:
            grid, knee = volume['grid'], volume['knee']
            volume = Volume(
                **{
                    **volume,
                    'grid': grid and Grid.of(**grid),
                    'knee': Knee(**{**knee, 'names': tuple(knee['names'])}),
                }
            )
        return cls(**{**fields, 'volume': volume})


def read_npy(volume: Volume) -> np.ndarray:
    """The values of a volume whose file is .npy, read as they are used."""
    return np.load(volume.path, mmap_mode='r')


def outcomes_of_files(
    catalogue: Catalogue, locator: Locator
) -> Iterator[Outcome]:
    """What came of the files that belong to no series.

    Parameters
    ----------
    catalogue : kneerepro.data.reading.catalogue.Catalogue
    locator : kneerepro.data.report.Locator

    Yields
    ------
    Outcome
    """
    for path, message in catalogue.passed_over_files():
        yield Outcome(PASSED_OVER, locator.locate([path]), reason=message)
    for path, code, message in catalogue.defective_files():
        yield Outcome(REJECTED, locator.locate([path]), code, message)


def outcome_of_series(
    record: SeriesRecord,
    files: list[str],
    conversion: Conversion | None,
    locator: Locator,
    name_of: Callable[[str], str],
) -> Outcome:
    """What came of a series.

    Parameters
    ----------
    record : kneerepro.data.reading.records.SeriesRecord
    files : list of str
        Paths of its files.
    conversion : kneerepro.data.parallel.Conversion, or None
        What came of its conversion, if it was usable.
    locator : kneerepro.data.report.Locator
    name_of : callable
        Returns what the dataset and the report call a patient.

    Returns
    -------
    Outcome
    """
    patient = name_of(record.identity.patient)
    row = {
        'patient': patient,
        'side': record.side,
        'series_uid': record.uid,
        'part': record.part,
        'slices': record.slices,
        'rows': record.rows,
        'columns': record.columns,
        'spacing_mm': [round(length, 4) for length in record.spacing],
        'plane': record.plane,
        'directions': record.directions,
        **locator.locate(files),
    }
    defect = record.defect if conversion is None else conversion.defect
    if defect is not None:
        return Outcome(REJECTED, row, defect.code, defect.message)
    if conversion is None:
        return Outcome(NOT_SELECTED, row)
    volume = Volume(
        path=conversion.path,
        pixel_hash=conversion.pixel_hash,
        low=conversion.low,
        high=conversion.high,
        patient=patient,
        certain=record.identity.certain,
        side=record.side,
        series=record.uid,
        frame_of_reference=record.frame_of_reference,
        grid=conversion.grid,
        knee=Knee.of_record(record),
    )
    return Outcome(CONVERTED, row, notes=record.notes, volume=volume)
