"""Finds DICOM series and reads them as volumes (section 2.1)."""

import os
from collections import namedtuple

import numpy as np
import pydicom
from pydicom.errors import InvalidDicomError

_HEADER = ['SeriesInstanceUID', 'SOPClassUID', 'Modality', 'PatientID',
           'FrameOfReferenceUID', 'SeriesDescription', 'Rows', 'Columns',
           'ImageOrientationPatient', 'ImagePositionPatient',
           'PixelSpacing', 'InstanceNumber']

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
        What was found but cannot be used, and why: paths of unreadable files,
        UIDs of series with a defect. Files that are no DICOM at all, such as
        a readme, are left out.
    """
    headers, rejected = {}, []
    for path in files_below(folder):
        if progress is not None:
            progress(path)
        try:
            header = pydicom.dcmread(path, stop_before_pixels=True,
                                     specific_tags=_HEADER)
        except InvalidDicomError:
            continue
        except Exception as error:
            # pydicom lets whatever a damaged file provokes escape: EOFError,
            # struct.error, ValueError, ... None may stop the others.
            rejected.append((path, f'unreadable: {error}'))
            continue
        if header.get('Modality') == 'MR' and 'SeriesInstanceUID' in header:
            headers.setdefault(str(header.SeriesInstanceUID),
                               []).append((path, header))
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
        If a file's pixels cannot be read.
    """
    volume = None
    for i, path in enumerate(series.files):
        try:
            image = pydicom.dcmread(path)
            pixels = image.pixel_array
        except Exception as error:  # as in find_series
            raise SeriesError(f'{os.path.basename(path)}: cannot read its '
                              f'pixels: {error}') from error
        if volume is None:
            volume = np.empty((len(series.files),) + pixels.shape, 'float32')
        volume[i] = pixels
        volume[i] *= float(image.get('RescaleSlope') or 1)
        volume[i] += float(image.get('RescaleIntercept') or 0)
    return volume


def files_below(folder):
    """Paths of all files below a folder, in an order that is always the
    same."""
    for root, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            yield os.path.join(root, name)


def _sorted_series(uid, members):
    header = members[0][1]
    for name in ('Rows', 'Columns', 'ImageOrientationPatient'):
        values = {str(h.get(name)) for _, h in members}
        if len(values) > 1:
            raise SeriesError(f'its slices differ in {name}')
    try:
        positions = [_position(h) for _, h in members]
    except (TypeError, ValueError):
        raise SeriesError('slices without ImagePositionPatient or '
                          'ImageOrientationPatient: no order') from None
    if len(members) < 2:
        raise SeriesError('a single slice')
    if len(set(positions)) < len(positions):
        raise SeriesError('two slices at one position')
    order = np.argsort(positions)
    patient = (header.get('PatientID') or header.get('FrameOfReferenceUID')
               or uid)
    return Series(uid, str(header.get('SeriesDescription', '')),
                  str(patient), [members[i][0] for i in order])


def _position(header):
    """Position of a slice along the slice normal, in mm."""
    orientation = np.array(header.ImageOrientationPatient, float)
    normal = np.cross(orientation[:3], orientation[3:])
    return float(np.dot(normal, np.array(header.ImagePositionPatient, float)))
