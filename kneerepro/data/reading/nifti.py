"""Read volumes from NIfTI-1, NIfTI-2 [1]_ and Analyze 7.5 files.

NiBabel interprets their headers. It takes long to import, so it is imported
only if there is such a file.

References
----------
.. [1] https://nifti.nimh.nih.gov
"""

from __future__ import annotations

import math
import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.stored_values import (
    check_length,
    inflate,
    values_path,
)

_GZIP = b'\x1f\x8b'
# Bytes of the longest header, that of NIfTI-2.
_LONGEST = 540
# Intent codes of files whose fifth axis holds the values of each voxel:
# matrices, vectors and colours.
_COMPOUND = 1004, 1005, 1006, 1007, 2003, 2004
# Fields of NIfTI where Analyze, which is laid out alike, has others.
_NOT_IN_ANALYZE = (
    'intent_code',
    'scl_slope',
    'xyzt_units',
    'qform_code',
    'sform_code',
)


@dataclass(frozen=True)
class NiftiHeader:
    """What a volume is like, and where its values lie.

    Attributes
    ----------
    sizes : tuple of ints
        Lengths of the axes, from the one that varies most: columns, rows,
        slices, and further ones such as time.
    dtype : numpy.dtype
        Of the numbers in the file.
    start : int
        Byte at which they begin; in a compressed file, before it was
        compressed.
    data : str
        Name of the file in the same folder that holds the values; '' if the
        header's own file does.
    encoding : {'raw', 'deflate'}
    affine : array, shape (3, 4)
        From the column, row and slice of a voxel to its position in DICOM's
        patient coordinates, in mm. If the file does not say how the volume
        lies in the patient, only the lengths of the steps mean something.
    oriented : bool
        Whether the file says so.
    scale, offset : float
        Values are ``scale * number + offset``.
    """

    sizes: tuple[int, ...]
    dtype: np.dtype
    start: int
    data: str
    encoding: str
    affine: np.ndarray
    oriented: bool
    scale: float
    offset: float

    @property
    def numbers(self) -> int:
        """How many numbers the file holds."""
        return math.prod(self.sizes)


def is_nifti(head: bytes) -> bool:
    """Whether a file is NIfTI or Analyze.

    Parameters
    ----------
    head : bytes
        The first KiB of the file.
    """
    return _identify(_inflated(head)) is not None


def read_header(path: str, head: bytes) -> NiftiHeader:
    """Read the header of a file.

    Parameters
    ----------
    path : str
    head : bytes
        At least the first KiB of the file, for which :func:`is_nifti` holds.

    Returns
    -------
    NiftiHeader

    Raises
    ------
    DefectError
        UNREADABLE, TRUNCATED_PIXELS, MIXED_ORIENTATIONS, NO_VOLUME, COLOUR or
        WRONG_SHAPE.
    """
    from nibabel.spatialimages import HeaderDataError

    try:
        header = _interpret(path, head)
    except (HeaderDataError, ValueError, OverflowError, LookupError):
        # Their messages may repeat what names a person.
        raise DefectError('UNREADABLE', 'its header is damaged') from None
    check_length(
        values_path(path, header.data),
        header.encoding,
        header.start,
        header.numbers,
        header.numbers * header.dtype.itemsize,
    )
    return header


def read_slices(
    path: str, header: NiftiHeader, index: int
) -> Iterator[np.ndarray]:
    """Read one of the volumes in a file, slice by slice.

    Parameters
    ----------
    path : str
    header : NiftiHeader
    index : int
        Of the volume, from 0.

    Yields
    ------
    array, shape (rows, columns)
        Of the header's type, neither scaled nor checked.

    Raises
    ------
    DefectError
        TRUNCATED_PIXELS or UNDECODABLE_PIXELS, perhaps after the last slice.
    """
    columns, rows, slices = header.sizes[:3]
    length = rows * columns * header.dtype.itemsize
    start = header.start + index * slices * length
    path = values_path(path, header.data)
    if header.encoding == 'raw':
        parts = _pieces(path, start, slices, length)
    else:
        # To the end of all volumes, because a checksum follows there.
        end = header.start + header.numbers * header.dtype.itemsize
        parts = _cut(inflate(path, 0, end), start, slices, length)
    for part in parts:
        yield np.frombuffer(part, header.dtype).reshape(rows, columns)


def _pieces(path, start, count, length):
    """Pieces of a file that follow one another."""
    with open(path, 'rb') as file:
        file.seek(start)
        for _ in range(count):
            yield file.read(length)


def _cut(blocks, start, count, length):
    """Pieces of what is given in blocks, all of which are taken."""
    waiting = bytearray()
    place = 0  # of the end of the last block
    for block in blocks:
        waiting += block[max(start - place, 0) :]
        place += len(block)
        while count and len(waiting) >= length:
            yield bytes(waiting[:length])
            del waiting[:length]
            count -= 1
        if not count:
            waiting.clear()


def _identify(head):
    """The byte order and the length of the header; None: another format."""
    for order, name in ('<', 'little'), ('>', 'big'):
        length = int.from_bytes(head[:4], name)
        if length == 540 and head[4:8] in (b'n+2\0', b'ni2\0'):
            return order, length
        if (
            length == 348
            and (
                head[344:348] in (b'n+1\0', b'ni1\0')
                # Analyze has no magic, and not all programs write its mark.
                or head[38:39] == b'r'
                or 1 <= int.from_bytes(head[40:42], name) <= 7
            )
        ):
            return order, length
    return None


def _inflated(head):
    """The beginning of what a file holds, if it is compressed."""
    if not head.startswith(_GZIP):
        return head
    try:
        return zlib.decompressobj(47).decompress(head, _LONGEST)
    except zlib.error:
        return b''


def _interpret(path, head):
    compressed = head.startswith(_GZIP)
    header = _parse(_inflated(head))
    count, *lengths = header['dim'].tolist()
    sizes = tuple(lengths[:count])
    if not 1 <= count <= 7 or min(sizes) < 1:
        raise DefectError('UNREADABLE', 'its dimensions are not positive')
    dtype = header.get_data_dtype()
    _check_kind(header, dtype, sizes)
    start, data = header.get_data_offset(), ''
    if header['magic'] == header.single_magic:
        start = max(start, header.single_vox_offset)
    else:
        start, data = max(start, 0), _partner(path)
        compressed = data.lower().endswith('.gz')
    affine, oriented = _affine(header)
    scale, offset = header.get_slope_inter()
    return NiftiHeader(
        sizes=sizes,
        dtype=dtype,
        start=start,
        data=data,
        encoding='deflate' if compressed else 'raw',
        affine=affine,
        oriented=oriented,
        scale=1.0 if scale is None else scale,
        offset=0.0 if offset is None else offset,
    )


def _parse(head):
    """The header as NiBabel has it."""
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    order, length = _identify(head)
    if len(head) < length:
        raise DefectError('UNREADABLE', 'its header is truncated')
    kind = Nifti1Header if length == Nifti1Header.sizeof_hdr else Nifti2Header
    # Its checks would print what they find.
    header = kind(head[:length], order, check=False)
    if header['magic'] not in (kind.single_magic, kind.pair_magic):
        for name in _NOT_IN_ANALYZE:
            header[name] = 0
    return header


def _check_kind(header, dtype, sizes):
    """Make sure that each voxel has one real number."""
    if dtype.kind == 'c':
        raise DefectError('NO_VOLUME', 'its values are complex numbers')
    values = 1
    if len(sizes) > 4 and header['intent_code'] in _COMPOUND:
        values = sizes[4]
    if dtype.fields or (dtype == 'u1' and values in (3, 4)):
        raise DefectError('COLOUR', 'its pixels are not shades of grey')
    if values > 1:
        raise DefectError(
            'WRONG_SHAPE', f'each of its voxels has {values} values'
        )
    if dtype.kind not in 'iuf':
        raise DefectError('UNREADABLE', 'the type of its values is unknown')


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


def _affine(header):
    """The affine in DICOM's coordinates, and whether it is known."""
    from nibabel.orientations import aff2axcodes

    # Metres, millimetres and micrometres.
    unit = {1: 1000.0, 3: 0.001}.get(int(header['xyzt_units']) & 7, 1.0)
    affines = []
    if header['sform_code'] > 0:
        affines.append(header.get_sform())
    if header['qform_code'] > 0:
        affines.append(_qform(header))
    oriented = bool(affines)
    affines.append(np.diag([*header['pixdim'][1:4].tolist(), 1.0]))
    if not np.isfinite(affines).all():
        raise DefectError(
            'UNREADABLE', 'its spacing, orientation or position is no number'
        )
    if len({aff2axcodes(affine) for affine in affines[:-1]}) > 1:
        raise DefectError(
            'MIXED_ORIENTATIONS', 'its sform and its qform disagree'
        )
    # NIfTI counts x from the left and y from the back.
    return unit * affines[0][:3] * [[-1], [-1], [1]], oriented


def _qform(header):
    """The affine of the quaternion.

    NiBabel's own function refuses headers that others accept: a quaternion
    that is longer than 1, and a qfac that is neither 1 nor -1.
    """
    from nibabel.quaternions import quat2mat

    b, c, d = (float(header[f'quatern_{name}']) for name in 'bcd')
    a = math.sqrt(max(0.0, 1 - b * b - c * c - d * d))
    qfac, *spacing = header['pixdim'][:4].tolist()
    affine = np.eye(4)
    affine[:3, :3] = quat2mat([a, b, c, d]) * np.abs(spacing)
    if qfac < 0:
        affine[:3, 2] *= -1
    affine[:3, 3] = [float(header[f'qoffset_{name}']) for name in 'xyz']
    return affine
