"""Separate the people, copies and volumes that share a SeriesInstanceUID."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kneerepro.data.reading.checks import Limits, find_defect
from kneerepro.data.reading.criteria import IDENTITY, VOLUMES, Criterion
from kneerepro.data.reading.defects import Defect, DefectError
from kneerepro.data.reading.positions import occupied, vacant
from kneerepro.data.reading.series import Series, Slice
from kneerepro.data.reading.two_knees import split_knees


def split_series(
    uid: str, slices: list[Slice], limits: Limits
) -> list[Series]:
    """Separate what shares a SeriesInstanceUID.

    People, visits and frames of reference are told apart first, then copies
    of the same images, then volumes (:mod:`kneerepro.data.reading.criteria`),
    and at last two knees.

    Parameters
    ----------
    uid : str
        SeriesInstanceUID.
    slices : list of Slice
        Sorted by path.
    limits : kneerepro.data.reading.checks.Limits

    Returns
    -------
    list of Series
        Their parts are named by number, never by text from the headers. A
        series has a defect if it is a copy, or if slices cannot be separated
        without doubt. All slices are one such series if they show several
        people or visits that are not each a good volume.
    """
    people = list(_divide(_Part('', slices), IDENTITY, limits.min_slices))
    for person in people:
        if person.defect:
            return [Series(uid, '', slices, person.defect)]
    parts = [_volumes(uid, person, limits) for person in people]
    if len(people) > 1 and not all(
        any(find_defect(volume, limits) is None for volume in volumes)
        for volumes in parts
    ):
        return [Series(uid, '', slices, _mixed(slices))]
    return [volume for volumes in parts for volume in volumes]


def split_copies(slices: list[Slice]) -> list[list[Slice]]:
    """Separate copies of the same images.

    Parameters
    ----------
    slices : list of Slice
        Of one SeriesInstanceUID, sorted by path as the user knows it.

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


@dataclass(frozen=True)
class _Part:
    """Slices that belong together, the name of that part of the series, and
    why they cannot be separated any further.
    """

    name: str
    slices: list[Slice]
    defect: Defect | None = None


def _mixed(slices):
    """The defect of slices that show several people or visits."""
    for criterion in IDENTITY:
        count = len(set(criterion.numbers(slices)) - {None})
        if count > 1:
            break
    return Defect(
        criterion.unclear,
        f'its slices have {count} values of {criterion.keyword}, and not each '
        'of them makes a volume',
    )


def _volumes(uid: str, person: _Part, limits: Limits) -> list[Series]:
    """The copies and the volumes of one visit."""
    volumes: list[Series] = []
    for i, copy in enumerate(split_copies(person.slices)):
        # What was copied in part is not split by orientation.
        min_slices = limits.min_slices if i == 0 else len(copy) + 1
        for part in _divide(replace(person, slices=copy), VOLUMES, min_slices):
            defect = part.defect
            if i > 0:
                defect = Defect(
                    'DUPLICATE_SERIES',
                    f'{len(part.slices)} images of the series occur more than '
                    'once',
                )
            series = Series(uid, part.name, part.slices, defect)
            volumes += [series] if defect else split_knees(series, limits)
    return volumes


def _divide(
    part: _Part, criteria: Sequence[Criterion], min_slices: int
) -> Iterator[_Part]:
    """Separate slices by one criterion after the other."""
    first = part.slices[0].header
    if part.defect or all(image.header is first for image in part.slices):
        yield part
        return
    for i, criterion in enumerate(criteria):
        try:
            groups = _separate(part.slices, criterion, min_slices)
        except DefectError as error:
            yield replace(part, defect=Defect(error.code, error.message))
            return
        if len(groups) > 1:
            for number, group in enumerate(groups, 1):
                name = f'{part.name} {criterion.name} {number}'.strip()
                yield from _divide(
                    _Part(name, group), criteria[i + 1 :], min_slices
                )
            return
    yield part


def _separate(slices, criterion, min_slices):
    """The slices with each value of a criterion; raises DefectError if it is
    unclear where one belongs.
    """
    numbers = criterion.numbers(slices)
    groups = _grouped(slices, numbers)
    absent = groups.pop(None, [])
    if not groups or (len(groups) == 1 and not absent):
        return [slices]
    if absent:
        places = iter(_places_of(absent, groups, criterion, min_slices))
        numbers = [next(places) if n is None else n for n in numbers]
        unclear = numbers.count(None)
        if unclear:
            known = list(groups.values())
            if criterion.unclear and criterion.separates(known, min_slices):
                raise DefectError(
                    criterion.unclear,
                    f'{unclear} of its slices lack {criterion.keyword}, and '
                    'their positions do not tell where they belong',
                )
            return [slices]
        groups = _grouped(slices, numbers)
    parts = [groups[number] for number in sorted(groups)]
    if len(parts) > 1 and criterion.separates(parts, min_slices):
        return parts
    return [slices]


def _grouped(slices, numbers):
    groups = defaultdict(list)
    for image, number in zip(slices, numbers):
        groups[number].append(image)
    return groups


def _places_of(absent, groups, criterion, min_slices):
    """The number of the group to which each slice without a value belongs;
    None where that is unclear.
    """
    known = list(groups.values())
    if (
        criterion.absent_is_value
        and len(absent) >= min_slices
        and occupied(known, absent).all()
    ):
        return [max(groups) + 1] * len(absent)
    if len(groups) == 1:
        return list(groups) * len(absent)
    others = {
        number: {_without(image, criterion) for image in group}
        for number, group in groups.items()
    }
    places = []
    for image, fits in zip(absent, vacant(known, absent)):
        numbers = [number for number, fit in zip(groups, fits) if fit]
        if len(numbers) > 1:
            header = _without(image, criterion)
            numbers = [n for n in numbers if header in others[n]]
        places.append(numbers[0] if len(numbers) == 1 else None)
    return places


def _without(image, criterion):
    """The header of a slice but for the field that a criterion rests on."""
    return replace(image.header, **{criterion.field: None})
