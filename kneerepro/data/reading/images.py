"""Read volumes from NIfTI, MetaImage and NRRD files.

NiBabel reads NIfTI, SimpleITK the others. SimpleITK is optional and heavy, so
it is imported only if there is such a file.

Converters store the axes of a volume in any order and direction. Here, the
slices are those of the acquisition, and the axes are only exchanged and
reversed, never interpolated, so that a volume equals that of the DICOM series
from which it was made: see :func:`kneerepro.data.reading.geometry.usual_axes`.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from kneerepro.data.reading import nifti
from kneerepro.data.reading.arrays import ArrayVolume
from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.geometry import usual_axes
from kneerepro.data.reading.grid import Grid
from kneerepro.data.reading.image_headers import ImageHeader, read_header
from kneerepro.data.reading.stored_values import (
    check_length,
    inflate,
    values_path,
)
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
        return [self.path, values_path(self.path, self.data)]


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
    if isinstance(header, nifti.NiftiHeader):
        return _volumes(path, header, header.sizes, header.affine)
    with _reader(path, header) as reader:
        sizes, components, _ = _declared(reader, path, header)
        return _volumes(path, header, sizes, _affine(reader), components)


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
    if isinstance(header, nifti.NiftiHeader):
        values = _slices_of_nifti(volume, header)
    else:
        decoded, component = _decode(volume, header)
        # Without a copy of all: it is only valid while `decoded` exists.
        values = _library().GetArrayViewFromImage(decoded)
        if values.ndim > 3:
            values = values[..., component]
        values = values.transpose(volume.axes)
    for stored in values:
        # Numbers beyond float32 become infinite.
        with np.errstate(over='ignore', invalid='ignore'):
            # A copy, which outlives `decoded`.
            image = np.array(stored, 'float32', order='C')
        if not np.isfinite(image).all():
            raise DefectError(
                'NOT_FINITE', 'it has values that are not finite'
            )
        yield image, header.scale, header.offset


def _slices_of_nifti(volume, header):
    slices = nifti.read_slices(volume.path, header, volume.index)
    if volume.axes[0] == 0:
        # The file's slices are those of the volume: one at a time is enough.
        if volume.axes[1] > volume.axes[2]:
            return (image.T for image in slices)
        return slices
    return np.stack(list(slices)).transpose(volume.axes)


# ------------------------------------------------------------------- geometry


def _volumes(path, header, sizes, affine, components=1):
    """The volumes in a file.

    Parameters
    ----------
    path : str
    header : ImageHeader or NiftiHeader
    sizes : sequence of ints
        Lengths of the axes, from the one that varies most.
    affine : array, shape (3, 4)
        From the column, row and slice of a voxel to its position in DICOM's
        patient coordinates.
    components : int
        Volumes whose values are stored voxel by voxel.
    """
    if len(sizes) < 3:
        raise DefectError('NO_VOLUME', f'it has {len(sizes)} dimensions')
    columns, rows, slices, *further = sizes
    if min(slices, rows, columns) < 2 or min(further, default=1) < 1:
        raise DefectError(
            'WRONG_SHAPE',
            f'it has {" x ".join(map(str, sizes))} values; each axis needs at '
            'least 2',
        )
    count = math.prod(further) * components
    if count > _MAX_VOLUMES:
        raise DefectError('WRONG_SHAPE', f'it has {count} volumes')
    shape, axes = (slices, rows, columns), (0, 1, 2)
    grid, spacing = _geometry(shape, affine, header.oriented)
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
        for i in range(count)
    ]


def _geometry(shape, affine, oriented):
    """The grid, or None, and the spacing of slices, rows and columns."""
    vectors, origin = affine[:, :3], affine[:, 3]
    # Programs write the unit matrix where they know nothing.
    blank = (np.abs(vectors) == np.eye(3)).all() and not origin.any()
    if oriented and not blank:
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


def _decode(volume, header):
    """The image that holds a volume, and the volume's component in it."""
    with _reader(volume.path, header) as reader:
        sizes, components, size = _declared(reader, volume.path, header)
        if header.encoding == 'deflate' and header.start is not None:
            # SimpleITK decodes damaged values to noise without a word.
            for _ in inflate(volume.paths()[-1], header.start, size):
                pass
        which, component = divmod(volume.index, components)
        further = sizes[3:]
        if further:
            first = np.unravel_index(which, further, order='F')
            # An axis of which a single place is wanted has the size 0.
            reader.SetExtractSize([*sizes[:3], *(0 for _ in further)])
            reader.SetExtractIndex([0, 0, 0, *map(int, first)])
        try:
            return reader.Execute(), component
        except RuntimeError:
            raise DefectError(
                'UNDECODABLE_PIXELS', 'SimpleITK cannot decode its values'
            ) from None


def _declared(reader, path, header):
    """Lengths of the axes, volumes in each voxel, and bytes of all values."""
    sizes = [int(length) for length in reader.GetSize()]
    kind = _library().GetPixelIDValueAsString(reader.GetPixelID())
    components = _components(reader, header, kind)
    count = math.prod(sizes) * components
    bits = re.search(r'(\d+)-bit', kind)
    size = count * (int(bits[1]) // 8 if bits else 1)
    check_length(
        values_path(path, header.data),
        header.encoding,
        header.start,
        count,
        size,
    )
    return sizes, components, size


def _components(reader, header, kind):
    count = int(reader.GetNumberOfComponents())
    if 'complex' in kind:
        raise DefectError('NO_VOLUME', 'its values are complex numbers')
    if count == 1 or header.is_list:
        return count
    if kind.endswith('8-bit unsigned integer') and count in (3, 4):
        raise DefectError('COLOUR', 'its pixels are not shades of grey')
    raise DefectError('WRONG_SHAPE', f'each of its voxels has {count} values')


def _affine(reader):
    """As :func:`_volumes` needs it."""
    dimension = len(reader.GetSize())
    direction = np.reshape(reader.GetDirection(), (dimension, dimension))
    vectors = direction[:3, :3] * reader.GetSpacing()[:3]
    return np.c_[vectors, reader.GetOrigin()[:3]]


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
                os.path.join(place, header.data),
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
