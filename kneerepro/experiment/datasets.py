"""The datasets that experiments work on."""

from __future__ import annotations

import hashlib
import os

import numpy as np

from kneerepro.data.convert import Options
from kneerepro.data.prepare import ensure_dataset
from kneerepro.data.progress import PhaseProgress
from kneerepro.data.reading import identity
from kneerepro.data.reading.selection import Selection
from kneerepro.phantom.truth import epicondylar_widths

# Synthetic knees have no patients to protect.
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
    synthetic: bool,
    folder: str,
    options: Options,
    selection: Selection,
    at_least: int = 1,
) -> str:
    """Convert `source` to a dataset file, unless it is one.

    Parameters
    ----------
    source : str
        A folder of series or a dataset file.
    synthetic : bool
        Whether it holds synthetic knees.
    folder : str
        Where the dataset file is written. Its name is derived from source,
        options and selection, so that experiments share it.
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
        As :func:`kneerepro.data.prepare.ensure_dataset`.
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
            os.path.join(folder, name),
            options,
            selection,
            key=_synthetic_key if synthetic else identity.load_key,
            at_least=at_least,
            progress=progress,
        )


def widths_of_patients(
    source: str, synthetic: bool, patients: np.ndarray
) -> np.ndarray:
    """Return the epicondylar widths of the patients of a dataset.

    Parameters
    ----------
    source : str
        What the dataset was converted from.
    synthetic : bool
        Whether that is the package's own folder of synthetic knees.
    patients : array of str, shape (n,)
        Hashes of the PatientIDs, as in the dataset.

    Returns
    -------
    array, shape (n,)
        In mm; NaN for patients that are not synthetic knees.
    """
    widths = epicondylar_widths(source)
    if not widths:
        return np.full(len(patients), np.nan)
    key = _synthetic_key() if synthetic else identity.load_key()
    by_hash = {
        identity.keyed_hash(key, name): width for name, width in widths.items()
    }
    return np.array([by_hash.get(name, np.nan) for name in patients])


def _synthetic_key():
    return _SYNTHETIC_KEY
