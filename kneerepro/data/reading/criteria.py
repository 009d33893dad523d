"""What tells apart the people, visits and volumes that share a series."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kneerepro.data.reading.header import Header
from kneerepro.data.reading.positions import each_covers, share_positions
from kneerepro.data.reading.series import Slice, stated_side
from kneerepro.data.reading.tolerances import (
    COSINE,
    ECHO_TIME,
    TEMPORAL_POSITION,
    cluster,
)

Groups = Sequence[list[Slice]]

# What ImageType and ComplexImageComponent call the components of a complex
# image. Philips writes 'M_FFE', for example.
_COMPONENTS = {
    'M': 'magnitude',
    'MAGNITUDE': 'magnitude',
    'P': 'phase',
    'PHASE': 'phase',
    'PHASE MAP': 'phase',
    'R': 'real',
    'REAL': 'real',
    'I': 'imaginary',
    'IMAGINARY': 'imaginary',
}


def component(header: Header) -> str:
    """Which component of a complex image it is.

    Returns
    -------
    str
        'magnitude', 'phase', 'real', 'imaginary' or, if it is unknown, ''.
    """
    for text in header.image_type.upper().split('\\'):
        name, _, _ = text.strip().partition('_')
        if name in _COMPONENTS:
            return _COMPONENTS[name]
    return ''


def _component_rank(header):
    # Magnitude comes first.
    ranks = list(dict.fromkeys(_COMPONENTS.values()))
    name = component(header)
    return ranks.index(name) if name else None


@dataclass(frozen=True)
class Criterion:
    """Something by which the slices of a series may be told apart.

    Attributes
    ----------
    name : str
        Of the parts.
    keyword : str
        Of the DICOM element.
    field : str
        The field of a header that it rests on.
    separates : callable
        Whether slices are to be separated into these groups; the second
        argument is the number of slices that a volume needs.
    value : callable, optional
        From a header, instead of the field. '' or None if it is absent.
    tolerance : float, optional
        Within which values are equal; without it, they are compared as they
        are.
    unclear : str, optional
        The code if it is not clear to which group a slice belongs that lacks
        the value. Without one, slices are then not separated.
    absent_is_value : bool
        Whether slices that lack the value can be a volume of their own.
    """

    name: str
    keyword: str
    field: str
    separates: Callable[[Groups, int], bool]
    value: Callable[[Header], Any] | None = None
    tolerance: float | None = None
    unclear: str | None = None
    absent_is_value: bool = True

    def numbers(self, slices: list[Slice]) -> list[int | None]:
        """Number the values of slices, equal values alike.

        Parameters
        ----------
        slices : list of Slice

        Returns
        -------
        list of int or None
            From 0, in the order of the values; None where it is absent.
        """
        headers = {id(image.header): image.header for image in slices}
        values = {key: self._value(headers[key]) for key in headers}
        known = list({v for v in values.values() if v not in ('', None)})
        if self.tolerance is None:
            known.sort(key=_numbers_first)
            number = {value: i for i, value in enumerate(known)}
        else:
            labels = cluster(np.array(known, float), self.tolerance)
            number = dict(zip(known, labels.tolist()))
        return [number.get(values[id(image.header)]) for image in slices]

    def _value(self, header) -> Hashable:
        if self.value is not None:
            return self.value(header)
        return getattr(header, self.field)


def _numbers_first(value):
    """A key that sorts texts with numbers by their value, before others."""
    try:
        number = float(value)
    except (ValueError, OverflowError):
        number = math.nan
    if math.isfinite(number):
        return (0, number, str(value))
    return (1, 0.0, str(value))


def _always(groups, min_slices):
    return True


def _repeats(groups, min_slices):
    # A value that each slice has for itself does not tell volumes apart.
    return max(map(len, groups)) > 1


def _volumes(groups, min_slices):
    return min(map(len, groups)) >= min_slices


def _conflicts(groups, min_slices):
    """Slices share positions, and each group is complete.

    Scanners count acquisitions in many ways, and note in ImageType what was
    done to each slice. Unless it resolves a conflict, that says nothing.
    """
    return (
        _volumes(groups, min_slices)
        and share_positions([image for group in groups for image in group])
        and each_covers(groups)
    )


def _echo_numbers(groups, min_slices):
    no_times = all(
        image.header.echo_time is None for group in groups for image in group
    )
    return (no_times and _repeats(groups, min_slices)) or _conflicts(
        groups, min_slices
    )


#: One volume shows one person at one visit.
IDENTITY = [
    Criterion(
        name,
        keyword,
        field,
        _always,
        unclear=code,
        absent_is_value=False,
    )
    for name, keyword, field, code in [
        ('patient', 'PatientID', 'patient', 'MIXED_PATIENTS'),
        ('study', 'StudyInstanceUID', 'study', 'MIXED_STUDIES'),
        (
            'frame',
            'FrameOfReferenceUID',
            'frame_of_reference',
            'MIXED_FRAMES',
        ),
    ]
]

_UNCLEAR = 'AMBIGUOUS_SLICES'

#: What tells apart the volumes of one visit, in the order in which it is
#: looked at.
VOLUMES = [
    Criterion('stack', 'StackID', 'stack', _repeats, unclear=_UNCLEAR),
    Criterion(
        'component',
        'ImageType',
        'image_type',
        _always,
        value=_component_rank,
        unclear=_UNCLEAR,
    ),
    Criterion(
        'echo',
        'EchoTime',
        'echo_time',
        _repeats,
        tolerance=ECHO_TIME,
        unclear=_UNCLEAR,
    ),
    Criterion(
        'time',
        'TemporalPositionIdentifier',
        'temporal_position',
        _repeats,
        tolerance=TEMPORAL_POSITION,
        unclear=_UNCLEAR,
    ),
    # Fewer stay, for the check on mixed orientations to find.
    Criterion(
        'orientation',
        'ImageOrientationPatient',
        'orientation',
        _volumes,
        tolerance=COSINE,
    ),
    Criterion(
        'side',
        'Laterality',
        'laterality',
        _repeats,
        value=stated_side,
        unclear=_UNCLEAR,
    ),
    Criterion('echo', 'EchoNumbers', 'echo_number', _echo_numbers),
    Criterion('type', 'ImageType', 'image_type', _conflicts),
    Criterion('acquisition', 'AcquisitionNumber', 'acquisition', _conflicts),
]
