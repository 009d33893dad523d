"""Put a dataset together, with the reports and labels that belong to it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kneerepro.data.convert import Options, normalise
from kneerepro.data.dataset import COMPLETE, Dataset, DatasetWriter
from kneerepro.data.decisions import Decisions, Summary
from kneerepro.data.label_report import unmatched_path, write_unmatched
from kneerepro.data.label_table import LabelTable
from kneerepro.data.labels import Joined, Knee, join
from kneerepro.data.npy import npy_path, write_npy
from kneerepro.data.outcomes import Outcome, Volume
from kneerepro.data.report import Report, report_paths
from kneerepro.utils.errors import UserError


class Assembly:
    """A dataset file that grows with the outcomes of series.

    Parameters
    ----------
    out : str
        Path of the dataset file, beside which the reports are written.
    writer : kneerepro.data.dataset.DatasetWriter
    options : kneerepro.data.convert.Options
    read : callable
        Returns the values of a :class:`kneerepro.data.outcomes.Volume`.
    """

    def __init__(
        self,
        out: str,
        writer: DatasetWriter,
        options: Options,
        read: Callable[[Volume], np.ndarray],
    ):
        self._out, self._writer, self._read = out, writer, read
        # The extremes of a dataset are known after its last volume.
        self._waits = options.normalise == 'dataset'
        self._report = Report(out)
        self._decisions = Decisions(self._report)

    def add(self, outcome: Outcome) -> None:
        """Add what came of a file or a series, in the order of the dataset."""
        volume = self._decisions.add(outcome)
        if volume is not None and not self._waits:
            self._append(volume, self._read(volume))

    def summary(self) -> Summary:
        """What was added so far."""
        return self._decisions.summary()

    def write_report(self) -> None:
        """Write the report beside the dataset file."""
        self._report.write()

    def finish(
        self,
        made_from: dict[str, Any],
        labels: LabelTable | None,
        name_of: Callable[[str], str],
    ) -> Summary:
        """Add what the dataset file lacks, and write the reports.

        Parameters
        ----------
        made_from : dict
            From :meth:`kneerepro.data.settings.Settings.made_from`.
        labels : kneerepro.data.label_table.LabelTable, or None
        name_of : callable
            Returns what the report calls a patient.

        Returns
        -------
        Summary
        """
        if self._waits:
            self._append_scaled()
        self.write_report()
        joined = join_labels(
            labels, [volume.knee for volume in self._decisions.volumes]
        )
        if joined is not None:
            self._writer.labels = joined.columns()
            write_unmatched(
                unmatched_path(self._out), joined.unmatched, name_of
            )
        summary = self.summary()
        self._writer.provenance = {
            **made_from,
            'converted': summary.converted,
            'rejected': summary.rejected,
            'not_selected': summary.not_selected,
        }
        return replace(summary, labels=joined)

    def _append_scaled(self):
        volumes = self._decisions.volumes
        extremes = (
            min((volume.low for volume in volumes), default=0.0),
            max((volume.high for volume in volumes), default=1.0),
        )
        for volume in volumes:
            values = self._read(volume)
            self._append(volume, normalise(values, 'dataset', extremes))

    def _append(self, volume, values):
        self._writer.append(
            values,
            volume.patient,
            volume.side,
            volume.certain,
            grid=volume.grid,
            series=volume.series,
            frame_of_reference=volume.frame_of_reference,
        )


def join_labels(
    labels: LabelTable | None, knees: Sequence[Knee]
) -> Joined | None:
    """The rows of volumes; None if there is no table or no volume."""
    if labels is None or not knees:
        return None
    return join(labels, knees)


def outputs(out: str) -> list[str]:
    """The files that may be written for a dataset file, itself included."""
    return [out, *report_paths(out), unmatched_path(out), npy_path(out)]


def keep_current(
    out: str, made_from: dict[str, Any], at_least: int, npy: bool
) -> bool:
    """Tell whether a dataset file is up to date.

    Only its .npy is then written, if it is wanted and missing.

    Parameters
    ----------
    out : str
    made_from : dict
        What it is to be made from.
    at_least : int
        The least number of its volumes.
    npy : bool

    Returns
    -------
    bool
    """
    try:
        with Dataset(out, verify=False) as dataset:
            current = (
                dataset.version >= COMPLETE
                and len(dataset.volumes) >= at_least
                and is_made_from(dataset.provenance, made_from)
            )
    except UserError:
        return False
    if current and npy and not os.path.lexists(npy_path(out)):
        write_npy(out)
    return current


def is_made_from(found: dict[str, Any], made_from: dict[str, Any]) -> bool:
    """Whether what a file records of its making includes all of this."""
    # JSON has no tuples.
    wanted = json.loads(json.dumps(made_from))
    return all(found.get(name) == value for name, value in wanted.items())
