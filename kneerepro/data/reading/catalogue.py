"""What the headers of all files say, on disk.

It outlives a killed run, which then need not read them again, and keeps the
headers of a million files out of memory.
"""

import functools
import json
import os
import sqlite3

from kneerepro.data.reading.header import Header
from kneerepro.data.reading.series import Slice

_TABLES = """
CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS file (
    id INTEGER PRIMARY KEY, path BLOB UNIQUE, size INTEGER, changed INTEGER,
    code TEXT, message TEXT);
CREATE TABLE IF NOT EXISTS header (id INTEGER PRIMARY KEY, fields TEXT UNIQUE);
CREATE TABLE IF NOT EXISTS slice (
    series TEXT, file INTEGER, frame INTEGER, header INTEGER, sop TEXT,
    number INTEGER, x REAL, y REAL, z REAL, offset INTEGER, defect TEXT);
CREATE INDEX IF NOT EXISTS series ON slice (series);
CREATE TABLE IF NOT EXISTS volume (
    file INTEGER, name TEXT, place INTEGER, slices INTEGER, rows INTEGER,
    columns INTEGER);
CREATE TABLE IF NOT EXISTS result (key TEXT PRIMARY KEY, fields TEXT);
"""


class Catalogue:
    """A database of headers, and of what became of the series.

    Parameters
    ----------
    path : str, optional
        Where to keep it; without one it ends with this object.
    """

    def __init__(self, path=''):
        self._connection = sqlite3.connect(path)
        # Killed at any moment, the database stays whole; what a power cut
        # takes is read again.
        self._connection.execute('PRAGMA synchronous = OFF')
        self._connection.executescript(_TABLES)

    def close(self):
        self._connection.close()

    def commit(self):
        self._connection.commit()

    # ----------------------------------------------------------------- files

    def start(self, fingerprint):
        """Forget the files unless they have this fingerprint."""
        before = self._one('SELECT value FROM note WHERE name = "source"')
        if before != fingerprint:
            for table in 'file', 'header', 'slice', 'volume':
                self._connection.execute(f'DELETE FROM {table}')
            self._connection.execute(
                'INSERT OR REPLACE INTO note VALUES ("source", ?)',
                (fingerprint,),
            )
        self.commit()

    def known_files(self):
        """A function that tells whether a path is in the catalogue."""
        if self._one('SELECT count(*) FROM file') == 0:
            return lambda path: False
        return lambda path: (
            self._one('SELECT id FROM file WHERE path = ?', os.fsencode(path))
            is not None
        )

    def add_files(self, files):
        """Record files and what they hold.

        Parameters
        ----------
        files : iterable of tuple
            Path, size, time of change; code and message of a defect or None;
            'frames', 'volumes' or another word; and a list of
            :class:`~kneerepro.data.reading.header.Frame` or
            :class:`~kneerepro.data.reading.arrays.ArrayVolume`.
        """
        number = self._one('SELECT max(id) FROM file') or 0
        rows, slices, volumes = [], [], []
        for path, *fields, kind, content in files:
            number += 1
            rows.append((number, os.fsencode(path), *fields))
            if kind == 'frames':
                slices += [
                    (
                        frame.header.series,
                        number,
                        frame.index,
                        self._header_id(frame.header),
                        frame.sop,
                        frame.number,
                        *(frame.position or (None,) * 3),
                        frame.offset,
                        frame.defect,
                    )
                    for frame in content
                ]
            elif kind == 'volumes':
                volumes += [
                    (number, one.name, one.index, *one.shape)
                    for one in content
                ]
        for table, values in [
            ('file', rows),
            ('slice', slices),
            ('volume', volumes),
        ]:
            if values:
                marks = ', '.join('?' * len(values[0]))
                self._connection.executemany(
                    f'INSERT INTO {table} VALUES ({marks})', values
                )

    @functools.lru_cache(maxsize=1024)
    def _header_id(self, header):
        fields = json.dumps(header)
        self._connection.execute(
            'INSERT OR IGNORE INTO header (fields) VALUES (?)', (fields,)
        )
        return self._one('SELECT id FROM header WHERE fields = ?', fields)

    # ---------------------------------------------------------------- finding

    def defective_files(self):
        """(path, code, message) of files that belong to no series."""
        return [
            (os.fsdecode(path), code, message)
            for path, code, message in self._connection.execute(
                'SELECT path, code, message FROM file '
                'WHERE code IS NOT NULL ORDER BY path'
            )
        ]

    def passed_over_files(self):
        """(path, message) of files that are no images and promise none."""
        return [
            (os.fsdecode(path), message)
            for path, message in self._connection.execute(
                'SELECT path, message FROM file WHERE code IS NULL '
                'AND message IS NOT NULL ORDER BY path'
            )
        ]

    def series_uids(self):
        return [
            uid
            for (uid,) in self._connection.execute(
                'SELECT DISTINCT series FROM slice ORDER BY series'
            )
        ]

    def slices(self, uid):
        """Of one series, as :class:`~kneerepro.data.reading.series.Slice` s."""
        rows = self._connection.execute(
            'SELECT path, frame, header, sop, number, x, y, z, offset, defect '
            'FROM slice JOIN file ON slice.file = file.id WHERE series = ? '
            'ORDER BY path, frame',
            (uid,),
        )
        return [
            Slice(
                os.fsdecode(path),
                frame,
                self._header(header),
                sop,
                number,
                None if x is None else (x, y, z),
                offset,
                defect,
            )
            for path, frame, header, sop, number, x, y, z, offset, defect in rows
        ]

    @functools.lru_cache(maxsize=1024)
    def _header(self, number):
        fields = json.loads(
            self._one('SELECT fields FROM header WHERE id = ?', number)
        )
        # JSON knows no tuples.
        return Header(
            *(
                tuple(field) if isinstance(field, list) else field
                for field in fields
            )
        )

    def volumes(self):
        """(path, name, index, shape) of each volume in .mat and .npy files."""
        return [
            (os.fsdecode(path), name, place, (slices, rows, columns))
            for path, name, place, slices, rows, columns in self._connection.execute(
                'SELECT path, name, place, slices, rows, columns '
                'FROM volume JOIN file ON volume.file = file.id '
                'ORDER BY path, name, place'
            )
        ]

    def state(self, paths):
        """Path, size and time of change of files, sorted by path."""
        marks = ', '.join('?' * len(paths))
        return self._connection.execute(
            'SELECT path, size, changed FROM file '
            f'WHERE path IN ({marks}) ORDER BY path',
            [os.fsencode(path) for path in paths],
        ).fetchall()

    # --------------------------------------------------------------- results

    def result(self, key):
        fields = self._one('SELECT fields FROM result WHERE key = ?', key)
        return fields and json.loads(fields)

    def add_result(self, key, fields):
        self._connection.execute(
            'INSERT OR REPLACE INTO result VALUES (?, ?)',
            (key, json.dumps(fields)),
        )
        self.commit()

    def _one(self, query, *arguments):
        row = self._connection.execute(query, arguments).fetchone()
        return row and row[0]
