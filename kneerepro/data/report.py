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


class Report:
    """Rows in CSV and JSON files beside a dataset file.

    Parameters
    ----------
    out : str
        Path of the dataset file. For ``knees.h5`` the report is in
        ``knees.report.csv`` and ``knees.report.json``.
    sources : list of str
    identifiers : bool
        Whether the report may contain absolute paths. Otherwise paths are
        relative to their source.
    shown : callable, optional
        Returns the path that the report gives for a file:
        :meth:`kneerepro.data.reading.unpacking.Archives.shown`.
    """

    def __init__(
        self,
        out: str,
        sources: list[str],
        identifiers: bool = False,
        shown: Callable[[str], str] = str,
    ):
        self._out = out
        self._sources = sources
        self._identifiers, self._shown = identifiers, shown
        self._rows: list[dict[str, Any]] = []

    def add(self, files: list[str], **row: Any) -> None:
        """Add a row.

        Parameters
        ----------
        files : list of str
            Paths of the files that it is about.
        row
            Values by column; the other columns stay empty.
        """
        assert not set(row) - set(COLUMNS), row
        source, folder, names = self._within_source(
            list(map(self._shown, files))
        )
        self._rows.append(
            {
                **dict.fromkeys(COLUMNS, ''),
                'notes': [],
                'spacing_mm': [],
                **row,
                'source': source,
                'folder': folder,
                'files': names,
            }
        )

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

    def _within_source(self, paths):
        """Where files lie.

        Returns
        -------
        source : int or ''
            The number of the source, from 1; '' if they are spread over
            several.
        folder : str
            The folder that they share, within the source.
        names : list of str
            Their paths from that folder.
        """
        common, names = _relative_to_common(paths)
        for number, source in enumerate(self._sources, 1):
            source = os.path.abspath(source)
            if os.path.isfile(source):
                source = os.path.dirname(source)
            if os.path.commonpath([common, source]) == source:
                inner = os.path.relpath(common, source)
                return number, common if self._identifiers else inner, names
        return '', common if self._identifiers else '', names


def _relative_to_common(paths):
    """The folder that paths share, and the paths from there."""
    # A series has many files in few folders.
    folders = {
        folder: os.path.abspath(folder)
        for folder in {os.path.dirname(path) for path in paths}
    }
    common = os.path.commonpath(list(folders.values()))
    inner = {
        folder: os.path.relpath(path, common)
        for folder, path in folders.items()
    }
    return common, [
        os.path.normpath(
            os.path.join(inner[os.path.dirname(path)], os.path.basename(path))
        )
        for path in paths
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
