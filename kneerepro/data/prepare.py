"""From DICOM series to the dataset of section 2.2, at the scale of the OAI.

Work in progress is kept in a folder beside the output: the catalogue of
headers, what archives hold, and one file for each converted volume. The
dataset appears when it is complete, and the folder is then removed. If a run
is stopped, the next one with the same arguments continues its work. If another
run is already making the dataset, this one waits for it.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

import kneerepro
from kneerepro.data.convert import Options, normalise
from kneerepro.data.dataset import (
    COMPLETE,
    Dataset,
    DatasetWriter,
    new_dataset,
)
from kneerepro.data.decisions import Decisions, Summary, Volume
from kneerepro.data.label_report import (
    describe_labels,
    unmatched_path,
    write_unmatched,
)
from kneerepro.data.label_table import LabelTable
from kneerepro.data.labels import Knee, join
from kneerepro.data.npy import npy_path, write_npy
from kneerepro.data.parallel import convert_series
from kneerepro.data.reading.catalogue import Catalogue
from kneerepro.data.reading.checks import Limits
from kneerepro.data.reading.files import distinct_sources, survey
from kneerepro.data.reading.identity import keyed_hash
from kneerepro.data.reading.records import (
    find_series,
    load_series,
    one_per_patient,
)
from kneerepro.data.reading.selection import Selection
from kneerepro.data.reading.unpacking import Archives, Progress
from kneerepro.data.report import Report, report_paths
from kneerepro.data.workspace import working_folder
from kneerepro.utils.errors import UserError
from kneerepro.utils.workers import Workers


@dataclass(frozen=True)
class Settings:
    """Everything beside the files that decides what is in a dataset.

    Attributes
    ----------
    key : bytes
        For the patients' hashes: see
        :func:`kneerepro.data.reading.identity.load_key`.
    options : kneerepro.data.convert.Options
    limits : kneerepro.data.reading.checks.Limits
    selection : kneerepro.data.reading.selection.Selection
    one_per_patient : bool
        Use only the first series of each patient.
    identifiers : bool
        Keep PatientIDs and absolute paths in the dataset and the report.
    labels : kneerepro.data.label_table.LabelTable, optional
        To be joined to the volumes.
    """

    key: bytes = field(repr=False)
    options: Options = Options()
    limits: Limits = Limits()
    selection: Selection = Selection()
    one_per_patient: bool = False
    identifiers: bool = False
    labels: LabelTable | None = field(default=None, repr=False)

    def made_from(self, fingerprint: str) -> dict[str, Any]:
        """What a dataset file records of its making.

        A dataset that was made from the same is kept.

        Parameters
        ----------
        fingerprint : str
            Of the files: see :class:`kneerepro.data.reading.files.Survey`.

        Returns
        -------
        dict
            With values that JSON can hold. The key appears as a hash.
        """
        return {
            'version': kneerepro.__version__,
            'source': fingerprint,
            'options': asdict(self.options),
            'limits': asdict(self.limits),
            'series_description': self.selection.pattern,
            'one_per_patient': self.one_per_patient,
            'identifiers': self.identifiers,
            'key': keyed_hash(self.key, ''),
            'labels': self.labels
            and {'sha256': self.labels.hash, 'columns': self.labels.chosen},
        }


def prepare(
    sources: list[str],
    out: str,
    settings: Settings,
    *,
    workers: int = 1,
    overwrite: bool = False,
    at_least: int = 1,
    npy: bool = False,
    report_failure: bool = True,
    progress: Progress | None = None,
) -> Summary | None:
    """Convert series of images to a dataset file.

    Parameters
    ----------
    sources : list of str
        Folders with DICOM series at any depth and under any file names, and
        with volumes as NIfTI, MetaImage, NRRD, .mat or .npy files; or such
        files, or archives of them.
    out : str
        The HDF5 file to write: see :mod:`kneerepro.data.dataset`. If it was
        made from the same files with the same settings, it is kept. While
        another process makes it, this one waits.
    settings : Settings
    workers : int
        Number of processes. The result does not depend on it.
    overwrite : bool
        Replace `out` even if it is something else.
    at_least : int
        The least number of volumes that makes a dataset.
    npy : bool
        Also write the volumes to ``out`` with the ending .npy.
    report_failure : bool
        Leave the report behind even if there is no dataset.
    progress : callable, optional
        Called with the current phase ('reading headers' or 'converting') and
        the numbers done, in total, and rejected.

    Returns
    -------
    Summary or None
        None if `out` was kept.

    Raises
    ------
    UserError
        If fewer than `at_least` series can be converted, no label is of any
        of them, or `out` cannot be written. No dataset is left behind then.
    """
    job = _Preparation(sources, out, settings, at_least, npy, progress)
    # If nothing is left to do, nothing needs to be writable.
    if not os.path.exists(job.work) and job.keep_current():
        return None
    with working_folder(job.work, job.out) as finished:
        # Another run may have made the dataset in the meantime, or a run was
        # killed after it was done, before it could remove the folder.
        if job.keep_current():
            finished()
            return None
        if not overwrite:
            job.refuse_to_replace()
        try:
            summary = job.run(workers, report_failure)
        except _TooFewError:
            finished()
            raise
        if npy:
            write_npy(job.out)
        finished()
    return summary


class _TooFewError(UserError):
    """Too few series could be converted."""


class _Preparation:
    """The stages of a preparation, in order of use.

    Parameters
    ----------
    sources, out, settings, at_least, npy, progress
        As for :func:`prepare`.

    Attributes
    ----------
    out : str
        Absolute path of the dataset file.
    work : str
        The folder for work in progress.
    """

    def __init__(self, sources, out, settings, at_least, npy, progress):
        self.out = os.path.abspath(out)
        self.work = self.out + '.partial'
        self._sources = distinct_sources(sources)
        self._settings = settings
        self._at_least, self._npy = at_least, npy
        self._progress = progress
        self._excluded = [
            self.out,
            self.work,
            *report_paths(self.out),
            unmatched_path(self.out),
            npy_path(self.out),
        ]
        self._survey = survey(self._sources, self._excluded)
        self._archives = Archives(
            self._sources, os.path.join(self.work, 'archives')
        )
        self._made_from = settings.made_from(self._survey.fingerprint)

    def keep_current(self):
        """Whether the dataset is up to date; only its .npy is then written
        if it is wanted and missing.
        """
        try:
            with Dataset(self.out, verify=False) as dataset:
                # JSON has no tuples.
                wanted = json.loads(json.dumps(self._made_from))
                current = (
                    dataset.version >= COMPLETE
                    and len(dataset.volumes) >= self._at_least
                    and all(
                        dataset.provenance.get(name) == value
                        for name, value in wanted.items()
                    )
                )
        except UserError:
            return False
        if current and self._npy and not os.path.lexists(npy_path(self.out)):
            write_npy(self.out)
        return current

    def refuse_to_replace(self):
        """Raise if a file is in the way."""
        paths = [self.out]
        if self._npy:
            paths.append(npy_path(self.out))
        for path in paths:
            if os.path.lexists(path):
                raise UserError(
                    f'{path} already exists and was made from other data or '
                    'with other options, or by an earlier version: name '
                    'another --out, or use --overwrite'
                )

    def run(self, workers, report_failure):
        """Make the dataset file; returns the :class:`Summary`."""
        options = self._settings.options
        with (
            self._open_catalogue() as catalogue,
            Workers(workers) as pool,
            new_dataset(
                self.out,
                (options.depth, options.size, options.size),
                os.path.join(self.work, 'assembled.h5'),
            ) as writer,
        ):
            self._read_headers(catalogue, pool)
            records = self._find_series(catalogue)
            # Before the conversion, which may take hours.
            self._join_labels(
                [Knee.of_record(record) for record in records if record.usable]
            )
            report = Report(
                self.out,
                self._sources,
                self._settings.identifiers,
                self._archives.shown,
            )
            decisions = self._decide(catalogue, records, pool, report)
            summary = decisions.summary()
            if summary.converted < self._at_least:
                if report_failure:
                    report.write()
                raise _TooFewError(
                    self._too_few(records, summary, report_failure)
                )
            _assemble(writer, decisions.volumes, options)
            report.write()
            joined = self._store_labels(writer, decisions)
            writer.provenance = {
                **self._made_from,
                'converted': summary.converted,
                'rejected': summary.rejected,
                'not_selected': summary.not_selected,
            }
        return replace(summary, labels=joined)

    def _open_catalogue(self):
        catalogue = Catalogue(os.path.join(self.work, 'catalogue.sqlite'))
        # The depth decides how an array of images divides into volumes. What
        # the sources are called begins the paths of all files.
        depth = self._settings.options.depth
        catalogue.start(repr((self._survey.fingerprint, depth, self._sources)))
        return contextlib.closing(catalogue)

    def _read_headers(self, catalogue, pool):
        self._archives.scan(
            catalogue,
            pool,
            self._settings.options.depth,
            self._survey.count,
            self._excluded,
            self._progress,
        )

    def _find_series(self, catalogue):
        options = self._settings.options
        records = find_series(
            catalogue,
            self._settings.selection,
            self._settings.limits,
            options.depth,
            options.size,
        )
        if self._settings.one_per_patient:
            records = list(one_per_patient(records))
        return records

    def _join_labels(self, knees):
        if self._settings.labels is None or not knees:
            return None
        return join(self._settings.labels, knees)

    def _store_labels(self, writer, decisions):
        joined = self._join_labels(
            [volume.knee for volume in decisions.volumes]
        )
        if joined is not None:
            writer.labels = joined.columns()
            write_unmatched(
                unmatched_path(self.out), joined.unmatched, decisions.name_of
            )
        return joined

    def _decide(self, catalogue, records, pool, report):
        """Convert the usable series, and decide on all of them."""
        settings = self._settings
        decisions = Decisions(report, settings.key, settings.identifiers)
        decisions.add_files(catalogue)
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
                decisions.add_series(record, conversion.files, conversion)
            else:
                series = load_series(catalogue, record, settings.limits)
                decisions.add_series(record, series.paths())
        return decisions

    def _too_few(self, records, summary, reported):
        sentences = [
            f'{", ".join(self._sources)}: {summary.converted} usable series, '
            f'{summary.rejected} series or files rejected, '
            f'{summary.not_selected} not selected; at least '
            f'{self._at_least} required'
        ]
        others = self._settings.selection.explain(
            record.description for record in records if not record.selected
        )
        if others:
            sentences.append(others)
        if summary.rejected and reported:
            sentences.append(f'See the reasons in {report_paths(self.out)[0]}')
        elif summary.rejected:
            sentences.append('data/inspect.py lists the reasons')
        return '. '.join(sentences)


def _assemble(
    writer: DatasetWriter, volumes: list[Volume], options: Options
) -> None:
    """Write the volumes to the dataset file."""
    extremes = None
    if options.normalise == 'dataset' and volumes:
        extremes = (
            min(volume.low for volume in volumes),
            max(volume.high for volume in volumes),
        )
    for volume in volumes:
        values = np.load(volume.path, mmap_mode='r')
        if extremes is not None:
            values = normalise(values, 'dataset', extremes)
        writer.append(
            values,
            volume.patient,
            volume.side,
            volume.certain,
            grid=volume.grid,
            series=volume.series,
            frame_of_reference=volume.frame_of_reference,
        )


def describe(summary: Summary, out: str) -> Iterator[str]:
    """Tell a user what a preparation did, line by line.

    Parameters
    ----------
    summary : Summary
    out : str
        The dataset file.

    Yields
    ------
    str
    """
    yield (
        f'{summary.converted} series converted, {summary.rejected} series '
        f'or files rejected, {summary.not_selected} not selected'
    )
    for code, count in sorted(summary.codes.items()):
        yield f'  {code}: {count}'
    if summary.codes:
        yield f'which series or file and why: {report_paths(out)[0]}'
    if summary.labels is not None:
        yield from describe_labels(summary.labels)
        if summary.labels.unmatched:
            yield f'which volumes and rows: {unmatched_path(out)}'
