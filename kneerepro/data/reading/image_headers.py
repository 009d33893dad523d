"""Read from the headers of volumes what SimpleITK does not tell.

To a file without an orientation, it gives an axial one.
"""

from __future__ import annotations

import os
import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kneerepro.data.reading.defects import DefectError

#: Files with these endings are volumes, or damaged ones.
ENDINGS = '.nii', '.nii.gz', '.mha', '.mhd', '.nrrd', '.nhdr'

# Endings of headers whose values lie in a file of their own, and of these.
_HEADERS = '.mhd', '.nhdr', '.hdr', '.HDR', '.hdr.gz'
_VALUES = re.compile(r'\.(zraw|(raw|img)(\.gz)?)$', re.IGNORECASE)
_GZIP = b'\x1f\x8b'
_NRRD = b'NRRD000'
_META = re.compile(rb'\s*(ObjectType\s*=\s*Image|NDims\s*=|Comment\s*=)')
# Bytes of a header of NIfTI-1.
_NIFTI_LENGTH = 348
# NIfTI's codes for real numbers.
_NIFTI_TYPES = {
    2: 'u1',
    4: 'i2',
    8: 'i4',
    16: 'f4',
    64: 'f8',
    256: 'i1',
    512: 'u2',
    768: 'u4',
    1024: 'i8',
    1280: 'u8',
}
# No header in text is longer than this; those of diffusion are a few KiB.
_MAX_TEXT = 2**20


@dataclass(frozen=True)
class ImageHeader:
    """Where the values of a volume lie, and which way it lies.

    Attributes
    ----------
    reader : str
        SimpleITK's name of the reader for the format.
    ending : str
        The ending by which that reader knows the format.
    oriented : bool
        Whether the file says how the volume lies in the patient.
    data : str
        Name of the file in the same folder that holds the values; '' if
        the header's own file does.
    data_link : str
        The name by which the reader looks for that file.
    encoding : {'raw', 'deflate', 'text', 'other'}
    start : int or None
        Byte of the file at which the values begin; in a compressed NIfTI
        file, before it was compressed. None if it is not known.
    stored : numpy.dtype or None
        Of the numbers in a NIfTI file, which SimpleITK may scale. None if
        they are not real.
    affine : array, shape (3, 4), or None
        Of NIfTI: from the column, row and slice of a voxel to its position
        in DICOM's patient coordinates, in mm.
    spacing : 3 floats
        Of a NIfTI file without an affine: between columns, rows and slices,
        in mm; 0 where unknown.
    is_list : bool
        Whether each voxel has the values of several volumes.
    scale, offset : float
        By which SimpleITK does not multiply values, and what it does not
        add.
    """

    reader: str
    ending: str
    oriented: bool
    data: str = ''
    data_link: str = ''
    encoding: str = 'raw'
    start: int | None = None
    stored: np.dtype | None = None
    affine: np.ndarray | None = None
    spacing: Sequence[float] = (0.0, 0.0, 0.0)
    is_list: bool = False
    scale: float = 1.0
    offset: float = 0.0


def is_image_file(head: bytes, path: str) -> bool:
    """Whether a file is NIfTI, MetaImage or NRRD, or was meant to be.

    Parameters
    ----------
    head : bytes
        The first KiB of the file.
    path : str
    """
    if head[128:132] == b'DICM':
        return False
    name = os.path.basename(path).lower()
    meant = name.endswith(ENDINGS) and not name.startswith('.')
    return meant or _format(head) is not None


def is_companion(head: bytes, path: str) -> bool:
    """Whether a file only holds the values for a header beside it.

    Parameters
    ----------
    head : bytes
        The first KiB of the file.
    path : str
    """
    stem = _VALUES.sub('', path)
    return (
        stem != path
        and head[128:132] != b'DICM'
        and any(os.path.exists(stem + ending) for ending in _HEADERS)
    )


def read_header(path: str) -> ImageHeader:
    """Read what else must be known to read a volume.

    Parameters
    ----------
    path : str

    Returns
    -------
    ImageHeader

    Raises
    ------
    DefectError
        UNREADABLE, TRUNCATED_PIXELS, MIXED_ORIENTATIONS or NO_READER.
    """
    with open(path, 'rb') as file:
        head = file.read(_MAX_TEXT)
    read = {'nifti': _nifti, 'meta': _meta, 'nrrd': _nrrd}.get(
        _format(head) or ''
    )
    if read is None:
        raise DefectError('UNREADABLE', 'its header is damaged')
    try:
        return read(path, head)
    except (ValueError, OverflowError, LookupError, struct.error):
        raise DefectError('UNREADABLE', 'its header is damaged') from None


def _format(head):
    if head.startswith(_NRRD):
        return 'nrrd'
    if _META.match(head) and b'NDims' in head:
        return 'meta'
    head = _inflate(head)
    size = {head[:4], head[3::-1]}
    if struct.pack('<i', 540) in size and head[4:8] in (b'n+2\0', b'ni2\0'):
        return 'nifti'
    if struct.pack('<i', _NIFTI_LENGTH) not in size:
        return None
    # Analyze 7.5, which came before NIfTI, has no other mark than this.
    is_analyze = head[38:39] == b'r'
    is_nifti = head[344:348] in (b'n+1\0', b'ni1\0')
    return 'nifti' if is_nifti or is_analyze else None


def _inflate(head):
    """The beginning of what a file holds, if it is compressed."""
    if not head.startswith(_GZIP):
        return head
    try:
        return zlib.decompressobj(47).decompress(head, 2 * _NIFTI_LENGTH)
    except zlib.error:
        return b''


# ---------------------------------------------------------------------- NIfTI


def _nifti(path, head):
    compressed = head.startswith(_GZIP)
    head = _inflate(head)
    if 540 in struct.unpack('<i', head[:4]) + struct.unpack('>i', head[:4]):
        raise DefectError(
            'NO_READER',
            'SimpleITK does not read NIfTI-2: convert it to NIfTI-1',
        )
    if len(head) < _NIFTI_LENGTH:
        raise DefectError('UNREADABLE', 'its header is truncated')
    order = '<' if struct.unpack('<i', head[:4])[0] == _NIFTI_LENGTH else '>'

    def field(kind, place):
        return struct.unpack_from(order + kind, head, place)

    count, *lengths = field('8h', 40)
    if not 1 <= count <= 7 or min(lengths[:count]) < 1:
        raise DefectError('UNREADABLE', 'its dimensions are not positive')
    magic, start = head[344:347], int(field('f', 108)[0])
    if magic == b'n+1':
        ending, data, start = '.nii', '', max(start, 352)
    else:
        ending, data, start = '.hdr', _partner(path), max(start, 0)
    stored = _NIFTI_TYPES.get(field('h', 70)[0])
    packed = data.lower().endswith('.gz') if data else compressed
    affine, spacing = _nifti_affine(field, magic in (b'n+1', b'ni1'))
    return ImageHeader(
        reader='NiftiImageIO',
        ending=ending + '.gz' if compressed else ending,
        oriented=affine is not None,
        data=data,
        data_link='volume.img' + ('.gz' if packed else '') if data else '',
        encoding='deflate' if packed else 'raw',
        start=start,
        stored=np.dtype(order + stored) if stored else None,
        affine=affine,
        spacing=spacing,
    )


def _partner(path):
    """The name of the .img file that belongs to a .hdr file."""
    folder, name = os.path.split(path)
    stem = re.sub(r'\.hdr(\.gz)?$', '', name, flags=re.IGNORECASE)
    for ending in '.img', '.IMG', '.img.gz':
        if stem != name and os.path.exists(
            os.path.join(folder, stem + ending)
        ):
            return stem + ending
    raise DefectError(
        'TRUNCATED_PIXELS', 'the .img file with its values is missing'
    )


def _nifti_affine(field, is_nifti):
    """The affine, or None, and the spacing."""
    # Metres, millimetres and micrometres.
    unit = {1: 1000.0, 3: 0.001}.get(field('B', 123)[0] & 7, 1.0)
    handed, *spacing = np.array(field('4f', 76))
    spacing = unit * np.abs(spacing)
    if not np.isfinite(spacing).all():
        raise ValueError
    by_quaternion, by_matrix = (code > 0 for code in field('2h', 252))
    found = []
    if is_nifti and by_matrix:
        found.append(np.reshape(field('12f', 280), (3, 4)))
    if is_nifti and by_quaternion:
        scale = np.array(spacing) / unit * [1, 1, -1 if handed < 0 else 1]
        found.append(
            np.c_[_rotation(*field('3f', 256)) * scale, field('3f', 268)]
        )
    if not np.isfinite(found).all():
        raise ValueError
    if len(found) == 2 and _ways(found[0]) != _ways(found[1]):
        raise DefectError(
            'MIXED_ORIENTATIONS', 'its sform and its qform disagree'
        )
    if not found:
        return None, tuple(spacing.tolist())
    # NIfTI counts x from the left and y from the back.
    return unit * found[0] * [[-1], [-1], [1]], (0.0, 0.0, 0.0)


def _rotation(b, c, d):
    """The rotation of a quaternion whose first part is not negative."""
    length = np.sqrt(b * b + c * c + d * d)
    if length > 1:
        b, c, d = b / length, c / length, d / length
    a = np.sqrt(max(0.0, 1 - b * b - c * c - d * d))
    return np.array(
        [
            [
                a * a + b * b - c * c - d * d,
                2 * (b * c - a * d),
                2 * (b * d + a * c),
            ],
            [
                2 * (b * c + a * d),
                a * a + c * c - b * b - d * d,
                2 * (c * d - a * b),
            ],
            [
                2 * (b * d - a * c),
                2 * (c * d + a * b),
                a * a + d * d - c * c - b * b,
            ],
        ]
    )


def _ways(affine):
    """Along which direction of the patient each axis runs, and its sign."""
    nearest = np.abs(affine[:, :3]).argmax(axis=0)
    return [
        (int(axis), bool(affine[axis, column] > 0))
        for column, axis in enumerate(nearest)
    ]


# ------------------------------------------------------- headers of plain text


def _meta(path, head):
    # The last line of the header.
    end = head.index(b'ElementDataFile')
    end = (head.find(b'\n', end) + 1) or len(head)
    fields = _fields(head[:end], b'=')

    def is_true(name, default):
        return fields.get(name, default)[:1].upper() in (b'T', b'1')

    data = fields[b'ElementDataFile']
    local = data.upper() == b'LOCAL'
    name = '' if local else _beside(path, data)
    start = end if local else int(fields.get(b'HeaderSize', 0))
    encoding = 'deflate' if is_true(b'CompressedData', b'F') else 'raw'
    if not is_true(b'BinaryData', b'T'):
        encoding = 'text'
    return ImageHeader(
        reader='MetaImageIO',
        ending='.mha' if local else '.mhd',
        oriented=bool(
            {b'TransformMatrix', b'Rotation', b'Orientation'} & set(fields)
        ),
        data=name,
        data_link=name,
        encoding=encoding,
        start=start if start >= 0 else None,
        scale=float(fields.get(b'ElementToIntensityFunctionSlope', 1)),
        offset=float(fields.get(b'ElementToIntensityFunctionOffset', 0)),
    )


_NRRD_ENCODINGS = {
    b'raw': 'raw',
    b'gz': 'deflate',
    b'gzip': 'deflate',
    b'txt': 'text',
    b'text': 'text',
    b'ascii': 'text',
}
# Of these, ITK knows where the patient's left, back and head are.
_NRRD_SPACES = (
    b'left-posterior-superior',
    b'lps',
    b'right-anterior-superior',
    b'ras',
    b'left-anterior-superior',
    b'las',
)


def _nrrd(path, head):
    end = re.search(rb'\r?\n\r?\n', head)
    text = head[: end.start()] if end else head
    fields = {
        name.replace(b' ', b'').lower(): value
        for name, value in _fields(text, b': ').items()
    }
    data = fields.get(b'datafile', b'')
    if not data and end is None:
        raise DefectError('TRUNCATED_PIXELS', 'it ends within its header')
    name = _beside(path, data) if data else ''
    start = 0 if data else end.end()
    skip = int(fields.get(b'byteskip', 0))
    known = skip >= 0 and int(fields.get(b'lineskip', 0)) == 0
    return ImageHeader(
        reader='NrrdImageIO',
        ending='.nhdr' if data else '.nrrd',
        oriented=fields.get(b'space', b'').lower() in _NRRD_SPACES
        and b'spacedirections' in fields,
        data=name,
        data_link=name,
        encoding=_NRRD_ENCODINGS.get(fields[b'encoding'].lower(), 'other'),
        start=start + skip if known else None,
        is_list=b'list' in fields.get(b'kinds', b'').split(),
    )


def _fields(text, separator):
    """Names and values, line by line."""
    lines = (line.partition(separator) for line in text.splitlines())
    return {name.strip(): value.strip() for name, sep, value in lines if sep}


def _beside(path, data):
    """The name of the file that holds the values, as a header gives it."""
    if b'%' in data or data.upper().startswith(b'LIST'):
        raise DefectError(
            'UNREADABLE',
            'its values are spread over several files: convert it to one',
        )
    name = os.path.normpath(os.fsdecode(data))
    # A header from elsewhere must not make us read any file of this machine.
    if os.path.basename(name) != name or name in ('.', '..'):
        raise DefectError(
            'UNREADABLE',
            'the file with its values must lie in the same folder',
        )
    if not os.path.exists(os.path.join(os.path.dirname(path), name)):
        raise DefectError(
            'TRUNCATED_PIXELS', 'the file with its values is missing'
        )
    return name
