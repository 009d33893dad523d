"""Separate the left and the right knee that share a series."""

from __future__ import annotations

import numpy as np

from kneerepro.data.reading.checks import Limits
from kneerepro.data.reading.positions import usual_step
from kneerepro.data.reading.series import Series, side_by_laterality

# The gap between the slabs of two knees, in units of the usual distance of
# slices. If it is narrower, slices are missing.
_GAP = 10
# The centres of two knees are at least this far apart, in mm, and the middle
# of the scanner lies between them.
_KNEES_APART = 100.0


def split_knees(series: Series, limits: Limits) -> list[Series]:
    """Separate two slabs on both sides of the body by their positions.

    Parameters
    ----------
    series : Series
    limits : kneerepro.data.reading.checks.Limits

    Returns
    -------
    list of Series
        The left and the right knee if the slices are sagittal, not all of
        them have a laterality, the widest gap spans at least 10 slices, and
        the slabs before and after it lie on different sides of the body,
        their centres at least 100 mm apart, each with as many slices and as
        thick as the limits require. Otherwise the given series.
    """
    if not series.has_positions() or series.orientation().plane != 'sagittal':
        return [series]
    positions = series.positions()
    gaps = np.diff(positions)
    usual = usual_step(positions)
    if usual == 0 or gaps.max() < _GAP * usual:
        return [series]
    if all(side_by_laterality(image.header) for image in series.slices):
        return [series]
    cut = int(gaps.argmax()) + 1
    slabs = [
        Series(series.uid, series.part, slices)
        for slices in (series.slices[:cut], series.slices[cut:])
    ]
    left, right = sorted(slabs, key=lambda slab: -slab.centre()[0])
    x_left, x_right = left.centre()[0], right.centre()[0]
    if (
        x_left > 0 > x_right
        and x_left - x_right >= _KNEES_APART
        and all(_is_large_enough(slab, limits) for slab in slabs)
    ):
        return [_side(left, 1, 'LEFT'), _side(right, 2, 'RIGHT')]
    return [series]


def _is_large_enough(slab, limits):
    return (
        len(slab) >= limits.min_slices
        and len(slab) * slab.spacing()[0] >= limits.min_coverage
    )


def _side(slab, number, side):
    part = f'{slab.part} side {number}'.strip()
    return Series(slab.uid, part, slab.slices, known_side=side)
