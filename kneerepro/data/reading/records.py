"""From a catalogue of files to the series that shall be converted."""

import os
from collections import Counter, namedtuple

from kneerepro.data.reading import checks
from kneerepro.data.reading.arrays import ArrayVolume
from kneerepro.data.reading.defects import Defect
from kneerepro.data.reading.geometry import field, orient
from kneerepro.data.reading.identity import identify
from kneerepro.data.reading.series import split_copies, split_parts

Found = namedtuple(
    'Found',
    [
        'where',
        'uid',
        'part',
        'description',
        'frame',
        'identity',
        'side',
        'slices',
        'rows',
        'columns',
        'spacing',
        'plane',
        'directions',
        'files',
        'selected',
        'defect',
        'notes',
    ],
)
Found.__doc__ = """A series, or a volume from an array, and what its headers
tell.

Attributes
----------
where : tuple
    By which :func:`load` finds it again: its slices are not kept in memory.
uid, part, description, frame : str
    SeriesInstanceUID, which part of the series, SeriesDescription,
    FrameOfReferenceUID.
identity : Identity
side : str
    'LEFT', 'RIGHT' or ''.
slices, rows, columns : int
spacing : tuple of 3 floats
    Between slices, rows and columns, in mm; 0 where unknown.
plane, directions : str
    See :class:`kneerepro.data.reading.geometry.Orientation`.
files : int
selected : bool
defect : Defect, or None
notes : list of str
"""


def find(catalogue, selection, limits, options):
    """All series in a catalogue.

    Parameters
    ----------
    catalogue : kneerepro.data.reading.catalogue.Catalogue
    selection : kneerepro.data.reading.selection.Selection
    limits : kneerepro.data.reading.checks.Limits
    options : kneerepro.data.convert.Options

    Returns
    -------
    list of Found
        Sorted by patient, description and UID, so that the order depends on
        nothing else.
    """
    found = []
    for uid in catalogue.series_uids():
        for where, series in _series(catalogue, uid, limits):
            found.append(_describe(where, series, selection, limits, options))
    for path, name, place, shape in catalogue.volumes():
        found.append(
            _describe_array(ArrayVolume(path, name, place, shape), options)
        )
    identities = identify(
        [(one.identity, one.frame, _own_name(one)) for one in found]
    )
    found = [
        one._replace(identity=identity, notes=one.notes + identity.notes)
        for one, identity in zip(found, identities)
    ]
    found.sort(
        key=lambda one: (
            one.identity.patient,
            one.description,
            one.uid,
            one.part,
            one.where,
        )
    )
    counts = Counter(one.identity.patient for one in found if _usable(one))
    return [
        one._replace(notes=one.notes + ['SEVERAL_SERIES_OF_PATIENT'])
        if _usable(one) and counts[one.identity.patient] > 1
        else one
        for one in found
    ]


def one_per_patient(found):
    """Reject all but the first usable series of each patient."""
    patients = set()
    for one in found:
        patient = one.identity.patient
        if _usable(one) and patient in patients:
            one = one._replace(
                defect=Defect(
                    'SURPLUS_SERIES',
                    'another series of the patient comes first',
                )
            )
        elif _usable(one):
            patients.add(patient)
        yield one


def load(catalogue, found, limits):
    """The :class:`~kneerepro.data.reading.series.Series` or
    :class:`~kneerepro.data.reading.arrays.ArrayVolume` of a :class:`Found`.
    """
    kind, *where = found.where
    if kind == 'array':
        return ArrayVolume(*where)
    return next(
        series
        for place, series in _series(catalogue, found.uid, limits)
        if place == found.where
    )


def paths(loaded):
    """The files of what :func:`load` returns."""
    return [loaded.path] if isinstance(loaded, ArrayVolume) else loaded.paths()


def _usable(one):
    return one.selected and one.defect is None


def _own_name(one):
    """What tells a series of an unknown patient from all others, wherever
    the files lie.
    """
    if one.where[0] == 'array':
        _, path, name, index, _ = one.where
        return f'{os.path.basename(path)} {name} {index}'
    return one.uid


def _series(catalogue, uid, limits):
    copies = split_copies(catalogue.slices(uid))
    for i, copy in enumerate(copies):
        for j, series in enumerate(
            split_parts(uid, copy, limits.min_slices)
            if i == 0
            else split_parts(uid, copy, len(copy) + 1)
        ):
            yield ('series', i, j), series


def _describe(where, series, selection, limits, options):
    header = series.header
    selected = header.description in selection
    defect, notes = None, []
    plane = directions = ''
    if selected and where[1] > 0:
        defect = Defect(
            'DUPLICATE_SERIES',
            f'{len(series)} images of the series are there again',
        )
    elif selected:
        defect = checks.find_defect(series, limits)
    if selected and defect is None:
        orientation = orient(header.orientation)
        plane, directions = orientation.plane, orientation.directions
        if any(orientation.flips):
            notes.append('REORIENTED')
        if checks.instance_numbers_disagree(series):
            notes.append('INSTANCE_NUMBERS')
        if len(series) != options.depth:
            notes.append('RESAMPLED_DEPTH')
        if (
            len(
                set(
                    field(
                        header.rows,
                        header.columns,
                        header.pixel_spacing,
                        options.size,
                    )
                )
            )
            > 1
        ):
            notes.append('PADDED_FIELD')
        if not series.side():
            notes.append('SIDE_UNKNOWN')
    elif series.has_positions():
        plane = orient(header.orientation).plane
    return Found(
        where,
        series.uid,
        series.part,
        header.description,
        header.frame_of_reference,
        header.patient,
        series.side(),
        len(series),
        header.rows,
        header.columns,
        series.spacing(),
        plane,
        directions,
        len(series.paths()),
        selected,
        defect,
        notes,
    )


def _describe_array(volume, options):
    slices, rows, columns = volume.shape
    notes = ['SIDE_UNKNOWN']
    if slices != options.depth:
        notes.append('RESAMPLED_DEPTH')
    if rows != columns:
        notes.append('PADDED_FIELD')
    return Found(
        ('array',) + tuple(volume),
        '',
        f'volume {volume.index + 1}',
        '',
        '',
        '',
        '',
        slices,
        rows,
        columns,
        (0.0, 0.0, 0.0),
        '',
        '',
        1,
        True,
        None,
        notes,
    )
