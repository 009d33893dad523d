"""Small DICOM series on disk, and slices as their headers describe them."""

import os
import random
import warnings
import zlib
from dataclasses import fields, replace

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
)

from kneerepro.data.reading.frames import ENHANCED, read_frames
from kneerepro.data.reading.header import Header
from kneerepro.data.reading.series import Slice
from tests.folders import FolderTest

# ImageOrientationPatient and the slice normal
AXIAL = (1, 0, 0, 0, 1, 0), (0, 0, 1)
SAGITTAL = (0, 1, 0, 0, 0, -1), (-1, 0, 0)  # as the OAI's


class QuietTest(FolderTest):
    """Silences pydicom's warnings about damaged files."""

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

    Keywords set DICOM elements; None leaves an element out. Returns the
    files' paths in the order of the slices.
    """
    os.makedirs(folder, exist_ok=True)
    orientation, normal = np.array(geometry[0], float), np.array(geometry[1])
    paths = []
    for i, pixels in enumerate(volume):
        position = 10 + i * step * normal
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
    """Write one image of integers; keywords as for :func:`write_series`."""
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
    """A functional group whose sequences have one item each."""
    result = Dataset()
    for name, elements in sequences.items():
        item = Dataset()
        for keyword, value in elements.items():
            setattr(item, keyword, value)
        setattr(result, name + 'Sequence', [item])
    return result


def change(path, **elements):
    """Set elements of a file; None removes an element."""
    image = pydicom.dcmread(path)
    for name, value in elements.items():
        if value is None:
            delattr(image, name)
        else:
            setattr(image, name, value)
    image.save_as(path)


def damage(path, old, new):
    """Replace bytes of a file by the same number of others."""
    with open(path, 'rb') as file:
        content = file.read()
    assert content.count(old) == 1 and len(old) == len(new)
    with open(path, 'wb') as file:
        file.write(content.replace(old, new))


def deflate(path):
    """Compress a file whose elements have explicit types.

    Its meta information gets a version, as that of most files has.
    """
    with open(path, 'rb') as file:
        content = file.read()
    end = content.index(b'\x08\0', content.index(b'\2\0\x10\0UI'))
    meta = content[:end].replace(
        b'UI\x14\x001.2.840.10008.1.2.1\0', b'UI\x16\x001.2.840.10008.1.2.1.99'
    )
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    with open(path, 'wb') as file:
        file.write(meta[:132] + b'\2\0\1\0OB\0\0\2\0\0\0\0\1' + meta[132:])
        file.write(compressor.compress(content[end:]) + compressor.flush())


HEADER = Header(
    **{
        **{
            field.name: '' if field.type == 'str' else None
            for field in fields(Header)
        },
        'rows': 4,
        'columns': 6,
        'orientation': (0, 1, 0, 0, 0, -1),
        'pixel_spacing': (0.5, 0.25),
        'modality': 'MR',
        'samples': 1,
        'photometric': 'MONOCHROME2',
    }
)


def make_slices(count=20, step=1.5, **changes):
    """Sagittal slices from the left to the right; keywords change HEADER."""
    header = replace(HEADER, **changes)
    return [
        Slice(
            path=f'{i:03d}',
            index=0,
            header=header,
            sop=f'1.{i}',
            number=i + 1,
            position=(-step * i, 10.0, 20.0),
            offset=100,
        )
        for i in range(count)
    ]


def read_file(path):
    """The images of a DICOM file as slices of a series."""
    return [Slice(path=path, **vars(frame)) for frame in read_frames(path)]


def shuffled(slices):
    """The same slices in an arbitrary order."""
    slices = list(slices)
    random.Random(1).shuffle(slices)
    return slices
