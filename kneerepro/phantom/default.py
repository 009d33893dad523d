"""The synthetic knees that experiments use if no data are given."""

from __future__ import annotations

import os

from kneerepro.phantom.writer import write_patients
from kneerepro.utils.errors import UserError
from kneerepro.utils.files import reason
from kneerepro.utils.progress import Progress
from kneerepro.utils.text import printable
from kneerepro.utils.workers import cores


def default_knees(
    out: str, patients: int, matrix: int, slices: int, seed: int
) -> str:
    """Write the DICOM series of synthetic knees, unless they exist.

    Parameters
    ----------
    out : str
        Folder of all runs. The knees are in its folder ``knees``, where
        experiments share them.
    patients, matrix, slices, seed : int
        See :func:`kneerepro.phantom.write_patients`.

    Returns
    -------
    str
        The folder with the series.

    Raises
    ------
    UserError
        If it cannot be written.
    """
    folder = os.path.join(
        out,
        'knees',
        f'{patients}-patients-{slices}x{matrix}x{matrix}-seed{seed}',
    )
    title = f'synthetic knees in {printable(folder)}'
    try:
        with Progress(title, 'patients') as progress:
            write_patients(
                folder,
                patients,
                seed,
                matrix,
                slices,
                progress,
                workers=cores(),
            )
    except OSError as error:
        raise UserError(
            f'cannot write {title}: {reason(error)}; name another --out'
        ) from None
    return folder
