"""The report of a preparation: a row for each series, as CSV and as JSON."""

import csv
import json
import os

from kneerepro.utils.files import replacing

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
    """Rows, in CSV and JSON files beside a dataset file.

    Parameters
    ----------
    out : str
        Path of the dataset file; for ``knees.h5`` the report is in
        ``knees.report.csv`` and ``knees.report.json``.
    sources : list of str
    identifiers : bool
        Whether absolute paths and the names of files may be given. Without,
        paths are relative to their source.
    """

    def __init__(self, out, sources, identifiers=False):
        self.paths = report_paths(out)
        self._sources = sources
        self._identifiers = identifiers
        self._rows = []

    def add(self, files, **row):
        """Add a row; what is not given stays empty. `files` are paths."""
        assert not set(row) - set(COLUMNS), row
        source, folder, names = self._within_source(files)
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

    def write(self):
        if not self._rows:
            return  # nothing to tell
        csv_path, json_path = self.paths
        with replacing(csv_path) as temporary:
            with open(
                temporary,
                'w',
                newline='',
                encoding='utf-8',
                errors='backslashreplace',
            ) as file:
                writer = csv.DictWriter(file, COLUMNS, lineterminator='\n')
                writer.writeheader()
                for row in self._rows:
                    writer.writerow(
                        {
                            **row,
                            'files': len(row['files']),
                            'notes': ' '.join(row['notes']),
                            'spacing_mm': ' '.join(
                                map(str, row['spacing_mm'])
                            ),
                        }
                    )
        with replacing(json_path) as temporary:
            with open(temporary, 'w') as file:
                json.dump(self._rows, file, indent=1)

    def _within_source(self, paths):
        """Number of the source, the common folder, and the paths from
        there.
        """
        folders = {
            folder: os.path.abspath(folder)
            for folder in {os.path.dirname(path) for path in paths}
        }
        common = os.path.commonpath(list(folders.values()))
        inner = {
            folder: os.path.relpath(path, common)
            for folder, path in folders.items()
        }
        names = [
            os.path.normpath(
                os.path.join(
                    inner[os.path.dirname(path)], os.path.basename(path)
                )
            )
            for path in paths
        ]
        for number, source in enumerate(self._sources, 1):
            source = os.path.abspath(source)
            if os.path.isfile(source):
                source = os.path.dirname(source)
            if os.path.commonpath([common, source]) == source:
                return (
                    number,
                    common
                    if self._identifiers
                    else os.path.relpath(common, source),
                    names,
                )
        # Spread over several sources.
        return '', common if self._identifiers else '', names


def report_paths(out):
    stem = os.path.splitext(out)[0]
    return stem + '.report.csv', stem + '.report.json'
