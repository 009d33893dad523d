"""Decide what becomes of each file and series, and keep account of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from kneerepro.data.labels import Joined, Knee
from kneerepro.data.parallel import Conversion
from kneerepro.data.reading.catalogue import Catalogue
from kneerepro.data.reading.defects import Defect
from kneerepro.data.reading.grid import Grid
from kneerepro.data.reading.identity import keyed_hash
from kneerepro.data.reading.records import SeriesRecord
from kneerepro.data.report import Report

CONVERTED, REJECTED = 'converted', 'rejected'
NOT_SELECTED, PASSED_OVER = 'not selected', 'passed over'


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


@dataclass(frozen=True)
class Volume:
    """A converted series, ready for the dataset.

    Attributes
    ----------
    path : str
        The .npy file with the volume.
    low, high : float
        Its extremes before normalisation.
    patient : str
        The patient's name in the dataset.
    certain : bool
        Whether the identity rests on a PatientID.
    side : str
        'LEFT', 'RIGHT' or ''.
    series, frame_of_reference : str
        SeriesInstanceUID and FrameOfReferenceUID, or ''.
    grid : Grid, or None
        Where the voxels of the series lie, with its axes in the order and
        direction of the volume's.
    knee : kneerepro.data.labels.Knee
        Whom and what it shows, to find its labels.
    """

    path: str
    low: float
    high: float
    patient: str
    certain: bool
    side: str
    series: str = ''
    frame_of_reference: str = ''
    grid: Grid | None = None
    knee: Knee = Knee('')


class Decisions:
    """Decides on files and series one by one, in the order of the dataset.

    Parameters
    ----------
    report : kneerepro.data.report.Report
        Gets a row for each of them.
    key : bytes
        For the patients' hashes.
    identifiers : bool
        Whether the dataset and the report name patients by their PatientID.

    Attributes
    ----------
    volumes : list of Volume
        The volumes of the converted series.
    """

    def __init__(self, report: Report, key: bytes, identifiers: bool = False):
        self.volumes: list[Volume] = []
        self._report = report
        self._key, self._identifiers = key, identifiers
        self._decisions: Counter[str] = Counter()
        self._codes: Counter[str] = Counter()
        # The number of the volume, by the hash of its pixels.
        self._volume_of_pixels: dict[str, int] = {}

    def add_files(self, catalogue: Catalogue) -> None:
        """Add the files that belong to no series."""
        for path, message in catalogue.passed_over_files():
            self._report.add([path], decision=PASSED_OVER, reason=message)
        for path, code, message in catalogue.defective_files():
            self._report.add(
                [path], decision=REJECTED, code=code, reason=message
            )
            self._count(REJECTED, [code])

    def add_series(
        self,
        record: SeriesRecord,
        files: list[str],
        conversion: Conversion | None = None,
    ) -> None:
        """Add a series.

        Parameters
        ----------
        record : kneerepro.data.reading.records.SeriesRecord
        files : list of str
            Paths of its files.
        conversion : kneerepro.data.parallel.Conversion, optional
            What came of it, if the series was usable.
        """
        patient = self.name_of(record.identity.patient)
        defect = self._defect_of(record, conversion)
        notes: list[str] = []
        number: int | str = ''  # of the volume
        if defect is not None:
            decision, codes = REJECTED, [defect.code]
        elif conversion is None:
            decision, codes = NOT_SELECTED, []
        else:
            decision, codes = CONVERTED, record.notes
            notes, number = record.notes, len(self.volumes)
            self._add_volume(record, conversion, patient)
        self._count(decision, codes)
        self._report.add(
            files,
            volume=number,
            decision=decision,
            code=defect.code if defect else '',
            reason=defect.message if defect else '',
            notes=notes,
            patient=patient,
            side=record.side,
            series_uid=record.uid,
            part=record.part,
            slices=record.slices,
            rows=record.rows,
            columns=record.columns,
            spacing_mm=[round(length, 4) for length in record.spacing],
            plane=record.plane,
            directions=record.directions,
        )

    def name_of(self, patient: str) -> str:
        """What the dataset and the report call a patient."""
        if self._identifiers:
            return patient
        return keyed_hash(self._key, patient)

    def summary(self) -> Summary:
        """What was decided so far."""
        return Summary(
            converted=self._decisions[CONVERTED],
            rejected=self._decisions[REJECTED],
            not_selected=self._decisions[NOT_SELECTED],
            codes=dict(self._codes),
        )

    def _defect_of(self, record, conversion):
        if conversion is None:
            return record.defect
        if conversion.defect is not None:
            return conversion.defect
        same = self._volume_of_pixels.get(conversion.pixel_hash)
        if same is not None:
            return Defect(
                'DUPLICATE_PIXELS', f'its pixels equal those of volume {same}'
            )
        return None

    def _add_volume(self, record, conversion, patient):
        self._volume_of_pixels[conversion.pixel_hash] = len(self.volumes)
        self.volumes.append(
            Volume(
                path=conversion.path,
                low=conversion.low,
                high=conversion.high,
                patient=patient,
                certain=record.identity.certain,
                side=record.side,
                series=record.uid,
                frame_of_reference=record.frame_of_reference,
                grid=conversion.grid,
                knee=Knee.of_record(record),
            )
        )

    def _count(self, decision, codes):
        self._decisions[decision] += 1
        self._codes.update(codes)
