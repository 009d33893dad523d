"""Damaged DICOM files: thousands of them from a few whole ones and seeds."""

import os
import struct

import numpy as np
import pydicom
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from kneerepro.data.reading.checks import Limits
from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.files import FoundFile
from kneerepro.data.reading.frames import read_frames
from kneerepro.data.reading.pixels import read_slices
from kneerepro.data.reading.records import find_series, load_series
from kneerepro.data.reading.scan import _read
from kneerepro.data.reading.selection import Selection
from kneerepro.data.reading.series import Slice
from tests.data.series import write_enhanced, write_slice

SYNTAXES = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)
PIXELS = np.arange(256).reshape(16, 16)


def whole_files(folder):
    """The contents of one file of each kind."""
    path = os.path.join(folder, 'whole')
    contents = []
    for syntax in SYNTAXES:
        write_slice(
            path,
            PIXELS,
            syntax,
            SeriesInstanceUID='1.2.3',
            SOPInstanceUID='1.2.3.1',
            StudyInstanceUID='1.2',
            FrameOfReferenceUID='1.9',
            SpecificCharacterSet='ISO_IR 100',
            ImageType=['ORIGINAL', 'PRIMARY'],
            PatientID='é',
            SeriesDescription='SAG_3D_DESS_LEFT é',
            EchoTime='4.7',
            EchoNumbers=1,
            InstanceNumber=1,
            AcquisitionNumber=1,
            TemporalPositionIdentifier=1,
            ImagePositionPatient=[1, 2, 3],
            ImageOrientationPatient=[0, 1, 0, 0, 0, -1],
            PixelSpacing=[0.5, 0.5],
            NumberOfFrames=1,
            PixelPaddingValue=3,
            RescaleSlope='1.5',
            RescaleIntercept='-7',
            BitsStored=12,
            HighBit=11,
        )
        contents.append(_content(path))
    contents.append(contents[1][132:])  # without preamble
    image = pydicom.dcmread(path)
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.compress(RLELossless)
    image.save_as(path)
    contents.append(_content(path))
    write_enhanced(path, np.arange(1024).reshape(4, 16, 16))
    contents.append(_content(path))
    os.remove(path)
    return contents


def _content(path):
    with open(path, 'rb') as file:
        return file.read()


# -------------------------------------------------------------------- damage


def flip_bits(content, rng):
    content = bytearray(content)
    for _ in range(rng.randint(1, 9)):
        content[rng.randint(len(content))] ^= 1 << rng.randint(8)
    return bytes(content)


def overwrite(content, rng):
    place, length = rng.randint(len(content)), rng.randint(1, 40)
    filling = [bytes(length), b'\xff' * length, rng.bytes(length)]
    return (
        content[:place] + filling[rng.randint(3)] + content[place + length :]
    )


def truncate(content, rng):
    return content[: rng.randint(len(content))]


def remove(content, rng):
    place, length = rng.randint(len(content)), rng.randint(1, 200)
    return content[:place] + content[place + length :]


def change_length(content, rng):
    place = _some_element(content, rng)
    length = [b'\xff' * 4, b'\xff\xff\xff\x7f', b'\xfe\xff', bytes(4), b'\1']
    length.append(rng.bytes(4))
    length = length[rng.randint(len(length))]
    start = place + (4, 6, 8)[rng.randint(3)]
    return content[:start] + length + content[start + len(length) :]


def change_type(content, rng):
    place = _some_element(content, rng) + 4
    types = 'AE CS DS FD IS LO OB OW PN SH SQ SS UI UL UN US UT ?? \0\0 ow'
    new = types.split(' ')[rng.randint(19)].encode()
    return content[:place] + new + content[place + 2 :]


def change_value(content, rng):
    """Replace a number or text by something that is neither."""
    place = _some_element(content, rng) + 8
    texts = b'nan', b'inf', b'1,5', b'*', b'img1', b'9' * 20, b'-1', b'\x1b[1m'
    text = texts[rng.randint(len(texts))]
    return content[:place] + text + content[place + len(text) :]


def repeat_element(content, rng):
    first, second = sorted(_some_element(content, rng) for _ in range(2))
    return content[:second] + content[first:]


def swap_elements(content, rng):
    a, b, c = sorted(_some_element(content, rng) for _ in range(3))
    return content[:a] + content[b:c] + content[a:b] + content[c:]


def nest_sequences(content, rng):
    place = _some_element(content, rng)
    depth = (1, 10, 100, 2000)[rng.randint(4)]
    length = (0xFFFFFFFF, 8, 0x7FFFFFFF)[rng.randint(3)]
    item = struct.pack('<HH2sHL', 0x0008, 0x1140, b'SQ', 0, length)
    item += struct.pack('<HHL', 0xFFFE, 0xE000, length)
    return content[:place] + item * depth + content[place:]


def change_syntax(content, rng):
    place = content.find(b'1.2.840.10008.1.2', 132)
    syntaxes = *SYNTAXES, RLELossless, JPEG2000Lossless, '', '1.2.3.4'
    new = syntaxes[rng.randint(len(syntaxes))].encode().ljust(17, b'\0')
    return content[: max(place, 0)] + new + content[max(place, 0) + len(new) :]


DAMAGES = (
    flip_bits,
    overwrite,
    truncate,
    remove,
    change_length,
    change_type,
    change_value,
    repeat_element,
    swap_elements,
    nest_sequences,
    change_syntax,
)


def _some_element(content, rng):
    """Where some element begins, if the file is not deflated."""
    tags = [
        (0x0008, 0x0005), (0x0008, 0x103E), (0x0010, 0x0020),
        (0x0018, 0x0081), (0x0020, 0x000E), (0x0020, 0x0013),
        (0x0020, 0x0032), (0x0020, 0x0037), (0x0028, 0x0004),
        (0x0028, 0x0008), (0x0028, 0x0010), (0x0028, 0x0030),
        (0x0028, 0x0101), (0x0028, 0x1053), (0x5200, 0x9229),
        (0x5200, 0x9230), (0x0020, 0x9116), (0x7FE0, 0x0010),
    ]  # fmt: skip
    places = [
        content.find(struct.pack(order + 'HH', *tag))
        for tag in tags
        for order in '<>'
    ]
    places = [place for place in places if place > 0] or [len(content) // 2]
    return places[rng.randint(len(places))]


def damaged(contents, seed):
    """One of the files, damaged once to three times."""
    rng = np.random.RandomState(seed)
    content = contents[seed % len(contents)]
    for _ in range(rng.randint(1, 4)):
        content = DAMAGES[rng.randint(len(DAMAGES))](content, rng)
        content = content or b'\0'
    return content


# -------------------------------------------------------------------- reading


def outcome(path):
    """'used', or the code of what is wrong with a file.

    Anything but a DefectError, on the way from the file to its values, is
    raised.
    """
    try:
        frames = read_frames(path)
        defects = {frame.defect for frame in frames} - {None}
        if defects:
            return min(defects)
        slices = [Slice(path=path, **vars(frame)) for frame in frames]
        for image, scale, offset in read_slices(slices):
            assert image.dtype == 'float32'
            assert image.shape == (frames[0].header.rows, image.shape[1])
            assert np.isfinite([scale, offset]).all()
    except DefectError as error:
        return error.code
    return 'used'


def add_to(catalogue, path):
    """Read a file as :func:`kneerepro.data.reading.scan.scan` does."""
    catalogue.add_files([_read(FoundFile(path, 1, 1), 4)])


def find_all(catalogue):
    """Find the series of a catalogue and load each of them."""
    limits = Limits(min_slices=2, min_coverage=0)
    records = find_series(catalogue, Selection(None), limits, 4, 4)
    for record in records:
        load_series(catalogue, record, limits)
    return records
