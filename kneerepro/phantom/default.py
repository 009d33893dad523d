"""The synthetic knees that experiments use if no data are given."""

from __future__ import annotations

import os

from kneerepro.phantom.writer import write_patients
from kneerepro.utils.progress import Progress


def default_knees(
    script: str, patients: int, matrix: int, slices: int, seed: int
) -> str:
    """Write the DICOM series of synthetic knees, unless they exist.

    They are in ``data/phantom`` of a checkout, where experiments share them.

    Parameters
    ----------
    script : str
        Path of the experiment's script, which tells where the checkout is.
    patients, matrix, slices, seed : int
        See :func:`kneerepro.phantom.write_patients`.

    Returns
    -------
    str
        The folder, relative to the working directory.
    """
    root = os.path.dirname(os.path.dirname(os.path.abspath(script)))
    folder = os.path.relpath(
        os.path.join(
            root,
            'data',
            'phantom',
            f'{patients}-patients-{slices}x{matrix}x{matrix}-seed{seed}',
        )
    )
    with Progress(f'synthetic knees in {folder}', 'patients') as progress:
        write_patients(
            folder,
            patients,
            seed,
            matrix,
            slices,
            progress,
            workers=os.cpu_count() or 1,
        )
    return folder
