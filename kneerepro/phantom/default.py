"""The synthetic knees that experiments use where no data are given."""

import os

from kneerepro.phantom.writer import write_patients
from kneerepro.utils.progress import Progress


def default_knees(script, patients, matrix, slices, seed):
    """The folder with the DICOM series, written where missing.

    It is below ``data/phantom`` of a checkout, and its experiments share it.

    Parameters
    ----------
    script : str
        Path of the experiment.
    patients, matrix, slices, seed : int
        See :func:`kneerepro.phantom.write_patients`.

    Returns
    -------
    str
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
