"""What decides, beside the files, what is in a dataset."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import kneerepro
from kneerepro.data.convert import Options
from kneerepro.data.label_table import LabelTable
from kneerepro.data.reading.checks import Limits
from kneerepro.data.reading.identity import keyed_hash
from kneerepro.data.reading.selection import Selection


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

    def name_of(self, patient: str) -> str:
        """What the dataset and the report call a patient."""
        if self.identifiers:
            return patient
        return keyed_hash(self.key, patient)

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
