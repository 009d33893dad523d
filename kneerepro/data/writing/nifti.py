"""Volumes as NIfTI-1 [1]_, one compressed file each.

It is written here rather than by SimpleITK, which reports neither a full disk
nor a file that it could not complete.

References
----------
.. [1] https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h
"""

from __future__ import annotations

import gzip
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from kneerepro.data.reading.grid import Grid
from kneerepro.data.writing.records import Output, Subject
from kneerepro.data.writing.writer import FolderWriter

# The header, field by field; all of it is 0 unless it is set.
_HEADER = np.dtype(
    [
        ('sizeof_hdr', '<i4'),
        ('analyze', 'V36'),  # of the older format
        ('dim', '<i2', 8),
        ('intent', '<f4', 3),
        ('intent_code', '<i2'),
        ('datatype', '<i2'),
        ('bitpix', '<i2'),
        ('slice_start', '<i2'),
        ('pixdim', '<f4', 8),
        ('vox_offset', '<f4'),
        ('scl_slope', '<f4'),
        ('scl_inter', '<f4'),
        ('slice_end', '<i2'),
        ('slice_code', 'i1'),
        ('xyzt_units', 'i1'),
        ('cal_max', '<f4'),
        ('cal_min', '<f4'),
        ('slice_duration', '<f4'),
        ('toffset', '<f4'),
        ('glmax', '<i4'),
        ('glmin', '<i4'),
        ('descrip', 'S80'),
        ('aux_file', 'S24'),
        ('qform_code', '<i2'),
        ('sform_code', '<i2'),
        ('quatern', '<f4', 3),
        ('qoffset', '<f4', 3),
        ('srow', '<f4', (3, 4)),
        ('intent_name', 'S16'),
        ('magic', 'S4'),
        ('extension', 'V4'),  # none
    ]
)
_FLOAT32, _MILLIMETRES = 16, 2
_SCANNER, _ALIGNED = 1, 2  # codes of coordinates


class NiftiWriter(FolderWriter):
    """Writes ``nifti/volume_000_reconstruction.nii.gz`` and so on.

    In a viewer, a volume lies exactly over the DICOM series that it was made
    from. The order of its voxels is that of the dataset.
    """

    folder = 'nifti'

    def add(self, output: Output, subject: Subject) -> None:
        """Write a volume."""
        header = _header(output, subject)
        with (
            open(self._path(output, '.nii.gz'), 'wb') as file,
            # The same volume always gives the same bytes: no date, no name.
            # Noise hardly gets smaller at higher levels, which take longer.
            gzip.GzipFile('', 'wb', 1, file, mtime=0) as compressed,
        ):
            compressed.write(header.tobytes())
            # The first axis of NIfTI, like the last of NumPy, is that of
            # neighbours in memory.
            for pixels in output.values:
                compressed.write(pixels.astype('<f4').tobytes())


def _header(output: Output, subject: Subject) -> np.ndarray:
    header: Any = np.zeros((), _HEADER)
    header['sizeof_hdr'] = 348
    header['dim'] = [3, *output.values.shape[::-1], 1, 1, 1, 1]
    header['datatype'], header['bitpix'] = _FLOAT32, 32
    header['vox_offset'] = _HEADER.itemsize
    header['scl_slope'] = 1
    header['xyzt_units'] = _MILLIMETRES
    header['cal_max'] = output.limit
    header['descrip'] = output.title + (
        ', nominal position' if subject.nominal else ''
    )
    header['magic'] = b'n+1'
    code = _ALIGNED if subject.nominal else _SCANNER
    header['qform_code'] = header['sform_code'] = code
    affine = ras_affine(subject.grid)
    header['srow'] = affine[:3]
    header['qoffset'] = affine[:3, 3]
    header['quatern'], handedness = _quaternion(affine[:3, :3])
    header['pixdim'][:4] = [handedness, *subject.grid.spacing[::-1]]
    return header


def ras_affine(grid: Grid) -> np.ndarray:
    """The matrix from the index of a voxel to its position, as NIfTI has it.

    Parameters
    ----------
    grid : Grid

    Returns
    -------
    array, shape (4, 4)
        Maps ``(column, row, slice, 1)`` to ``(x, y, z, 1)`` in mm. Here, x
        points to the patient's right, y to the front and z to the head.
    """
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ grid.affine()
    return affine[:, [2, 1, 0, 3]]


def _quaternion(axes):
    """The rotation as a quaternion without its first, non-negative, number.

    A reflection of the third axis comes first if the axes are left-handed;
    the second value is then -1, otherwise 1.
    """
    directions = axes / np.linalg.norm(axes, axis=0)
    handedness = 1 if np.linalg.det(directions) > 0 else -1
    directions[:, 2] *= handedness
    b, c, d, a = Rotation.from_matrix(directions).as_quat()
    return np.array([b, c, d]) * (-1 if a < 0 else 1), handedness
