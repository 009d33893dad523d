"""The HDF5 file of the 5-D dataset, {patients, 1, depth, rows, columns}.

A block of text comes before the HDF5 file: it says what follows, so that a
damaged file is noticed before HDF5 opens it, which can crash the process.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import h5py
import numpy as np

from kneerepro.data.views import View
from kneerepro.utils.errors import UserError
from kneerepro.utils.files import reason, replacing

FORMAT = 'kneerepro volumes'
VERSION = 2

# What is stored with each volume: the patient, which knee it is, and whether
# the patient's identity is certain.
_FIELDS = {'patient': 'S64', 'side': 'S5', 'certain': 'u1'}

# Bytes of the block. HDF5 leaves the beginning of a file to its users.
_BLOCK = 512


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
    with replacing(path, temporary) as temporary:
        with _create_hdf5(temporary) as file:
            writer = DatasetWriter(file, shape)
            yield writer
            writer.finish()
        with open(temporary, 'rb+') as file:
            file.seek(_BLOCK)
            length, digest = _read_rest(file)
            file.seek(0)
            file.write(
                f'{FORMAT}\nversion {VERSION}\nlength {length}\n'
                f'sha256 {digest}\n'.encode()
            )


@contextlib.contextmanager
def _create_hdf5(path):
    try:
        with h5py.File(path, 'w', userblock_size=_BLOCK) as file:
            yield file
    except RuntimeError as error:
        # What h5py raises for a full disk when it closes the file.
        number = re.search(r'errno = (\d+)', str(error))
        if number:
            raise OSError(int(number[1]), str(error)) from error
        raise


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
    """

    def __init__(self, file: h5py.File, shape: tuple[int, int, int]):
        self.provenance: dict[str, Any] = {}
        self._file = file
        # Without compression, HDF5 can read a single slice of a chunk.
        self._volumes = file.create_dataset(
            'volumes',
            (0, 1) + tuple(shape),
            'float32',
            chunks=(1, 1) + tuple(shape),
            maxshape=(None, 1) + tuple(shape),
        )
        self._fields: dict[str, list[Any]] = {name: [] for name in _FIELDS}

    def append(
        self,
        volume: np.ndarray,
        patient: str,
        side: str = '',
        certain: bool = True,
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
        """
        volume = np.ascontiguousarray(volume, '<f4')
        count = len(self._volumes)
        self._volumes.resize(count + 1, axis=0)
        self._volumes[count, 0] = volume
        for name, value in [
            ('patient', patient.encode('ascii', 'backslashreplace')),
            ('side', side),
            ('certain', certain),
        ]:
            self._fields[name].append(value)

    def finish(self) -> None:
        """Store what describes the volumes. The last call."""
        for name, dtype in _FIELDS.items():
            self._file[name] = np.array(self._fields[name], dtype)
        self._file.attrs['provenance'] = json.dumps(
            self.provenance, sort_keys=True
        )


def _read_rest(file: BinaryIO) -> tuple[int, str]:
    """Length and SHA-256 of a file from its current position."""
    digest, length = hashlib.sha256(), 0
    for part in iter(lambda: file.read(2**20), b''):
        digest.update(part)
        length += len(part)
    return length, digest.hexdigest()


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
    provenance : dict
        How the file was made.
    hash : str
        SHA-256 of the file after its first 512 bytes, in hexadecimal.
    shape : tuple of 3 ints
        Depth, rows and columns of a volume.

    Raises
    ------
    UserError
        If the file is not such a dataset, or is damaged.
    """

    def __init__(self, path: str, verify: bool = True):
        self.hash = _check(path, verify)
        try:
            self._file = h5py.File(path, 'r')
        except OSError as error:
            raise UserError(
                f'{path} cannot be read as HDF5 ({reason(error)}): prepare it '
                'again'
            ) from None
        volumes = self._file['volumes']
        self.shape = volumes.shape[2:]
        self.patient = self._file['patient'][:].astype(str)
        self.side = self._file['side'][:].astype(str)
        self.certain = self._file['certain'][:].astype(bool)
        self.provenance = json.loads(self._file.attrs['provenance'])
        self.volumes = View(volumes, self.patient, self.certain)
        self.images = View(volumes, self.patient, self.certain, images=True)

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


def _check(path, verify):
    """Compare a file with the block in front of it; returns its hash."""
    try:
        with open(path, 'rb') as file:
            block = file.read(_BLOCK)
            length = os.fstat(file.fileno()).st_size - _BLOCK
            expected, digest = _parse_block(block, path)
            if length != expected:
                raise UserError(
                    f'{path} is damaged: {length:,} bytes instead of '
                    f'{expected:,}; prepare it again'
                )
            if verify and _read_rest(file)[1] != digest:
                raise UserError(
                    f'{path} is damaged: its {length:,} bytes disagree with '
                    'their checksum; prepare it again'
                )
    except OSError as error:
        raise UserError(f'{path} cannot be read: {reason(error)}') from None
    return digest


def _parse_block(block, path):
    """The length and the hash that the block in front of a file states."""
    found = re.match(
        rb'(.*)\nversion (\d+)\nlength (\d+)\nsha256 ([0-9a-f]{64})\n', block
    )
    if not found or found[1].decode('latin-1') != FORMAT:
        raise UserError(
            f'{path} is not a dataset of this package: make one with '
            'data/prepare.py'
        )
    version = int(found[2])
    if version != VERSION:
        raise UserError(
            f'{path} has format version {version}, but this package reads '
            f'{VERSION}: prepare it again'
        )
    return int(found[3]), found[4].decode()
