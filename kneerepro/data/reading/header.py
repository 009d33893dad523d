"""What a DICOM file says of its images, short of their pixels.

A disk of the OAI holds millions of slices, so a header is read once and of
it only what is needed; and since the slices of a series agree in nearly all
of that, it is decoded once for a series (``_common``).
"""

import functools
import io
import os
from collections import namedtuple

import numpy as np
import pydicom
from pydicom.errors import InvalidDicomError

from kneerepro.data.reading.defects import DefectError

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
_SOP, _NUMBER, _POSITION = 0x00080018, 0x00200013, 0x00200032
_READ = [*_TAGS.values(), _SOP, _NUMBER, _POSITION]

Header = namedtuple(
    'Header',
    [
        'syntax',
        'little_endian',
        'image_type',
        'sop_class',
        'modality',
        'description',
        'patient',
        'study',
        'series',
        'frame_of_reference',
        'laterality',
        'echo_time',
        'temporal_position',
        'stack',
        'orientation',
        'pixel_spacing',
        'samples',
        'photometric',
        'frames',
        'rows',
        'columns',
        'bits_allocated',
        'bits_stored',
        'signed',
        'padding',
        'slope',
        'intercept',
    ],
)
Header.__doc__ = """What slices of a series have in common.

Attributes
----------
orientation : tuple of 6 floats, or None
pixel_spacing : tuple of 2 floats, or None
    Between rows and between columns, in mm.
padding : tuple of 2 ints, or None
    Stored values from the one to the other stand for no pixel.
"""

Frame = namedtuple('Frame', 'index header sop number position offset defect')
Frame.__doc__ = """One image of a file.

Attributes
----------
index : int
    Of the frame in the file, from 0.
header : Header
sop, number : str, int or None
    SOPInstanceUID and InstanceNumber.
position : tuple of 3 floats, or None
    ImagePositionPatient, in mm.
offset : int or None
    Where its pixels begin in the file, if they are stored plainly.
defect : str or None
    Code of what is wrong with its pixels.
"""

_IMPLICIT, _EXPLICIT, _BIG_ENDIAN, _DEFLATED = (
    '1.2.840.10008.1.2',
    '1.2.840.10008.1.2.1',
    '1.2.840.10008.1.2.2',
    '1.2.840.10008.1.2.1.99',
)
# Enhanced MR, legacy converted enhanced MR
ENHANCED = '1.2.840.10008.5.1.4.1.1.4.1', '1.2.840.10008.5.1.4.1.1.4.4'

_MEBIBYTE = 2**20
# Beyond this size a file has to be at least a thousandth of what it declares.
_PLAUSIBLE = 64 * _MEBIBYTE


def read_frames(path):
    """The images that a DICOM file holds.

    Parameters
    ----------
    path : str

    Returns
    -------
    list of Frame

    Raises
    ------
    DefectError
        UNREADABLE, NOT_DICOM or NO_SERIES_UID.
    """
    try:
        image, offset, head, size = _read(path)
        elements = dict(image.items())
        syntax = str(image.file_meta.get('TransferSyntaxUID', ''))
    except InvalidDicomError:
        raise DefectError('NOT_DICOM', 'no DICOM file') from None
    except OSError as error:
        raise DefectError(
            'UNREADABLE',
            os.strerror(error.errno) if error.errno else 'cannot be read',
        ) from None
    except Exception as error:
        # pydicom lets whatever a damaged file provokes escape: EOFError,
        # struct.error, RecursionError, ... None may stop the others.
        raise DefectError(
            'UNREADABLE', f'its header is damaged ({type(error).__name__})'
        ) from None
    little_endian = syntax != _BIG_ENDIAN
    raw = tuple(_raw(elements, tag) for tag in _TAGS.values())
    try:
        header = _common(syntax, little_endian, raw)
        sop = _text(_raw(elements, _SOP))
        number = _integer(_raw(elements, _NUMBER))
        position = _numbers(_raw(elements, _POSITION), 3)
    except (ValueError, OverflowError):
        raise DefectError(
            'UNREADABLE', 'its header holds text where numbers belong'
        ) from None
    if not header.series:
        raise DefectError('NO_SERIES_UID', 'no SeriesInstanceUID')
    if offset is None:
        start, defect = None, _deflated_pixels(path)
    else:
        start, defect = _pixels(header, syntax, head, offset, size)
    if header.sop_class in ENHANCED:
        frames = _enhanced(path, header, sop)
    else:
        frames = [
            Frame(i, header, sop, number, position, None, None)
            for i in range(max(1, min(header.frames, 10**5)))
        ]
    step = header.rows * header.columns * header.bits_allocated // 8
    return [
        frame._replace(
            offset=None if start is None else start + i * step, defect=defect
        )
        for i, frame in enumerate(frames)
    ]


def _read(path):
    """The header; where the pixels' element begins in the `head` of the file,
    or None if that cannot be told; and the size of the file.
    """
    with open(path, 'rb', buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        head = b''
        for wanted in 2**14, _MEBIBYTE, None:
            if wanted is None:
                # Bounded, since a header may be long but not without end.
                wanted = 64 * _MEBIBYTE
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
            if image.file_meta.get('TransferSyntaxUID') == _DEFLATED:
                return image, None, b'', size
            # Cut short, it ends where the head ends; then read on.
            if stream.tell() + 12 <= len(head) or len(head) >= size:
                return image, stream.tell(), head, size
    raise ValueError('no end of the header')


def _raw(elements, tag):
    """The bytes of an element, b'' where it is absent."""
    element = elements.get(tag)
    value = element.value if element is not None else b''
    return value if isinstance(value, bytes) else b''


@functools.lru_cache(maxsize=256)
def _common(syntax, little_endian, raw):
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
        limits = (
            integer('padding', 0, signed),
            integer('padding_limit', integer('padding', 0, signed), signed),
        )
        padding = min(limits), max(limits)
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
        slope=number('slope', 1.0) or 1.0,
        intercept=number('intercept', 0.0),
    )


def _text(value):
    return value.decode('utf-8', 'backslashreplace').strip(' \0')


def _integer(value):
    text = _text(value).split('\\')[0]
    return int(text) if text else None


def _numbers(value, count):
    """A tuple of `count` finite floats, or None where the element is empty."""
    text = _text(value)
    if not text:
        return None
    numbers = tuple(map(float, text.split('\\')))
    if len(numbers) < count or not np.isfinite(numbers).all():
        raise ValueError(f'not {count} numbers')
    return numbers[:count]


def _pixels(header, syntax, head, offset, size):
    """Where the pixels begin, if stored plainly, and what is wrong with
    them.
    """
    order = 'little' if header.little_endian else 'big'
    element = head[offset : offset + 12]
    group, number = (int.from_bytes(element[i : i + 2], order) for i in (0, 2))
    if group != 0x7FE0 or number not in (0x0008, 0x0009, 0x0010):
        return None, 'NO_PIXEL_DATA'
    # The length lies behind a VR of two characters and two more bytes, or
    # directly behind the tag.
    explicit = element[4:6].isalpha()
    length = int.from_bytes(element[8:12] if explicit else element[4:8], order)
    start = offset + (12 if explicit else 8)
    plain = syntax in (_IMPLICIT, _EXPLICIT, _BIG_ENDIAN)
    declared = (
        header.rows
        * header.columns
        * header.samples
        * header.frames
        * header.bits_allocated
        / 8
    )
    there = min(length, size - start) if plain else size - start
    if declared <= 0:
        return None, 'NO_PIXEL_DATA'
    if declared > _PLAUSIBLE and declared > 1000 * there:
        return None, 'SIZE_ABSURD'
    if plain and declared > there or there < 1:
        return None, 'TRUNCATED_PIXELS'
    plain = (
        plain
        and number == 0x0010
        and header.samples == 1
        and header.bits_allocated in (8, 16)
    )
    return (start if plain else None), None


def _deflated_pixels(path):
    """What is wrong with the pixels of a deflated file, which end only where
    all of it has been read.
    """
    try:
        found = 'PixelData' in pydicom.dcmread(path)
        return None if found else 'NO_PIXEL_DATA'
    except Exception:  # as in read_frames
        return 'UNDECODABLE_PIXELS'


def _enhanced(path, header, sop):
    """The frames of an enhanced multi-frame image (DICOM part 3, A.36)."""
    try:
        image = pydicom.dcmread(path, stop_before_pixels=True)
        shared = image.get('SharedFunctionalGroupsSequence') or [{}]
        frames = []
        for i, own in enumerate(image.PerFrameFunctionalGroupsSequence):
            frames.append(_enhanced_frame(i, [own, shared[0]], header, sop))
        if len(frames) != header.frames:
            raise ValueError('another number of frames')
        return frames
    except Exception as error:  # as in read_frames
        raise DefectError(
            'UNREADABLE',
            f'its frames are not described ({type(error).__name__})',
        ) from None


def _enhanced_frame(i, groups, header, sop):
    def find(sequence, name):
        for group in groups:
            for item in group.get(sequence) or []:
                if item.get(name) is not None:
                    return item.get(name)
        return None

    def numbers(sequence, name):
        value = find(sequence, name)
        return None if value is None else tuple(map(float, value))

    def text(sequence, name):
        return str(find(sequence, name) or '')

    transformation = 'PixelValueTransformationSequence'
    slope = find(transformation, 'RescaleSlope')
    intercept = find(transformation, 'RescaleIntercept')
    common = header._replace(
        orientation=numbers(
            'PlaneOrientationSequence', 'ImageOrientationPatient'
        ),
        pixel_spacing=numbers('PixelMeasuresSequence', 'PixelSpacing'),
        stack=text('FrameContentSequence', 'StackID'),
        temporal_position=text(
            'FrameContentSequence', 'TemporalPositionIndex'
        ),
        echo_time=text('MREchoSequence', 'EffectiveEchoTime'),
        laterality=text('FrameAnatomySequence', 'FrameLaterality')
        or header.laterality,
        slope=1.0 if slope is None else float(slope),
        intercept=0.0 if intercept is None else float(intercept),
    )
    number = find('FrameContentSequence', 'InStackPositionNumber')
    return Frame(
        i,
        common,
        f'{sop}:{i}',
        None if number is None else int(number),
        numbers('PlanePositionSequence', 'ImagePositionPatient'),
        None,
        None,
    )
