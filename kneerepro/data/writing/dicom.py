"""Volumes as derived DICOM series, for viewers of image archives."""

from __future__ import annotations

import datetime
import inspect
import os

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    ExplicitVRLittleEndian,
    MRImageStorage,
    generate_uid,
)
from pydicom.valuerep import format_number_as_ds

import kneerepro
from kneerepro.data.reading.grid import Grid
from kneerepro.data.reading.uid import is_uid
from kneerepro.data.writing.records import Output, Subject
from kneerepro.data.writing.writer import FolderWriter

_MAX = 2**16 - 1  # stored for a value at the output's limit


class DicomWriter(FolderWriter):
    """Writes ``dicom/volume_000_reconstruction/0001.dcm`` and so on.

    Each volume becomes a series. The series of one subject are one new
    study, in the original's frame of reference, so that viewers show them
    over the original.
    """

    folder = 'dicom'

    def __init__(self, parent: str, count: int):
        super().__init__(parent, count)
        self._subject: Subject | None = None
        self._now = datetime.datetime.now()

    def add(self, output: Output, subject: Subject) -> None:
        """Write a volume as a series."""
        if subject != self._subject:
            self._subject, self._series = subject, 0
            self._study = generate_uid(prefix=None)
            self._frame = subject.frame_of_reference
            if not is_uid(self._frame):
                self._frame = generate_uid(prefix=None)
        self._series += 1
        image = _header(output, subject)
        _add_date(image, self._now)
        image.StudyInstanceUID = self._study
        image.FrameOfReferenceUID = self._frame
        image.SeriesNumber = self._series
        folder = self._path(output)
        os.mkdir(folder)
        values, grid = _along_normal(output.values, subject.grid)
        _add_geometry(image, grid)
        for i, pixels in enumerate(values):
            image.file_meta = _file_meta()
            image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID
            image.InstanceNumber = i + 1
            image.ImagePositionPatient = _decimals(*grid.position((i, 0, 0)))
            stored = np.rint((pixels / output.limit).clip(0, 1) * _MAX)
            image.PixelData = stored.astype('<u2').tobytes()
            save(os.path.join(folder, f'{i + 1:04d}.dcm'), image)


def _along_normal(values: np.ndarray, grid: Grid) -> tuple[np.ndarray, Grid]:
    """Order the slices along their normal, as viewers count them."""
    slices, rows, columns = np.array(grid.steps)
    if np.dot(np.cross(columns, rows), slices) > 0:
        return values, grid
    return values[::-1], grid.flipped((True, False, False))


def _file_meta():
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(prefix=None)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return meta


def _header(output: Output, subject: Subject) -> Dataset:
    """The attributes of the MR image IOD (DICOM part 3, A.4) that all slices
    of a series share.
    """
    image = Dataset()
    image.SpecificCharacterSet = 'ISO_IR 192'  # UTF-8
    image.SOPClassUID = MRImageStorage
    image.ImageType = ['DERIVED', 'SECONDARY', 'OTHER']
    image.DerivationDescription = output.title
    if subject.nominal:
        image.ImageComments = 'Position and spacing are nominal.'

    image.PatientID = subject.patient
    image.PatientName = image.PatientBirthDate = image.PatientSex = ''
    image.StudyID = image.AccessionNumber = image.ReferringPhysicianName = ''
    image.Modality = 'MR'
    image.SeriesInstanceUID = generate_uid(prefix=None)
    image.SeriesDescription = output.title
    image.BodyPartExamined = 'KNEE'
    image.Laterality = subject.side[:1]
    image.PatientPosition = image.PositionReferenceIndicator = ''
    image.Manufacturer = 'kneerepro'
    image.SoftwareVersions = kneerepro.__version__

    # No scanner made these pixels: RM, research mode, with no variant.
    image.ScanningSequence, image.SequenceVariant = 'RM', 'NONE'
    image.ScanOptions = image.MRAcquisitionType = ''
    image.RepetitionTime = image.EchoTime = image.EchoTrainLength = None

    image.SamplesPerPixel = 1
    image.PhotometricInterpretation = 'MONOCHROME2'
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit, image.PixelRepresentation = 15, 0
    image.RescaleSlope, image.RescaleIntercept = _decimals(
        output.limit / _MAX, 0
    )
    image.RescaleType = 'US'  # unspecified
    # In DICOM's linear function (part 3, C.11.2.1.2.1), these make 0 black
    # and the limit white.
    image.WindowCenter, image.WindowWidth = _decimals(
        (output.limit + 1) / 2, output.limit + 1
    )
    return image


def _add_date(image, now):
    date, time = now.strftime('%Y%m%d'), now.strftime('%H%M%S')
    image.StudyDate = image.SeriesDate = image.ContentDate = date
    image.StudyTime = image.SeriesTime = image.ContentTime = time


def _add_geometry(image, grid):
    between, *pixel_spacing = grid.spacing
    _, rows, columns = np.array(grid.steps)
    image.ImageOrientationPatient = _decimals(
        *columns / np.linalg.norm(columns), *rows / np.linalg.norm(rows)
    )
    _, image.Rows, image.Columns = grid.shape
    image.PixelSpacing = _decimals(*pixel_spacing)
    (thickness,) = _decimals(between)
    image.SliceThickness = image.SpacingBetweenSlices = thickness


def _decimals(*numbers):
    """Decimal strings, which may have at most 16 characters."""
    return [format_number_as_ds(float(number)) for number in numbers]


def save(path: str, image: Dataset) -> None:
    """Write a DICOM file, with any version of pydicom.

    Parameters
    ----------
    path : str
    image : pydicom.dataset.Dataset
        With its file meta information, in explicit little endian.
    """
    # The parameter has another name since pydicom 3.
    if 'enforce_file_format' in inspect.signature(pydicom.dcmwrite).parameters:
        pydicom.dcmwrite(path, image, enforce_file_format=True)
    else:
        image.is_little_endian, image.is_implicit_VR = True, False
        pydicom.dcmwrite(path, image, write_like_original=False)
