"""Checks on a series before its pixels are decoded: one for each defect.

Each check takes a :class:`~kneerepro.data.reading.series.Series` and
:class:`Limits`, and returns a :class:`~kneerepro.data.reading.defects.Defect`
or None.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from kneerepro.data.reading.defects import REJECTIONS, Defect
from kneerepro.data.reading.series import Series


@dataclass(frozen=True)
class Limits:
    """What a series needs in order to be used.

    Attributes
    ----------
    min_slices : int
        A localizer has some 3 to 15.
    min_coverage : float
        Thickness of the slab in mm. The femur's epicondyles are some 70 to
        90 mm apart; an acquisition that was broken off does not span them.
    """

    min_slices: int = 16
    min_coverage: float = 80.0


_SAME_POSITION = 0.01  # mm
_TOLERANCE = 0.1  # as a fraction of the distance between slices


def check_modality(series: Series, limits: Limits) -> Defect | None:
    """NOT_MR: an image of another modality."""
    if any(image.header.modality != 'MR' for image in series.slices):
        return Defect('NOT_MR', 'its modality is not MR')
    return None


def check_files(series: Series, limits: Limits) -> Defect | None:
    """Any code that was given to an image when its header was read."""
    found = Counter(image.defect for image in series.slices if image.defect)
    if found:
        code, count = found.most_common(1)[0]
        return Defect(
            code, f'{count} of {len(series)} images: {REJECTIONS[code]}'
        )
    return None


def check_colour(series: Series, limits: Limits) -> Defect | None:
    """COLOUR: an image that is not in shades of grey."""
    for image in series.slices:
        if image.header.samples != 1 or image.header.photometric not in (
            'MONOCHROME1',
            'MONOCHROME2',
            '',
        ):
            return Defect('COLOUR', 'its pixels are not shades of grey')
    return None


def check_sizes(series: Series, limits: Limits) -> Defect | None:
    """MIXED_SIZES: different rows, columns or pixel spacings."""
    headers = [image.header for image in series.slices]
    sizes = {(header.rows, header.columns) for header in headers}
    if len(sizes) > 1:
        listed = ' and '.join(
            f'{rows} x {columns}' for rows, columns in sorted(sizes)[:3]
        )
        return Defect('MIXED_SIZES', f'its slices have {listed} pixels')
    spacings = {header.pixel_spacing for header in headers}
    if len({s and tuple(np.round(s, 4)) for s in spacings}) > 1:
        return Defect('MIXED_SIZES', 'its slices differ in pixel spacing')
    return None


def check_positions(series: Series, limits: Limits) -> Defect | None:
    """NO_POSITIONS: the order of the slices cannot be known."""
    if not series.has_positions():
        return Defect(
            'NO_POSITIONS',
            'slices without ImagePositionPatient or ImageOrientationPatient',
        )
    cosines = np.array(series.header.orientation).reshape(2, 3)
    if not np.allclose(cosines @ cosines.T, np.eye(2), atol=0.01):
        return Defect(
            'NO_POSITIONS',
            'the directions in ImageOrientationPatient are not perpendicular '
            'unit vectors',
        )
    return None


def check_orientations(series: Series, limits: Limits) -> Defect | None:
    """MIXED_ORIENTATIONS: slices that are not parallel."""
    if series.has_positions():
        cosines = np.array(
            [image.header.orientation for image in series.slices]
        )
        if np.abs(cosines - cosines[0]).max() > 0.01:
            return Defect(
                'MIXED_ORIENTATIONS', 'its slices differ in orientation'
            )
    return None


def check_count(series: Series, limits: Limits) -> Defect | None:
    """TOO_FEW_SLICES: fewer than the limit."""
    if len(series) < limits.min_slices:
        return Defect(
            'TOO_FEW_SLICES',
            f'{len(series)} slices; at least {limits.min_slices} are required',
        )
    return None


def check_duplicate_slices(series: Series, limits: Limits) -> Defect | None:
    """DUPLICATE_SLICES: several slices at one position."""
    steps = np.diff(series.positions())
    count = int((steps < _SAME_POSITION).sum())
    if count:
        return Defect(
            'DUPLICATE_SLICES',
            f'{count} of {len(series)} slices lie at the position of another',
        )
    return None


def check_missing_slices(series: Series, limits: Limits) -> Defect | None:
    """MISSING_SLICES: gaps as wide as whole slices."""
    gaps = _gaps(series)
    missing = int(round((gaps - 1)[_whole(gaps)].sum()))
    if missing and _whole(gaps).all():
        return Defect(
            'MISSING_SLICES',
            f'{missing} slices are missing between its {len(series)}',
        )
    return None


def check_spacing(series: Series, limits: Limits) -> Defect | None:
    """UNEVEN_SPACING: slices at irregular distances."""
    if not _whole(_gaps(series)).all():
        steps = np.diff(series.positions())
        return Defect(
            'UNEVEN_SPACING',
            f'its slices are {steps.min():.4g} to {steps.max():.4g} mm apart',
        )
    return None


def check_coverage(series: Series, limits: Limits) -> Defect | None:
    """INCOMPLETE_COVERAGE: a slab thinner than the limit."""
    coverage = series.spacing()[0] * len(series)
    if coverage < limits.min_coverage:
        return Defect(
            'INCOMPLETE_COVERAGE',
            f'{len(series)} slices cover {coverage:.1f} mm; at least '
            f'{limits.min_coverage:g} mm are required',
        )
    return None


def _gaps(series):
    """Distances between neighbouring slices, in units of the usual one."""
    steps = np.diff(series.positions())
    return steps / max(series.spacing()[0], _SAME_POSITION)


def _whole(gaps):
    """Which gaps are multiples of the usual distance."""
    return np.abs(gaps - np.maximum(np.round(gaps), 1)) < _TOLERANCE


# The order matters: each check may rely on those before it.
CHECKS = [
    check_modality,
    check_colour,
    check_files,
    check_sizes,
    check_positions,
    check_orientations,
    check_count,
    check_duplicate_slices,
    check_missing_slices,
    check_spacing,
    check_coverage,
]


def find_defect(series: Series, limits: Limits) -> Defect | None:
    """The first defect of a series, or None."""
    for check in CHECKS:
        defect = check(series, limits)
        if defect is not None:
            return defect
    return None


def instance_numbers_disagree(series: Series) -> bool:
    """Whether InstanceNumber contradicts the order along the slice normal.

    Numbers agree if they rise or fall with the position in equal steps (of
    two where echoes interleave) and begin with one of the first.
    """
    numbers = [
        image.number for image in series.slices if image.number is not None
    ]
    if len(set(numbers)) < len(series):
        # Some are missing or repeated. If all are missing, they contradict
        # nothing.
        return bool(numbers)
    steps = np.unique(np.diff(numbers))
    # One part of a series may begin with any number.
    late = not series.part and min(numbers) > abs(int(steps[0]))
    return len(steps) > 1 or late
