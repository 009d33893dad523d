"""Series to volumes, in worker processes."""

import hashlib
import os
from collections import namedtuple

import numpy as np

import kneerepro
from kneerepro.data.convert import make_volume, normalise
from kneerepro.data.reading import arrays
from kneerepro.data.reading import records as finding
from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.geometry import orient
from kneerepro.data.reading.pixels import read_slices
from kneerepro.utils.files import replacing

_Task = namedtuple('_Task', 'key files source spacing options flips out known')


def convert_series(
    catalogue, found, limits, options, folder, workers, progress=None
):
    """Make the volumes of all usable series.

    Parameters
    ----------
    catalogue : kneerepro.data.reading.catalogue.Catalogue
        Keeps the results, which then need not be made again.
    found : list of kneerepro.data.reading.records.Found
    limits : kneerepro.data.reading.checks.Limits
    options : kneerepro.data.convert.Options
    folder : str
        Where to write the volumes, each to a .npy file.
    workers : kneerepro.utils.workers.Workers
    progress : callable, optional
        Called with 'converting' and the numbers done, of all, and rejected.

    Yields
    ------
    dict
        For each usable series in turn: `files`; and either `code` and
        `reason` of a defect, or the `path` of the volume, its extremes `low`
        and `high` before normalisation, and `pixels`, a hash of its values.
    """
    usable = [one for one in found if one.selected and one.defect is None]
    tasks = (_task(catalogue, one, limits, options, folder) for one in usable)
    rejected = 0
    for done, (task, result) in enumerate(
        workers.map(_convert, tasks, _crashed), 1
    ):
        rejected += 'code' in result
        if task.known is None:
            catalogue.add_result(task.key, result)
            if progress is not None:
                progress('converting', done, len(usable), rejected)
        yield {**result, 'path': task.out, 'files': task.files}


def _task(catalogue, one, limits, options, folder):
    loaded = finding.load(catalogue, one, limits)
    if isinstance(loaded, arrays.ArrayVolume):
        source, spacing, flips = loaded, None, (False,) * 3
    else:
        source, spacing = loaded.slices, loaded.header.pixel_spacing
        orientation = orient(loaded.header.orientation)
        flips = list(orientation.flips)
        if options.flip_left and one.side == 'LEFT':
            axis = {'sagittal': 0, 'coronal': 2, 'axial': 2}[orientation.plane]
            flips[axis] = not flips[axis]
    files = finding.paths(loaded)
    state = catalogue.state(files)
    key = hashlib.sha256(
        repr(
            (
                kneerepro.__version__,
                one.where,
                one.uid,
                state,
                spacing,
                options,
                flips,
            )
        ).encode('utf-8', 'surrogateescape')
    ).hexdigest()
    out = os.path.join(folder, key + '.npy')
    known = catalogue.result(key)
    if known is None or 'code' not in known and not os.path.exists(out):
        return _Task(key, files, source, spacing, options, flips, out, None)
    return _Task(key, files, None, spacing, options, flips, out, known)


def _convert(task):
    """Make a volume and write it to a file; runs in a worker."""
    if task.known is not None:
        return task.known
    try:
        if isinstance(task.source, arrays.ArrayVolume):
            pixels = arrays.read_volume(task.source)
            images = ((image, 1.0, 0.0) for image in pixels)
            count = len(pixels)
        else:
            images, count = read_slices(task.source), len(task.source)
        volume = make_volume(
            images, count, task.spacing, task.options, task.flips
        )
    except DefectError as error:
        return {'code': error.code, 'reason': error.message}
    result = {
        'pixels': hashlib.sha256(volume.tobytes()).hexdigest(),
        'low': float(volume.min()),
        'high': float(volume.max()),
    }
    if task.options.normalise != 'dataset':
        volume = normalise(volume, task.options.normalise)
    with replacing(task.out) as temporary, open(temporary, 'wb') as file:
        np.save(file, volume)
    return result


def _crashed(task):
    return {
        'code': 'UNDECODABLE_PIXELS',
        'reason': 'decoding its pixels ended the process',
    }
