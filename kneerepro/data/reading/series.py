"""Series of slices, put together from the headers of their files."""

import functools
from collections import defaultdict, namedtuple

import numpy as np

from kneerepro.data.reading.geometry import along_normal

Slice = namedtuple(
    'Slice', 'path frame header sop number position offset defect'
)
Slice.__doc__ = """One image of a series; see :class:`header.Frame`."""


class Series:
    """The slices of one stack of a series.

    Parameters
    ----------
    uid : str
        SeriesInstanceUID.
    part : str
        Which part of the series it is, such as 'echo 2', where there are
        several; '' where not.
    slices : list of Slice
        Sorted along the slice normal where they have positions.
    """

    def __init__(self, uid, part, slices):
        self.uid, self.part = uid, part
        self.slices = slices
        self.header = slices[0].header
        if self.has_positions():
            # Stable, so that slices at one position keep the files' order.
            order = np.argsort(self.positions(), kind='stable')
            self.slices = [slices[i] for i in order]

    def __len__(self):
        return len(self.slices)

    def has_positions(self):
        return all(
            one.position and one.header.orientation for one in self.slices
        )

    def positions(self):
        """Of each slice along the slice normal, in mm."""
        return along_normal(
            self.header.orientation, [one.position for one in self.slices]
        )

    def spacing(self):
        """Usual distance of the slices, of the rows and of the columns, in
        mm; those that are not known are 0.
        """
        steps = np.diff(self.positions()) if self.has_positions() else []
        # The lower median: of two, one of which spans a gap, the other.
        between = (
            float(np.sort(steps)[(len(steps) - 1) // 2]) if len(steps) else 0.0
        )
        return (between,) + (self.header.pixel_spacing or (0.0, 0.0))

    def paths(self):
        """The files, each once."""
        return list(dict.fromkeys(one.path for one in self.slices))

    def side(self):
        """'LEFT', 'RIGHT' or, where it is not known, ''.

        By Laterality, by the series description as the OAI writes it, or by
        the centre of the slab: the left knee is on the patient's left.
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
        # 30 mm: a knee that was moved to the middle of the scanner tells
        # nothing.
        return '' if abs(x) < 30 else 'LEFT' if x > 0 else 'RIGHT'

    def _centre(self):
        rows, columns = self.header.pixel_spacing or (0.0, 0.0)
        cosines = np.array(self.header.orientation)
        corners = np.array([one.position for one in self.slices])
        return (
            corners.mean(axis=0)
            + cosines[:3] * columns * (self.header.columns - 1) / 2
            + cosines[3:] * rows * (self.header.rows - 1) / 2
        )


def split_copies(slices):
    """Tell copies of the same files apart.

    Parameters
    ----------
    slices : list of Slice
        Of one SeriesInstanceUID, sorted by path.

    Returns
    -------
    list of list of Slice
        The first holds every image once, the second those that are there
        twice, and so on.
    """
    copies, counts = [], defaultdict(int)
    for one in slices:
        # Without a UID of its own, an image is nobody's copy.
        same = (one.sop, one.frame, one.position) if one.sop else object()
        count = counts[same]
        counts[same] += 1
        if count == len(copies):
            copies.append([])
        copies[count].append(one)
    return copies


def split_parts(uid, slices, min_slices):
    """Separate echoes, time points and stacks that share a series.

    Parameters
    ----------
    uid : str
    slices : list of Slice
    min_slices : int
        Slices of an orientation of their own make a stack if there are that
        many; fewer are left in, for the check on mixed orientations.

    Returns
    -------
    list of Series
        Named by number, not by what their headers say.
    """
    parts = [('', slices)]
    for name, key in [
        ('stack', lambda one: one.header.stack),
        ('echo', lambda one: _echo(one.header)),
        ('time', lambda one: one.header.temporal_position),
        ('orientation', _orientation),
    ]:
        parts = [
            part
            for before, members in parts
            for part in _split(
                before,
                members,
                name,
                key,
                min_slices if name == 'orientation' else 1,
            )
        ]
    return [Series(uid, part, members) for part, members in parts]


def _split(before, slices, name, key, at_least):
    groups = defaultdict(list)
    for one in slices:
        groups[key(one)].append(one)
    if len(groups) < 2 or min(map(len, groups.values())) < at_least:
        return [(before, slices)]
    return [
        (f'{before} {name} {i}'.strip(), groups[value])
        for i, value in enumerate(sorted(groups, key=_natural), 1)
    ]


def _echo(header):
    # Echoes, but not what one echo was reconstructed to, belong to it.
    return header.echo_time


def _orientation(one):
    return _rounded(one.header.orientation or ())


@functools.lru_cache(maxsize=64)
def _rounded(orientation):
    return tuple(np.round(orientation, 2) + 0.0)


def _natural(value):
    """Sorts texts that are numbers by their value."""
    try:
        return (0, float(value), '')
    except (TypeError, ValueError):
        return (1, 0.0, str(value))
