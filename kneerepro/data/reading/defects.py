"""The codes for everything that can be wrong with a file, series or volume.

A defect has a stable code, by which reports can be filtered, and a message.
Messages never repeat text from a file, because it may name a person.
"""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Defect:
    """Why a file, a series or a volume cannot be used.

    Attributes
    ----------
    code : str
        One of :data:`REJECTIONS`.
    message : str
        What was found.
    """

    code: str
    message: str


#: A file or series with one of these codes is left out.
REJECTIONS = {
    # of a file
    'UNREADABLE': 'cannot be opened, or its header is damaged',
    'NOT_DICOM': 'neither DICOM nor a volume in another known format; hidden '
    'files and companions such as .csv or .txt are passed over instead',
    'NO_SERIES_UID': 'has no SeriesInstanceUID, so belongs to no series',
    'NO_PIXEL_DATA': 'contains no image',
    'TRUNCATED_PIXELS': 'fewer pixels than the header declares',
    'SIZE_ABSURD': 'the header declares an image that the file cannot hold',
    'UNDECODABLE_PIXELS': 'its pixels cannot be decoded',
    'NO_DECODER': 'compressed in a way for which no decoder is installed',
    'NO_READER': 'MetaImage or NRRD, which needs SimpleITK',
    'NO_VOLUME': 'a file of another format than DICOM without images in '
    'three dimensions',
    'WRONG_SHAPE': 'an array whose shape is not that of volumes',
    'BAD_ARCHIVE': 'an archive, or a member of one, that is damaged or cannot '
    'be unpacked',
    'UNSAFE_MEMBER': 'a member of an archive whose path, kind or size is not '
    'safe to unpack',
    'ENCRYPTED_MEMBER': 'a member of an archive that is encrypted',
    # of a series, from its headers
    'NOT_MR': 'not magnetic resonance',
    'COLOUR': 'a colour image',
    'NOT_MAGNITUDE': 'a phase, real or imaginary image',
    'MIXED_PATIENTS': 'several PatientIDs in a series, and not each a volume',
    'MIXED_STUDIES': 'several StudyInstanceUIDs in a series, and not each a '
    'volume',
    'MIXED_FRAMES': 'several FrameOfReferenceUIDs in a series, and not each a '
    'volume',
    'AMBIGUOUS_SLICES': 'slices without a value that tells the volumes of a '
    'series apart, where positions do not tell either',
    'MIXED_SIZES': 'slices of different sizes or pixel spacings',
    'MIXED_ORIENTATIONS': 'slices of different orientations, as in a '
    'localizer; or a NIfTI file whose sform and qform disagree',
    'NO_POSITIONS': 'slices without position or orientation: no known order',
    'TOO_FEW_SLICES': 'fewer slices than --min-slices',
    'DUPLICATE_SLICES': 'several slices at one position',
    'MISSING_SLICES': 'gaps as wide as whole slices',
    'UNEVEN_SPACING': 'slices at irregular distances',
    'SHIFTED_SLICES': 'slices shifted within their plane: sheared, as by a '
    'tilted gantry, or moved aside; or axes that are not perpendicular',
    'INCOMPLETE_COVERAGE': 'a slab thinner than --min-coverage',
    # of a volume
    'NOT_FINITE': 'contains values that are not finite',
    'CONSTANT_IMAGE': 'all pixels are equal',
    'FEW_VALUES': 'only a handful of distinct values, as in a segmentation '
    'mask',
    # among series
    'DUPLICATE_SERIES': 'another copy of a series that was already found',
    'DUPLICATE_PIXELS': 'the pixels of another series, under another UID',
    'SURPLUS_SERIES': 'not the first of its patient (--one-per-patient)',
}

#: A series with one of these codes is used; the report mentions the code.
NOTES = {
    'RESAMPLED_DEPTH': 'its number of slices is not --depth: resampled',
    'PADDED_FIELD': 'not square: padded to a square before resizing',
    'REORIENTED': 'flipped to the usual view',
    'INSTANCE_NUMBERS': 'instance numbers disagree with the positions, or '
    'do not begin at the first slice',
    'SEVERAL_SERIES_OF_PATIENT': 'the patient has other series here',
    'PATIENT_FROM_FRAME': 'no PatientID: identified by FrameOfReferenceUID',
    'PATIENT_UNKNOWN': 'neither PatientID nor FrameOfReferenceUID: counts as '
    'its own patient',
    'PATIENTS_SHARE_FRAME': 'several PatientIDs with one FrameOfReferenceUID',
    'SIDE_UNKNOWN': 'left or right knee is unknown',
    'SPACING_UNKNOWN': 'the spacing of its pixels is missing, unreadable or '
    'absurd: pixels taken as square',
    'ORIENTATION_UNKNOWN': 'its file does not say how it lies in the patient: '
    'axes taken as the file has them',
}


class DefectError(Exception):
    """A file, a series or a volume cannot be used.

    Parameters
    ----------
    code : str
        One of :data:`REJECTIONS`.
    message : str
        What was found.
    """

    def __init__(self, code: str, message: str):
        assert code in REJECTIONS, code
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self):
        return f'{self.code}: {self.message}'


def defect_of(error: Exception, code: str = 'UNREADABLE') -> Defect:
    """The defect that an error in reading a file amounts to.

    Whatever a damaged file provokes must not stop the others. The text of an
    unexpected error may repeat what names a person, so only its type is told.

    Parameters
    ----------
    error : Exception
    code : str
        For an unexpected error, which is neither a :class:`DefectError` nor
        the operating system's.

    Returns
    -------
    Defect
    """
    if isinstance(error, DefectError):
        return Defect(error.code, error.message)
    if isinstance(error, OSError) and error.errno:
        return Defect('UNREADABLE', os.strerror(error.errno))
    return Defect(code, f'it cannot be read ({type(error).__name__})')
