"""The stages of a preparation, of a whole dataset or of a part."""

from __future__ import annotations

import abc
import contextlib
import operator
import os
from collections.abc import Iterator
from typing import Any

from kneerepro.data.assembly import join_labels
from kneerepro.data.decisions import Summary
from kneerepro.data.labels import Knee
from kneerepro.data.outcomes import Outcome, outcome_of_series
from kneerepro.data.parallel import convert_series
from kneerepro.data.reading.catalogue import Catalogue
from kneerepro.data.reading.files import distinct_sources, survey
from kneerepro.data.reading.records import (
    SeriesRecord,
    find_series,
    load_series,
    one_per_patient,
)
from kneerepro.data.reading.unpacking import Archives, Progress
from kneerepro.data.report import Locator, report_paths
from kneerepro.data.settings import Settings
from kneerepro.data.workspace import refuse_to_replace, working_folder
from kneerepro.utils.errors import UserError
from kneerepro.utils.scripts import typed
from kneerepro.utils.workers import Workers


class TooFewError(UserError):
    """Too few series can be converted."""


class Preparation(abc.ABC):
    """The stages of a preparation, in order of use.

    Parameters
    ----------
    sources, settings, progress
        As for :func:`kneerepro.data.prepare.prepare`.
    out : str
        Absolute path of the file to make.
    excluded : list of str
        Files and folders that are no images even if they lie in a source.

    Attributes
    ----------
    out : str
    work : str
        The folder for work in progress.
    sources : list of str
        Without those that lie within another one.
    settings : kneerepro.data.settings.Settings
    shape : tuple of 3 ints
        Depth, rows and columns of a volume.
    locator : kneerepro.data.report.Locator
    made_from : dict
        What the file records of its making.
    """

    def __init__(
        self,
        sources: list[str],
        settings: Settings,
        progress: Progress | None,
        out: str,
        excluded: list[str],
    ):
        self.out, self.work = out, work_of(out)
        self.sources = distinct_sources(sources)
        self.settings = settings
        self._progress = progress
        options = settings.options
        self.shape = options.depth, options.size, options.size
        self._excluded = excluded
        self._survey = survey(self.sources, self._excluded)
        self._archives = Archives(
            self.sources, os.path.join(self.work, 'archives')
        )
        self.locator = Locator(
            self.sources, settings.identifiers, self._archives.shown
        )
        self.made_from = settings.made_from(self._survey.fingerprint)

    def make(self, workers: int, overwrite: bool) -> Any:
        """Make the file, unless it is up to date.

        Parameters
        ----------
        workers : int
            Number of processes.
        overwrite : bool
            Replace the file even if it is something else.

        Returns
        -------
        object
            What :meth:`write` returns; None if the file was kept.
        """
        # If nothing is left to do, nothing needs to be writable.
        if not os.path.exists(self.work) and self.keep_current():
            return None
        with working_folder(self.work, self.out) as finished:
            # Another run may have made the file in the meantime, or a run
            # was killed after it was done, before it could remove the folder.
            if self.keep_current():
                finished()
                return None
            if not overwrite:
                self.refuse_to_replace()
            try:
                made = self._run(workers)
            except TooFewError:
                finished()
                raise
            finished()
        return made

    @abc.abstractmethod
    def keep_current(self) -> bool:
        """Whether the file is up to date."""

    @abc.abstractmethod
    def write(
        self, catalogue: Catalogue, records: list[SeriesRecord], pool: Workers
    ) -> Any:
        """Convert the series, and write the file."""

    def refuse_to_replace(self) -> None:
        """Raise UserError if a file is in the way."""
        refuse_to_replace([self.out])

    def _run(self, workers):
        with self._open_catalogue() as catalogue, Workers(workers) as pool:
            self._read_headers(catalogue, pool)
            records = self._find_series(catalogue)
            # Before the conversion, which may take hours.
            usable = filter(operator.attrgetter('usable'), records)
            join_labels(
                self.settings.labels, list(map(Knee.of_record, usable))
            )
            return self.write(catalogue, records, pool)

    def _open_catalogue(self):
        catalogue = Catalogue(os.path.join(self.work, 'catalogue.sqlite'))
        # The depth decides how an array of images divides into volumes. What
        # the sources are called begins the paths of all files.
        depth = self.settings.options.depth
        catalogue.start(repr((self._survey.fingerprint, depth, self.sources)))
        return contextlib.closing(catalogue)

    def _read_headers(self, catalogue, pool):
        self._archives.scan(
            catalogue,
            pool,
            self.settings.options.depth,
            self._survey.count,
            self._excluded,
            self._progress,
        )

    def _find_series(self, catalogue):
        options = self.settings.options
        records = find_series(
            catalogue,
            self.settings.selection,
            self.settings.limits,
            options.depth,
            options.size,
        )
        if self.settings.one_per_patient:
            records = list(one_per_patient(records))
        return records

    def convert(
        self, catalogue: Catalogue, records: list[SeriesRecord], pool: Workers
    ) -> Iterator[Outcome]:
        """Convert those series that are usable.

        Yields
        ------
        kneerepro.data.outcomes.Outcome
            What came of each of the series, usable or not.
        """
        settings = self.settings
        conversions = convert_series(
            catalogue,
            records,
            settings.limits,
            settings.options,
            self.work,
            pool,
            self._progress,
        )
        for record in records:
            if record.usable:
                conversion = next(conversions)
                files = conversion.files
            else:
                conversion = None
                series = load_series(catalogue, record, settings.limits)
                files = series.paths()
            yield outcome_of_series(
                record, files, conversion, self.locator, settings.name_of
            )

    def too_few(
        self,
        records: list[SeriesRecord],
        summary: Summary,
        at_least: int,
        reported: bool,
    ) -> TooFewError:
        """The error to raise if too few series are usable.

        Parameters
        ----------
        records : list of kneerepro.data.reading.records.SeriesRecord
            All series.
        summary : kneerepro.data.decisions.Summary
        at_least : int
            How many would make a dataset.
        reported : bool
            Whether there is a report.
        """
        sentences = [
            f'{", ".join(self.sources)}: {summary.converted} usable series, '
            f'{summary.rejected} series or files rejected, '
            f'{summary.not_selected} not selected; at least '
            f'{at_least} required'
        ]
        others = self.settings.selection.explain(
            record.description for record in records if not record.selected
        )
        if others:
            sentences.append(others)
        if summary.rejected and reported:
            sentences.append(f'See the reasons in {report_paths(self.out)[0]}')
        elif summary.rejected:
            sentences.append(f'{typed("inspect")} lists the reasons')
        return TooFewError('. '.join(sentences))


def work_of(path: str) -> str:
    """The folder for work in progress on a file."""
    return path + '.partial'
