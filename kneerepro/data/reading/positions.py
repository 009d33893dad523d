"""Compare the positions of slices along their normal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kneerepro.data.reading.geometry import along_normal, lower_median
from kneerepro.data.reading.series import Series, Slice
from kneerepro.data.reading.tolerances import COSINE, SAME_POSITION, STEP


def usual_step(positions: np.ndarray) -> float:
    """The usual distance between neighbouring slices.

    Parameters
    ----------
    positions : array, shape (slices,)
        In mm, sorted. Slices at one position count once.

    Returns
    -------
    float
        In mm; 0 if all slices lie at one position.
    """
    steps = np.diff(positions)
    return lower_median(steps[steps >= SAME_POSITION])


def whole(gaps: np.ndarray) -> np.ndarray:
    """Which gaps are multiples of the usual distance.

    Parameters
    ----------
    gaps : array
        In units of the usual distance.

    Returns
    -------
    array of bool
    """
    return np.abs(gaps - np.maximum(np.round(gaps), 1)) < STEP


def share_positions(slices: list[Slice]) -> bool:
    """Whether several slices lie at one position."""
    series = Series('', '', slices)
    return series.has_positions() and bool(
        (np.diff(series.positions()) < SAME_POSITION).any()
    )


def each_covers(groups: Sequence[list[Slice]]) -> bool:
    """Whether the slices of each group are as close as those of all.

    They are not if the groups are the odd and the even slices of one volume.
    """
    everything = Series('', '', [image for group in groups for image in group])
    if not everything.has_positions():
        return False
    usual = usual_step(everything.positions())
    steps = [usual_step(Series('', '', group).positions()) for group in groups]
    return bool(np.abs(np.array(steps) - usual).max() < STEP * usual)


def occupied(groups: Sequence[list[Slice]], slices: list[Slice]) -> np.ndarray:
    """Which slices lie at the position of one in a group.

    Parameters
    ----------
    groups : sequence of list of Slice
    slices : list of Slice
        Of no group.

    Returns
    -------
    array of bool, shape (slices, groups)
    """
    found = np.zeros((len(slices), len(groups)), bool)
    for column, group in zip(found.T, groups):
        members = Series('', '', group)
        if members.has_positions():
            places = _places(members, slices)
            column[:] = _nearest(members.positions(), places) < SAME_POSITION
    return found


def vacant(groups: Sequence[list[Slice]], slices: list[Slice]) -> np.ndarray:
    """Which slices lie where a group has a gap, or where it goes on.

    Parameters
    ----------
    groups : sequence of list of Slice
    slices : list of Slice
        Of no group.

    Returns
    -------
    array of bool, shape (slices, groups)
        Whether the slice lies a whole number of steps from the group's, and
        between them or beyond them with no gap.
    """
    found = np.zeros((len(slices), len(groups)), bool)
    series = [Series('', '', group) for group in groups]
    steps = [
        usual_step(members.positions())
        for members in series
        if members.has_positions()
    ]
    # Where every other slice of a group lacks the value, only the other
    # groups show how far apart slices are.
    step = min(filter(None, steps), default=0.0)
    for column, members in zip(found.T, series):
        if step and members.has_positions():
            taken, places = members.positions(), _places(members, slices)
            low, high = _reach(taken, places, step)
            column[:] = (
                whole(_nearest(taken, places) / step)
                & (places >= low)
                & (places <= high)
            )
    return found


def _places(members, slices):
    """Where slices lie along the normal of others; nan if they are not
    parallel to these, or have no position.
    """
    cosines = members.header.orientation
    unknown = (np.nan, np.nan, np.nan)
    places = along_normal(
        cosines, np.array([image.position or unknown for image in slices])
    )
    orientations = np.array(
        [image.header.orientation or 2 * unknown for image in slices]
    )
    tilts = np.abs(orientations - cosines).max(axis=1)
    return np.where(tilts <= COSINE, places, np.nan)


def _nearest(taken, places):
    """The distance from each place to the nearest of those taken."""
    bounds = np.concatenate([[-np.inf], taken, [np.inf]])
    after = np.searchsorted(bounds[:-1], places)
    return np.minimum(places - bounds[after - 1], bounds[after] - places)


def _reach(taken, places, step):
    """The first and the last position that a group has if it goes on through
    neighbouring places.
    """
    low, high = taken[0], taken[-1]
    places = np.sort(places)
    for place in places[places > high]:
        if place - high > (1 + STEP) * step:
            break
        high = place
    for place in places[places < low][::-1]:
        if low - place > (1 + STEP) * step:
            break
        low = place
    return low, high
