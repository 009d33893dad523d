"""The volumes of a dataset as one .npy file."""

from __future__ import annotations

import os

import numpy as np

from kneerepro.data.dataset import Dataset
from kneerepro.utils.files import replacing


def npy_path(out: str) -> str:
    """The .npy file beside a dataset file."""
    return os.path.splitext(out)[0] + '.npy'


def write_npy(out: str) -> None:
    """Write the volumes of a dataset file to :func:`npy_path`.

    Parameters
    ----------
    out : str
        The dataset file.

    Raises
    ------
    UserError
        If it cannot be written.
    """
    path = npy_path(out)
    with (
        Dataset(out, verify=False) as dataset,
        replacing(path) as temporary,
        # Not through a memory map: a full disk would kill the process.
        open(temporary, 'wb') as file,
    ):
        np.lib.format.write_array_header_1_0(
            file,
            {
                'descr': '<f4',
                'fortran_order': False,
                'shape': dataset.volumes.shape,
            },
        )
        for i in range(len(dataset.volumes)):
            volume = dataset.volumes[i].astype('<f4', copy=False)
            file.write(volume.tobytes())
