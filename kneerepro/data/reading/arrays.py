"""Volumes as .mat, as the thesis's went from DICOM to NumPy, and as .npy."""

import functools
import os
from collections import namedtuple

import h5py
import numpy as np
import scipy.io

from kneerepro.data.reading.defects import DefectError

ArrayVolume = namedtuple('ArrayVolume', 'path name index shape')
ArrayVolume.__doc__ = """A volume in a file.

Attributes
----------
path : str
name : str
    Of the variable in a .mat file, '' in a .npy file.
index : int
    Which one of the volumes in the array.
shape : tuple of 3 ints
    Slices, rows and columns.
"""

_NPY = b'\x93NUMPY'
_HDF5 = b'\x89HDF\r\n\x1a\n'
_MEBIBYTE = 2**20

# MATLAB's classes of real numbers.
_NUMERIC = {
    'double',
    'single',
    'logical',
    *(f'{sign}int{bits}' for sign in ('', 'u') for bits in (8, 16, 32, 64)),
}


def is_array_file(head):
    """Whether a file is .npy or .mat, by its first KiB."""
    return (
        head.startswith(_NPY)
        or head.startswith(b'MATLAB 5.0 MAT-file')
        or _is_mat73(head)
    )


def _is_mat73(head):
    # HDF5 behind a block of 512 bytes that begins with a text.
    return head.startswith(b'MATLAB 7.3 MAT-file') and head[512:520] == _HDF5


def find_volumes(path, depth=160):
    """The volumes in a .mat or .npy file.

    Parameters
    ----------
    path : str
        A .npy file holds {slices, rows, columns}, {n, slices, rows, columns},
        or one of the thesis's datasets: {n, 1, slices, rows, columns} or the
        images {n * depth, 1, rows, columns}. A .mat file, of version 5 or
        7.3, holds rows x columns x slices, or rows x columns x slices x n, or
        the thesis's 5-D dataset; other variables in it are passed over.
    depth : int
        Slices of a volume in a dataset of images.

    Returns
    -------
    list of ArrayVolume

    Raises
    ------
    DefectError
        UNREADABLE, TRUNCATED_PIXELS, NO_VOLUME or WRONG_SHAPE.
    """
    found = []
    for name, shape, matlab in _arrays(path):
        count, volume = _layout(shape, matlab, depth)
        if min(volume) < 2:
            raise DefectError(
                'WRONG_SHAPE',
                f'its volumes have {" x ".join(map(str, volume))} values',
            )
        found += [ArrayVolume(path, name, i, volume) for i in range(count)]
    if not found:
        raise DefectError(
            'NO_VOLUME',
            'no array of real numbers with three to five dimensions in it',
        )
    return found


def read_volume(volume):
    """The values of a volume.

    Parameters
    ----------
    volume : ArrayVolume

    Returns
    -------
    array, shape (slices, rows, columns), float32
        Only this volume is read, except from a .mat file of version 5, whose
        variables can only be read as a whole.

    Raises
    ------
    DefectError
        UNREADABLE, NO_VOLUME or NOT_FINITE.
    """
    try:
        kind = _kind(volume.path)
        if kind == 'npy':
            array = np.load(volume.path, mmap_mode='r', allow_pickle=False)
            values = _cut(array, volume, matlab=False)
        elif kind == 'mat5':
            # Kept for the other volumes in it.
            array = _load_mat5(
                volume.path, volume.name, os.stat(volume.path).st_mtime_ns
            )
            values = _cut(array, volume, matlab=True)
        else:
            with h5py.File(volume.path, 'r') as file:
                values = _cut(
                    _Reversed(file[volume.name]), volume, matlab=True
                )
    except Exception as error:
        raise _unreadable(error) from None
    if values.dtype.kind not in 'fiub':
        # Of a .mat file of version 5, this shows only now.
        raise DefectError('NO_VOLUME', 'an array of complex numbers')
    values = np.ascontiguousarray(values, 'float32')
    if not np.isfinite(values).all():
        raise DefectError('NOT_FINITE', 'it has values that are not finite')
    return values


def _arrays(path):
    """(name, shape, whether in MATLAB's order) of the arrays in a file."""
    try:
        kind = _kind(path)
        if kind == 'npy':
            found = [('',) + _npy_header(path) + (False,)]
        elif kind == 'mat5':
            found = [
                (name, shape, np.dtype('u1'), True)
                for name, shape, cls in scipy.io.whosmat(path)
                if cls in _NUMERIC and len(shape) in (3, 4, 5)
            ]
        else:
            found = _mat73_arrays(path)
    except DefectError:
        raise
    except Exception as error:
        raise _unreadable(error) from None
    size = os.path.getsize(path)
    for name, shape, dtype, matlab in found:
        declared = dtype.itemsize * float(np.prod(shape, dtype=float))
        # .mat files may be compressed, but hardly to a thousandth.
        if declared > max(64 * _MEBIBYTE, 1000 * size):
            raise DefectError(
                'TRUNCATED_PIXELS',
                'it declares more values than the file can hold',
            )
        yield name, shape, matlab


def _kind(path):
    with open(path, 'rb') as file:
        head = file.read(1024)
    return (
        'npy'
        if head.startswith(_NPY)
        else 'mat73'
        if _is_mat73(head)
        else 'mat5'
    )


def _npy_header(path):
    with open(path, 'rb') as file:
        version = np.lib.format.read_magic(file)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)
        if read is None:
            raise ValueError('unknown version')
        shape, _, dtype = read(file)
        there = os.path.getsize(path) - file.tell()
    if dtype.kind not in 'fiub' or len(shape) not in (3, 4, 5):
        raise DefectError(
            'NO_VOLUME',
            f'an array of {dtype.kind} with {len(shape)} dimensions',
        )
    if dtype.itemsize * float(np.prod(shape, dtype=float)) > there:
        raise DefectError(
            'TRUNCATED_PIXELS', 'it declares more values than the file holds'
        )
    return shape, dtype


def _mat73_arrays(path):
    found = []
    with h5py.File(path, 'r') as file:
        for name, member in file.items():
            if (
                isinstance(member, h5py.Dataset)
                and member.ndim in (3, 4, 5)
                and member.dtype.kind in 'fiub'
                and member.attrs.get('MATLAB_class', b'double').decode()
                in _NUMERIC
            ):
                found.append((name, member.shape[::-1], member.dtype, True))
    return found


def _layout(shape, matlab, depth):
    """How many volumes an array holds, and of what shape."""
    if len(shape) == 5:
        if shape[1] != 1:
            raise DefectError(
                'WRONG_SHAPE', 'of five dimensions, the second is not 1'
            )
        return shape[0], shape[2:]
    if matlab:
        rows, columns, slices = shape[:3]
        return (shape[3] if len(shape) == 4 else 1), (slices, rows, columns)
    if len(shape) == 3:
        return 1, shape
    if shape[1] > 1:
        return shape[0], shape[1:]
    if shape[0] % depth:
        raise DefectError(
            'WRONG_SHAPE',
            f'{shape[0]} images are not a whole number of volumes of {depth}',
        )
    return shape[0] // depth, (depth,) + shape[2:]


def _cut(array, volume, matlab):
    """A volume out of an array."""
    i = volume.index
    if array.ndim == 5:
        return array[i, 0]
    if matlab:
        values = array[:, :, :, i] if array.ndim == 4 else array[:, :, :]
        return np.moveaxis(values, 2, 0)
    if array.ndim == 3:
        return array
    slices = volume.shape[0]
    return (
        array[i]
        if array.shape[1] > 1
        else array[i * slices : (i + 1) * slices, 0]
    )


class _Reversed:
    """An HDF5 dataset with its axes reversed, as MATLAB stores arrays."""

    def __init__(self, dataset):
        self._dataset = dataset
        self.ndim = dataset.ndim

    def __getitem__(self, index):
        index += (slice(None),) * (self.ndim - len(index))
        return self._dataset[index[::-1]].T


@functools.lru_cache(maxsize=1)
def _load_mat5(path, name, changed):
    return scipy.io.loadmat(path, variable_names=[name])[name]


def _unreadable(error):
    # scipy and h5py let whatever a damaged file provokes escape.
    return DefectError(
        'UNREADABLE', f'it cannot be read ({type(error).__name__})'
    )
