"""Separate the copies, and the parts, that share a SeriesInstanceUID."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

from kneerepro.data.reading.series import Series, Slice


def split_copies(slices: list[Slice]) -> list[list[Slice]]:
    """Separate copies of the same images.

    Parameters
    ----------
    slices : list of Slice
        Of one SeriesInstanceUID, sorted by path.

    Returns
    -------
    list of list of Slice
        The first list holds every image once, the second those that occur
        twice, and so on.
    """
    copies: list[list[Slice]] = []
    counts: defaultdict[Any, int] = defaultdict(int)
    for image in slices:
        # An image without a UID of its own is not known to be a copy.
        identity = (
            (image.sop, image.index, image.position) if image.sop else object()
        )
        count = counts[identity]
        counts[identity] += 1
        if count == len(copies):
            copies.append([])
        copies[count].append(image)
    return copies


def split_parts(
    uid: str, slices: list[Slice], min_slices: int
) -> list[Series]:
    """Separate the stacks, echoes and time points that share a series.

    Parameters
    ----------
    uid : str
        SeriesInstanceUID.
    slices : list of Slice
    min_slices : int
        Slices with an orientation of their own make a stack if there are at
        least this many; otherwise they stay, for the check on mixed
        orientations to find.

    Returns
    -------
    list of Series
        Their parts are named by number, never by text from the headers.
    """
    parts = [('', slices)]
    for name, key, at_least in [
        ('stack', lambda image: image.header.stack, 1),
        ('echo', lambda image: image.header.echo_time, 1),
        ('time', lambda image: image.header.temporal_position, 1),
        ('orientation', _orientation, min_slices),
    ]:
        parts = [
            finer
            for part, members in parts
            for finer in _split(part, members, name, key, at_least)
        ]
    return [Series(uid, part, members) for part, members in parts]


def _split(
    part: str,
    slices: list[Slice],
    name: str,
    key: Callable[[Slice], Any],
    at_least: int,
) -> list[tuple[str, list[Slice]]]:
    """Group slices by a key, if that makes groups of a minimal size."""
    groups = defaultdict(list)
    for image in slices:
        groups[key(image)].append(image)
    if len(groups) < 2 or min(map(len, groups.values())) < at_least:
        return [(part, slices)]
    return [
        (f'{part} {name} {i}'.strip(), groups[value])
        for i, value in enumerate(sorted(groups, key=_numbers_first), 1)
    ]


def _orientation(image):
    return _rounded(image.header.orientation or ())


@functools.lru_cache(maxsize=64)
def _rounded(orientation):
    # Adding 0 turns -0 into 0.
    return tuple(np.round(orientation, 2) + 0.0)


def _numbers_first(value):
    """A key that sorts texts with numbers by their value, before others."""
    try:
        return (0, float(value), '')
    except (TypeError, ValueError):
        return (1, 0.0, str(value))
