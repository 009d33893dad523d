"""Write the report of a preparation: a row for each series, CSV and JSON."""

from __future__ import annotations

import csv
import json
import os
import re
from typing import Any, Callable

from kneerepro.utils.files import replacing
from kneerepro.utils.text import printable

# What makes spreadsheets take a cell for a formula, unless it is a number.
_FORMULA = re.compile(r'[=@]|[+-](?!(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$)', re.I)

COLUMNS = [
    'volume',
    'decision',
    'code',
    'reason',
    'notes',
    'patient',
    'side',
    'series_uid',
    'part',
    'slices',
    'rows',
    'columns',
    'spacing_mm',
    'plane',
    'directions',
    'source',
    'folder',
    'files',
]


class Locator:
    """Says where files lie, as far as a report may.

    Parameters
    ----------
    sources : list of str
    identifiers : bool
        Whether it may name absolute paths. Otherwise paths are relative to
        their source.
    shown : callable, optional
        Returns the path by which a user knows a file:
        :meth:`kneerepro.data.reading.unpacking.Archives.shown`.
    """

    def __init__(
        self,
        sources: list[str],
        identifiers: bool = False,
        shown: Callable[[str], str] = str,
    ):
        # Of a source that is a file, the folder.
        self._folders = [
            os.path.dirname(path) if os.path.isfile(path) else path
            for path in map(os.path.abspath, sources)
        ]
        self._identifiers, self._shown = identifiers, shown

    def locate(self, files: list[str]) -> dict[str, Any]:
        """Say where files lie.

        Parameters
        ----------
        files : list of str
            Their paths.

        Returns
        -------
        dict
            `source`, the number of their source, from 1, or '' if they are
            spread over several; `folder`, which they share, within the
            source; and `files`, their paths from that folder.
        """
        common, names = _relative_to_common(list(map(self._shown, files)))
        source: int | str = ''
        folder = ''
        for number, path in enumerate(self._folders, 1):
            if os.path.commonpath([common, path]) == path:
                source, folder = number, os.path.relpath(common, path)
                break
        if self._identifiers:
            folder = common
        return {'source': source, 'folder': folder, 'files': names}


class Report:
    """Rows in CSV and JSON files beside a dataset file.

    Parameters
    ----------
    out : str
        Path of the dataset file. For ``knees.h5`` the report is in
        ``knees.report.csv`` and ``knees.report.json``.
    """

    def __init__(self, out: str):
        self._out = out
        self._rows: list[dict[str, Any]] = []

    def add(self, **row: Any) -> None:
        """Add a row.

        Parameters
        ----------
        row
            Values by column; the other columns stay empty.
        """
        assert not set(row) - set(COLUMNS), row
        empty: dict[str, Any] = dict.fromkeys(COLUMNS, '')
        lists: dict[str, Any] = {'notes': [], 'spacing_mm': [], 'files': []}
        self._rows.append({**empty, **lists, **row})

    def write(self) -> None:
        """Write both files, unless there are no rows."""
        if not self._rows:
            return
        csv_path, json_path = report_paths(self._out)
        with (
            replacing(csv_path) as temporary,
            open(temporary, 'w', newline='', encoding='utf-8') as file,
        ):
            writer = csv.DictWriter(file, COLUMNS, lineterminator='\n')
            writer.writeheader()
            writer.writerows(map(_csv_row, self._rows))
        with replacing(json_path) as temporary, open(temporary, 'w') as file:
            # JSON escapes all that is not ASCII, and all controls but one.
            for part in json.JSONEncoder(indent=1).iterencode(self._rows):
                file.write(part.replace('\x7f', '\\u007f'))


def _relative_to_common(paths):
    """The folder that paths share, and the paths from there."""
    # A series has many files in few folders.
    split = [os.path.split(path) for path in paths]
    folders = {folder: os.path.abspath(folder) for folder in dict(split)}
    common = os.path.commonpath(list(folders.values()))
    inner = {
        folder: '' if path == common else os.path.relpath(path, common)
        for folder, path in folders.items()
    }
    return common, [
        os.path.join(inner[folder], name) for folder, name in split
    ]


def _csv_row(row):
    return {
        **{column: csv_cell(value) for column, value in row.items()},
        'files': len(row['files']),
        'notes': ' '.join(row['notes']),
        'spacing_mm': ' '.join(map(str, row['spacing_mm'])),
    }


def csv_cell(value: Any) -> Any:
    """Text on one line that a spreadsheet shows and does not evaluate.

    Other values stay as they are.
    """
    if not isinstance(value, str):
        return value
    text = printable(value)
    return "'" + text if _FORMULA.match(text) else text


def report_paths(out: str) -> tuple[str, str]:
    """The CSV and the JSON file that report on a dataset file."""
    stem = os.path.splitext(out)[0]
    return stem + '.report.csv', stem + '.report.json'
