"""Convert series to volumes in worker processes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import kneerepro
from kneerepro.data.convert import Options, make_volume, normalise
from kneerepro.data.reading.arrays import ArrayVolume
from kneerepro.data.reading.catalogue import Catalogue
from kneerepro.data.reading.checks import Limits
from kneerepro.data.reading.defects import Defect, defect_of
from kneerepro.data.reading.geometry import Orientation
from kneerepro.data.reading.grid import Grid
from kneerepro.data.reading.records import SeriesRecord, load_series
from kneerepro.data.reading.series import Series
from kneerepro.data.reading.slices import read_slices
from kneerepro.data.reading.unpacking import Progress
from kneerepro.utils.files import replacing
from kneerepro.utils.text import as_bytes
from kneerepro.utils.workers import Workers


@dataclass(frozen=True)
class Conversion:
    """What came of the conversion of a series.

    Attributes
    ----------
    files : list of str
        Paths of the files that were read.
    defect : Defect, or None
        Why there is no volume.
    path : str
        The .npy file with the volume.
    pixel_hash : str
        Of its values before normalisation.
    low, high : float
        Its extremes before normalisation.
    grid : Grid, or None
        Where the voxels of the series lie, after the axes were reversed as
        those of the volume are.
    """

    files: list[str]
    defect: Defect | None = None
    path: str = ''
    pixel_hash: str = ''
    low: float = 0.0
    high: float = 0.0
    grid: Grid | None = None


@dataclass(frozen=True)
class _Task:
    """One series to convert.

    `known` is the result of an earlier run; without it, `source` is what to
    read.
    """

    key: str
    files: list[str]
    out: str
    options: Options
    grid: Grid | None
    source: Series | ArrayVolume | None = None
    spacing: tuple[float, float] | None = None
    flips: Sequence[bool] = (False, False, False)
    known: dict[str, Any] | None = None


def convert_series(
    catalogue: Catalogue,
    records: list[SeriesRecord],
    limits: Limits,
    options: Options,
    folder: str,
    workers: Workers,
    progress: Progress | None = None,
) -> Iterator[Conversion]:
    """Make the volumes of all usable series.

    Parameters
    ----------
    catalogue : kneerepro.data.reading.catalogue.Catalogue
        Keeps the results, so that another run need not make them again.
    records : list of kneerepro.data.reading.records.SeriesRecord
    limits : kneerepro.data.reading.checks.Limits
    options : kneerepro.data.convert.Options
    folder : str
        Where to write the volumes, each to its own .npy file.
    workers : kneerepro.utils.workers.Workers
    progress : callable, optional
        Called with 'converting' and the numbers done, in total, and
        rejected.

    Yields
    ------
    Conversion
        For each of the usable series in turn.
    """
    usable = [record for record in records if record.usable]
    tasks = (
        _task(catalogue, record, limits, options, folder) for record in usable
    )
    rejected = 0
    for done, (task, result) in enumerate(
        workers.map(_convert, tasks, _crashed), 1
    ):
        if 'code' in result:
            rejected += 1
        if task.known is None:
            catalogue.add_result(task.key, result)
            if progress is not None:
                progress('converting', done, len(usable), rejected)
        yield _conversion(task, result)


def _conversion(task, result):
    if 'code' in result:
        defect = Defect(code=result['code'], message=result['reason'])
        return Conversion(files=task.files, defect=defect)
    return Conversion(
        files=task.files,
        path=task.out,
        pixel_hash=result['pixels'],
        low=result['low'],
        high=result['high'],
        grid=task.grid,
    )


def _task(catalogue, record, limits, options, folder):
    source = load_series(catalogue, record, limits)
    _, between_rows, between_columns = record.spacing
    spacing = None
    if between_rows and between_columns:
        spacing = between_rows, between_columns
    flips = _flips_of(source.orientation(), record.side, options)
    grid = record.grid and record.grid.flipped(flips)
    files = source.paths()
    key = _key(record, catalogue.state(files), spacing, options, flips)
    out = os.path.join(folder, key + '.npy')
    known = catalogue.result(key)
    if known is not None and ('code' in known or os.path.exists(out)):
        return _Task(key, files, out, options, grid, known=known)
    return _Task(key, files, out, options, grid, source, spacing, flips)


def _flips_of(
    orientation: Orientation | None, side: str, options: Options
) -> list[bool]:
    """Which axes of a series to reverse."""
    plane, flips = 'sagittal', [False, False, False]  # as arrays should be
    if orientation is not None:
        plane, flips = orientation.plane, list(orientation.flips)
    if options.flip_left and side == 'LEFT':
        # The axis that runs from one side of the patient to the other.
        axis = {'sagittal': 0, 'coronal': 2, 'axial': 2}[plane]
        flips[axis] = not flips[axis]
    return flips


def _key(record, state, spacing, options, flips):
    """A hash of all that a volume depends on."""
    depends_on = (
        kneerepro.__version__,
        record.location,
        record.uid,
        record.grid,
        state,
        spacing,
        options,
        flips,
    )
    return hashlib.sha256(as_bytes(repr(depends_on))).hexdigest()


def _convert(task):
    """Make a volume and write it to a file; runs in a worker.

    Returns
    -------
    dict
        What the catalogue keeps as JSON: `code` and `reason` of a defect, or
        `pixels`, a hash of the values, and their extremes `low` and `high`.
    """
    if task.known is not None:
        return task.known
    try:
        volume = make_volume(
            read_slices(task.source),
            len(task.source),
            task.spacing,
            task.options,
            task.flips,
        )
        result = {
            'pixels': _hash(volume),
            'low': float(volume.min()),
            'high': float(volume.max()),
        }
        # Over the dataset, values are scaled once its extremes are known.
        if task.options.normalise != 'dataset':
            volume = normalise(volume, task.options.normalise)
    except Exception as error:
        defect = defect_of(error, 'UNDECODABLE_PIXELS')
        return {'code': defect.code, 'reason': defect.message}
    with replacing(task.out) as temporary, open(temporary, 'wb') as file:
        np.save(file, volume)
    return result


def _hash(volume):
    """A hash of the values of a volume, without a copy of them."""
    values = np.ascontiguousarray(volume).reshape(-1)
    return hashlib.sha256(values.view('u1')).hexdigest()


def _crashed(task):
    return {
        'code': 'UNDECODABLE_PIXELS',
        'reason': 'the process crashed while it decoded the pixels',
    }
