"""Volumes as NIfTI-1, one compressed file each.

NiBabel makes the header. It takes long to import, so it is imported only if
there is something to write.
"""

from __future__ import annotations

import gzip
from typing import Any

import numpy as np

from kneerepro.data.reading.grid import Grid
from kneerepro.data.writing.records import Output, Subject
from kneerepro.data.writing.writer import FolderWriter


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
            header.write_to(compressed)
            # The first axis of NIfTI, like the last of NumPy, is that of
            # neighbours in memory.
            for pixels in output.values:
                compressed.write(pixels.astype('<f4').tobytes())


def _header(output: Output, subject: Subject) -> Any:
    from nibabel.nifti1 import Nifti1Header

    header = Nifti1Header(endianness='<')
    header.set_data_shape(output.values.shape[::-1])
    header.set_data_dtype('float32')
    header.set_xyzt_units('mm')
    header['cal_max'] = output.limit
    header['descrip'] = output.title + (
        ', nominal position' if subject.nominal else ''
    )
    code = 'aligned' if subject.nominal else 'scanner'
    affine = ras_affine(subject.grid)
    header.set_sform(affine, code)
    header.set_qform(affine, code)
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
