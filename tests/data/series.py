"""Small DICOM series, and what is known of their headers."""

import os
import random
import warnings

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
)

from kneerepro.data.reading.header import ENHANCED, Header
from kneerepro.data.reading.series import Slice
from tests.folders import FolderTest

# ImageOrientationPatient and the slice normal
AXIAL = (1, 0, 0, 0, 1, 0), (0, 0, 1)
SAGITTAL = (0, 1, 0, 0, 0, -1), (-1, 0, 0)  # as the OAI's


class QuietTest(FolderTest):
    """Without the warnings of pydicom about damaged files."""

    def setUp(self):
        super().setUp()
        filters = warnings.catch_warnings()
        filters.__enter__()
        self.addCleanup(filters.__exit__, None, None, None)
        warnings.simplefilter('ignore')


def write_series(
    folder, volume, uid='1.2.3', geometry=AXIAL, step=2.0, **elements
):
    """Write the slices of a volume of integers, one file each.

    Keywords are further DICOM elements, or None for one to leave out. Returns
    the files' paths, in the order of the slices.
    """
    os.makedirs(folder, exist_ok=True)
    orientation, normal = np.array(geometry[0], float), np.array(geometry[1])
    paths = []
    for i, pixels in enumerate(volume):
        # Off the normal by a different amount each: only the position along
        # it counts.
        position = (
            10
            - i * i * orientation[:3]
            + i % 2 * orientation[3:]
            + i * step * normal
        )
        paths.append(os.path.join(folder, f'{uid}-{i}'))
        write_slice(
            paths[-1],
            pixels,
            **{
                'SeriesInstanceUID': uid,
                'SOPInstanceUID': f'{uid}.{i + 1}',
                'SeriesDescription': 'SAG_3D_DESS_LEFT',
                'PatientID': 'someone',
                'InstanceNumber': i + 1,
                'PixelSpacing': [1, 1],
                'ImageOrientationPatient': np.round(orientation, 6).tolist(),
                'ImagePositionPatient': np.round(position, 6).tolist(),
                **elements,
            },
        )
    return paths


def write_slice(path, pixels, syntax=ExplicitVRLittleEndian, **elements):
    little_endian = syntax != ExplicitVRBigEndian
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = elements.get('SOPInstanceUID') or '1.2'
    image = FileDataset(
        path,
        {},
        preamble=128 * b'\0',
        file_meta=meta,
        is_implicit_VR=syntax == ImplicitVRLittleEndian,
        is_little_endian=little_endian,
    )
    pixels = np.asarray(pixels)
    elements = {
        'SOPClassUID': MRImageStorage,
        'Modality': 'MR',
        'SamplesPerPixel': 1,
        'PhotometricInterpretation': 'MONOCHROME2',
        'Rows': pixels.shape[0],
        'Columns': pixels.shape[1],
        'BitsAllocated': 16,
        'BitsStored': 16,
        'HighBit': 15,
        'PixelRepresentation': int(pixels.min() < 0),
        'PixelData': pixels.astype('i4')
        .astype('<u2' if little_endian else '>u2')
        .tobytes(),
        **elements,
    }
    for name, value in elements.items():
        if value is not None:
            setattr(image, name, value)
    image.save_as(path)


def write_enhanced(path, volume, **changes):
    """Write an enhanced multi-frame image of two interleaved stacks."""
    write_slice(
        path,
        volume[0],
        SeriesInstanceUID='1.2.3',
        SOPInstanceUID='1.2.3.1',
        PatientID='someone',
        SeriesDescription='SAG_3D_DESS_LEFT',
    )
    image = pydicom.dcmread(path)
    image.SOPClassUID = ENHANCED[0]
    image.NumberOfFrames = len(volume)
    image.PixelData = volume.astype('<u2').tobytes()
    image.SharedFunctionalGroupsSequence = [
        group(
            PlaneOrientation=dict(ImageOrientationPatient=[0, 1, 0, 0, 0, -1]),
            PixelMeasures=dict(PixelSpacing=[0.5, 0.25]),
        )
    ]
    image.PerFrameFunctionalGroupsSequence = [
        group(
            PlanePosition=dict(ImagePositionPatient=[-i, 0, 0]),
            FrameContent=dict(
                StackID=str(i % 2), InStackPositionNumber=i // 2 + 1
            ),
            PixelValueTransformation=dict(
                RescaleSlope=i + 1, RescaleIntercept=-i
            ),
        )
        for i in range(len(volume))
    ]
    for name, value in changes.items():
        setattr(image, name, value)
    image.save_as(path)


def group(**sequences):
    """A functional group with sequences of one item."""
    result = Dataset()
    for name, elements in sequences.items():
        item = Dataset()
        for keyword, value in elements.items():
            setattr(item, keyword, value)
        setattr(result, name + 'Sequence', [item])
    return result


def change(path, **elements):
    """Set elements of a file, or remove them where None."""
    image = pydicom.dcmread(path)
    for name, value in elements.items():
        if value is None:
            delattr(image, name)
        else:
            setattr(image, name, value)
    image.save_as(path)


def damage(path, old, new):
    """Replace bytes of a file by as many others."""
    with open(path, 'rb') as file:
        content = file.read()
    assert content.count(old) == 1 and len(old) == len(new)
    with open(path, 'wb') as file:
        file.write(content.replace(old, new))


HEADER = Header(
    **{
        **dict.fromkeys(Header._fields, ''),
        'rows': 4,
        'columns': 6,
        'orientation': (0, 1, 0, 0, 0, -1),
        'pixel_spacing': (0.5, 0.25),
        'modality': 'MR',
        'samples': 1,
        'photometric': 'MONOCHROME2',
    }
)


def make_slices(count=20, step=1.5, **fields):
    """Sagittal ones, from the left to the right."""
    header = HEADER._replace(**fields)
    return [
        Slice(
            f'{i:03d}',
            0,
            header,
            f'1.{i}',
            i + 1,
            (-step * i, 10.0, 20.0),
            100,
            None,
        )
        for i in range(count)
    ]


def shuffled(slices):
    slices = list(slices)
    random.Random(1).shuffle(slices)
    return slices
