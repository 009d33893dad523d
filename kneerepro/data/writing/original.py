"""Bring volumes back to the grid of the series that they were made from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kneerepro.data.reading.grid import Grid
from kneerepro.data.resize import resize
from kneerepro.data.writing.records import Output, Subject


def at_original_size(
    output: Output, subject: Subject
) -> tuple[Output, Subject]:
    """Resample a volume to the original series' size.

    The padding is removed, and each axis is resized as when the volume was
    made, with cubic convolution; see :func:`kneerepro.data.resize.resize`.

    Parameters
    ----------
    output : Output
    subject : Subject
        With the original's grid.

    Returns
    -------
    Output
        Its values are clipped to [0, limit], which interpolation can leave.
    Subject
        Its grid is the original's: voxels lie at the centres of the series'
        own.
    """
    original = subject.original
    assert original is not None, 'its geometry is unknown'
    values = output.values[_inside(subject.grid, original)]
    for axis, length in enumerate(original.shape):
        values = resize(values, length, axis)
    values.clip(0, output.limit, out=values)
    return replace(output, values=values), replace(subject, grid=original)


def _inside(grid: Grid, original: Grid) -> tuple[slice, ...]:
    """The part of a volume that is not padding."""
    to_index = np.linalg.inv(grid.affine()) @ original.affine()
    # The outer faces of the first and of the last voxels.
    first = to_index @ [-0.5, -0.5, -0.5, 1]
    last = to_index @ [*np.subtract(original.shape, 0.5), 1]
    return tuple(
        slice(start, stop)
        for start, stop in zip(
            np.rint(first[:3] + 0.5).astype(int).tolist(),
            np.rint(last[:3] + 0.5).astype(int).tolist(),
        )
    )
