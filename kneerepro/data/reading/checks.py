"""Checks on a series, before a pixel of it is decoded; one for each defect.

Each takes a :class:`~kneerepro.data.reading.series.Series` and :class:`Limits` and
returns a :class:`~kneerepro.data.reading.defects.Defect` or None.
"""

from collections import Counter, namedtuple

import numpy as np

from kneerepro.data.reading.defects import REJECTIONS, Defect

Limits = namedtuple('Limits', 'min_slices min_coverage', defaults=(16, 80.0))
Limits.__doc__ = """What a series needs.

Attributes
----------
min_slices : int
    A localizer has some 3 to 15.
min_coverage : float
    Thickness of the slab in mm. The femur's epicondyles are some 70 to 90 mm
    apart; an acquisition that was broken off does not reach across them.
"""

_SAME_POSITION = 0.01  # mm
_TOLERANCE = 0.1  # of the distance between slices


def check_modality(series, limits):
    if any(one.header.modality != 'MR' for one in series.slices):
        return Defect('NOT_MR', 'its modality is not MR')


def check_files(series, limits):
    """What reading the headers has shown of the pixels."""
    found = Counter(one.defect for one in series.slices if one.defect)
    if found:
        code, count = found.most_common(1)[0]
        return Defect(
            code, f'{count} of {len(series)} images: ' + REJECTIONS[code]
        )


def check_colour(series, limits):
    for one in series.slices:
        if one.header.samples != 1 or one.header.photometric not in (
            'MONOCHROME1',
            'MONOCHROME2',
            '',
        ):
            return Defect('COLOUR', 'its pixels are not shades of grey')


def check_sizes(series, limits):
    sizes = {(one.header.rows, one.header.columns) for one in series.slices}
    if len(sizes) > 1:
        return Defect(
            'MIXED_SIZES',
            'its slices have '
            + ' and '.join(
                f'{rows} x {columns}' for rows, columns in sorted(sizes)[:3]
            )
            + ' pixels',
        )
    spacings = {one.header.pixel_spacing for one in series.slices}
    if len({s and tuple(np.round(s, 4)) for s in spacings}) > 1:
        return Defect('MIXED_SIZES', 'its slices differ in pixel spacing')


def check_positions(series, limits):
    if not series.has_positions():
        return Defect(
            'NO_POSITIONS',
            'slices without ImagePositionPatient or ImageOrientationPatient',
        )
    cosines = np.array(series.header.orientation).reshape(2, 3)
    if not np.allclose(cosines @ cosines.T, np.eye(2), atol=0.01):
        return Defect(
            'NO_POSITIONS',
            'ImageOrientationPatient holds no directions at right angles',
        )


def check_orientations(series, limits):
    if series.has_positions():
        cosines = np.array([one.header.orientation for one in series.slices])
        if np.abs(cosines - cosines[0]).max() > 0.01:
            return Defect(
                'MIXED_ORIENTATIONS', 'its slices lie in several directions'
            )


def check_count(series, limits):
    if len(series) < limits.min_slices:
        return Defect(
            'TOO_FEW_SLICES',
            f'{len(series)} slices; needed are at least {limits.min_slices}',
        )


def check_duplicate_slices(series, limits):
    steps = np.diff(series.positions())
    count = int((steps < _SAME_POSITION).sum())
    if count:
        return Defect(
            'DUPLICATE_SLICES',
            f'{count} of {len(series)} slices lie where another one does',
        )


def check_missing_slices(series, limits):
    gaps = _gaps(series)
    missing = int(round((gaps - 1)[_whole(gaps)].sum()))
    if missing and _whole(gaps).all():
        return Defect(
            'MISSING_SLICES',
            f'{missing} slices are missing between its {len(series)}',
        )


def check_spacing(series, limits):
    gaps = _gaps(series)
    if not _whole(gaps).all():
        steps = np.diff(series.positions())
        return Defect(
            'UNEVEN_SPACING',
            f'its slices are {steps.min():.4g} to {steps.max():.4g} mm apart',
        )


def check_coverage(series, limits):
    coverage = series.spacing()[0] * len(series)
    if coverage < limits.min_coverage:
        return Defect(
            'INCOMPLETE_COVERAGE',
            f'{len(series)} slices cover '
            f'{coverage:.1f} mm; needed are at least '
            f'{limits.min_coverage:g} mm',
        )


def _gaps(series):
    """Distances of neighbouring slices, in units of the usual one."""
    steps = np.diff(series.positions())
    return steps / max(series.spacing()[0], _SAME_POSITION)


def _whole(gaps):
    return np.abs(gaps - np.maximum(np.round(gaps), 1)) < _TOLERANCE


# In this order: each may rely on those before it.
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


def find_defect(series, limits):
    """The first defect of a series, or None."""
    for check in CHECKS:
        defect = check(series, limits)
        if defect is not None:
            return defect


def instance_numbers_disagree(series):
    """Whether InstanceNumber contradicts the order along the slice normal.

    Numbers rise or fall with the position, by equal steps (of two where
    echoes interleave), from one of the first.
    """
    numbers = [one.number for one in series.slices]
    if None in numbers or len(set(numbers)) < len(numbers):
        return any(number is not None for number in numbers)
    steps = np.unique(np.diff(numbers))
    # A part of a series may begin anywhere.
    late = not series.part and min(numbers) > abs(int(steps[0]))
    return len(steps) > 1 or late
