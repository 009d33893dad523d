"""Put the slices of a series together from the headers of their files."""

from __future__ import annotations

import functools
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Callable

import numpy as np

from kneerepro.data.reading.frames import Frame
from kneerepro.data.reading.geometry import (
    Orientation,
    along_normal,
    orient,
)

# A slab whose centre is nearer than this to the middle of the scanner, in mm,
# may be a knee of either side that was moved there.
_MIDDLE = 30


@dataclass(frozen=True)
class Slice(Frame):
    """One image of a series: a frame and the file that holds it.

    Attributes
    ----------
    path : str
    """

    path: str = ''


class Series:
    """The slices of one stack of a series.

    Parameters
    ----------
    uid : str
        SeriesInstanceUID.
    part : str
        Which part of the series this is, such as 'echo 2'; '' if the series
        has only one.
    slices : list of Slice

    Attributes
    ----------
    slices : list of Slice
        Sorted along the slice normal if all of them have positions.
    header : kneerepro.data.reading.header.Header
        Of the first of the given slices.
    """

    def __init__(self, uid: str, part: str, slices: list[Slice]):
        self.uid, self.part = uid, part
        self.slices = slices
        self.header = slices[0].header
        if self.has_positions():
            # A stable sort keeps slices at one position in the files' order.
            order = np.argsort(self.positions(), kind='stable')
            self.slices = [slices[i] for i in order]

    def __len__(self):
        return len(self.slices)

    def has_positions(self) -> bool:
        """Whether every slice has a position and an orientation."""
        return all(
            image.position and image.header.orientation
            for image in self.slices
        )

    def positions(self) -> np.ndarray:
        """The position of each slice along the slice normal, in mm.

        All slices must have positions.
        """
        return along_normal(
            self._cosines(),
            np.array([image.position for image in self.slices]),
        )

    def orientation(self) -> Orientation:
        """How the series lies in the patient. It must have positions."""
        return orient(self._cosines())

    def _cosines(self):
        assert self.header.orientation is not None, 'it has no positions'
        return self.header.orientation

    def spacing(self) -> tuple[float, float, float]:
        """The usual distances of slices, of rows and of columns.

        Returns
        -------
        tuple of 3 floats
            In mm; 0 where unknown.
        """
        steps = (
            np.diff(self.positions()) if self.has_positions() else np.empty(0)
        )
        # The lower median: of two steps, one of which spans a gap, it is the
        # other one.
        between = (
            float(np.sort(steps)[(len(steps) - 1) // 2]) if len(steps) else 0.0
        )
        return (between,) + (self.header.pixel_spacing or (0.0, 0.0))

    def paths(self) -> list[str]:
        """The files that hold the slices, each once."""
        return list(dict.fromkeys(image.path for image in self.slices))

    def side(self) -> str:
        """Which knee it is.

        Laterality decides; without it, the series description as the OAI
        writes it; without that, the centre of the slab, since the left knee
        is on the patient's left.

        Returns
        -------
        str
            'LEFT', 'RIGHT' or, if it is unknown, ''.
        """
        header = self.header
        known = {'L': 'LEFT', 'R': 'RIGHT'}.get(header.laterality[:1].upper())
        if known:
            return known
        words = header.description.upper().replace('_', ' ').split()
        if ('LEFT' in words) != ('RIGHT' in words):
            return 'LEFT' if 'LEFT' in words else 'RIGHT'
        if not self.has_positions():
            return ''
        x = self._centre()[0]
        if abs(x) < _MIDDLE:
            return ''
        return 'LEFT' if x > 0 else 'RIGHT'

    def _centre(self):
        """The centre of the slab in patient coordinates, in mm."""
        rows, columns = self.header.pixel_spacing or (0.0, 0.0)
        cosines = np.array(self._cosines())
        corners = np.array([image.position for image in self.slices])
        return (
            corners.mean(axis=0)
            + cosines[:3] * columns * (self.header.columns - 1) / 2
            + cosines[3:] * rows * (self.header.rows - 1) / 2
        )


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
