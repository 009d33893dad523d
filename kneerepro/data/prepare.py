"""DICOM series to the 5-D dataset (section 2.2)."""

import hashlib
import os

import numpy as np

from kneerepro.data import dicom
from kneerepro.data.dataset import Dataset, new_dataset
from kneerepro.data.resize import resize
from kneerepro.errors import UserError


def normalise(volume):
    """Scale a volume to [0, 1], from its minimum to its maximum (E17).

    Raises
    ------
    kneerepro.data.dicom.SeriesError
        If it is constant or not finite.
    """
    low, high = float(volume.min()), float(volume.max())
    if not np.isfinite([low, high]).all():
        raise dicom.SeriesError('it has values that are not finite')
    if low == high:
        raise dicom.SeriesError('all its pixels are equal')
    # Rounding can leave the largest a hair above 1.
    return np.minimum((volume - low) / (high - low), 1)


def convert(volume, shape):
    """A series' pixels as a volume of the dataset.

    "[...] resize the images to 64x64x160 pixels [...] Secondly, the intensity
    values were normalized to be between 0 and 1."

    Parameters
    ----------
    volume : array, shape (slices, any, any), float32
    shape : tuple of 3 ints
        Depth, rows and columns of the result. The slices are kept where there
        are that many, as in the thesis, and resampled where not.

    Returns
    -------
    array of `shape`, float32, in [0, 1]
    """
    for axis in (1, 2, 0):
        volume = resize(volume, shape[axis], axis)
    return normalise(volume)


def prepare(source, out, shape=(160, 64, 64), at_least=1, report=print,
            progress=None):
    """Convert all DICOM series below a folder into a dataset file.

    Parameters
    ----------
    source : str
        A folder.
    out : str
        The HDF5 file to write, see :mod:`kneerepro.data.dataset`. If it was
        made from the same files with the same shape before, it is kept.
    shape : tuple of 3 ints
        Depth, rows and columns of the volumes.
    at_least : int
        Volumes without which it is not worth it.
    report : callable
        Takes lines on what was found and left out.
    progress : callable, optional
        Called with the number of series done and of all.

    Raises
    ------
    UserError
        If fewer than `at_least` series can be converted, or `out` cannot be
        written. Nothing is left behind then.
    """
    if not os.path.isdir(source):
        raise UserError(f'{source} is not a folder of DICOM files')
    source_hash = fingerprint(source)
    if _made_from(out, source_hash, shape, at_least):
        return
    series, rejected = dicom.find_series(source)
    volumes, patients = [], []
    for i, one in enumerate(series):
        if progress is not None:
            progress(i, len(series))
        try:
            pixels = dicom.read_volume(one)
            volumes.append(convert(pixels, shape))
        except dicom.SeriesError as error:
            rejected.append((one.uid, str(error)))
            continue
        patients.append(one.patient)
        if len(pixels) != shape[0]:
            report(f'series {one.uid}: {len(pixels)} slices resampled to '
                   f'{shape[0]}')
    if progress is not None:
        progress(len(series), len(series))
    for what, reason in rejected:
        report(f'left out {what}: {reason}')
    if len(volumes) < at_least:
        raise UserError(
            f'{source} holds {len(volumes)} usable DICOM MR series and '
            f'{len(rejected)} with a defect; needed are at least {at_least}')

    # Numbers in place of identities: the file shall not name anyone.
    people = {patient: i for i, patient in enumerate(dict.fromkeys(patients))}
    with new_dataset(out, len(volumes), shape,
                     {'normalisation': 'per volume',
                      'source': source_hash}) as write:
        for i, volume in enumerate(volumes):
            write(i, volume, people[patients[i]])


def fingerprint(path):
    """A hash that changes when a file, or any file below a folder, does.

    Made from names, sizes and times of modification, not from contents, so
    that it is quick for a disk of DICOM.
    """
    files = dicom.files_below(path) if os.path.isdir(path) else [path]
    digest = hashlib.sha256()
    for file in files:
        status = os.stat(file)
        digest.update(repr((os.path.relpath(file, path), status.st_size,
                            status.st_mtime_ns)).encode())
    return digest.hexdigest()


def _made_from(path, source_hash, shape, at_least):
    try:
        with Dataset(path) as dataset:
            return (dataset.attributes.get('source') == source_hash
                    and dataset.volumes.shape[2:] == tuple(shape)
                    and len(dataset.volumes) >= at_least)
    except UserError:
        return False
