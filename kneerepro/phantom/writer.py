"""Write synthetic knees as DICOM, laid out like the series of the
Osteoarthritis Initiative (OAI).
"""

from __future__ import annotations

import contextlib
import csv
import datetime
import errno
import hashlib
import io
import os
import shutil
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from kneerepro.data.writing.dicom import save
from kneerepro.phantom.anatomy import sample_anatomy
from kneerepro.phantom.imaging import (
    FIELD_OF_VIEW,
    SLAB,
    knee_volume,
    slice_positions,
)
from kneerepro.phantom.knee import epicondylar_width
from kneerepro.utils.errors import UserError
from kneerepro.utils.files import replacing
from kneerepro.utils.locks import exclusive
from kneerepro.utils.workers import Workers

_RELEASE = '0.E.1'
_UNFINISHED = '.unfinished'


def write_patients(
    out: str,
    patients: int,
    seed: int = 0,
    matrix: int = 384,
    slices: int = 160,
    progress: Callable[[int, int], None] | None = None,
    workers: int = 1,
) -> None:
    """Write DICOM series of synthetic knees, one per patient.

    The files are ``out/release/participant/date/barcode/001`` and so on.
    ``out/ground_truth.csv`` contains the
    :class:`~kneerepro.phantom.anatomy.Anatomy` of each knee. The same
    arguments give the same bytes.

    Parameters
    ----------
    out : str
        A folder, created if missing. Patients that it already holds, with
        this seed, matrix and number of slices, are kept. A patient appears
        when all slices are written, so that after an interruption the same
        call completes the work.
    patients : int
        Number of patients.
    seed : int
        Another seed gives other people.
    matrix : int
        Rows and columns, at least 16, of the 140 mm field of view.
    slices : int
        Slices of the 112 mm slab.
    progress : callable, optional
        Called with the number of patients done and in total.
    workers : int
        Number of processes. The files do not depend on it.

    Raises
    ------
    kneerepro.utils.errors.UserError
        If an argument is too small.
    OSError
        If `out` cannot be written.
    """
    for name, value, least in [
        ('patients', patients, 1),
        ('seed', seed, 0),
        ('matrix', matrix, 16),
        ('slices', slices, 1),
    ]:
        if value < least:
            raise UserError(f'{name} is {value}; it must be at least {least}')
    os.makedirs(out, exist_ok=True)
    exams = [
        _Examination(seed, patient, matrix, slices)
        for patient in range(patients)
    ]
    with exclusive(os.path.join(out, '.lock'), f'synthetic knees in {out}'):
        _remove_unfinished(out)
        tasks = [
            _Task(
                out=out,
                seed=seed,
                patient=patient,
                matrix=matrix,
                slices=slices,
            )
            for patient, exam in enumerate(exams)
            if not os.path.isdir(os.path.join(out, exam.folder))
        ]
        with contextlib.closing(_all_written(tasks, workers)) as written:
            for done in range(patients - len(tasks), patients):
                if progress is not None:
                    progress(done, patients)
                next(written)
        _write_csv(
            os.path.join(out, 'ground_truth.csv'),
            ground_truth(patients, seed, matrix, slices),
        )
    if progress is not None:
        progress(patients, patients)


def ground_truth(
    patients: int, seed: int = 0, matrix: int = 384, slices: int = 160
) -> list[dict[str, Any]]:
    """Describe the knees that :func:`write_patients` writes.

    Parameters
    ----------
    patients, seed, matrix, slices : int
        As for :func:`write_patients`.

    Returns
    -------
    list of dict
        The rows of ``ground_truth.csv``.
    """
    return [
        _Examination(seed, patient, matrix, slices).ground_truth()
        for patient in range(patients)
    ]


@dataclass(frozen=True)
class _Task:
    """One patient to write."""

    out: str
    seed: int
    patient: int
    matrix: int
    slices: int


def _all_written(tasks, workers):
    """Write the patient of each task; yield after each of them."""
    if min(workers, len(tasks)) < 2:
        yield from map(_write_patient, tasks)
        return
    with Workers(min(workers, len(tasks))) as pool:
        for _, error in pool.map(_error_of_patient, tasks, _crashed):
            if error is not None:
                raise error
            yield


def _write_patient(task):
    arguments = task.seed, task.patient, task.matrix, task.slices
    exam = _Examination(*arguments)
    volume = knee_volume(*arguments)
    temporary = os.path.join(task.out, f'{_UNFINISHED}-{task.patient}')
    with _renamed_when_done(temporary, os.path.join(task.out, exam.folder)):
        _write_series(temporary, exam, volume)


def _error_of_patient(task):
    """Write a patient in a worker process; return the error, or None."""
    try:
        _write_patient(task)
    except OSError as error:
        return error
    return None


def _crashed(task):
    # No input can crash a worker, so it must have run out of memory.
    return OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))


def _remove_unfinished(out):
    """Remove what killed processes left behind."""
    for name in os.listdir(out):
        if name.startswith(_UNFINISHED):
            shutil.rmtree(os.path.join(out, name), ignore_errors=True)


@contextlib.contextmanager
def _renamed_when_done(unfinished, folder):
    """Create a folder that gets its final name when the block ends."""
    os.mkdir(unfinished)
    try:
        yield
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        os.rename(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


class _Examination:
    """What the files of one series have in common.

    Dates and identifiers are hashes of the arguments, so that they depend
    neither on the clock nor on chance.
    """

    def __init__(self, seed: int, patient: int, matrix: int, slices: int):
        self.anatomy = sample_anatomy(seed, patient)
        self.matrix, self.slices = matrix, slices
        self.text = f'kneerepro phantom {seed} {patient} {matrix} {slices}'
        # Below 9000000, where the initiative's numbers begin.
        self.participant = f'{(seed * 10000 + patient + 1) % 9000000:07d}'
        self.name = f'PHANTOM^{patient + 1:04d}'
        number = int(hashlib.sha256(self.text.encode()).hexdigest(), 16)
        self.barcode = f'{number % 10**8:08d}'
        day = datetime.date(2004, 2, 2) + datetime.timedelta(number % 800)
        self.date = day.strftime('%Y%m%d')
        self.folder = os.path.join(
            _RELEASE, self.participant, self.date, self.barcode
        )

    def uid(self, *parts: str | int) -> str:
        """A UID derived from a UUID (DICOM part 5, B.2)."""
        text = ' '.join(map(str, (self.text,) + parts))
        return f'2.25.{uuid.uuid5(uuid.NAMESPACE_URL, text).int}'

    def ground_truth(self) -> dict[str, Any]:
        """The row of the table of all knees."""
        return {
            'participant': self.participant,
            'series_uid': self.uid('series'),
            'epicondylar_width_mm': round(epicondylar_width(self.anatomy), 1),
            **asdict(self.anatomy),
        }


def _write_series(folder: str, exam: _Examination, volume: np.ndarray) -> None:
    image = _header(exam)
    meta = image.file_meta
    pixel = FIELD_OF_VIEW / exam.matrix
    # The centre of the first pixel, at the front and the top.
    corner = (pixel - FIELD_OF_VIEW) / 2
    for i, left in enumerate(slice_positions(exam.slices)):
        uid = exam.uid('image', i)
        meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = uid
        image.InstanceNumber = i + 1
        image.ImagePositionPatient = _decimals(left, corner, -corner)
        image.SliceLocation = _decimals(left)[0]
        image.PixelData = volume[i].astype('<u2').tobytes()
        save(os.path.join(folder, f'{i + 1:03d}'), image)


def _header(exam):
    """The attributes of the MR image IOD (DICOM part 3, A.4)."""
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.MediaStorageSOPClassUID = MRImageStorage
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID = MRImageStorage
    # Nobody should take this for the image of a scanner.
    image.ImageType = ['DERIVED', 'SECONDARY', 'OTHER']
    image.Manufacturer = 'kneerepro synthetic'
    image.PatientComments = 'Synthetic: no such person exists.'
    image.ImageComments = 'Synthetic image, computed by kneerepro.phantom.'

    image.PatientName = exam.name
    image.PatientID = exam.participant
    image.PatientBirthDate = image.PatientSex = ''
    image.StudyInstanceUID = exam.uid('study')
    image.SeriesInstanceUID = exam.uid('series')
    image.FrameOfReferenceUID = exam.uid('frame')
    image.PositionReferenceIndicator = ''
    image.StudyID = exam.barcode
    image.AccessionNumber = image.ReferringPhysicianName = ''
    image.StudyDate = image.SeriesDate = image.ContentDate = exam.date
    image.StudyTime = image.SeriesTime = image.ContentTime = '120000'
    image.Modality = 'MR'
    image.SeriesNumber = image.AcquisitionNumber = 1
    image.SeriesDescription = f'SAG_3D_DESS_{exam.anatomy.side}'
    image.BodyPartExamined = 'KNEE'
    image.Laterality = exam.anatomy.side[0]
    image.PatientPosition = 'FFS'
    _add_protocol(image)
    _add_geometry(image, exam)
    return image


def _add_protocol(image):
    """The OAI's protocol: Peterfy et al., Osteoarthritis and Cartilage 16
    (2008), 1433-1441.
    """
    image.ScanningSequence = 'GR'
    image.SequenceVariant = 'SS'
    image.ScanOptions = ''
    image.MRAcquisitionType = '3D'
    image.RepetitionTime = '16.3'
    image.EchoTime = '4.7'
    image.FlipAngle = '25'
    image.EchoTrainLength = 1
    image.MagneticFieldStrength = '3'


def _add_geometry(image, exam):
    # Rows run to the back and columns downwards, so the slice normal points
    # to the patient's right.
    image.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    image.PixelSpacing = _decimals(*[FIELD_OF_VIEW / exam.matrix] * 2)
    (thickness,) = _decimals(SLAB / exam.slices)
    image.SliceThickness = image.SpacingBetweenSlices = thickness
    image.Rows = image.Columns = exam.matrix
    image.SamplesPerPixel = 1
    image.PhotometricInterpretation = 'MONOCHROME2'
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
    image.PixelRepresentation = 0


def _decimals(*numbers):
    """Decimal strings, which may have at most 16 characters."""
    return [f'{number:.6f}' for number in numbers]


def _write_csv(path, rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)
    text = text.getvalue()
    if os.path.isfile(path):
        with open(path) as file:
            if file.read() == text:
                return  # a newer file would look like changed data
    with replacing(path) as temporary, open(temporary, 'w') as file:
        file.write(text)
