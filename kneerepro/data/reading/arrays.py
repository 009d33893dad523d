"""Read volumes from .mat files, as the thesis made them, and from .npy."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass

import h5py
import numpy as np
import scipy.io

from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.geometry import Orientation, orient_axes
from kneerepro.data.reading.grid import Grid
from kneerepro.data.reading.plausibility import is_plausible
from kneerepro.utils.text import as_bytes, from_bytes


@dataclass(frozen=True)
class ArrayVolume:
    """One volume in a file.

    Attributes
    ----------
    path : str
    name : str
        Of the variable in a .mat file; '' in a .npy file.
    index : int
        Of the volume in the array, from 0.
    shape : tuple of 3 ints
        Slices, rows and columns.
    spacing : tuple of 3 floats
        Between slices, rows and columns, in mm; 0 where unknown, as for
        arrays.
    grid : Grid, or None
        Where the voxels lie in the patient; None where unknown, as for
        arrays.
    """

    path: str
    name: str
    index: int
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float] = (0.0, 0.0, 0.0)
    grid: Grid | None = None

    def __len__(self):
        """The number of slices."""
        return self.shape[0]

    def paths(self) -> list[str]:
        """The file, as :meth:`kneerepro.data.reading.series.Series.paths`
        gives those of a series.
        """
        return [self.path]

    def orientation(self) -> Orientation | None:
        """How the volume lies in the patient; None if that is unknown."""
        return orient_axes(self.grid.steps) if self.grid else None


@dataclass(frozen=True)
class _Array:
    """An array in a file, as its header describes it."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    matlab: bool  # whether its axes are in MATLAB's order


_NPY = b'\x93NUMPY'
_HDF5 = b'\x89HDF\r\n\x1a\n'

# MATLAB's classes of real numbers.
_NUMERIC = {
    'double',
    'single',
    'logical',
    *(f'{sign}int{bits}' for sign in ('', 'u') for bits in (8, 16, 32, 64)),
}


def is_array_file(head: bytes) -> bool:
    """Whether a file is .npy or .mat, judged by its first KiB."""
    return head.startswith((_NPY, b'MATLAB 5.0 MAT-file')) or _is_mat73(head)


def _is_mat73(head):
    # HDF5 behind a block of 512 bytes that begins with this text.
    return head.startswith(b'MATLAB 7.3 MAT-file') and head[512:520] == _HDF5


def find_volumes(path: str, depth: int = 160) -> list[ArrayVolume]:
    """List the volumes in a .mat or .npy file.

    Parameters
    ----------
    path : str
        A .npy file holds {slices, rows, columns}, {n, slices, rows, columns},
        or one of the thesis's datasets: {n, 1, slices, rows, columns} or the
        images {n * depth, 1, rows, columns}. A .mat file, of version 5 or
        7.3, holds rows x columns x slices, rows x columns x slices x n, or
        the thesis's 5-D dataset; its other variables are ignored.
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
    volumes = []
    for array in _arrays(path):
        count, shape = _layout(array.shape, array.matlab, depth)
        if min(shape) < 2:
            raise DefectError(
                'WRONG_SHAPE',
                f'its volumes are {" x ".join(map(str, shape))} values; each '
                'axis needs at least 2',
            )
        volumes += [
            ArrayVolume(path=path, name=array.name, index=i, shape=shape)
            for i in range(count)
        ]
    if not volumes:
        raise DefectError(
            'NO_VOLUME',
            'it holds no array of real numbers with three to five dimensions',
        )
    return volumes


def read_volume(volume: ArrayVolume) -> np.ndarray:
    """Read the values of a volume.

    Only this volume is read, except from a .mat file of version 5, whose
    variables can only be read as a whole.

    Parameters
    ----------
    volume : ArrayVolume

    Returns
    -------
    array, shape (slices, rows, columns), float32

    Raises
    ------
    DefectError
        UNREADABLE, NO_VOLUME or NOT_FINITE.
    """
    try:
        values = _stored_values(volume)
    except Exception as error:
        raise _unreadable(error) from None
    if values.dtype.kind not in 'fiub':
        # The header of a .mat file of version 5 does not tell.
        raise DefectError('NO_VOLUME', 'it is an array of complex numbers')
    values = np.ascontiguousarray(values, 'float32')
    if not np.isfinite(values).all():
        raise DefectError('NOT_FINITE', 'it has values that are not finite')
    return values


def _stored_values(volume):
    kind = _kind(volume.path)
    if kind == 'npy':
        array = np.load(volume.path, mmap_mode='r', allow_pickle=False)
        return _cut(array, volume, matlab=False)
    if kind == 'mat5':
        # Cached for the other volumes of the variable.
        array = _load_mat5(
            volume.path, volume.name, os.stat(volume.path).st_mtime_ns
        )
        return _cut(array, volume, matlab=True)
    with _opened_hdf5(volume.path) as file:
        values = _Reversed(file[as_bytes(volume.name)])
        return _cut(values, volume, matlab=True)


def _arrays(path):
    """The arrays in a file that may hold volumes."""
    try:
        arrays = {
            'npy': _npy_arrays,
            'mat5': _mat5_arrays,
            'mat73': _mat73_arrays,
        }[_kind(path)](path)
    except DefectError:
        raise
    except Exception as error:
        raise _unreadable(error) from None
    available = os.path.getsize(path)
    for array in arrays:
        check_plausible(_size(array.dtype, array.shape), available)
        yield array


def check_plausible(size: float, available: int) -> None:
    """Refuse an array that no file can hold, not even a compressed one.

    Parameters
    ----------
    size : float
        In bytes, as the header declares it.
    available : int
        Bytes of the file.

    Raises
    ------
    DefectError
        TRUNCATED_PIXELS.
    """
    if not is_plausible(size, available):
        raise DefectError(
            'TRUNCATED_PIXELS',
            'it declares more values than the file can hold',
        )


def _size(dtype, shape):
    """Bytes of an array, as a float: a damaged header overflows integers."""
    return dtype.itemsize * float(np.prod(shape, dtype=float))


def _kind(path):
    with open(path, 'rb') as file:
        head = file.read(1024)
    if head.startswith(_NPY):
        return 'npy'
    return 'mat73' if _is_mat73(head) else 'mat5'


def _npy_arrays(path):
    with open(path, 'rb') as file:
        version = np.lib.format.read_magic(file)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)
        if read is None:
            raise ValueError('unknown version')
        shape, _, dtype = read(file)
        available = os.path.getsize(path) - file.tell()
    if dtype.kind not in 'fiub' or len(shape) not in (3, 4, 5):
        raise DefectError(
            'NO_VOLUME',
            f'it is an array of kind {dtype.kind} with {len(shape)} '
            'dimensions, not of real numbers with three to five',
        )
    if _size(dtype, shape) > available:
        raise DefectError(
            'TRUNCATED_PIXELS', 'it declares more values than the file holds'
        )
    return [_Array(name='', shape=shape, dtype=dtype, matlab=False)]


def _mat5_arrays(path):
    return [
        # The class is that of the array, not of the stored values, which may
        # take a single byte each.
        _Array(name=name, shape=shape, dtype=np.dtype('u1'), matlab=True)
        for name, shape, class_name in scipy.io.whosmat(path)
        if class_name in _NUMERIC and len(shape) in (3, 4, 5)
    ]


def _opened_hdf5(path):
    # Some file systems have no locks, and nobody writes to the file.
    return h5py.File(path, 'r', locking=False)


def _mat73_arrays(path):
    with _opened_hdf5(path) as file:
        return [
            _Array(
                name=name,
                shape=member.shape[::-1],
                dtype=member.dtype,
                matlab=True,
            )
            for name, member in _named_members(file)
            if isinstance(member, h5py.Dataset)
            and member.ndim in (3, 4, 5)
            and member.dtype.kind in 'fiub'
            and member.attrs.get('MATLAB_class', b'double').decode()
            in _NUMERIC
        ]


def _named_members(file):
    for name in file:
        # Of a name that is not UTF-8, h5py gives the bytes.
        text = name if isinstance(name, str) else from_bytes(name)
        yield text, file.get(name)


def _layout(shape, matlab, depth):
    """How many volumes an array holds, and the shape of each."""
    if len(shape) == 5:
        if shape[1] != 1:
            raise DefectError(
                'WRONG_SHAPE',
                f'it has five dimensions and the second is {shape[1]}, not 1',
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
    """Take a volume out of an array."""
    i = volume.index
    if array.ndim == 5:
        return array[i, 0]
    if matlab:
        values = array[:, :, :, i] if array.ndim == 4 else array[:, :, :]
        return np.moveaxis(values, 2, 0)
    if array.ndim == 3:
        return array
    if array.shape[1] > 1:
        return array[i]
    slices = volume.shape[0]
    return array[i * slices : (i + 1) * slices, 0]


class _Reversed:
    """An HDF5 dataset with its axes reversed, as MATLAB stores arrays."""

    def __init__(self, dataset):
        self._dataset = dataset
        self.ndim = dataset.ndim

    def __getitem__(self, index):
        index += (slice(None),) * (self.ndim - len(index))
        return self._dataset[index[::-1]].T


@functools.lru_cache(maxsize=1)
def _load_mat5(path, name, modified):
    return scipy.io.loadmat(path, variable_names=[name])[name]


def _unreadable(error):
    # scipy and h5py let through whatever a damaged file provokes.
    return DefectError(
        'UNREADABLE', f'it cannot be read ({type(error).__name__})'
    )
