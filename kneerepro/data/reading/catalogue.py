"""A database on disk of what all headers say.

It outlives a run that was killed, so that the next run need not read the
headers again, and it keeps the headers of a million files out of memory.
"""

from __future__ import annotations

import functools
import json
import os
import sqlite3
import urllib.parse
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from typing import Any, Callable

from kneerepro.data.reading.arrays import ArrayVolume
from kneerepro.data.reading.frames import Frame
from kneerepro.data.reading.grid import Grid
from kneerepro.data.reading.header import Header
from kneerepro.data.reading.images import ImageVolume
from kneerepro.data.reading.series import Slice
from kneerepro.utils.text import as_bytes, from_bytes

# The version of the tables and of what their fields mean: raise it with every
# change of Header, Frame or a table. What an earlier version left is dropped.
_FORMAT = 3

# Text from files is kept in bytes, since SQLite takes only valid Unicode.
_TABLES = """
CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS file (
    id INTEGER PRIMARY KEY, path BLOB UNIQUE, shown BLOB, size INTEGER,
    changed INTEGER, code TEXT, message TEXT);
CREATE TABLE IF NOT EXISTS header (id INTEGER PRIMARY KEY, fields TEXT UNIQUE);
CREATE TABLE IF NOT EXISTS slice (
    series BLOB, file INTEGER, frame INTEGER, header INTEGER, sop BLOB,
    number INTEGER, x REAL, y REAL, z REAL, offset INTEGER, defect TEXT);
CREATE INDEX IF NOT EXISTS series ON slice (series);
CREATE TABLE IF NOT EXISTS volume (
    file INTEGER, name BLOB, place INTEGER, slices INTEGER, rows INTEGER,
    columns INTEGER, image TEXT);
CREATE TABLE IF NOT EXISTS result (key TEXT PRIMARY KEY, fields TEXT);
"""

# The path by which a user knows a file; it is stored if it is another.
_SHOWN = 'coalesce(shown, path)'


@dataclass(frozen=True)
class FileRecord:
    """One file and what it holds.

    Attributes
    ----------
    path : str
    size : int
        In bytes.
    modified : int
        Time of the last modification in ns.
    frames : sequence of kneerepro.data.reading.frames.Frame
    volumes : sequence of kneerepro.data.reading.arrays.ArrayVolume
    code : str or None
        Of the defect of a file that was rejected.
    message : str or None
        Why the file was rejected or, if it has no code, passed over.
    """

    path: str
    size: int
    modified: int
    frames: Sequence[Frame] = ()
    volumes: Sequence[ArrayVolume] = ()
    code: str | None = None
    message: str | None = None


class Catalogue:
    """A database of headers, and of the series that were converted.

    Parameters
    ----------
    path : str, optional
        The file to keep it in; without one it ends with this object.
    """

    def __init__(self, path: str = ''):
        if path:
            # Some file systems have no locks, and only one process at a time
            # works in the folder.
            quoted = urllib.parse.quote(os.fsencode(os.path.abspath(path)))
            self._connection = sqlite3.connect(
                f'file:{quoted}?nolock=1', uri=True
            )
        else:
            self._connection = sqlite3.connect('')
        # The database survives if the process is killed at any moment. What
        # a power cut destroys can be read again.
        self._connection.execute('PRAGMA synchronous = OFF')
        self._drop_other_formats()
        self._connection.executescript(_TABLES)
        # The slices of a series share their header.
        self._header_id = functools.lru_cache(maxsize=1024)(self._add_header)
        self._header = functools.lru_cache(maxsize=1024)(self._load_header)

    def _drop_other_formats(self):
        if self._value('PRAGMA user_version') == _FORMAT:
            return
        names = self._connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        ).fetchall()
        for (name,) in names:
            self._connection.execute(f'DROP TABLE "{name}"')
        self._connection.execute(f'PRAGMA user_version = {_FORMAT}')
        self.commit()

    def close(self) -> None:
        """Close the database. What was not committed is lost."""
        self._connection.close()

    def commit(self) -> None:
        """Keep what was added so far."""
        self._connection.commit()

    # ----------------------------------------------------------------- files

    def start(self, fingerprint: str) -> None:
        """Forget all files unless they had this fingerprint before."""
        before = self._value('SELECT value FROM note WHERE name = "source"')
        if before != fingerprint:
            for table in 'file', 'header', 'slice', 'volume':
                self._connection.execute(f'DELETE FROM {table}')
            self._connection.execute(
                'INSERT OR REPLACE INTO note VALUES ("source", ?)',
                (fingerprint,),
            )
        self.commit()

    def known_files(self) -> Callable[[str], bool]:
        """A function that tells whether a path is in the catalogue."""
        if self._value('SELECT count(*) FROM file') == 0:
            return lambda path: False
        return lambda path: (
            self._value('SELECT id FROM file WHERE path = ?', as_bytes(path))
            is not None
        )

    def forget_file(self, path: str) -> None:
        """Remove a file of which no slice or volume was found."""
        self._connection.execute(
            'DELETE FROM file WHERE path = ?', (as_bytes(path),)
        )

    def add_files(
        self,
        files: Iterable[FileRecord],
        shown: Callable[[str], str] = str,
    ) -> None:
        """Add files and what they hold.

        Parameters
        ----------
        files : iterable of FileRecord
        shown : callable, optional
            Returns the path by which a user knows a file. It decides the
            order of files, wherever archives are unpacked.
        """
        last = self._value('SELECT max(id) FROM file') or 0
        rows, slices, volumes = [], [], []
        header, header_number = None, 0
        for number, file in enumerate(files, last + 1):
            rows.append(
                (
                    number,
                    as_bytes(file.path),
                    _unless_same(shown(file.path), file.path),
                    file.size,
                    file.modified,
                    file.code,
                    file.message,
                )
            )
            for frame in file.frames:
                # Most slices share one object with those before.
                if frame.header is not header:
                    header = frame.header
                    header_number = self._header_id(header)
                slices.append(_slice_row(number, header_number, frame))
            volumes += [
                (
                    number,
                    as_bytes(volume.name),
                    volume.index,
                    *volume.shape,
                    _image_fields(volume),
                )
                for volume in file.volumes
            ]
        self._insert('file', rows)
        self._insert('slice', slices)
        self._insert('volume', volumes)

    def _add_header(self, header):
        """Add a header, unless it is there; returns its number."""
        fields = json.dumps(astuple(header))
        self._connection.execute(
            'INSERT OR IGNORE INTO header (fields) VALUES (?)', (fields,)
        )
        return self._value('SELECT id FROM header WHERE fields = ?', fields)

    # ---------------------------------------------------------------- queries

    def defective_files(self) -> list[tuple[str, str, str]]:
        """(path, code, message) of each file that belongs to no series."""
        return [
            (from_bytes(path), code, message)
            for path, code, message in self._connection.execute(
                'SELECT path, code, message FROM file '
                f'WHERE code IS NOT NULL ORDER BY {_SHOWN}'
            )
        ]

    def passed_over_files(self) -> list[tuple[str, str]]:
        """(path, message) of each file that nobody would expect to be an
        image.
        """
        return [
            (from_bytes(path), message)
            for path, message in self._connection.execute(
                'SELECT path, message FROM file WHERE code IS NULL '
                f'AND message IS NOT NULL ORDER BY {_SHOWN}'
            )
        ]

    def shown(self, path: str) -> str:
        """The path by which a user knows a file."""
        return from_bytes(
            self._value(
                f'SELECT {_SHOWN} FROM file WHERE path = ?', as_bytes(path)
            )
        )

    def series_uids(self) -> list[str]:
        """The SeriesInstanceUIDs, sorted."""
        return [
            from_bytes(uid)
            for (uid,) in self._connection.execute(
                'SELECT DISTINCT series FROM slice ORDER BY series'
            )
        ]

    def slices(self, uid: str) -> list[Slice]:
        """The slices of one series, sorted by shown path and frame."""
        rows = self._connection.execute(
            'SELECT path, frame, header, sop, number, x, y, z, offset, defect '
            'FROM slice JOIN file ON slice.file = file.id WHERE series = ? '
            f'ORDER BY {_SHOWN}, frame',
            (as_bytes(uid),),
        )
        return [
            Slice(
                path=from_bytes(path),
                index=index,
                header=self._header(header),
                sop=from_bytes(sop),
                number=number,
                position=None if x is None else (x, y, z),
                offset=offset,
                defect=defect,
            )
            for path, index, header, sop, number, x, y, z, offset, defect in (
                rows
            )
        ]

    def _load_header(self, number):
        fields = json.loads(
            self._value('SELECT fields FROM header WHERE id = ?', number)
        )
        # JSON has no tuples.
        return Header(
            *(
                tuple(field) if isinstance(field, list) else field
                for field in fields
            )
        )

    def volumes(self) -> list[ArrayVolume]:
        """The volumes in files other than DICOM, sorted by shown path, name
        and index.
        """
        return self._volumes(f'ORDER BY {_SHOWN}, name, place')

    def volume(self, path: str, name: str, index: int) -> ArrayVolume:
        """One of :meth:`volumes`."""
        (volume,) = self._volumes(
            'WHERE path = ? AND name = ? AND place = ?',
            as_bytes(path),
            as_bytes(name),
            index,
        )
        return volume

    def _volumes(self, which, *arguments):
        rows = self._connection.execute(
            'SELECT path, name, place, slices, rows, columns, image '
            f'FROM volume JOIN file ON volume.file = file.id {which}',
            arguments,
        )
        return [
            _volume(
                image,
                path=from_bytes(path),
                name=from_bytes(name),
                index=index,
                shape=(slices, rows, columns),
            )
            for path, name, index, slices, rows, columns, image in rows
        ]

    def state(self, paths: Sequence[str]) -> list[tuple[bytes, int, int]]:
        """Path, size and time of modification of files, sorted by path."""
        marks = ', '.join('?' * len(paths))
        return self._connection.execute(
            'SELECT path, size, changed FROM file '
            f'WHERE path IN ({marks}) ORDER BY path',
            [as_bytes(path) for path in paths],
        ).fetchall()

    # --------------------------------------------------------------- results

    def result(self, key: str) -> dict[str, Any] | None:
        """What :meth:`add_result` added under a key, or None."""
        fields = self._value('SELECT fields FROM result WHERE key = ?', key)
        return fields and json.loads(fields)

    def add_result(self, key: str, fields: dict[str, Any]) -> None:
        """Keep the result of a conversion, in what JSON can hold."""
        self._connection.execute(
            'INSERT OR REPLACE INTO result VALUES (?, ?)',
            (key, json.dumps(fields)),
        )
        self.commit()

    # --------------------------------------------------------------- queries

    def _value(self, query, *arguments):
        """The first column of the first row, or None."""
        row = self._connection.execute(query, arguments).fetchone()
        return row and row[0]

    def _insert(self, table, rows):
        if rows:
            marks = ', '.join('?' * len(rows[0]))
            self._connection.executemany(
                f'INSERT INTO {table} VALUES ({marks})', rows
            )


def _slice_row(file, header, frame):
    """What is stored of an image, with the numbers of its file and header."""
    return (
        as_bytes(frame.header.series),
        file,
        frame.index,
        header,
        as_bytes(frame.sop),
        frame.number,
        *(frame.position or (None, None, None)),
        frame.offset,
        frame.defect,
    )


def _unless_same(shown, path):
    return None if shown == path else as_bytes(shown)


def _image_fields(volume):
    """What an image has beside the fields of an array, as JSON."""
    if not isinstance(volume, ImageVolume):
        return None
    grid = volume.grid and astuple(volume.grid)
    return json.dumps([volume.axes, volume.spacing, grid, volume.data])


def _volume(image, **fields):
    """The volume whose :func:`_image_fields` these are."""
    if image is None:
        return ArrayVolume(**fields)
    axes, spacing, grid, data = _tuples(json.loads(image))
    return ImageVolume(
        **fields,
        axes=axes,
        spacing=spacing,
        grid=grid and Grid.of(*grid),
        data=data,
    )


def _tuples(value):
    """Lists, which JSON has instead of tuples, as tuples."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
