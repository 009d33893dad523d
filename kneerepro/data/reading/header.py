"""Read what a DICOM header says about images, without reading their pixels.

A disk of the OAI holds millions of slices, so each header is read only once
and only the elements that are needed. The slices of a series agree in nearly
all of them, so these are decoded once for the whole series
(``_common_header``).
"""

from __future__ import annotations

import functools
import io
import os
from dataclasses import dataclass

import numpy as np
import pydicom
from pydicom.errors import InvalidDicomError

from kneerepro.data.reading.defects import DefectError

# The elements that the slices of a series usually have in common.
_TAGS = dict(
    image_type=0x00080008,
    sop_class=0x00080016,
    modality=0x00080060,
    description=0x0008103E,
    patient=0x00100020,
    echo_time=0x00180081,
    echo_numbers=0x00180086,
    study=0x0020000D,
    series=0x0020000E,
    orientation=0x00200037,
    frame_of_reference=0x00200052,
    laterality=0x00200060,
    image_laterality=0x00200062,
    temporal_position=0x00200100,
    stack=0x00209056,
    samples=0x00280002,
    photometric=0x00280004,
    frames=0x00280008,
    rows=0x00280010,
    columns=0x00280011,
    pixel_spacing=0x00280030,
    bits_allocated=0x00280100,
    bits_stored=0x00280101,
    signed=0x00280103,
    padding=0x00280120,
    padding_limit=0x00280121,
    intercept=0x00281052,
    slope=0x00281053,
)
# The elements that differ from slice to slice.
_SOP, _NUMBER, _POSITION = 0x00080018, 0x00200013, 0x00200032
_READ = [*_TAGS.values(), _SOP, _NUMBER, _POSITION]

IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED = (
    '1.2.840.10008.1.2',
    '1.2.840.10008.1.2.1',
    '1.2.840.10008.1.2.2',
    '1.2.840.10008.1.2.1.99',
)

_MEBIBYTE = 2**20
# How much of a file is read in search of the end of its header: most headers
# fit into the first step. The last step bounds the memory that a damaged file
# can take.
_HEAD_SIZES = 2**14, _MEBIBYTE, 64 * _MEBIBYTE


@dataclass(frozen=True)
class Header:
    """What the slices of a series have in common.

    Text is '' where the header does not give it.

    Attributes
    ----------
    syntax : str
        TransferSyntaxUID.
    little_endian : bool
    image_type, sop_class, modality, description : str
        ImageType, SOPClassUID, Modality and SeriesDescription.
    patient, study, series, frame_of_reference : str
        PatientID, StudyInstanceUID, SeriesInstanceUID and
        FrameOfReferenceUID.
    laterality : str
        ImageLaterality or, without it, Laterality.
    echo_time : str
        EchoTime or, without it, EchoNumbers.
    temporal_position, stack : str
        TemporalPositionIdentifier and StackID.
    orientation : tuple of 6 floats, or None
        ImageOrientationPatient.
    pixel_spacing : tuple of 2 floats, or None
        Between rows and between columns, in mm.
    samples : int
        SamplesPerPixel: 1 for shades of grey.
    photometric : str
        PhotometricInterpretation.
    frames, rows, columns : int
        Frames of the file, rows and columns of each.
    bits_allocated, bits_stored : int
    signed : bool
        Whether stored values are signed.
    padding : tuple of 2 ints, or None
        Stored values from the first to the second, both included, mark
        pixels outside the image.
    slope, intercept : float
        From stored values to the units of the modality.
    """

    syntax: str
    little_endian: bool
    image_type: str
    sop_class: str
    modality: str
    description: str
    patient: str
    study: str
    series: str
    frame_of_reference: str
    laterality: str
    echo_time: str
    temporal_position: str
    stack: str
    orientation: tuple[float, ...] | None
    pixel_spacing: tuple[float, float] | None
    samples: int
    photometric: str
    frames: int
    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    signed: bool
    padding: tuple[int, int] | None
    slope: float
    intercept: float


@dataclass(frozen=True)
class FileHeader:
    """The header of one file, and where its pixel data follow.

    Attributes
    ----------
    common : Header
    sop : str
        SOPInstanceUID.
    number : int or None
        InstanceNumber.
    position : tuple of 3 floats, or None
        ImagePositionPatient, in mm.
    head : bytes
        The beginning of the file.
    end : int or None
        Where the header ends within `head` and the element of the pixels
        begins; None in a deflated file, where nobody can tell.
    size : int
        Of the file, in bytes.
    """

    common: Header
    sop: str
    number: int | None
    position: tuple[float, ...] | None
    head: bytes
    end: int | None
    size: int


def read_header(path: str) -> FileHeader:
    """Read the header of a DICOM file.

    Parameters
    ----------
    path : str

    Returns
    -------
    FileHeader

    Raises
    ------
    DefectError
        UNREADABLE, NOT_DICOM or NO_SERIES_UID.
    """
    try:
        image, end, head, size = _parse(path)
        elements = dict(image.items())
        syntax = str(image.file_meta.get('TransferSyntaxUID', ''))
    except InvalidDicomError:
        raise DefectError('NOT_DICOM', 'not a DICOM file') from None
    except OSError as error:
        raise DefectError(
            'UNREADABLE',
            os.strerror(error.errno) if error.errno else 'cannot be read',
        ) from None
    except Exception as error:
        # pydicom lets through whatever a damaged file provokes: EOFError,
        # struct.error, RecursionError, ... One bad file must not stop the
        # others.
        raise DefectError(
            'UNREADABLE', f'its header is damaged ({type(error).__name__})'
        ) from None
    raw = tuple(_raw(elements, tag) for tag in _TAGS.values())
    try:
        common = _common_header(syntax, syntax != BIG_ENDIAN, raw)
        sop = _text(_raw(elements, _SOP))
        number = _integer(_raw(elements, _NUMBER))
        position = _numbers(_raw(elements, _POSITION), 3)
    except (ValueError, OverflowError):
        raise DefectError(
            'UNREADABLE', 'its header holds text in place of numbers'
        ) from None
    if not common.series:
        raise DefectError('NO_SERIES_UID', 'it has no SeriesInstanceUID')
    return FileHeader(
        common=common,
        sop=sop,
        number=number,
        position=position,
        head=head,
        end=end,
        size=size,
    )


def _parse(path):
    """The elements of a file as pydicom reads them; and `end`, `head` and
    `size` of a :class:`FileHeader`.
    """
    with open(path, 'rb', buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        head = b''
        for wanted in _HEAD_SIZES:
            head += file.read(wanted - len(head))
            stream = io.BytesIO(head)
            try:
                image = pydicom.dcmread(
                    stream, stop_before_pixels=True, specific_tags=_READ
                )
            except InvalidDicomError:
                raise
            except Exception:
                if len(head) >= size or len(head) < wanted:
                    raise
                continue
            if image.file_meta.get('TransferSyntaxUID') == DEFLATED:
                return image, None, b'', size
            # pydicom takes the end of what it is given for the end of the
            # header. Then read on.
            if stream.tell() + 12 <= len(head) or len(head) >= size:
                return image, stream.tell(), head, size
    raise ValueError('the header has no end')


def _raw(elements, tag):
    """The bytes of an element; b'' if it is absent."""
    element = elements.get(tag)
    value = element.value if element is not None else b''
    return value if isinstance(value, bytes) else b''


@functools.lru_cache(maxsize=256)
def _common_header(syntax, little_endian, raw):
    """Decode the elements that the slices of a series share."""
    raw = dict(zip(_TAGS, raw))
    order = 'little' if little_endian else 'big'

    def integer(name, default=0, signed=False):
        value = raw[name]
        return (
            int.from_bytes(value[:2], order, signed=signed)
            if len(value) >= 2
            else default
        )

    def number(name, default):
        return (_numbers(raw[name], 1) or [default])[0]

    signed = integer('signed') == 1
    bits = integer('bits_allocated', 16)
    padding = None
    if raw['padding'] and bits <= 16:
        first = integer('padding', 0, signed)
        last = integer('padding_limit', first, signed)
        padding = min(first, last), max(first, last)
    return Header(
        syntax=syntax,
        little_endian=little_endian,
        image_type=_text(raw['image_type']),
        sop_class=_text(raw['sop_class']),
        modality=_text(raw['modality']),
        description=_text(raw['description']),
        patient=_text(raw['patient']),
        study=_text(raw['study']),
        series=_text(raw['series']),
        frame_of_reference=_text(raw['frame_of_reference']),
        laterality=(
            _text(raw['image_laterality']) or _text(raw['laterality'])
        ),
        echo_time=(_text(raw['echo_time']) or _text(raw['echo_numbers'])),
        temporal_position=_text(raw['temporal_position']),
        stack=_text(raw['stack']),
        orientation=_numbers(raw['orientation'], 6),
        pixel_spacing=_numbers(raw['pixel_spacing'], 2),
        samples=integer('samples', 1),
        photometric=_text(raw['photometric']),
        frames=_integer(raw['frames']) or 1,
        rows=integer('rows'),
        columns=integer('columns'),
        bits_allocated=bits,
        bits_stored=integer('bits_stored', bits),
        signed=signed,
        padding=padding,
        # A slope of 0 would erase the image: it counts as absent.
        slope=number('slope', 1.0) or 1.0,
        intercept=number('intercept', 0.0),
    )


def _text(value):
    return value.decode('utf-8', 'backslashreplace').strip(' \0')


def _integer(value):
    """The first of the integers in a text, or None if it is empty."""
    text = _text(value).split('\\')[0]
    return int(text) if text else None


def _numbers(value, count):
    """A tuple of `count` finite floats, or None if the element is empty."""
    text = _text(value)
    if not text:
        return None
    numbers = tuple(map(float, text.split('\\')))
    if len(numbers) < count or not np.isfinite(numbers).all():
        raise ValueError(f'not {count} numbers')
    return numbers[:count]
