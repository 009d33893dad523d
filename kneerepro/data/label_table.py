"""Read a table of labels, such as KL grades, for patients or knees.

Besides tables of one's own it reads those of the Osteoarthritis Initiative as
they come: the text files of its earlier releases (``AllClinical00.txt``,
``kxr_sq_bu00.txt``) and those of the NIMH Data Archive.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Union

import numpy as np

from kneerepro.data.delimited import read_delimited
from kneerepro.utils.errors import UserError

# Names of columns, most specific first, in lower case without punctuation. A
# column 'id' may number the rows if another one names the patients.
_PATIENT = (
    'patientid',
    'patient',
    'srcsubjectid',  # the NIMH Data Archive's
    'subjectid',
    'subject',
    'participantid',
    'participant',
    'id',
)
_SIDE = 'side', 'laterality', 'kneeside', 'knee'
_VISIT = ('visit',)
_PROJECT = ('readprj',)

# Columns that name a person are no labels.
_IDENTIFIERS = {*_PATIENT, 'subjectkey'}

_SIDES = {
    **dict.fromkeys(['left', 'l', 'left knee', '2', '2.0'], 'LEFT'),
    **dict.fromkeys(['right', 'r', 'right knee', '1', '1.0'], 'RIGHT'),
}

# SAS's missing values, with or without the OAI's explanation: '.', '.A',
# '.: Missing Form/Incomplete Workbook'.
_SAS_MISSING = re.compile(r'\.[a-z]?(:.*)?', re.IGNORECASE | re.DOTALL)
_MISSING = {'', 'na', 'n/a', '#n/a', 'nan', 'null'}

# Digits after a leading zero are a code, such as that of a radiograph; more
# than 15 do not fit a float.
_NUMBER = re.compile(
    r'[+-]?(?:(?:0|[1-9]\d{0,14})(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,2})?',
    re.ASCII,
)

#: Values of a column: float64 with NaN where a value is missing, or text with
#: '' there.
Values = Union[np.ndarray, list[str]]


@dataclass(frozen=True)
class Row:
    """Whom a row of a table is about.

    Attributes
    ----------
    line : int
        Where the row ends in the file, from 1.
    patient : str
    side : str
        'LEFT', 'RIGHT' or, if unknown, ''.
    visit : str
        As the table has it; '' if the table has no visits.
    project : str
        The OAI's number of the reading project (READPRJ); '' if unknown.
    """

    line: int
    patient: str
    side: str
    visit: str
    project: str


@dataclass(frozen=True)
class LabelTable:
    """A table of labels.

    Attributes
    ----------
    path : str
    hash : str
        SHA-256 of the file.
    chosen : tuple of str, or None
        The columns that were asked for; None for all.
    patient_column, side_column, visit_column : str
        The names of these columns; '' where the table has no such column.
    numbered_sides : bool
        Whether sides are the OAI's numbers, 1 for right and 2 for left.
    rows : list of Row
    columns : dict of str to array or list of str
        For each label its value in each of the rows: float64 with NaN where
        a value is missing, or text with '' there.
    """

    path: str
    hash: str
    chosen: tuple[str, ...] | None
    patient_column: str
    side_column: str
    visit_column: str
    numbered_sides: bool
    rows: list[Row]
    columns: dict[str, Values]


def read_labels(path: str, chosen: Sequence[str] | None = None) -> LabelTable:
    """Read a table of labels.

    Parameters
    ----------
    path : str
        Text with a heading, separated by commas, semicolons, tabs or bars;
        it may be compressed (gzip). A column names the patients (patient,
        PatientID, subject, participant or ID). Others may give the side
        (side, knee or laterality) and the visit.
    chosen : sequence of str, optional
        The columns to keep; by default all but the patient and the side.

    Returns
    -------
    LabelTable
        A column is numeric if every value that is not missing is a number;
        the OAI's ``2: 2`` counts as 2. In a table separated by semicolons
        numbers may have a decimal comma.

    Raises
    ------
    UserError
        If the file cannot be read or is no such table.
    """
    text = read_delimited(
        path, lambda names: bool(_key_column(names, _PATIENT))
    )
    names = list(text.columns)
    patient_column = _key_column(names, _PATIENT)
    if not patient_column:
        raise UserError(
            f'{path}: no column names the patients ({_listed(names)}): call '
            "it 'patient'"
        )
    side_column = _key_column(names, _SIDE)
    visit_column = _key_column(names, _VISIT)
    lines, columns = _without_descriptions(text.lines, text.columns)
    if not lines:
        raise UserError(f'{path} has no rows: name another table')
    blank = [''] * len(lines)
    side_texts = columns.get(side_column, blank)
    return LabelTable(
        path=path,
        hash=text.hash,
        chosen=None if chosen is None else tuple(chosen),
        patient_column=patient_column,
        side_column=side_column,
        visit_column=visit_column,
        numbered_sides=_check_sides(side_texts, side_column, path),
        rows=[
            Row(line, patient, side=_side(side), visit=visit, project=project)
            for line, patient, side, visit, project in zip(
                lines,
                columns[patient_column],
                side_texts,
                columns.get(visit_column, blank),
                columns.get(_key_column(names, _PROJECT), blank),
            )
        ],
        columns={
            name: _values(columns[name], decimal_comma=text.separator == ';')
            for name in _choose(names, side_column, chosen, path)
        },
    )


def _without_descriptions(lines, columns):
    """Leave out the NIMH Data Archive's second heading, which describes the
    columns.
    """
    subjects = columns.get('subjectkey', [])
    if subjects and not subjects[0].startswith('NDAR'):
        return lines[1:], {name: cells[1:] for name, cells in columns.items()}
    return lines, columns


# ----------------------------------------------------------------- the columns


def _key_column(names, accepted):
    """The column with one of the accepted names, or ''."""
    plain = {_plain(name): name for name in reversed(names)}
    return next((plain[name] for name in accepted if name in plain), '')


def _plain(name):
    return re.sub(r'[\W_]', '', name).lower()


def _choose(names, side_column, chosen, path):
    """The names of the columns to keep."""
    labels = [
        name
        for name in names
        if _plain(name) not in _IDENTIFIERS and name != side_column
    ]
    for name in chosen or []:
        if name not in labels:
            raise UserError(
                f'{path}: no column of labels is called {name!r} '
                f'({_listed(labels)}): correct --label-columns'
            )
    if not labels:
        raise UserError(
            f'{path} has no labels ({_listed(names)}): name a table with more '
            'columns'
        )
    return labels if chosen is None else list(dict.fromkeys(chosen))


def _listed(names):
    """The first ten names."""
    more = f' and {len(names) - 10} others' if len(names) > 10 else ''
    short = [f'{name:.30}' for name in names[:10]]
    return 'columns: ' + ', '.join(map(repr, short)) + more


def _side(cell):
    return _SIDES.get(_side_word(cell), '')


def _side_word(cell):
    """'right' of the OAI's '1: Right'."""
    return cell.rpartition(':')[2].strip().lower()


def _check_sides(cells, column, path):
    """Whether sides are numbers. Those that are not the OAI's are refused."""
    words = map(_side_word, set(cells))
    numbers = {word for word in words if _NUMBER.fullmatch(word)}
    unknown = sorted(numbers - set(_SIDES))
    if unknown:
        raise UserError(
            f'{path}: {unknown[0]} in column {column!r} is no side: write 1 '
            'for right and 2 for left, or LEFT and RIGHT'
        )
    return bool(numbers)


def _values(cells, decimal_comma):
    """The values of a column: numbers if all of them are."""
    texts = {cell: '' if _is_missing(cell) else cell for cell in set(cells)}
    numbers = {
        cell: _number(text, decimal_comma) for cell, text in texts.items()
    }
    if None in numbers.values():
        return [texts[cell] for cell in cells]
    return np.array([numbers[cell] for cell in cells], float)


def _is_missing(cell):
    return cell.lower() in _MISSING or bool(_SAS_MISSING.fullmatch(cell))


def _number(text, decimal_comma):
    """A number; NaN for no text, None for any other."""
    if not text:
        return float('nan')
    code, _, meaning = text.partition(': ')
    if meaning == code:  # as in '2: 2'
        text = code
    if decimal_comma:
        text = text.replace(',', '.')
    return float(text) if _NUMBER.fullmatch(text) else None
