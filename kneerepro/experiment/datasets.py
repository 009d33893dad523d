"""The datasets that experiments work on."""

from __future__ import annotations

import hashlib
import os
from functools import partial

import numpy as np

from kneerepro.data.convert import Options
from kneerepro.data.ensure import ensure_dataset
from kneerepro.data.progress import PhaseProgress
from kneerepro.data.reading import identity
from kneerepro.data.reading.selection import Selection
from kneerepro.phantom.default import default_knees
from kneerepro.phantom.truth import epicondylar_widths
from kneerepro.phantom.writer import ground_truth
from kneerepro.runs.datasets import datasets_folder

_SYNTHETIC_KEY = b'synthetic knees'


def options_from(parameters: dict) -> Options:
    """Return the conversion options among the parameters of an experiment."""
    return Options(
        depth=parameters['depth'],
        size=parameters['size'],
        normalise=parameters['normalise'],
        flip_left=parameters['flip_left'],
    )


def dataset_file(
    source: str,
    key_file: str | None,
    out: str,
    options: Options,
    selection: Selection,
    at_least: int = 1,
) -> str:
    """Convert `source` to a dataset file, unless it is one.

    Parameters
    ----------
    source : str
        A folder or an archive of series, or a dataset file.
    key_file : str or None
        For :func:`kneerepro.data.reading.identity.load_key`. None for
        synthetic knees, which have no patients to protect.
    out : str
        Folder of all runs. The dataset file is in its folder ``datasets``.
        Its name is derived from source, options and selection, so that
        experiments share it.
    options : kneerepro.data.convert.Options
    selection : kneerepro.data.reading.selection.Selection
    at_least : int
        Number of volumes required.

    Returns
    -------
    str
        Path of the dataset file.

    Raises
    ------
    UserError
        As :func:`kneerepro.data.ensure.ensure_dataset`.
    """
    depth, size = options.depth, options.size
    made_from = repr(
        (
            os.path.abspath(source),
            (depth, size, options.normalise, options.flip_left),
            selection.pattern,
        )
    )
    digest = hashlib.sha256(made_from.encode()).hexdigest()[:8]
    name = f'{depth}x{size}x{size}-{digest}.h5'
    with PhaseProgress() as progress:
        return ensure_dataset(
            source,
            os.path.join(datasets_folder(out), name),
            options,
            selection,
            key=partial(_load_key, key_file),
            at_least=at_least,
            progress=progress,
        )


def synthetic_knees(out: str, parameters: dict) -> str:
    """Return the folder of synthetic knees, written first if missing.

    Parameters
    ----------
    out : str
        Folder of all runs.
    parameters : dict
        Of an experiment.

    Returns
    -------
    str

    Raises
    ------
    UserError
        If the folder cannot be written.
    """
    return default_knees(out, **_knees(parameters))


def _knees(parameters):
    names = 'patients', 'matrix', 'slices', 'seed'
    return {name: parameters[name] for name in names}


def widths_of_patients(
    source: str | None,
    key_file: str | None,
    parameters: dict,
    patients: np.ndarray,
) -> np.ndarray:
    """Return the epicondylar widths of the patients of a dataset.

    Parameters
    ----------
    source : str or None
        What the dataset was converted from. None for the synthetic knees of
        an experiment.
    key_file : str or None
        As for :func:`dataset_file`.
    parameters : dict
        Of the experiment.
    patients : array of str, shape (n,)
        Hashes of the PatientIDs, as in the dataset.

    Returns
    -------
    array, shape (n,)
        In mm; NaN for patients that are not synthetic knees.
    """
    if source is None:
        return truth_of_patients(parameters, patients)['epicondylar_width_mm']
    widths = epicondylar_widths(source)
    if not widths:
        return np.full(len(patients), np.nan)
    key = _load_key(key_file)
    by_hash = {
        identity.keyed_hash(key, name): width for name, width in widths.items()
    }
    return np.array([by_hash.get(name, np.nan) for name in patients])


def truth_of_patients(
    parameters: dict, patients: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the ground truth of the synthetic knees of an experiment.

    Parameters
    ----------
    parameters : dict
        Of the experiment.
    patients : array of str, shape (n,)
        Hashes of the PatientIDs, as in the dataset.

    Returns
    -------
    dict of str to array, shape (n,)
        The columns of the table of
        :func:`kneerepro.phantom.writer.ground_truth`.
    """
    rows = {
        identity.keyed_hash(_SYNTHETIC_KEY, row['participant']): row
        for row in ground_truth(**_knees(parameters))
    }
    found = [rows[name] for name in patients]
    return {
        column: np.array([row[column] for row in found])
        for column in (found[0] if found else {})
    }


def _load_key(key_file):
    return _SYNTHETIC_KEY if key_file is None else identity.load_key(key_file)
