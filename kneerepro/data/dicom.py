"""Finds DICOM series and reads them as volumes (section 2.1)."""

import os
from collections import namedtuple

import numpy as np
import pydicom
from pydicom.errors import InvalidDicomError

_HEADER = ['SeriesInstanceUID', 'Modality', 'PatientID',
           'FrameOfReferenceUID', 'SeriesDescription', 'Rows', 'Columns',
           'ImageOrientationPatient', 'ImagePositionPatient']

Series = namedtuple('Series', 'uid description patient files')
Series.__doc__ = """One series and its files, sorted along the slice normal.

`patient` identifies the person within this process and is never written
anywhere: the PatientID or, where that is absent, the FrameOfReferenceUID,
which all series of one examination share.
"""


class SeriesError(Exception):
    """A series that cannot be made into a volume; the message says why."""


def find_series(folder, progress=None):
    """All MR image series below a folder.

    Files are told apart by their headers alone, since names and extensions
    mean nothing in DICOM (the OAI's have none).

    Parameters
    ----------
    folder : str
    progress : callable, optional
        Called with each file's path before it is read.

    Returns
    -------
    series : list of Series
        Sorted by patient, description and UID, so that the order does not
        depend on the file system.
    rejected : list of (str, str)
        What was found but cannot be used, and why: paths of unreadable files
        and folders, UIDs of series with a defect. Files that are no DICOM at
        all, such as a readme, are left out.
    """
    headers, rejected = {}, []

    def unlisted(error):
        rejected.append((error.filename, f'unreadable: {error.strerror}'))

    for path in files_below(folder, unlisted):
        if progress is not None:
            progress(path)
        try:
            header = pydicom.dcmread(path, stop_before_pixels=True,
                                     specific_tags=_HEADER)
            list(header)  # pydicom decodes an element only when it is used
        except InvalidDicomError:
            continue
        except Exception as error:
            # pydicom lets whatever a damaged file provokes escape: EOFError,
            # struct.error, ValueError, ... None may stop the others.
            rejected.append((path, f'unreadable: {error}'))
            continue
        if header.get('Modality') != 'MR':
            continue
        uid = header.get('SeriesInstanceUID')
        if uid:
            headers.setdefault(str(uid), []).append((path, header))
        else:
            rejected.append((path, 'unreadable: no SeriesInstanceUID'))
    series = []
    for uid, members in headers.items():
        try:
            series.append(_sorted_series(uid, members))
        except SeriesError as error:
            rejected.append((uid, str(error)))
    series.sort(key=lambda s: (s.patient, s.description, s.uid))
    return series, rejected


def read_volume(series):
    """The pixels of a series.

    Parameters
    ----------
    series : Series

    Returns
    -------
    volume : array, shape (slices, rows, columns), float32
        In the units of the modality: rescale slope and intercept applied.

    Raises
    ------
    SeriesError
        If a file's pixels cannot be read or are not one grey image.
    """
    volume = None
    for i, path in enumerate(series.files):
        try:
            image = pydicom.dcmread(path)
            pixels = image.pixel_array
            slope = float(image.get('RescaleSlope') or 1)
            intercept = float(image.get('RescaleIntercept') or 0)
        except Exception as error:  # as in find_series
            raise SeriesError(f'{os.path.basename(path)}: cannot read its '
                              f'pixels: {error}') from error
        if pixels.ndim != 2:
            raise SeriesError(f'{os.path.basename(path)}: has colours or '
                              f'several frames, its pixels are {pixels.shape}')
        if volume is None:
            volume = np.empty((len(series.files),) + pixels.shape, 'float32')
        volume[i] = pixels
        volume[i] *= slope
        volume[i] += intercept
    return volume


def files_below(folder, onerror=None):
    """Paths of all files below a folder, in an order that is always the
    same. `onerror` gets the OSError of each folder that cannot be listed."""
    for root, folders, files in os.walk(folder, onerror=onerror):
        folders.sort()
        for name in sorted(files):
            path = os.path.join(root, name)
            if os.path.isfile(path):  # no pipe, no link to nothing
                yield path


def _sorted_series(uid, members):
    header = members[0][1]
    for name in ('Rows', 'Columns', 'ImageOrientationPatient'):
        values = {str(h.get(name)) for _, h in members}
        if len(values) > 1:
            raise SeriesError(f'its slices differ in {name}')
    try:
        positions = np.array([_position(h) for _, h in members])
    except (AttributeError, TypeError, ValueError):
        raise SeriesError('slices without ImagePositionPatient or '
                          'ImageOrientationPatient: no order') from None
    if len(members) < 2:
        raise SeriesError('a single slice')
    order = np.argsort(positions)
    steps = np.diff(positions[order])
    if steps.min() < 0.001:  # mm
        raise SeriesError('two slices at one position')
    if steps.max() > 1.5 * steps.min():
        raise SeriesError(f'its slices are {steps.min():.3g} to '
                          f'{steps.max():.3g} mm apart: one may be missing')
    patient = (header.get('PatientID') or header.get('FrameOfReferenceUID')
               or uid)
    return Series(uid, str(header.get('SeriesDescription', '')),
                  str(patient), [members[i][0] for i in order])


def _position(header):
    """Position of a slice along the slice normal, in mm."""
    orientation = np.array(header.ImageOrientationPatient, float)
    normal = np.cross(orientation[:3], orientation[3:])
    position = np.dot(normal, np.array(header.ImagePositionPatient, float))
    if not np.isfinite(position):
        raise ValueError('not a position')
    return float(position)
