"""Join a table of labels to volumes by patient, side and visit."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kneerepro.data.label_table import LabelTable, Values
from kneerepro.data.reading.records import SeriesRecord
from kneerepro.utils.errors import UserError

# Why a volume has no label, or a row no volume.
NO_PATIENT_ID = 'no PatientID'
NO_PATIENT = 'no row of this patient'
NO_KNEE = 'no row of this knee'
NO_VISIT = 'no row of this visit'
SEVERAL_VISITS = 'rows of several visits, and its own is unknown'
SIDE_UNKNOWN = 'left or right is unknown'
NO_VOLUME = 'no volume of this patient'
NO_VOLUME_OF_KNEE = 'no volume of this knee'
NO_VOLUME_OF_VISIT = 'no volume of this visit'

# The OAI's central readings of radiographs. A knee that was read in several
# projects has a row for each. Project 15 came first and read most knees; 42
# is another number of project 37.
_PROJECTS = '15', '37', '42'

# The OAI's folders, such as 0.E.1 or 10.C.1, begin with the visit.
_RELEASE = re.compile(r'(\d{1,2})\.[A-Z]\.\d')

# How many of the folders around a file may be named after the patient.
_FOLDERS = 3


@dataclass(frozen=True)
class Knee:
    """Whom and what a volume shows.

    Attributes
    ----------
    patient : str
        PatientID; '' if unknown.
    side : str
        'LEFT', 'RIGHT' or ''.
    visit : int or None
        The OAI's number of the visit, 0 for the baseline; None if unknown.
    names : tuple of str
        What may name the patient if there is no PatientID, as
        :func:`names_in` returns it.
    """

    patient: str
    side: str = ''
    visit: int | None = None
    names: tuple[str, ...] = ()

    @classmethod
    def of_record(cls, record: SeriesRecord) -> Knee:
        """The knee that a series shows."""
        identity, path = record.identity, os.path.abspath(record.path)
        return cls(
            identity.patient if identity.certain else '',
            record.side,
            visit_of(path),
            names_in(path) if record.is_image else (),
        )


def names_in(path: str) -> tuple[str, ...]:
    """What in the path of a file may name a patient, the likeliest first.

    Parameters
    ----------
    path : str
        Such as ``study/9000099/baseline/sub-9000099_right.nii.gz``.

    Returns
    -------
    tuple of str
        The beginnings of the file's name, the longest first, without the
        ``sub-`` of BIDS; then the innermost folders.
    """
    *folders, name = path.split(os.sep)
    stem = name.partition('.')[0]
    stem = stem[4:] if stem.startswith('sub-') else stem
    ends = [found.start() for found in re.finditer('[_ -]', stem)]
    beginnings = [stem[:end] for end in [*ends, len(stem)]]
    return (*beginnings[::-1], *folders[: -_FOLDERS - 1 : -1])


def visit_of(path: str) -> int | None:
    """The visit that a path in the OAI's folders names.

    Parameters
    ----------
    path : str
        Such as ``00m/0.E.1/9000099/20040927/10159003/001``.

    Returns
    -------
    int or None
        0 for the baseline, 1 for 12 months, 3 for 24 months and so on.
    """
    for name in reversed(path.split(os.sep)):
        release = _RELEASE.fullmatch(name)
        if release:
            return int(release[1])
    return None


@dataclass(frozen=True)
class Unmatched:
    """A volume without a row, or a row without a volume.

    Attributes
    ----------
    kind : {'volume', 'row'}
    number : int
        Of the volume, from 0; or the row's line in the table, from 1.
    patient, side, visit : str
        The patient is named as in the images, if they show this patient.
    reason : str
    """

    kind: str
    number: int
    patient: str
    side: str
    visit: str
    reason: str


@dataclass(frozen=True)
class Joined:
    """A table that was joined to volumes.

    Attributes
    ----------
    table : LabelTable
    rows : list of (int or None)
        For each volume the number of its row; None if it has none.
    unmatched : list of Unmatched
        Volumes, then rows.
    several_projects : int
        The volumes with several readings, of which one was preferred.
    """

    table: LabelTable
    rows: list[int | None]
    unmatched: list[Unmatched]
    several_projects: int

    @property
    def matched(self) -> int:
        """How many volumes have a row."""
        return sum(row is not None for row in self.rows)

    def columns(self) -> dict[str, Values]:
        """The labels of the volumes.

        Returns
        -------
        dict of str to array or list of str
            By column, for each volume: float64 with NaN where there is no
            value, or text with '' there.
        """
        return {
            name: _take(values, self.rows)
            for name, values in self.table.columns.items()
        }


def _take(values, rows):
    if isinstance(values, list):
        return ['' if row is None else values[row] for row in rows]
    return np.array(
        [np.nan if row is None else values[row] for row in rows], float
    )


def join(table: LabelTable, knees: Sequence[Knee]) -> Joined:
    """Find the row of each volume.

    Patients are compared as text. Where no other patient in the images or in
    the table has the same number, ``0012``, ``12`` and ``12.0`` are equal
    too, since spreadsheets drop zeros. A table with sides says nothing of a
    volume whose side is unknown; one without sides holds for both knees. If
    a table has visits, those that are written as the OAI's ``V00`` are
    compared with the visit that the images' folders name. A volume without
    PatientID is that of the patient after whom its file is named.

    Parameters
    ----------
    table : LabelTable
    knees : sequence of Knee
        What each volume shows.

    Returns
    -------
    Joined

    Raises
    ------
    UserError
        If rows contradict each other, or no row is of any of the volumes.
    """
    patients = {row.patient for row in table.rows}
    knees = _named_by_files(patients, knees)
    names = _match_patients(patients, {knee.patient for knee in knees})
    rows_of = defaultdict(list)
    for i, row in enumerate(table.rows):
        if row.patient in names:
            rows_of[names[row.patient]].append(i)
    rows: list[int | None] = []
    unmatched, contradicted, several = [], [], 0
    for number, knee in enumerate(knees):
        found, why = _candidates(table, rows_of[knee.patient], knee)
        preferred = _preferred(table, found)
        several += len(preferred) < len(found)
        if _differing(table, preferred):
            if len({table.rows[i].visit for i in preferred}) == 1:
                contradicted.append(preferred)
            preferred, why = [], SEVERAL_VISITS
        rows.append(preferred[0] if preferred else None)
        if not preferred:
            unmatched.append(_unmatched_volume(number, knee, why))
    if contradicted:
        raise UserError(_contradiction(table, contradicted))
    if len(unmatched) == len(knees):
        raise UserError(_no_match(table, names, knees, unmatched))
    unmatched += _unmatched_rows(table, names, knees)
    return Joined(table, rows, unmatched, several)


# ------------------------------------------------------------------- the rows


def _match_patients(in_table: set[str], in_images: set[str]) -> dict[str, str]:
    """The name in the images of each patient of the table who is there."""
    in_table, in_images = in_table - {''}, in_images - {''}
    by_number: defaultdict[str, tuple[set[str], set[str]]] = defaultdict(
        lambda: (set(), set())
    )
    for place, names in enumerate((in_table, in_images)):
        for name in names:
            number = re.fullmatch(r'0*(\d+?)(?:\.0+)?', name, re.ASCII)
            if number:
                by_number[number[1]][place].add(name)
    matched = {
        min(rows): min(images)
        for rows, images in by_number.values()
        if len(rows) == len(images) == 1
    }
    return {**matched, **{name: name for name in in_table & in_images}}


def _named_by_files(patients, knees):
    """The knees, with the patients of the table that their files name."""
    words = {name for knee in knees if not knee.patient for name in knee.names}
    known = set(_match_patients(patients, words).values())
    return [
        knee
        if knee.patient
        else replace(
            knee,
            patient=next((name for name in knee.names if name in known), ''),
        )
        for knee in knees
    ]


def _candidates(table, rows, knee):
    """Which of a patient's rows may be of a knee; if none, also why."""
    if not knee.patient:
        return [], NO_PATIENT_ID
    if not rows:
        return [], NO_PATIENT
    if table.side_column and not knee.side:
        return [], SIDE_UNKNOWN
    rows = [i for i in rows if _same_side(table, i, knee)]
    if not rows:
        return [], NO_KNEE
    return [i for i in rows if _may_be_same_visit(table, i, knee)], NO_VISIT


def _same_side(table, i, knee):
    side = table.rows[i].side
    return not table.side_column or (side and side == knee.side)


def _may_be_same_visit(table, i, knee):
    visit = re.fullmatch(r'v(\d+)', table.rows[i].visit, re.IGNORECASE)
    return not visit or knee.visit is None or int(visit[1]) == knee.visit


def _preferred(table, rows):
    """Of the OAI's readings of a knee at one visit, the first project's."""
    projects = {table.rows[i].project for i in rows}
    visits = {table.rows[i].visit for i in rows}
    if len(visits) != 1 or not projects <= set(_PROJECTS):
        return rows
    first = min(projects, key=_PROJECTS.index)
    return [i for i in rows if table.rows[i].project == first]


def _differing(table, rows):
    """A column in which rows differ, and the two that do; else None."""
    if len(rows) < 2:
        return None
    for name, values in table.columns.items():
        for i in rows[1:]:
            if values[i] != values[rows[0]] and not (
                # NaN differs from itself.
                values[i] != values[i] and values[rows[0]] != values[rows[0]]
            ):
                return name, rows[0], i
    return None


# ------------------------------------------------------- what has no partner


def _unmatched_volume(number, knee, why):
    visit = '' if knee.visit is None else f'V{knee.visit:02d}'
    return Unmatched('volume', number, knee.patient, knee.side, visit, why)


def _unmatched_rows(table, names, knees) -> Iterator[Unmatched]:
    knees_of = defaultdict(list)
    for knee in knees:
        knees_of[knee.patient].append(knee)
    for i, row in enumerate(table.rows):
        patient = names.get(row.patient, row.patient)
        why = _without_volume(table, i, knees_of[patient])
        if why:
            yield Unmatched('row', row.line, patient, row.side, row.visit, why)


def _without_volume(table, i, knees):
    """Why a row has no volume; '' if it has one."""
    if not table.rows[i].patient or not knees:
        return NO_VOLUME
    if table.side_column and not table.rows[i].side:
        return SIDE_UNKNOWN
    knees = [knee for knee in knees if _same_side(table, i, knee)]
    if not knees:
        return NO_VOLUME_OF_KNEE
    if not any(_may_be_same_visit(table, i, knee) for knee in knees):
        return NO_VOLUME_OF_VISIT
    return ''


# ------------------------------------------------------------------- errors


def _contradiction(table, contradicted):
    column, *pair = _differing(table, contradicted[0])
    first, second = (table.rows[i].line for i in pair)
    one = 'knee' if table.side_column else 'patient'
    return (
        f'{table.path}: lines {first} and {second} are of one {one} but '
        f'differ in {column!r} (volumes with such rows: {len(contradicted)}): '
        f'keep one row for each {one}, or choose other columns with '
        '--label-columns'
    )


def _no_match(table, names, knees, unmatched):
    images = {knee.patient for knee in knees} - {''}
    if not images:
        return (
            f'{table.path} cannot be joined: the images have no PatientID, '
            'and no file is named after one of its patients; rename the '
            'files, or prepare them without --labels'
        )
    if names:
        reasons = Counter(volume.reason for volume in unmatched)
        why, count = reasons.most_common(1)[0]
        return (
            f'{table.path} has patients of the images but no row for any '
            f'volume ({why}: {count}): correct its sides and visits, or '
            'prepare without --labels'
        )
    rows = {row.patient for row in table.rows} - {''}
    return (
        f'{table.path}: none of its {len(rows)} patients, with names like '
        f'{_form(min(rows, default=""))}, is one of the {len(images)} in the '
        f'images, with names like {_form(min(images))}: use a table with the '
        'PatientIDs of these images'
    )


def _form(name):
    """What a name looks like, without saying whose it is."""
    return repr(re.sub(r'\d', '9', re.sub(r'[^\W\d_]', 'A', name)))
