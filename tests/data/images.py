"""One volume as a DICOM series and in other formats, for comparison."""

import itertools
import os
import struct

import numpy as np
import SimpleITK

from kneerepro.data.reading.images import find_volumes, read_slices
from kneerepro.data.reading.pixels import read_slices as read_dicom_slices
from kneerepro.data.reading.series import Series
from tests.data.series import read_file, write_slice

# Directions of a row and of a column: sagittal and exactly so; sagittal and
# coronal but turned.
SAGITTAL = (0, 1, 0, 0, 0, -1)
TURNED = (0.09983342, 0.98472638, -0.14270157, 0.0, -0.14341838, -0.98966214)
CORONAL = (0.99500417, 0.09983342, 0.0, 0.0, 0.0, -1.0)

#: What SimpleITK is to write each format to.
FORMATS = (
    'knee.nii',
    'knee.nii.gz',
    'knee.hdr',
    'knee.mha',
    'knee.mhd',
    'knee.nrrd',
    'knee.nhdr',
)

#: All 48 orders and directions of three axes.
ARRANGEMENTS = list(
    itertools.product(
        itertools.permutations(range(3)),
        itertools.product((False, True), repeat=3),
    )
)


def write_dicom(
    folder,
    volume,
    orientation=SAGITTAL,
    spacing=(2.0, 0.75, 0.5),
    origin=(70.25, -31.5, 48.125),
    **elements,
):
    """Write a volume of integers as a series."""
    os.makedirs(folder)
    cosines = np.reshape(orientation, (2, 3))
    normal = np.cross(*cosines)
    for i, pixels in enumerate(volume):
        write_slice(
            os.path.join(folder, f'{i:03d}'),
            pixels,
            **{
                'SeriesInstanceUID': '1.2.3',
                'SOPInstanceUID': f'1.2.3.{i + 1}',
                'FrameOfReferenceUID': '1.2.4',
                'SeriesDescription': 'SAG_3D_DESS',
                'PatientID': 'someone',
                'InstanceNumber': i + 1,
                'PixelSpacing': list(spacing[1:]),
                'ImageOrientationPatient': list(orientation),
                'ImagePositionPatient': np.round(
                    origin + i * spacing[0] * normal, 8
                ).tolist(),
                **elements,
            },
        )


def read_dicom(folder):
    """The pixels and the grid of the only series, in the usual view."""
    series = Series(
        '',
        '',
        [
            image
            for name in sorted(os.listdir(folder))
            for image in read_file(os.path.join(folder, name))
        ],
    )
    pixels = [
        scale * image + offset
        for image, scale, offset in read_dicom_slices(series.slices)
    ]
    flips = series.orientation().flips
    return _flipped(pixels, flips), series.grid().flipped(flips)


def read_images(path):
    """The pixels and the grid of each volume, in the usual view if its
    orientation is known.
    """
    result = []
    for volume in find_volumes(path):
        pixels = [
            scale * image + offset
            for image, scale, offset in read_slices(volume)
        ]
        assert np.shape(pixels) == volume.shape
        orientation = volume.orientation()
        if orientation is None:
            result.append((np.stack(pixels), None))
        else:
            flips = orientation.flips
            result.append(
                (_flipped(pixels, flips), volume.grid.flipped(flips))
            )
    return result


def read_image(path):
    """The same of a file with one volume."""
    (result,) = read_images(path)
    return result


def _flipped(pixels, flips):
    return np.flip(pixels, [axis for axis in range(3) if flips[axis]])


def convert(folder):
    """A DICOM series as SimpleITK reads it."""
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(folder))
    return reader.Execute()


def rearranged(image, axes, flips):
    """The same volume, with its axes stored in another order and direction.

    Parameters
    ----------
    image : SimpleITK.Image
    axes : 3 ints
        The axis of `image` that becomes the first, the second, the third.
    flips : 3 bools
        Which axes of `image` are reversed.
    """
    values = SimpleITK.GetArrayFromImage(image).T  # column, row, slice
    last = [n - 1 if flip else 0 for n, flip in zip(values.shape, flips)]
    origin = image.TransformIndexToPhysicalPoint(last)
    direction = np.reshape(image.GetDirection(), (3, 3))
    direction = direction * np.where(flips, -1, 1)
    values = _flipped(values, flips).transpose(axes)
    result = SimpleITK.GetImageFromArray(np.ascontiguousarray(values.T))
    result.SetOrigin(origin)
    result.SetDirection(direction[:, axes].ravel().tolist())
    result.SetSpacing([image.GetSpacing()[axis] for axis in axes])
    return result


def nifti_header(order='<', magic=b'n+1', **fields):
    """A header of NIfTI-1; fields are (format, place, values)."""
    header = bytearray(352)
    for kind, place, *values in [
        ('i', 0, 348),
        ('8h', 40, 3, 2, 3, 4, 1, 1, 1, 1),
        ('2h', 70, 4, 16),
        ('8f', 76, 1, 0.5, 0.75, 2, 0, 0, 0, 0),
        ('f', 108, 352),
        ('2h', 252, 0, 1),
        ('12f', 280, 0, 0, 2, 5, 0.5, 0, 0, 6, 0, -0.75, 0, 7),
        *fields.values(),
    ]:
        struct.pack_into(order + kind, header, place, *values)
    header[344:348] = magic.ljust(4, b'\0')
    return bytes(header)


def write_image(image, path, compress=False):
    """Write an image with SimpleITK; returns the path."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    SimpleITK.WriteImage(image, path, useCompression=compress)
    return path
