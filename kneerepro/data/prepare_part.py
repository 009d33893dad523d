"""Convert a part of the series, on one of several machines."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, replace

from kneerepro.data.assembly import is_made_from, outputs
from kneerepro.data.decisions import Summary
from kneerepro.data.outcomes import outcomes_of_files, read_npy
from kneerepro.data.part_files import Part, PartFile, Whole, new_part
from kneerepro.data.reading.identity import keyed_hash
from kneerepro.data.reading.unpacking import Progress
from kneerepro.data.settings import Settings
from kneerepro.data.stages import Preparation, work_of
from kneerepro.utils.errors import UserError
from kneerepro.utils.scripts import typed


def prepare_part(
    sources: list[str],
    out: str,
    settings: Settings,
    part: Part,
    *,
    workers: int = 1,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> bool:
    """Convert one part of the series, on one of several machines.

    Parameters
    ----------
    sources, settings, workers, overwrite, progress
        As for :func:`~kneerepro.data.prepare.prepare`. The files, their times
        of modification, the settings and the version of this package must be
        the same on all machines.
    out : str
        The dataset file to be made of all parts. Nothing is written there;
        the file of the part lies beside it: see
        :meth:`kneerepro.data.part_files.Part.path`.
    part : kneerepro.data.part_files.Part
        It may turn out to have no series.

    Returns
    -------
    bool
        False if the file of the part was kept.

    Raises
    ------
    UserError
        If no part has a usable series, no label is of any of them, or the
        file cannot be written.
    """
    job = _Portion(sources, out, settings, progress, part)
    return bool(job.make(workers, overwrite))


class _Portion(Preparation):
    """The preparation of one part."""

    def __init__(self, sources, out, settings, progress, part):
        out = os.path.abspath(out)
        # The other machines may write into the same folder.
        made = [out, *(sibling.path(out) for sibling in part.siblings())]
        super().__init__(
            sources,
            settings,
            progress,
            part.path(out),
            [*outputs(out), *made, *map(work_of, made)],
        )
        self._part = part

    def keep_current(self):
        try:
            found = PartFile(self.out, verify=False)
        except UserError:
            return False
        return found.part == self._part and is_made_from(
            found.whole.made_from, self.made_from
        )

    def write(self, catalogue, records, pool):
        files = list(outcomes_of_files(catalogue, self.locator))
        if not any(record.usable for record in records):
            raise self.too_few(
                records, _summary(records, files), at_least=1, reported=False
            )
        own = {
            position: record
            for position, record in enumerate(records)
            if self._part.includes(record)
        }
        with new_part(
            self.out,
            self._part,
            Whole(self.made_from, len(records), self._found(records, files)),
            files,
            self.shape,
            os.path.join(self.work, 'assembled.h5'),
        ) as writer:
            outcomes = self.convert(catalogue, list(own.values()), pool)
            for position, outcome in zip(own, outcomes):
                writer.add(
                    position,
                    outcome,
                    outcome.volume and read_npy(outcome.volume),
                )
        return True

    def _found(self, records, files):
        """A hash of what all headers say, wherever the files lie."""
        facts = [
            [_comparable(record) for record in records],
            [[outcome.code, outcome.row['files']] for outcome in files],
        ]
        return keyed_hash(self.settings.key, json.dumps(facts))


def _comparable(record):
    """What machines agree on; not on the last digits of lengths."""
    return asdict(
        replace(record, location=(), path='', spacing=(0, 0, 0), grid=None)
    )


def _summary(records, files):
    """The counts where nothing is usable."""
    selected = sum(record.selected for record in records)
    defective = sum(bool(outcome.code) for outcome in files)
    return Summary(0, selected + defective, len(records) - selected, {})


def describe_part(file: PartFile, out: str) -> Iterator[str]:
    """Tell a user what is in the file of a part, line by line.

    Parameters
    ----------
    file : kneerepro.data.part_files.PartFile
    out : str
        The dataset file to be made of all parts.

    Yields
    ------
    str
    """
    summary = file.summary()
    yield (
        f'{file.path}: {file.part}, with {len(file.outcomes)} of '
        f'{file.whole.series} series: {summary.converted} converted, '
        f'{summary.rejected} rejected, {summary.not_selected} not selected'
    )
    for code, count in sorted(summary.codes.items()):
        yield f'  {code}: {count}'
    yield (
        f'join all {file.part.count} parts with {typed("prepare")} '
        f'--join {out} PART ...'
    )
