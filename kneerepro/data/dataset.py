"""The HDF5 file of the 5-D dataset, {patients, 1, depth, rows, columns}.

A block of text comes before the HDF5 file: it says what follows, so that a
damaged file is noticed before HDF5 opens it, which can crash the process.

==================  ========================================================
volumes             float32, {n, 1, depth, rows, columns}, values in [0, 1]
patient             a name for the person, equal for volumes of one person
side                LEFT, RIGHT or empty
certain             whether the person's identity rests on a PatientID
series              SeriesInstanceUID; empty for a volume that is not DICOM
frame_of_reference  FrameOfReferenceUID, or empty
grid                {n, 15}: where the original volume lay, in the order of
                    its slices, rows and columns here: their numbers, the
                    position of the first voxel, and the steps to the next
                    slice, row and column, in DICOM's patient coordinates,
                    in mm; NaN where unknown
labels/0, 1, ...    a column of a label table each, with its title as the
                    attribute ``name``; only if there are labels
==================  ========================================================

The attribute ``provenance`` says in JSON how the dataset was made. ``hash`` is
a hash of all else: of the values, of what is stored with each volume, and of
the options with which they were made. It stays the same when the same volumes
are made again.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import h5py
import numpy as np

from kneerepro.data.convert import Options, network_grid
from kneerepro.data.reading.grid import Grid
from kneerepro.data.reading.uid import is_uid
from kneerepro.data.sealed import (
    DATASET,
    check_sealed,
    new_sealed,
    open_sealed,
)
from kneerepro.data.views import View

VERSION = 4
# Those of version 2 lack all of _LATER_FIELDS, grids and labels.
_READABLE = range(2, VERSION + 1)
#: Files of this version lack nothing that new ones have. Only their hash is
#: another: it covers the provenance, too.
COMPLETE = 3

# What is stored with each volume. A PatientID that is longer widens its
# column: cut off, two of them could become one.
_FIELDS = {'patient': 'S64', 'side': 'S5', 'certain': 'u1'}
_LATER_FIELDS = {'series': 'S64', 'frame_of_reference': 'S64'}


@contextlib.contextmanager
def new_dataset(
    path: str, shape: tuple[int, int, int], temporary: str | None = None
) -> Iterator[DatasetWriter]:
    """Create a dataset file, which appears when it is complete.

    Parameters
    ----------
    path : str
    shape : tuple of 3 ints
        Depth, rows and columns of a volume.
    temporary : str, optional
        Where to write it first, on the same file system; by default under a
        new name in the same folder.

    Yields
    ------
    DatasetWriter

    Raises
    ------
    UserError
        If it cannot be written.
    """
    with new_sealed(path, DATASET, VERSION, temporary) as file:
        writer = DatasetWriter(file, shape)
        yield writer
        writer.finish()


def create_volumes(
    file: h5py.File, shape: tuple[int, int, int]
) -> h5py.Dataset:
    """Create the array of volumes in a file, with none in it yet.

    Parameters
    ----------
    file : h5py.File
    shape : tuple of 3 ints
        Depth, rows and columns of a volume.

    Returns
    -------
    h5py.Dataset, shape (0, 1, depth, rows, columns), float32
    """
    # Without compression, HDF5 can read a single slice of a chunk.
    return file.create_dataset(
        'volumes',
        (0, 1) + tuple(shape),
        'float32',
        chunks=(1, 1) + tuple(shape),
        maxshape=(None, 1) + tuple(shape),
    )


def append_volume(volumes: h5py.Dataset, volume: np.ndarray) -> None:
    """Add a volume to what :func:`create_volumes` returned."""
    count = len(volumes)
    volumes.resize(count + 1, axis=0)
    volumes[count, 0] = volume


class DatasetWriter:
    """Fills a dataset file.

    Parameters
    ----------
    file : h5py.File
    shape : tuple of 3 ints
        Depth, rows and columns of a volume.

    Attributes
    ----------
    provenance : dict
        How the dataset was made, in values that JSON can hold. The file
        stores it.
    labels : dict of str to sequence
        Columns of a label table by their titles, with a value for each
        volume: numbers (NaN where there is none) or texts ('').
    """

    def __init__(self, file: h5py.File, shape: tuple[int, int, int]):
        self.provenance: dict[str, Any] = {}
        self.labels: Mapping[str, Sequence[Any] | np.ndarray] = {}
        self._file = file
        self._volumes = create_volumes(file, shape)
        self._fields: dict[str, list[Any]] = {
            name: [] for name in [*_FIELDS, *_LATER_FIELDS]
        }
        self._grids: list[list[float]] = []
        self._digest = hashlib.sha256()

    def append(
        self,
        volume: np.ndarray,
        patient: str,
        side: str = '',
        certain: bool = True,
        *,
        grid: Grid | None = None,
        series: str = '',
        frame_of_reference: str = '',
    ) -> None:
        """Add a volume.

        Parameters
        ----------
        volume : array, shape (depth, rows, columns), float32, in [0, 1]
        patient : str
            A name for the person, the same for all volumes of that person.
        side : str
            'LEFT', 'RIGHT' or ''.
        certain : bool
            Whether the person's identity rests on a PatientID.
        grid : Grid, optional
            Where the volume lay in the patient before it was resized, with
            its axes in the order and direction that they have here.
        series, frame_of_reference : str
            SeriesInstanceUID and FrameOfReferenceUID.
        """
        volume = np.ascontiguousarray(volume, '<f4')
        append_volume(self._volumes, volume)
        self._digest.update(volume.reshape(-1).view('u1').data)
        for name, value in [
            ('patient', patient.encode('ascii', 'backslashreplace')),
            ('side', side),
            ('certain', certain),
            ('series', _uid(series)),
            ('frame_of_reference', _uid(frame_of_reference)),
        ]:
            self._fields[name].append(value)
        self._grids.append(_as_row(grid))

    def finish(self) -> None:
        """Store what describes the volumes. The last call."""
        for name, dtype in {**_FIELDS, **_LATER_FIELDS}.items():
            self._store(name, _as_field(self._fields[name], dtype))
        self._store('grid', np.reshape(self._grids, (-1, 15)).astype('<f8'))
        for i, (title, values) in enumerate(self.labels.items()):
            column = self._store(
                f'labels/{i}', _as_column(values, len(self._grids)), title
            )
            column.attrs['name'] = title
        self._note([list(self._volumes.shape), self.provenance.get('options')])
        self._file.attrs['hash'] = self._digest.hexdigest()
        self._file.attrs['provenance'] = json.dumps(
            self.provenance, sort_keys=True
        )

    def _store(self, name, array, title=''):
        """Store an array, and have the hash cover it."""
        self._note([name, title, array.dtype.str, array.shape])
        self._digest.update(array.tobytes())
        return self._file.create_dataset(name, data=array)

    def _note(self, facts):
        """Have the hash cover what JSON can hold."""
        self._digest.update(json.dumps(facts, sort_keys=True).encode())


def _as_field(values, dtype):
    """Values as an array, whose texts are wide enough for the longest."""
    dtype = np.dtype(dtype)
    if dtype.kind == 'S':
        dtype = f'S{max([dtype.itemsize, *map(len, values)])}'
    return np.array(values, dtype)


def _uid(text):
    """A UID, or '' for text that is none: it may name a person."""
    return text if is_uid(text) else ''


def _as_row(grid):
    if grid is None:
        return [np.nan] * 15
    return [*grid.shape, *grid.origin, *np.ravel(grid.steps)]


def _as_grid(row):
    if np.isnan(row).any():
        return None
    return Grid.of(row[:3], row[3:6], row[6:].reshape(3, 3))


def _as_column(values, count):
    """Values of a label as an array that HDF5 can hold."""
    if len(values) != count:
        raise ValueError(f'{len(values)} labels for {count} volumes')
    array = np.asarray(values)
    if array.dtype.kind in 'fiub':
        return array.astype('<f8')
    return np.array([str(value).encode() for value in values], 'S')


class Dataset:
    """Reads a dataset file.

    Parameters
    ----------
    path : str
    verify : bool
        Read the whole file once and compare it with its checksum; otherwise
        compare only its length.

    Attributes
    ----------
    volumes : View, shape (patients, 1, depth, rows, columns), float32
        The thesis's 5-D dataset (section 2.2). Slicing reads from disk.
    images : View, shape (patients * depth, 1, rows, columns), float32
        The thesis's 4-D dataset: the same values, slice by slice.
    patient : array of str, shape (patients,)
        Equal for volumes of one person.
    side : array of str, shape (patients,)
        'LEFT', 'RIGHT' or ''.
    certain : array of bool, shape (patients,)
        Whether the person's identity rests on a PatientID.
    series, frame_of_reference : array of str, shape (patients,)
        SeriesInstanceUID and FrameOfReferenceUID; '' where unknown.
    originals : list of Grid or None
        Where each volume lay in the patient before it was resized, with its
        axes in the order and direction that they have here; None where
        unknown, as in files of version 2.
    labels : dict of str to array, shape (patients,)
        The columns of a label table: floats, NaN where there is none, or
        texts, ''. Empty if the dataset was made without.
    provenance : dict
        How the file was made.
    hash : str
        SHA-256 in hexadecimal, of the contents without the provenance. In
        files of versions 2 and 3: of the file after its first 512 bytes.
    version : int
        Of the format of the file.
    shape : tuple of 3 ints
        Depth, rows and columns of a volume.

    Raises
    ------
    UserError
        If the file is not such a dataset, or is damaged.
    """

    def __init__(self, path: str, verify: bool = True):
        self.version, digest = check_sealed(path, DATASET, _READABLE, verify)
        self._file = open_sealed(path)
        self.hash: str = self._file.attrs.get('hash', digest)
        volumes = self._file['volumes']
        self.shape = volumes.shape[2:]
        self.patient = self._file['patient'][:].astype(str)
        self.side = self._file['side'][:].astype(str)
        self.certain = self._file['certain'][:].astype(bool)
        count = len(self.patient)
        self.series, self.frame_of_reference = (
            self._file[name][:].astype(str)
            if name in self._file
            else np.full(count, '')
            for name in _LATER_FIELDS
        )
        self.originals: list[Grid | None] = (
            [_as_grid(row) for row in self._file['grid'][:]]
            if 'grid' in self._file
            else [None] * count
        )
        self.labels = self._read_labels()
        self.provenance = json.loads(self._file.attrs['provenance'])
        self.volumes = View(volumes, self.patient, self.certain)
        self.images = View(volumes, self.patient, self.certain, images=True)

    def _read_labels(self):
        if 'labels' not in self._file:
            return {}
        columns = [
            self._file[f'labels/{i}'] for i in range(len(self._file['labels']))
        ]
        return {
            column.attrs['name']: column[:]
            if column.dtype.kind == 'f'
            else np.char.decode(column[:], 'utf-8')
            for column in columns
        }

    @functools.cached_property
    def grids(self) -> list[Grid | None]:
        """Where the voxels of each volume lie in the patient; None where
        that is unknown.
        """
        depth, size, _ = self.shape
        options = Options(depth=depth, size=size)
        return [
            grid and network_grid(grid, options) for grid in self.originals
        ]

    def examples(self, on_volumes: bool) -> View:
        """The examples for a training.

        Parameters
        ----------
        on_volumes : bool
            Whether each volume is an example, rather than each slice.

        Returns
        -------
        View
        """
        return self.volumes if on_volumes else self.images

    def close(self) -> None:
        """Close the file. Views can then no longer read from it."""
        self._file.close()

    def __enter__(self) -> Dataset:
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()
