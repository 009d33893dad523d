"""The volumes of a dataset as one .npy file."""

from __future__ import annotations

import os

from kneerepro.data.dataset import Dataset
from kneerepro.data.writing.npy import new_array
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
        new_array(temporary, dataset.volumes.shape) as file,
    ):
        for i in range(len(dataset.volumes)):
            volume = dataset.volumes[i].astype('<f4', copy=False)
            file.write(volume.tobytes())
