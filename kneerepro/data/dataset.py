"""The HDF5 file of the 5-D dataset, {patients, 1, depth, rows, columns}."""

import contextlib
import hashlib
import json
import os
import re

import h5py
import numpy as np

from kneerepro.data.views import View
from kneerepro.utils.errors import UserError
from kneerepro.utils.files import reason, replacing

FORMAT = 'kneerepro volumes'
VERSION = 2

# Beside the volumes, for each: whose it is, which knee, and whether the
# identity is certain.
_FIELDS = {'patient': 'S64', 'side': 'S5', 'certain': 'u1'}

# HDF5 leaves a block in front of a file to its users. It says here what is
# behind it, so that HDF5, which damaged files make crash, need not be asked.
_BLOCK = 512


@contextlib.contextmanager
def new_dataset(path, shape, temporary=None):
    """Create a dataset file, which appears under its name once whole.

    Parameters
    ----------
    path : str
    shape : tuple of 3 ints
        Depth, rows and columns of a volume.
    temporary : str, optional
        Where to write it before it takes its name, on the same file system;
        by default a name of its own in the same folder.

    Yields
    ------
    DatasetWriter

    Raises
    ------
    UserError
        If it cannot be written.
    """
    with replacing(path, temporary) as temporary:
        with _written(temporary) as file:
            writer = DatasetWriter(file, shape)
            yield writer
            writer.finish()
        with open(temporary, 'rb+') as file:
            file.seek(_BLOCK)
            length, digest = _behind_block(file)
            file.seek(0)
            file.write(
                f'{FORMAT}\nversion {VERSION}\nlength {length}\n'
                f'sha256 {digest}\n'.encode()
            )


@contextlib.contextmanager
def _written(path):
    try:
        with h5py.File(path, 'w', userblock_size=_BLOCK) as file:
            yield file
    except RuntimeError as error:
        # What h5py makes of a full disk when it closes the file.
        number = re.search(r'errno = (\d+)', str(error))
        if number:
            raise OSError(int(number[1]), str(error)) from error
        raise


class DatasetWriter:
    """Fills a dataset file.

    Attributes
    ----------
    provenance : dict
        How the dataset was made, in what JSON can hold; kept in the file.
    """

    def __init__(self, file, shape):
        self.provenance = {}
        self._file = file
        # No compression: of a chunk that is stored plainly, HDF5 can read a
        # single slice.
        self._volumes = file.create_dataset(
            'volumes',
            (0, 1) + tuple(shape),
            'float32',
            chunks=(1, 1) + tuple(shape),
            maxshape=(None, 1) + tuple(shape),
        )
        self._fields = {name: [] for name in _FIELDS}

    def append(self, volume, patient, side='', certain=True):
        """Add a volume.

        Parameters
        ----------
        volume : array, shape (depth, rows, columns), float32, in [0, 1]
        patient : str
            Whose it is: the same for volumes of one person.
        side : str
            'LEFT', 'RIGHT' or ''.
        certain : bool
            Whether the identity rests on a PatientID.
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

    def finish(self):
        for name, dtype in _FIELDS.items():
            self._file[name] = np.array(self._fields[name], dtype)
        self._file.attrs['provenance'] = json.dumps(
            self.provenance, sort_keys=True
        )


def _behind_block(file):
    """Length and SHA-256 of the rest of a file."""
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
        Read all of it once and compare it with its checksum. Otherwise only
        its length is compared.

    Attributes
    ----------
    volumes : View, shape (patients, 1, depth, rows, columns), float32
        The thesis's 5-D dataset (section 2.2), read from disk as it is
        sliced.
    images : View, shape (patients * depth, 1, rows, columns), float32
        Its 4-D dataset: the same values, slice by slice.
    patient : array of str, shape (patients,)
        Equal for volumes of one person.
    side : array of str, shape (patients,)
        'LEFT', 'RIGHT' or ''.
    certain : array of bool, shape (patients,)
        Whether the identity rests on a PatientID.
    provenance : dict
        How the file was made.
    hash : str
        SHA-256 of the file behind its first 512 bytes, in hexadecimal.
    shape : tuple of 3 ints
        Depth, rows and columns of a volume.

    Raises
    ------
    UserError
        If the file is not such a dataset, or has been damaged.
    """

    def __init__(self, path, verify=True):
        self.hash = _check(path, verify)
        try:
            self._file = h5py.File(path, 'r')
        except OSError as error:
            raise UserError(
                f'{path} cannot be read as HDF5 ({reason(error)})'
            ) from None
        volumes = self._file['volumes']
        self.shape = volumes.shape[2:]
        self.patient = self._file['patient'][:].astype(str)
        self.side = self._file['side'][:].astype(str)
        self.certain = self._file['certain'][:].astype(bool)
        self.provenance = json.loads(self._file.attrs['provenance'])
        self.volumes = View(volumes, self.patient, self.certain)
        self.images = View(volumes, self.patient, self.certain, images=True)

    def examples(self, on_volumes):
        """The volumes, or their slices, each an example.

        Returns
        -------
        View
        """
        return self.volumes if on_volumes else self.images

    def close(self):
        self._file.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


def _check(path, verify):
    """Compare a file with the block in front of it; returns its hash."""
    try:
        with open(path, 'rb') as file:
            block = file.read(_BLOCK)
            length = os.fstat(file.fileno()).st_size - _BLOCK
            found = re.match(
                rb'(.*)\nversion (\d+)\nlength (\d+)\nsha256 ([0-9a-f]{64})\n',
                block,
            )
            if not found or found[1].decode('latin-1') != FORMAT:
                raise UserError(
                    f'{path} is no dataset of this package: make '
                    'one with data/prepare.py'
                )
            version, expected = int(found[2]), int(found[3])
            if version != VERSION:
                raise UserError(
                    f'{path} has format version {version}, this package reads '
                    f'{VERSION}: prepare it again'
                )
            digest = found[4].decode()
            if verify and length == expected:
                length, actual = _behind_block(file)
            if length != expected or verify and actual != digest:
                raise UserError(
                    f'{path} is damaged: {length:,} bytes '
                    + (
                        'which do not agree with their checksum'
                        if length == expected
                        else f'instead of {expected:,}'
                    )
                    + '; prepare it again'
                )
    except OSError as error:
        raise UserError(f'{path} cannot be read: {reason(error)}') from None
    return digest
