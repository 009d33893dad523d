"""The HDF5 file of the 5-D dataset, {patients, 1, depth, rows, columns}."""

import contextlib

import h5py
import numpy as np

from kneerepro.errors import UserError
from kneerepro.files import replacing

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
    with replacing(path) as temporary, h5py.File(temporary, 'w') as file:
        file.attrs.update(attributes, format=FORMAT, version=VERSION)
        volumes = file.create_dataset(
            'volumes', (count, 1) + shape, 'float32',
            chunks=(1, 1) + shape)
        patients = file.create_dataset('patient', (count,), 'int32')

        def write(i, volume, patient):
            volumes[i, 0] = volume
            patients[i] = patient

        yield write


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
            raise UserError(
                f'{path} cannot be read as HDF5 ({error})') from None
        try:
            self._check(path)
        except BaseException:
            self.close()
            raise

    def _check(self, path):
        attributes = dict(self._file.attrs)
        if attributes.get('format') != FORMAT:
            raise UserError(f'{path} is HDF5 but no dataset of this package: '
                            'make one with data/prepare.py')
        if attributes['version'] != VERSION:
            raise UserError(
                f'{path} has format version {attributes["version"]}, this '
                f'package reads {VERSION}: prepare it again')
        try:
            self.volumes = self._file['volumes']
            self.patient = self._file['patient'][:]
        except (KeyError, OSError) as error:
            raise UserError(f'{path} is incomplete: {error}') from None
        shape = self.volumes.shape
        if (len(shape) != 5 or shape[1] != 1
                or self.volumes.dtype != np.float32
                or self.patient.shape != shape[:1]):
            raise UserError(
                f'{path} holds {self.volumes.dtype} volumes of shape {shape}, '
                'needed is float32 of shape (patients, 1, depth, rows, '
                'columns)')
        self.attributes = attributes

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
        If that leaves either side empty.
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
    return dataset.volumes[:-test], dataset.volumes[-test:], shared
