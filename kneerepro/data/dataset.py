"""The HDF5 file of the 5-D dataset, {patients, 1, depth, rows, columns}."""

import contextlib
import re

import h5py
import numpy as np

from kneerepro.errors import UserError
from kneerepro.files import reason, replacing

FORMAT = 'kneerepro volumes'
VERSION = 1


@contextlib.contextmanager
def new_dataset(path, count, shape, attributes):
    """Create a dataset file, which appears under its name once whole.

    Parameters
    ----------
    path : str
    count : int
        Number of volumes.
    shape : tuple of 3 ints
        Depth, rows and columns of a volume.
    attributes : dict
        Kept in the file: how it was made.

    Yields
    ------
    callable
        ``write(i, volume, patient)`` stores volume `i`, float32 in [0, 1];
        volumes of one person have the same `patient`, an int.
    """
    with replacing(path) as temporary, _written(temporary) as file:
        file.attrs.update(attributes, format=FORMAT, version=VERSION)
        volumes = file.create_dataset(
            'volumes', (count, 1) + shape, 'float32',
            chunks=(1, 1) + shape)
        patients = file.create_dataset('patient', (count,), 'int32')

        def write(i, volume, patient):
            volumes[i, 0] = volume
            patients[i] = patient

        yield write


@contextlib.contextmanager
def _written(path):
    try:
        with h5py.File(path, 'w') as file:
            yield file
    except RuntimeError as error:
        # What h5py makes of a full disk when it closes the file.
        number = re.search(r'errno = (\d+)', str(error))
        if number:
            raise OSError(int(number[1]), str(error)) from error
        raise


class Dataset:
    """Reads a dataset file.

    Parameters
    ----------
    path : str

    Attributes
    ----------
    volumes : h5py.Dataset, shape (patients, 1, depth, rows, columns), float32
        Read from disk as it is sliced.
    patient : array of int, shape (patients,)
        Equal for volumes of one person.
    attributes : dict
        How the file was made.

    Raises
    ------
    UserError
        If the file is not such a dataset.
    """

    def __init__(self, path):
        try:
            self._file = h5py.File(path, 'r')
        except OSError as error:
            raise UserError(f'{path} cannot be read as HDF5 '
                            f'({reason(error)})') from None
        try:
            self._check(path)
        except BaseException:
            self.close()
            raise

    def _check(self, path):
        attributes = dict(self._file.attrs)
        if str(attributes.get('format')) != FORMAT:
            raise UserError(f'{path} is HDF5 but no dataset of this package: '
                            'make one with data/prepare.py')
        version = attributes.get('version')
        if str(version) != str(VERSION):
            raise UserError(
                f'{path} has format version {version}, this package reads '
                f'{VERSION}: prepare it again')
        volumes, patient = self._member('volumes'), self._member('patient')
        shape = volumes.shape
        if (len(shape) != 5 or shape[1] != 1 or 0 in shape
                or volumes.dtype != np.float32):
            raise UserError(
                f'{path} holds {volumes.dtype} volumes of shape {shape}, '
                'needed is float32 of shape (patients, 1, depth, rows, '
                'columns)')
        if patient.shape != shape[:1] or patient.dtype.kind not in 'iu':
            raise UserError(
                f'{path} holds {shape[0]} volumes, but {patient.dtype} '
                f'patients of shape {patient.shape}: needed is an integer for '
                'each volume')
        self.volumes, self.patient = volumes, patient[:]
        self.attributes = attributes

    def _member(self, name):
        member = self._file.get(name)
        if not isinstance(member, h5py.Dataset):
            raise UserError(
                f'{self._file.filename} is incomplete: no dataset {name}')
        return member

    def close(self):
        self._file.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


def split_volumes(dataset, test=None):
    """The thesis's split: the first volumes train, the last test.

    Parameters
    ----------
    dataset : Dataset
    test : int, optional
        Number of test volumes; by default one in nine, as 20 of 180.

    Returns
    -------
    train, test : array, shape (n, 1, depth, rows, columns), float32
        In memory.
    shared : bool
        Whether a person has volumes on both sides, which makes the test set
        no test.

    Raises
    ------
    UserError
        If that leaves either side empty, or values are not in [0, 1].
    """
    count = len(dataset.volumes)
    if test is None:
        test = max(1, round(count / 9))
    if not 0 < test < count:
        raise UserError(
            f'{count} volumes cannot be split into training volumes and '
            f'{test} test volumes: at least one of each is needed')
    patients = dataset.patient
    shared = bool(set(patients[:-test]) & set(patients[-test:]))
    sides = dataset.volumes[:-test], dataset.volumes[-test:]
    for volumes in sides:
        low, high = volumes.min(), volumes.max()
        if not (0 <= low and high <= 1):  # nor NaN
            raise UserError(f'the volumes hold values from {low:g} to '
                            f'{high:g}, needed are values in [0, 1]')
    return sides + (shared,)
