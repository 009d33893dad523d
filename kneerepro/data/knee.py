"""One knee at the resolution of the scanner."""

import contextlib
from collections import namedtuple

import numpy as np

from kneerepro.data.convert import Options
from kneerepro.data.reading import records as finding
from kneerepro.data.reading.catalogue import Catalogue
from kneerepro.data.reading.checks import Limits
from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.geometry import orient
from kneerepro.data.reading.pixels import read_slices
from kneerepro.data.reading.scan import scan, survey
from kneerepro.data.reading.selection import Selection
from kneerepro.utils.errors import UserError
from kneerepro.utils.workers import Workers

Knee = namedtuple('Knee', 'pixels spacing directions side')
Knee.__doc__ = """A series as it was acquired.

Attributes
----------
pixels : array, shape (slices, rows, columns), float32
    In the units of the modality, in the usual view of the plane.
spacing : tuple of 3 floats
    Between slices, rows and columns, in mm.
directions : str
    Six letters, see :class:`kneerepro.data.reading.geometry.Orientation`.
side : str
    'LEFT', 'RIGHT' or ''.
"""


def load_knee(source, number=1, selection=Selection(), limits=Limits()):
    """Read one series out of a folder of DICOM files.

    Parameters
    ----------
    source : str
    number : int
        Which of the usable series, from 1, in the order of
        :func:`kneerepro.data.reading.records.find`, which is that of the dataset.
    selection : Selection
    limits : Limits

    Returns
    -------
    Knee

    Raises
    ------
    UserError
        If there are not that many, or its pixels cannot be decoded.
    """
    with contextlib.closing(Catalogue()) as catalogue:
        survey([source])
        with Workers(1) as workers:
            scan(catalogue, [source], workers, Options().depth)
        usable = [
            one
            for one in finding.find(catalogue, selection, limits, Options())
            if one.selected and one.defect is None and one.where[0] == 'series'
        ]
        if len(usable) < number:
            raise UserError(
                f'{source} holds {len(usable)} usable DICOM series, needed is '
                f'number {number}: data/inspect.py lists them'
            )
        series = finding.load(catalogue, usable[number - 1], limits)
    orientation = orient(series.header.orientation)
    try:
        pixels = np.stack(
            [
                scale * image + offset
                for image, scale, offset in read_slices(series.slices)
            ]
        )
    except DefectError as error:
        raise UserError(f'{source}, series {series.uid}: {error}') from None
    axes = [axis for axis, flip in enumerate(orientation.flips) if flip]
    return Knee(
        np.flip(pixels, axes),
        series.spacing(),
        orientation.directions,
        series.side(),
    )
