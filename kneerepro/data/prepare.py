"""From DICOM series to the dataset of section 2.2, at the scale of the OAI.

Work in progress is kept in a folder beside the output: the catalogue of
headers, what archives hold, and one file for each converted volume. The
dataset appears when it is complete, and the folder is then removed. If a run
is stopped, the next one with the same arguments continues its work. If another
run is already making the dataset, this one waits for it.

Several machines can share the work: :mod:`kneerepro.data.prepare_part` and
:mod:`kneerepro.data.join`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from kneerepro.data.assembly import Assembly, keep_current, outputs
from kneerepro.data.dataset import new_dataset
from kneerepro.data.decisions import Summary
from kneerepro.data.label_report import describe_labels, unmatched_path
from kneerepro.data.npy import npy_path, write_npy
from kneerepro.data.outcomes import outcomes_of_files, read_npy
from kneerepro.data.reading.unpacking import Progress
from kneerepro.data.report import report_paths
from kneerepro.data.settings import Settings
from kneerepro.data.stages import Preparation, work_of
from kneerepro.data.workspace import refuse_to_replace


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
    settings : kneerepro.data.settings.Settings
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
    job = _Complete(
        sources, out, settings, progress, at_least, npy, report_failure
    )
    return job.make(workers, overwrite)


class _Complete(Preparation):
    """The preparation of a whole dataset."""

    def __init__(
        self, sources, out, settings, progress, at_least, npy, report_failure
    ):
        out = os.path.abspath(out)
        super().__init__(
            sources, settings, progress, out, [*outputs(out), work_of(out)]
        )
        self._at_least, self._npy = at_least, npy
        self._report_failure = report_failure

    def keep_current(self):
        return keep_current(
            self.out, self.made_from, self._at_least, self._npy
        )

    def refuse_to_replace(self):
        super().refuse_to_replace()
        if self._npy:
            refuse_to_replace([npy_path(self.out)])

    def write(self, catalogue, records, pool):
        options = self.settings.options
        with new_dataset(
            self.out, self.shape, os.path.join(self.work, 'assembled.h5')
        ) as writer:
            assembly = Assembly(self.out, writer, options, read_npy)
            for outcome in outcomes_of_files(catalogue, self.locator):
                assembly.add(outcome)
            for outcome in self.convert(catalogue, records, pool):
                assembly.add(outcome)
            summary = assembly.summary()
            if summary.converted < self._at_least:
                if self._report_failure:
                    assembly.write_report()
                raise self.too_few(
                    records, summary, self._at_least, self._report_failure
                )
            summary = assembly.finish(
                self.made_from, self.settings.labels, self.settings.name_of
            )
        if self._npy:
            write_npy(self.out)
        return summary


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
