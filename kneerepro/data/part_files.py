"""Files with a part of a dataset, converted by one of several machines.

A series belongs to a part by the hash of its SeriesInstanceUID, so that the
machines need not talk to each other. Each of them reads all headers: only all
of them together tell who is one person, and in which order series come. What
depends on the pixels of other series is left to
:func:`kneerepro.data.join.join_parts`.

========  ================================================================
volumes   float32, {n, 1, depth, rows, columns}, as in a dataset, except
          that with ``--normalise dataset`` they are not scaled yet
facts     JSON, as bytes: what the part was made from, and what came of
          each of its series
========  ================================================================
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import h5py
import numpy as np

from kneerepro.data.dataset import append_volume, create_volumes
from kneerepro.data.decisions import Summary, Tally
from kneerepro.data.labels import Knee
from kneerepro.data.outcomes import Outcome, Volume
from kneerepro.data.reading.records import SeriesRecord
from kneerepro.data.sealed import (
    PART,
    check_sealed,
    new_sealed,
    open_sealed,
)
from kneerepro.utils.text import as_bytes

VERSION = 1


@dataclass(frozen=True)
class Part:
    """One of the parts into which a preparation is divided.

    Attributes
    ----------
    number : int
        From 1.
    count : int
        Of all parts.
    """

    number: int
    count: int

    def __str__(self) -> str:
        return f'part {self.number} of {self.count}'

    @classmethod
    def parse(cls, text: str) -> Part:
        """Read a part as ``3/16``.

        Raises
        ------
        ValueError
            If the text has another form, or there is no such part.
        """
        found = re.fullmatch(r'0*(\d{1,6})/0*(\d{1,6})', text, re.ASCII)
        if not found:
            raise ValueError(f'{text!r} is not of the form 3/16')
        part = cls(int(found[1]), int(found[2]))
        if not 1 <= part.number <= part.count:
            raise ValueError(
                f'{text}: the parts are 1/{part.count} to '
                f'{part.count}/{part.count}'
            )
        return part

    def siblings(self) -> list[Part]:
        """All parts, this one included."""
        return [
            Part(number, self.count) for number in range(1, self.count + 1)
        ]

    def path(self, out: str) -> str:
        """The file of this part of a dataset file."""
        stem, extension = os.path.splitext(out)
        return f'{stem}.part-{self.number}-of-{self.count}{extension}'

    def includes(self, record: SeriesRecord) -> bool:
        """Whether a series belongs to this part.

        All volumes that share a SeriesInstanceUID do. A volume without one
        has a name that distinguishes it from all others as the patient whom
        it shows.
        """
        name = as_bytes(record.uid or record.identity.patient)
        place = int.from_bytes(hashlib.sha256(name).digest()[:8], 'big')
        return place % self.count == self.number - 1


@dataclass(frozen=True)
class Whole:
    """What all parts of a dataset have in common.

    Attributes
    ----------
    made_from : dict
        From :meth:`kneerepro.data.settings.Settings.made_from`.
    series : int
        Of all parts.
    found : str
        A hash of what is known of them from their headers.
    """

    made_from: dict[str, Any]
    series: int
    found: str


@contextlib.contextmanager
def new_part(
    path: str,
    part: Part,
    whole: Whole,
    files: Iterable[Outcome],
    shape: tuple[int, int, int],
    temporary: str | None = None,
) -> Iterator[PartWriter]:
    """Create the file of a part, which appears when it is complete.

    Parameters
    ----------
    path : str
    part : Part
    whole : Whole
    files : iterable of kneerepro.data.outcomes.Outcome
        What came of the files that belong to no series. The first part keeps
        it.
    shape : tuple of 3 ints
        Depth, rows and columns of a volume.
    temporary : str, optional
        As for :func:`kneerepro.data.sealed.new_sealed`.

    Yields
    ------
    PartWriter

    Raises
    ------
    UserError
        If it cannot be written.
    """
    with new_sealed(path, PART, VERSION, temporary) as file:
        writer = PartWriter(file, shape, whole.made_from['labels'] is not None)
        yield writer
        facts = {
            'part': [part.number, part.count],
            'whole': asdict(whole),
            'files': [
                outcome.as_json() for outcome in files if part.number == 1
            ],
            'outcomes': writer.outcomes,
        }
        file['facts'] = np.frombuffer(json.dumps(facts).encode(), 'u1')


class PartWriter:
    """Fills the file of a part.

    Parameters
    ----------
    file : h5py.File
    shape : tuple of 3 ints
        Depth, rows and columns of a volume.
    labels : bool
        Whether labels are to be joined to the volumes. Otherwise nothing that
        names a patient is kept.

    Attributes
    ----------
    outcomes : list of (int, dict)
        What was added, for JSON.
    """

    def __init__(
        self, file: h5py.File, shape: tuple[int, int, int], labels: bool
    ):
        self.outcomes: list[tuple[int, dict[str, Any]]] = []
        self._volumes = create_volumes(file, shape)
        self._labels = labels

    def add(
        self, position: int, outcome: Outcome, values: np.ndarray | None
    ) -> None:
        """Add a series.

        Parameters
        ----------
        position : int
            Its number among the series of all parts, from 0.
        outcome : kneerepro.data.outcomes.Outcome
        values : array, shape (depth, rows, columns), float32, or None
            Of its volume, if it has one.
        """
        if outcome.volume is not None and values is not None:
            volume = replace(outcome.volume, path='', place=len(self._volumes))
            if not self._labels:
                volume = replace(volume, knee=Knee(''))
            outcome = replace(outcome, volume=volume)
            append_volume(self._volumes, values)
        self.outcomes.append((position, outcome.as_json()))


class PartFile:
    """What the file of a part says; its volumes stay on the disk.

    Parameters
    ----------
    path : str
    verify : bool
        Whether to compare all bytes with the checksum, or only their number.

    Attributes
    ----------
    path : str
    part : Part
    whole : Whole
    shape : tuple of 3 ints
        Depth, rows and columns of a volume.
    files : list of kneerepro.data.outcomes.Outcome
        Of the files that belong to no series, if this is the first part.
    outcomes : list of (int, kneerepro.data.outcomes.Outcome)
        Of its series, each with its position among those of all parts, from
        0, in this order.

    Raises
    ------
    UserError
        If the file is no such part, or is damaged.
    """

    def __init__(self, path: str, verify: bool = True):
        check_sealed(path, PART, [VERSION], verify)
        self.path = path
        with open_sealed(path) as file:
            self.shape: tuple[int, int, int] = file['volumes'].shape[2:]
            facts = json.loads(file['facts'][:].tobytes())
        self.part = Part(*facts['part'])
        self.whole = Whole(**facts['whole'])
        self.files = [Outcome.from_json(fields) for fields in facts['files']]
        self.outcomes = [
            (position, self._located(Outcome.from_json(fields)))
            for position, fields in facts['outcomes']
        ]

    def summary(self) -> Summary:
        """How many of its series were converted, and why others were not."""
        tally = Tally()
        for _, outcome in self.outcomes:
            tally.add(outcome)
        return tally.summary()

    def _located(self, outcome):
        if outcome.volume is None:
            return outcome
        return replace(outcome, volume=replace(outcome.volume, path=self.path))


def read_volume(volume: Volume) -> np.ndarray:
    """The values of a volume in the file of a part.

    Parameters
    ----------
    volume : kneerepro.data.outcomes.Volume
        One of those of a :class:`PartFile`.

    Returns
    -------
    array, shape (depth, rows, columns), float32
    """
    # A thousand parts, all of them open, would be too many for the system.
    with open_sealed(volume.path) as file:
        return file['volumes'][volume.place, 0]
