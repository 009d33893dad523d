"""Read volumes from NIfTI, MetaImage and NRRD files.

SimpleITK decodes them. It is optional and heavy, so it is imported only if
there is such a file.

Converters store the axes of a volume in any order and direction. Here, the
slices are those of the acquisition, and the axes are only exchanged and
reversed, never interpolated, so that a volume equals that of the DICOM series
from which it was made: see :func:`kneerepro.data.reading.geometry.usual_axes`.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from kneerepro.data.reading.arrays import ArrayVolume
from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.geometry import usual_axes
from kneerepro.data.reading.grid import Grid
from kneerepro.data.reading.image_headers import ImageHeader, read_header
from kneerepro.data.reading.stored_values import check_length, check_values
from kneerepro.data.reading.tolerances import SHEAR

# Time points and echoes are some hundreds at most; a damaged header may
# declare millions.
_MAX_VOLUMES = 1000


@dataclass(frozen=True)
class ImageVolume(ArrayVolume):
    """One volume in a NIfTI, MetaImage or NRRD file.

    Attributes
    ----------
    path, name, index, shape, spacing, grid
        As of an :class:`~kneerepro.data.reading.arrays.ArrayVolume`.
    axes : tuple of 3 ints
        Which axes of the file are slices, rows and columns, as for
        :func:`numpy.transpose`, if the file's are counted from the one that
        varies least. Without a grid, they are taken as the file has them.
    data : str
        Name of the file in the same folder that holds the values; '' if
        `path` itself does.
    """

    axes: tuple[int, int, int] = (0, 1, 2)
    data: str = ''

    def paths(self) -> list[str]:
        """The file, and the one with the values if that is another."""
        if not self.data:
            return [self.path]
        return [
            self.path,
            os.path.join(os.path.dirname(self.path), self.data),
        ]


@dataclass(frozen=True)
class _Content:
    """What a file holds, in the order in which it holds it.

    Attributes
    ----------
    shape : tuple of 3 ints
        From the axis that varies least.
    further : tuple of ints
        Lengths of further axes, such as time, from the one that varies most.
    components : int
        Volumes whose values are stored voxel by voxel.
    item_size : int
        Bytes of a number.
    spacing, grid
        As of :class:`ImageVolume`, in the order of `shape`.
    """

    shape: tuple[int, int, int]
    further: tuple[int, ...]
    components: int
    item_size: int
    spacing: tuple[float, float, float]
    grid: Grid | None

    @property
    def count(self) -> int:
        """The number of volumes."""
        return self.components * int(np.prod(self.further))

    @property
    def numbers(self) -> float:
        """How many there are; a float, because a damaged header overflows
        integers.
        """
        lengths = self.shape + self.further + (self.components,)
        return float(np.prod(lengths, dtype=float))

    @property
    def size(self) -> float:
        """Bytes of all numbers."""
        return self.item_size * self.numbers

    def part(self, index: int) -> range:
        """Which of all bytes are those of a volume.

        Those of volumes that are stored voxel by voxel have all.
        """
        if self.components > 1:
            return range(int(self.size))
        length = int(self.size) // self.count
        return range(index * length, (index + 1) * length)


def find_volumes(path: str) -> list[ImageVolume]:
    """List the volumes in a file; only its header is read.

    Parameters
    ----------
    path : str
        A file for which
        :func:`kneerepro.data.reading.image_headers.is_image_file` holds. One
        of more than three dimensions holds several volumes, such as time
        points.

    Returns
    -------
    list of ImageVolume

    Raises
    ------
    DefectError
        NO_READER, UNREADABLE, TRUNCATED_PIXELS, NO_VOLUME, WRONG_SHAPE,
        COLOUR, SHIFTED_SLICES or MIXED_ORIENTATIONS.
    """
    header = read_header(path)
    with _reader(path, header) as reader:
        content = _content(reader, header)
    values = os.path.join(os.path.dirname(path), header.data or path)
    check_length(values, header, content.numbers, content.size)
    if content.count > _MAX_VOLUMES:
        raise DefectError('WRONG_SHAPE', f'it has {content.count} volumes')
    axes = (0, 1, 2)
    shape, spacing, grid = content.shape, content.spacing, content.grid
    if grid is not None:
        axes = usual_axes(grid.steps)
        grid = grid.permuted(axes)
        shape, spacing = grid.shape, grid.spacing
    return [
        ImageVolume(
            path=path,
            name='',
            index=i,
            shape=shape,
            axes=axes,
            spacing=spacing,
            grid=grid,
            data=header.data,
        )
        for i in range(content.count)
    ]


def read_slices(
    volume: ImageVolume,
) -> Iterator[tuple[np.ndarray, float, float]]:
    """Read the slices of a volume.

    Parameters
    ----------
    volume : ImageVolume

    Yields
    ------
    image : array, shape (rows, columns), float32
    scale, offset : float
        The values in the file's units are ``scale * image + offset``.

    Raises
    ------
    DefectError
        As :func:`find_volumes`, UNDECODABLE_PIXELS or NOT_FINITE.
    """
    header = read_header(volume.path)
    with _reader(volume.path, header) as reader:
        content = _content(reader, header)
        path = volume.paths()[-1]
        check_length(path, header, content.numbers, content.size)
        check_values(
            path, header, int(content.size), content.part(volume.index)
        )
        which, component = divmod(volume.index, content.components)
        decoded = _decode(reader, content, which)
    # Without a copy of all: it is only valid while `decoded` exists.
    values = _library().GetArrayViewFromImage(decoded)
    if values.ndim > 3:
        values = values[..., component]
    for image in values.transpose(volume.axes):
        if not np.isfinite(image).all():
            raise DefectError(
                'NOT_FINITE', 'it has values that are not finite'
            )
        yield (
            # A copy, which outlives `decoded`.
            np.array(image, 'float32', order='C'),
            header.scale,
            header.offset,
        )


def _decode(reader, content, which):
    """The volume at a place along the further axes, as SimpleITK has it."""
    if content.further:
        first = np.unravel_index(which, content.further, order='F')
        # An axis of which a single place is wanted has the size 0.
        reader.SetExtractSize(
            [*content.shape[::-1], *(0 for _ in content.further)]
        )
        reader.SetExtractIndex([0, 0, 0, *map(int, first)])
    try:
        return reader.Execute()
    except RuntimeError:
        raise DefectError(
            'UNDECODABLE_PIXELS', 'SimpleITK cannot decode its values'
        ) from None


# -------------------------------------------------------------------- headers


def _content(reader, header):
    size = [int(length) for length in reader.GetSize()]
    kind = _library().GetPixelIDValueAsString(reader.GetPixelID())
    if len(size) < 3:
        raise DefectError('NO_VOLUME', f'it has {len(size)} dimensions')
    components = _components(reader, header, kind)
    columns, rows, slices, *further = size
    if min(slices, rows, columns) < 2 or min(further, default=1) < 1:
        raise DefectError(
            'WRONG_SHAPE',
            f'it has {" x ".join(map(str, size))} values; each axis needs at '
            'least 2',
        )
    grid, spacing = _geometry(reader, header, (slices, rows, columns))
    bits = re.search(r'(\d+)-bit', kind)
    return _Content(
        shape=(slices, rows, columns),
        further=tuple(further),
        components=components,
        item_size=header.stored.itemsize
        if header.stored is not None
        else (int(bits[1]) // 8 if bits else 1),
        spacing=spacing,
        grid=grid,
    )


def _components(reader, header, kind):
    count = int(reader.GetNumberOfComponents())
    if 'complex' in kind:
        raise DefectError('NO_VOLUME', 'its values are complex numbers')
    if count == 1 or header.is_list:
        return count
    if kind.endswith('8-bit unsigned integer') and count in (3, 4):
        raise DefectError('COLOUR', 'its pixels are not shades of grey')
    raise DefectError('WRONG_SHAPE', f'each of its voxels has {count} values')


def _geometry(reader, header, shape):
    """The grid, or None, and the spacing of slices, rows and columns."""
    if header.affine is not None:
        vectors, origin = header.affine[:, :3], header.affine[:, 3]
    elif header.reader == 'NiftiImageIO':
        vectors, origin = np.diag(header.spacing), np.zeros(3)
    else:
        dimension = len(reader.GetSize())
        direction = np.reshape(reader.GetDirection(), (dimension, dimension))
        vectors = direction[:3, :3] * reader.GetSpacing()[:3]
        origin = np.array(reader.GetOrigin()[:3])
    # Programs write the unit matrix where they know nothing.
    blank = (np.abs(vectors) == np.eye(3)).all() and not origin.any()
    if header.oriented and not blank:
        _check_axes(vectors, origin)
        grid = Grid.of(shape, origin, vectors.T[::-1])
        return grid, grid.spacing
    columns, rows, slices = np.linalg.norm(vectors, axis=0).tolist()
    if slices == rows == columns == 1:
        return None, (0.0, 0.0, 0.0)
    return None, (slices, rows, columns)


def _check_axes(vectors, origin):
    lengths = np.linalg.norm(vectors, axis=0)
    if not np.isfinite(origin).all() or not (lengths > 0).all():
        raise DefectError(
            'UNREADABLE', 'its spacing, orientation or position is no number'
        )
    cosines = vectors / lengths
    if np.abs(cosines.T @ cosines - np.eye(3)).max() > SHEAR:
        raise DefectError('SHIFTED_SLICES', 'its axes are not perpendicular')


# ------------------------------------------------------------------ SimpleITK


def _library() -> Any:
    try:
        import SimpleITK
    except ImportError:
        raise DefectError(
            'NO_READER',
            'SimpleITK reads this format: pip install SimpleITK',
        ) from None
    return SimpleITK


@contextlib.contextmanager
def _reader(path: str, header: ImageHeader) -> Iterator[Any]:
    """A reader that has read a header, with nothing printed meanwhile."""
    library = _library()
    # Otherwise, it refuses axes whose angle differs from 90 degrees by what
    # rounding does. We look at the angles ourselves.
    os.environ.setdefault('ITK_NIFTI_SFORM_PERMISSIVE', '1')
    with _silence(), _linked(path, header) as name:
        reader = library.ImageFileReader()
        reader.SetImageIO(header.reader)
        reader.SetFileName(name)
        reader.SetNumberOfThreads(1)
        try:
            reader.ReadImageInformation()
        except RuntimeError:
            # The message may repeat what names a person.
            raise DefectError(
                'UNREADABLE', 'SimpleITK cannot read its header'
            ) from None
        yield reader


@contextlib.contextmanager
def _linked(path, header):
    """A name for a file that its reader accepts.

    Readers go by endings, and not all of them can open every name.
    """
    folder = os.path.dirname(os.path.abspath(path))
    with tempfile.TemporaryDirectory(prefix='kneerepro-') as place:
        name = os.path.join(place, 'volume' + header.ending)
        os.symlink(os.path.abspath(path), name)
        if header.data:
            os.symlink(
                os.path.join(folder, header.data),
                os.path.join(place, header.data_link),
            )
        yield name


@contextlib.contextmanager
def _silence():
    """Discard what libraries in C++ print: it may name a person."""
    kept = [(number, os.dup(number)) for number in (1, 2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for number, _ in kept:
            os.dup2(nowhere, number)
        yield
    finally:
        for number, copy in kept:
            os.dup2(copy, number)
            os.close(copy)
        os.close(nowhere)
