"""Decide what depends on other series, and keep account of all decisions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from kneerepro.data.labels import Joined
from kneerepro.data.outcomes import (
    CONVERTED,
    NOT_SELECTED,
    REJECTED,
    Outcome,
    Volume,
)
from kneerepro.data.report import Report


@dataclass(frozen=True)
class Summary:
    """How many series were converted, and why others were not.

    Attributes
    ----------
    converted, rejected, not_selected : int
        Rejected files that belong to no series are counted as well.
    codes : dict of str to int
        How often each code occurred, of rejections and of notes.
    labels : kneerepro.data.labels.Joined or None
        The table of labels that was joined to the volumes, if any.
    """

    converted: int
    rejected: int
    not_selected: int
    codes: dict[str, int]
    labels: Joined | None = field(default=None, compare=False)


class Tally:
    """Counts outcomes."""

    def __init__(self) -> None:
        self._decisions: Counter[str] = Counter()
        self._codes: Counter[str] = Counter()

    def add(self, outcome: Outcome) -> None:
        """Count an outcome."""
        self._decisions[outcome.decision] += 1
        self._codes.update([outcome.code] if outcome.code else outcome.notes)

    def summary(self) -> Summary:
        """What was counted so far."""
        return Summary(
            converted=self._decisions[CONVERTED],
            rejected=self._decisions[REJECTED],
            not_selected=self._decisions[NOT_SELECTED],
            codes=dict(self._codes),
        )


class Decisions:
    """Decides on files and series one by one, in the order of the dataset.

    Parameters
    ----------
    report : kneerepro.data.report.Report
        Gets a row for each of them.

    Attributes
    ----------
    volumes : list of Volume
        The volumes of the dataset.
    """

    def __init__(self, report: Report):
        self.volumes: list[Volume] = []
        self._report = report
        self._tally = Tally()
        # The number of the volume, by the hash of its pixels.
        self._volume_of_pixels: dict[str, int] = {}

    def add(self, outcome: Outcome) -> Volume | None:
        """Decide on a file or a series.

        Parameters
        ----------
        outcome : Outcome
            What came of it by itself.

        Returns
        -------
        Volume or None
            The volume that the dataset has of it.
        """
        number: int | str = ''
        if outcome.volume is not None:
            outcome = self._unless_double(outcome)
        volume = outcome.volume
        if volume is not None:
            number = len(self.volumes)
            self._volume_of_pixels[volume.pixel_hash] = number
            self.volumes.append(volume)
        self._tally.add(outcome)
        self._report.add(
            volume=number,
            decision=outcome.decision,
            code=outcome.code,
            reason=outcome.reason,
            notes=outcome.notes,
            **outcome.row,
        )
        return volume

    def summary(self) -> Summary:
        """What was decided so far."""
        return self._tally.summary()

    def _unless_double(self, outcome):
        """The outcome, or a rejection if another series has its pixels."""
        same = self._volume_of_pixels.get(outcome.volume.pixel_hash)
        if same is None:
            return outcome
        return replace(
            outcome,
            decision=REJECTED,
            code='DUPLICATE_PIXELS',
            reason=f'its pixels equal those of volume {same}',
            notes=[],
            volume=None,
        )
