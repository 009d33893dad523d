"""Checks on a series before its pixels are decoded: one for each defect.

Each check takes a :class:`~kneerepro.data.reading.series.Series` and
:class:`Limits`, and returns a :class:`~kneerepro.data.reading.defects.Defect`
or None.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from kneerepro.data.reading.criteria import component
from kneerepro.data.reading.defects import REJECTIONS, Defect
from kneerepro.data.reading.geometry import along_normal, within_plane
from kneerepro.data.reading.positions import usual_step, whole
from kneerepro.data.reading.series import Series
from kneerepro.data.reading.tolerances import (
    COSINE,
    PIXEL_SPACING,
    SAME_POSITION,
    SHEAR,
    SHIFT,
)


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


def check_separation(series: Series, limits: Limits) -> Defect | None:
    """What was found when its slices were separated from others."""
    return series.defect


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


def check_component(series: Series, limits: Limits) -> Defect | None:
    """NOT_MAGNITUDE: another component of a complex image."""
    components = {component(image.header) for image in series.slices}
    others = sorted(components - {'', 'magnitude'})
    if others:
        return Defect(
            'NOT_MAGNITUDE', f'its images are {" and ".join(others)} images'
        )
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
    # A slice without a pixel spacing has that of the others.
    spacings = {h.pixel_spacing for h in headers if h.pixel_spacing}
    if spacings and np.ptp(list(spacings), axis=0).max() > PIXEL_SPACING:
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
    if not np.allclose(cosines @ cosines.T, np.eye(2), atol=COSINE):
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
        if np.abs(cosines - cosines[0]).max() > COSINE:
            return Defect(
                'MIXED_ORIENTATIONS', 'its slices differ in orientation'
            )
    return None


def check_count(series: Series, limits: Limits) -> Defect | None:
    """TOO_FEW_SLICES: fewer than the limit."""
    return find_thinness(len(series), None, limits)


def check_duplicate_slices(series: Series, limits: Limits) -> Defect | None:
    """DUPLICATE_SLICES: several slices at one position."""
    steps = np.diff(series.positions())
    count = int((steps < SAME_POSITION).sum())
    if count:
        return Defect(
            'DUPLICATE_SLICES',
            f'{count} of {len(series)} slices lie at the position of another',
        )
    return None


def check_missing_slices(series: Series, limits: Limits) -> Defect | None:
    """MISSING_SLICES: gaps as wide as whole slices."""
    gaps = _gaps(series)
    missing = int(round((gaps - 1)[whole(gaps)].sum()))
    if missing and whole(gaps).all():
        return Defect(
            'MISSING_SLICES',
            f'{missing} of its {missing + len(series)} slices '
            f'{"is" if missing == 1 else "are"} missing',
        )
    return None


def check_spacing(series: Series, limits: Limits) -> Defect | None:
    """UNEVEN_SPACING: slices at irregular distances."""
    if not whole(_gaps(series)).all():
        steps = np.diff(series.positions())
        return Defect(
            'UNEVEN_SPACING',
            f'its slices are {steps.min():.4g} to {steps.max():.4g} mm apart',
        )
    return None


def check_shifts(series: Series, limits: Limits) -> Defect | None:
    """SHIFTED_SLICES: not stacked along the slice normal.

    The corners of all slices lie on a straight line to within 0.1 mm, and
    the line deviates from the normal by at most 0.01 mm per mm.
    """
    if len(series) < 2:
        return None
    corners = np.array([image.position for image in series.slices])
    cosines = np.mean(
        np.array([image.header.orientation for image in series.slices]), axis=0
    )
    distances = along_normal(cosines, corners)
    shifts = within_plane(cosines, corners)
    slope, start = np.polyfit(distances, shifts, 1)
    aside = shifts - start - np.outer(distances, slope)
    farthest = np.linalg.norm(aside, axis=1).max()
    if farthest > SHIFT:
        return Defect(
            'SHIFTED_SLICES',
            f'slices lie up to {farthest:.3g} mm aside of the line through '
            'all',
        )
    shear = float(np.linalg.norm(slope))
    if shear > SHEAR:
        return Defect(
            'SHIFTED_SLICES',
            f'it is sheared, as with a tilted gantry: by {shear:.3g} mm for '
            'each mm of depth',
        )
    return None


def check_coverage(series: Series, limits: Limits) -> Defect | None:
    """INCOMPLETE_COVERAGE: a slab thinner than the limit."""
    return find_thinness(len(series), series.spacing()[0], limits)


def find_thinness(
    slices: int, spacing: float | None, limits: Limits
) -> Defect | None:
    """TOO_FEW_SLICES, or INCOMPLETE_COVERAGE if the spacing is known."""
    if slices < limits.min_slices:
        return Defect(
            'TOO_FEW_SLICES',
            f'{slices} slices; at least {limits.min_slices} are required',
        )
    if spacing is not None and spacing * slices < limits.min_coverage:
        return Defect(
            'INCOMPLETE_COVERAGE',
            f'{slices} slices cover {spacing * slices:.1f} mm; at least '
            f'{limits.min_coverage:g} mm are required',
        )
    return None


def _gaps(series):
    """Distances between neighbouring slices, in units of the usual one."""
    positions = series.positions()
    return np.diff(positions) / max(usual_step(positions), SAME_POSITION)


# The order matters: each check may rely on those before it.
CHECKS = [
    check_separation,
    check_modality,
    check_colour,
    check_component,
    check_files,
    check_sizes,
    check_positions,
    check_orientations,
    check_count,
    check_duplicate_slices,
    check_missing_slices,
    check_spacing,
    check_shifts,
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
