"""Read what a DICOM header says about images, without reading their pixels.

A disk of the OAI holds millions of slices, so each header is read only once
and only the elements that are needed. The slices of a series agree in nearly
all of them, so these are decoded once for the whole series
(``_common_header``).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from kneerepro.data.reading import values
from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.parsing import CHARACTER_SET, parse_file
from kneerepro.data.reading.uid import is_uid

# The elements that the slices of a series usually have in common.
_TAGS = dict(
    character_set=CHARACTER_SET,
    image_type=0x00080008,
    sop_class=0x00080016,
    modality=0x00080060,
    description=0x0008103E,
    component=0x00089208,
    patient=0x00100020,
    echo_time=0x00180081,
    echo_number=0x00180086,
    study=0x0020000D,
    series=0x0020000E,
    acquisition=0x00200012,
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
    high_bit=0x00280102,
    signed=0x00280103,
    padding=0x00280120,
    padding_limit=0x00280121,
    intercept=0x00281052,
    slope=0x00281053,
)
# The elements that differ from slice to slice.
_SOP, _NUMBER, _POSITION = 0x00080018, 0x00200013, 0x00200032
_READ = [*_TAGS.values(), _SOP, _NUMBER, _POSITION]

#: No position or pixel spacing is as large, in mm.
MAX_LENGTH = 1e6
#: A knee has a few hundred.
MAX_FRAMES = 10**5


@dataclass(frozen=True)
class Header:
    """What the slices of a series have in common.

    Text is '' where the header does not give it. A number is None where the
    header does not give it or it cannot be read.

    Attributes
    ----------
    syntax : str
        TransferSyntaxUID. If the file does not name it, or does not follow
        it, the uncompressed syntax in which its elements are written.
    little_endian : bool
    image_type : str
        ImageType and, if it is given, ComplexImageComponent.
    sop_class, modality, description : str
        SOPClassUID, Modality and SeriesDescription.
    patient, study, series, frame_of_reference : str
        PatientID, StudyInstanceUID, SeriesInstanceUID and
        FrameOfReferenceUID.
    laterality : str
        ImageLaterality or, without it, Laterality.
    echo_time : float or None
        EchoTime (EffectiveEchoTime of an enhanced image) in ms.
    echo_number : int or None
        The first of EchoNumbers.
    temporal_position : float or None
        TemporalPositionIdentifier (TemporalPositionIndex of an enhanced
        image).
    acquisition : int or None
        AcquisitionNumber (FrameAcquisitionNumber of an enhanced image).
    stack : str
        StackID.
    orientation : tuple of 6 floats, or None
        ImageOrientationPatient.
    pixel_spacing : tuple of 2 floats, or None
        Between rows and between columns, in mm.
    samples : int
        SamplesPerPixel: 1 for shades of grey.
    photometric : str
        PhotometricInterpretation.
    frames : int or None
        Of the file; 1 if the header does not give it, None if it cannot be
        read.
    rows, columns : int
        Of each frame.
    bits_allocated, bits_stored, high_bit : int
        Bits of each stored value, those of them that belong to the image,
        and the number of the highest of these, from 0. All are 0 if the
        header does not give the first.
    signed : bool or None
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
    echo_time: float | None
    echo_number: int | None
    temporal_position: float | None
    acquisition: int | None
    stack: str
    orientation: tuple[float, ...] | None
    pixel_spacing: tuple[float, float] | None
    samples: int
    photometric: str
    frames: int | None
    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool | None
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
    implicit : bool
        Whether elements are written without their type (implicit VR).
    size : int
        Of the file, in bytes.
    """

    common: Header
    sop: str
    number: int | None
    position: tuple[float, ...] | None
    head: bytes
    end: int | None
    implicit: bool
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
    file = parse_file(path, _READ)
    raw = file.elements
    common = _common_header(
        file.syntax,
        file.little_endian,
        tuple(raw.get(tag, b'') for tag in _TAGS.values()),
    )
    if not file.has_preamble and not is_uid(common.series):
        raise DefectError('NOT_DICOM', 'not a DICOM file')
    if not common.series:
        raise DefectError('NO_SERIES_UID', 'it has no SeriesInstanceUID')
    return FileHeader(
        common=common,
        sop=values.identifier(raw.get(_SOP, b'')),
        number=values.integer(raw.get(_NUMBER, b'')),
        position=values.decimals(raw.get(_POSITION, b''), 3, MAX_LENGTH),
        head=file.head,
        end=file.end,
        implicit=file.implicit,
        size=file.size,
    )


@functools.lru_cache(maxsize=256)
def _common_header(syntax, little_endian, raw):
    """Decode the elements that the slices of a series share."""
    raw = dict(zip(_TAGS, raw))
    order = 'little' if little_endian else 'big'
    encodings = values.encodings_of(raw['character_set'])

    def text(name):
        return values.text(raw[name], encodings)

    def identifier(name):
        return values.identifier(raw[name])

    def binary(name, default=0):
        value = raw[name]
        return int.from_bytes(value[:2], order) if len(value) >= 2 else default

    bits = binary('bits_allocated')
    stored = binary('bits_stored', bits)
    high_bit = binary('high_bit', stored - 1)
    signed = {0: False, 1: True}.get(binary('signed', None))
    padding = None
    if raw['padding'] and 0 < stored <= bits <= 16:
        first = binary('padding')
        last = binary('padding_limit', first)
        padding = _padding(first, last, stored, signed)
    return Header(
        syntax=syntax,
        little_endian=little_endian,
        image_type=joined_type(text('image_type'), text('component')),
        sop_class=identifier('sop_class'),
        modality=text('modality'),
        description=text('description'),
        patient=text('patient'),
        study=identifier('study'),
        series=identifier('series'),
        frame_of_reference=identifier('frame_of_reference'),
        laterality=text('image_laterality') or text('laterality'),
        echo_time=values.decimal(raw['echo_time']),
        echo_number=values.integer(raw['echo_number']),
        temporal_position=values.decimal(raw['temporal_position']),
        acquisition=values.integer(raw['acquisition']),
        stack=text('stack'),
        orientation=values.decimals(raw['orientation'], 6, MAX_LENGTH),
        pixel_spacing=believable_spacing(
            values.decimals(raw['pixel_spacing'], 2)
        ),
        samples=binary('samples', 1),
        photometric=text('photometric'),
        frames=_frames(raw['frames']),
        rows=binary('rows'),
        columns=binary('columns'),
        bits_allocated=bits,
        bits_stored=stored,
        # A number that leaves no room for the bits that are stored is wrong.
        high_bit=(
            high_bit if stored <= high_bit + 1 <= bits else max(0, stored - 1)
        ),
        signed=signed,
        padding=padding,
        # A slope of 0 would erase the image: it counts as absent.
        slope=_decisive(raw['slope'], 'RescaleSlope') or 1.0,
        intercept=_decisive(raw['intercept'], 'RescaleIntercept') or 0.0,
    )


def joined_type(image_type: str, component: str) -> str:
    """ImageType followed by ComplexImageComponent, without empty values."""
    parts = f'{image_type}\\{component}'.split('\\')
    return '\\'.join(filter(None, map(str.strip, parts)))


def believable_spacing(
    spacing: tuple[float, ...] | None,
) -> tuple[float, float] | None:
    """A pixel spacing in mm; None if it cannot be one."""
    if spacing is None or not 0 < min(spacing) <= max(spacing) <= MAX_LENGTH:
        return None
    rows, columns = spacing
    return rows, columns


def _frames(value):
    """NumberOfFrames; None if it cannot be read or believed."""
    if not values.identifier(value):
        return 1
    frames = values.integer(value)
    return frames if frames and 0 < frames <= MAX_FRAMES else None


def _padding(first, last, bits_stored, signed):
    """The range of stored values from one end to the other.

    Bits that are not stored count no more than in the pixels themselves.
    """
    ends = [end % 2**bits_stored for end in (first, last)]
    if signed:
        half = 2 ** (bits_stored - 1)
        ends = [(end + half) % (2 * half) - half for end in ends]
    return min(ends), max(ends)


def _decisive(value, name):
    """A number that decides the intensities; None if it is empty."""
    if not values.identifier(value):
        return None
    number = values.decimal(value)
    if number is None or b'\\' in value:
        raise DefectError('UNREADABLE', f'its {name} is not a number')
    return number
