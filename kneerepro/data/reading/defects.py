"""The names of what can be wrong with a file, a series or a volume.

A defect has a stable code, by which a report can be filtered, and a message.
Messages repeat no text out of a file, since that may name a person.
"""

from collections import namedtuple

Defect = namedtuple('Defect', 'code message')

#: For these a file or a series is left out.
REJECTIONS = {
    # of a file
    'UNREADABLE': 'cannot be opened, or its header is damaged',
    'NOT_DICOM': 'neither DICOM nor a volume as .mat or .npy; a file that '
    'promises none (.csv, .txt, hidden, ...) is passed over',
    'NO_SERIES_UID': 'belongs to no series',
    'NO_PIXEL_DATA': 'no image in it',
    'TRUNCATED_PIXELS': 'fewer pixels than the header declares',
    'SIZE_ABSURD': 'the header declares an image that the file cannot hold',
    'UNDECODABLE_PIXELS': 'its pixels cannot be decoded',
    'NO_DECODER': 'compressed in a way for which no decoder is installed',
    'NO_VOLUME': 'a .mat or .npy file without an array of images',
    'WRONG_SHAPE': 'an array whose shape is not one of volumes',
    # of a series, from its headers
    'NOT_MR': 'not magnetic resonance',
    'COLOUR': 'has colours',
    'MIXED_SIZES': 'slices of several sizes or pixel spacings',
    'MIXED_ORIENTATIONS': 'slices of several orientations, as a localizer',
    'NO_POSITIONS': 'slices without position or orientation: no order',
    'TOO_FEW_SLICES': 'fewer than --min-slices',
    'DUPLICATE_SLICES': 'several slices at one position',
    'MISSING_SLICES': 'gaps as wide as whole slices',
    'UNEVEN_SPACING': 'slices at irregular distances',
    'INCOMPLETE_COVERAGE': 'a slab thinner than --min-coverage',
    # of a volume
    'NOT_FINITE': 'values that are not finite',
    'CONSTANT_IMAGE': 'all pixels equal',
    # among series
    'DUPLICATE_SERIES': 'another copy of a series that is there already',
    'DUPLICATE_PIXELS': 'the pixels of another series, under another UID',
    'SURPLUS_SERIES': 'not the first of its patient (--one-per-patient)',
}

#: These are put on record.
NOTES = {
    'RESAMPLED_DEPTH': 'another number of slices than --depth: resampled',
    'PADDED_FIELD': 'not square: padded to a square before resizing',
    'REORIENTED': 'turned to the usual view',
    'INSTANCE_NUMBERS': 'instance numbers disagree with the positions, or '
    'do not begin at the first slice',
    'SEVERAL_SERIES_OF_PATIENT': 'the patient has other series here',
    'PATIENT_FROM_FRAME': 'no PatientID: told apart by FrameOfReferenceUID',
    'PATIENT_UNKNOWN': 'neither: counts as a patient of its own',
    'PATIENTS_SHARE_FRAME': 'several PatientIDs with one FrameOfReferenceUID',
    'SIDE_UNKNOWN': 'left or right knee is not known',
}


class DefectError(Exception):
    """What keeps a file, a series or a volume from being used.

    Parameters
    ----------
    code : str
        One of REJECTIONS.
    message : str
    """

    def __init__(self, code, message):
        assert code in REJECTIONS, code
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self):
        return f'{self.code}: {self.message}'
