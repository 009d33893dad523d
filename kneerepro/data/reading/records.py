"""Find the series in a catalogue, and record what is known of each."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, field, replace
from typing import Any

from kneerepro.data.reading import checks
from kneerepro.data.reading.arrays import ArrayVolume
from kneerepro.data.reading.catalogue import Catalogue
from kneerepro.data.reading.checks import Limits
from kneerepro.data.reading.defects import Defect
from kneerepro.data.reading.geometry import fit_to_square
from kneerepro.data.reading.identity import Identity, identify
from kneerepro.data.reading.parts import split_copies, split_parts
from kneerepro.data.reading.selection import Selection
from kneerepro.data.reading.series import Series


@dataclass(frozen=True)
class SeriesRecord:
    """What is known of a series, or of a volume from an array.

    Attributes
    ----------
    location : tuple
        Where :func:`load_series` finds the slices again, which are not kept
        in memory.
    part : str
        Which part of the series it is, or which volume of the array.
    slices, rows, columns : int
    spacing : tuple of 3 floats
        Between slices, rows and columns, in mm; 0 where unknown.
    selected : bool
        Whether the selection includes it.
    uid, description, frame_of_reference, patient_id : str
        SeriesInstanceUID, SeriesDescription, FrameOfReferenceUID and
        PatientID.
    side : str
        'LEFT', 'RIGHT' or ''.
    plane, directions : str
        See :class:`kneerepro.data.reading.geometry.Orientation`; '' where
        unknown.
    defect : Defect, or None
    notes : list of str
        Codes of :data:`kneerepro.data.reading.defects.NOTES`.
    identity : Identity
        The person whom it shows.
    """

    location: tuple[Any, ...]
    part: str
    slices: int
    rows: int
    columns: int
    spacing: tuple[float, float, float]
    selected: bool
    uid: str = ''
    description: str = ''
    frame_of_reference: str = ''
    patient_id: str = ''
    side: str = ''
    plane: str = ''
    directions: str = ''
    defect: Defect | None = None
    notes: list[str] = field(default_factory=list)
    identity: Identity = field(
        default_factory=lambda: Identity('', certain=False, notes=[])
    )

    @property
    def usable(self) -> bool:
        """Whether it is selected and has no defect."""
        return self.selected and self.defect is None

    @property
    def is_array(self) -> bool:
        """Whether it is a volume from an array, not a DICOM series."""
        return self.location[0] == 'array'


def find_series(
    catalogue: Catalogue,
    selection: Selection,
    limits: Limits,
    depth: int,
    size: int,
) -> list[SeriesRecord]:
    """Find all series in a catalogue.

    Parameters
    ----------
    catalogue : kneerepro.data.reading.catalogue.Catalogue
    selection : kneerepro.data.reading.selection.Selection
    limits : kneerepro.data.reading.checks.Limits
    depth, size : int
        Slices of the volumes to be made, and rows and columns of each slice.

    Returns
    -------
    list of SeriesRecord
        Sorted by patient, description and UID, so that the order depends on
        nothing else.
    """
    records = [
        _record_series(location, series, selection, limits, depth, size)
        for uid in catalogue.series_uids()
        for location, series in _series_of(catalogue, uid, limits)
    ]
    records += [_record_array(volume, depth) for volume in catalogue.volumes()]
    records = _with_identities(records)
    records.sort(
        key=lambda record: (
            record.identity.patient,
            record.description,
            record.uid,
            record.part,
            record.location,
        )
    )
    counts = Counter(
        record.identity.patient for record in records if record.usable
    )
    return [
        replace(record, notes=record.notes + ['SEVERAL_SERIES_OF_PATIENT'])
        if record.usable and counts[record.identity.patient] > 1
        else record
        for record in records
    ]


def one_per_patient(
    records: Iterable[SeriesRecord],
) -> Iterator[SeriesRecord]:
    """Reject all but the first usable series of each patient."""
    patients = set()
    for record in records:
        if record.usable:
            patient = record.identity.patient
            if patient in patients:
                record = replace(
                    record,
                    defect=Defect(
                        'SURPLUS_SERIES',
                        'another series of the patient comes first',
                    ),
                )
            patients.add(patient)
        yield record


def load_series(
    catalogue: Catalogue, record: SeriesRecord, limits: Limits
) -> Series | ArrayVolume:
    """Load the slices of a series, or the location of a volume.

    Parameters
    ----------
    catalogue : kneerepro.data.reading.catalogue.Catalogue
    record : SeriesRecord
    limits : kneerepro.data.reading.checks.Limits
        As given to :func:`find_series`.

    Returns
    -------
    kneerepro.data.reading.series.Series or
    kneerepro.data.reading.arrays.ArrayVolume
    """
    if record.is_array:
        return ArrayVolume(*record.location[1:])
    return next(
        series
        for location, series in _series_of(catalogue, record.uid, limits)
        if location == record.location
    )


def _series_of(catalogue, uid, limits):
    """The copies and parts of a series, each with its location."""
    for i, copy in enumerate(split_copies(catalogue.slices(uid))):
        # What was copied in part is not split by orientation.
        min_slices = limits.min_slices if i == 0 else len(copy) + 1
        for j, series in enumerate(split_parts(uid, copy, min_slices)):
            yield ('series', i, j), series


def _record_series(location, series, selection, limits, depth, size):
    header = series.header
    selected = header.description in selection
    defect, notes = None, []
    plane = directions = ''
    if selected:
        defect = _defect_of(location, series, limits)
    if selected and defect is None:
        orientation = series.orientation()
        plane, directions = orientation.plane, orientation.directions
        notes = _notes_on(series, orientation, depth, size)
    elif series.has_positions():
        plane = series.orientation().plane
    return SeriesRecord(
        location=location,
        part=series.part,
        slices=len(series),
        rows=header.rows,
        columns=header.columns,
        spacing=series.spacing(),
        selected=selected,
        uid=series.uid,
        description=header.description,
        frame_of_reference=header.frame_of_reference,
        patient_id=header.patient,
        side=series.side(),
        plane=plane,
        directions=directions,
        defect=defect,
        notes=notes,
    )


def _defect_of(location, series, limits):
    _, copy, _ = location
    if copy > 0:
        return Defect(
            'DUPLICATE_SERIES',
            f'{len(series)} images of the series occur more than once',
        )
    return checks.find_defect(series, limits)


def _notes_on(series, orientation, depth, size):
    header = series.header
    rows, columns = fit_to_square(
        header.rows, header.columns, header.pixel_spacing, size
    )
    return [
        note
        for note, applies in [
            ('REORIENTED', any(orientation.flips)),
            ('INSTANCE_NUMBERS', checks.instance_numbers_disagree(series)),
            ('RESAMPLED_DEPTH', len(series) != depth),
            ('PADDED_FIELD', rows != columns),
            ('SIDE_UNKNOWN', not series.side()),
        ]
        if applies
    ]


def _record_array(volume, depth):
    slices, rows, columns = volume.shape
    notes = ['SIDE_UNKNOWN']
    if slices != depth:
        notes.append('RESAMPLED_DEPTH')
    if rows != columns:
        notes.append('PADDED_FIELD')
    return SeriesRecord(
        location=('array', *astuple(volume)),
        part=f'volume {volume.index + 1}',
        slices=slices,
        rows=rows,
        columns=columns,
        spacing=(0.0, 0.0, 0.0),
        selected=True,
        notes=notes,
    )


def _with_identities(records):
    identities = identify(
        [
            (record.patient_id, record.frame_of_reference, _own_name(record))
            for record in records
        ]
    )
    return [
        replace(record, identity=identity, notes=record.notes + identity.notes)
        for record, identity in zip(records, identities)
    ]


def _own_name(record):
    """What distinguishes a series of an unknown patient from all others,
    wherever the files lie.
    """
    if record.is_array:
        _, path, name, index, _ = record.location
        return f'{os.path.basename(path)} {name} {index}'
    return record.uid
