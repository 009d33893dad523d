"""Find the series in a catalogue, and record what is known of each."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from kneerepro.data.reading import checks
from kneerepro.data.reading.arrays import ArrayVolume
from kneerepro.data.reading.catalogue import Catalogue
from kneerepro.data.reading.checks import Limits
from kneerepro.data.reading.defects import Defect
from kneerepro.data.reading.geometry import fit_to_square
from kneerepro.data.reading.grid import Grid
from kneerepro.data.reading.identity import Identity, identify
from kneerepro.data.reading.images import ImageVolume
from kneerepro.data.reading.parts import split_series
from kneerepro.data.reading.selection import Selection
from kneerepro.data.reading.series import Series
from kneerepro.data.reading.sides import side_at, side_in_words


@dataclass(frozen=True)
class SeriesRecord:
    """What is known of a series, or of a volume from another file.

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
    path : str
        Of its first file, as the user knows it.
    plane, directions : str
        See :class:`kneerepro.data.reading.geometry.Orientation`; '' where
        unknown.
    defect : Defect, or None
    notes : list of str
        Codes of :data:`kneerepro.data.reading.defects.NOTES`.
    identity : Identity
        The person whom it shows.
    grid : Grid, or None
        Where the voxels lie in the patient, with the axes as
        :func:`load_series` gives them; None where unknown or where the
        series is not usable.
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
    path: str = ''
    plane: str = ''
    directions: str = ''
    defect: Defect | None = None
    notes: list[str] = field(default_factory=list)
    identity: Identity = field(
        default_factory=lambda: Identity('', certain=False, notes=[])
    )
    grid: Grid | None = None

    @property
    def usable(self) -> bool:
        """Whether it is selected and has no defect."""
        return self.selected and self.defect is None

    @property
    def is_array(self) -> bool:
        """Whether it is a volume from another file, not a DICOM series."""
        return self.location[0] == 'array'

    @property
    def is_image(self) -> bool:
        """Whether it is a usable volume from NIfTI, MetaImage or NRRD."""
        oriented = 'ORIENTATION_UNKNOWN' not in self.notes
        return self.is_array and (self.grid is not None or not oriented)


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
    records += [
        _record_array(volume, limits, depth, size)
        for volume in catalogue.volumes()
    ]
    records = [
        replace(record, path=catalogue.shown(record.path))
        for record in _with_identities(records)
    ]
    # The sort is stable: what is equal keeps the order of the catalogue.
    records.sort(
        key=lambda record: (
            record.identity.patient,
            record.description,
            record.uid,
            record.part,
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
        _, path, name, index, _ = record.location
        return catalogue.volume(path, name, index)
    return next(
        series
        for location, series in _series_of(catalogue, record.uid, limits)
        if location == record.location
    )


def _series_of(catalogue, uid, limits):
    """The parts of a series, each with its location."""
    parts = split_series(uid, catalogue.slices(uid), limits)
    return [(('series', i), series) for i, series in enumerate(parts)]


def _record_series(location, series, selection, limits, depth, size):
    header = series.header
    selected = header.description in selection
    defect, notes = None, []
    plane, directions, grid = '', '', None
    if selected:
        defect = checks.find_defect(series, limits)
    if selected and defect is None:
        orientation = series.orientation()
        plane, directions = orientation.plane, orientation.directions
        notes = _notes_on(series, orientation, depth, size)
        grid = series.grid()
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
        path=series.slices[0].path,
        plane=plane,
        directions=directions,
        defect=defect,
        notes=notes,
        grid=grid,
    )


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
            ('SPACING_UNKNOWN', header.pixel_spacing is None),
            ('SIDE_UNKNOWN', not series.side()),
        ]
        if applies
    ]


def _record_array(volume, limits, depth, size):
    """The record of a volume from a file that is not DICOM."""
    slices, rows, columns = volume.shape
    orientation, grid = volume.orientation(), volume.grid
    between, *pixel_spacing = volume.spacing
    fitted = fit_to_square(
        rows, columns, pixel_spacing if all(pixel_spacing) else None, size
    )
    side = side_in_words(os.path.basename(volume.path))
    if grid is not None and not side:
        side = side_at(grid.centre()[0])
    is_image = isinstance(volume, ImageVolume)
    notes = [
        note
        for note, applies in [
            ('SIDE_UNKNOWN', not side),
            ('ORIENTATION_UNKNOWN', is_image and orientation is None),
            ('REORIENTED', orientation is not None and any(orientation.flips)),
            ('RESAMPLED_DEPTH', slices != depth),
            ('PADDED_FIELD', fitted[0] != fitted[1]),
            ('SPACING_UNKNOWN', not all(pixel_spacing)),
        ]
        if applies
    ]
    return SeriesRecord(
        location=(
            'array',
            volume.path,
            volume.name,
            volume.index,
            volume.shape,
        ),
        part=f'volume {volume.index + 1}',
        slices=slices,
        rows=rows,
        columns=columns,
        spacing=volume.spacing,
        selected=True,
        side=side,
        path=volume.path,
        plane=orientation.plane if orientation else '',
        directions=orientation.directions if orientation else '',
        # The thesis's own arrays are used as they are.
        defect=checks.find_thinness(slices, between or None, limits)
        if is_image
        else None,
        notes=notes,
        grid=grid,
    )


def _with_identities(records):
    identities = identify(
        [
            (record.patient_id, record.frame_of_reference, name)
            for record, name in zip(records, _own_names(records))
        ]
    )
    return [
        replace(record, identity=identity, notes=record.notes + identity.notes)
        for record, identity in zip(records, identities)
    ]


def _own_names(records):
    """What distinguishes each series of an unknown patient from all others,
    wherever the files lie.
    """
    counts: Counter[str] = Counter()
    for record in records:
        own = record.uid
        if record.is_array:
            _, path, name, index, _ = record.location
            own = f'{os.path.basename(path)} {name} {index}'
            counts[own] += 1
            # Converters give the files of all patients one name.
            if counts[own] > 1:
                own += f' {counts[own]}'
        yield own
