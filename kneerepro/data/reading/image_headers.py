"""Recognise files with volumes, and read their headers.

Those of MetaImage and NRRD are read here as far as SimpleITK does not tell
what they say: it gives an axial orientation to a file that has none.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from kneerepro.data.reading import nifti
from kneerepro.data.reading.defects import DefectError

#: Files with these endings are volumes, or damaged ones.
ENDINGS = '.nii', '.nii.gz', '.mha', '.mhd', '.nrrd', '.nhdr'

# Endings of headers whose values lie in a file of their own, and of these.
_HEADERS = '.mhd', '.nhdr', '.hdr', '.HDR', '.hdr.gz'
_VALUES = re.compile(r'\.(zraw|(raw|img)(\.gz)?)$', re.IGNORECASE)
_NRRD = b'NRRD000'
_META = re.compile(rb'\s*(ObjectType\s*=\s*Image|NDims\s*=|Comment\s*=)')
# No header in text is longer than this; those of diffusion are a few KiB.
_MAX_TEXT = 2**20


@dataclass(frozen=True)
class ImageHeader:
    """Where the values of a MetaImage or NRRD file lie, and what they mean.

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
    encoding : {'raw', 'deflate', 'text', 'other'}
    start : int or None
        Byte of the file at which the values begin. None if it is not known.
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
    encoding: str = 'raw'
    start: int | None = None
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
    return meant or _reader_of(head) is not None


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


def read_header(path: str) -> ImageHeader | nifti.NiftiHeader:
    """Read the header of a NIfTI file, or what SimpleITK omits from others.

    Parameters
    ----------
    path : str

    Returns
    -------
    ImageHeader or kneerepro.data.reading.nifti.NiftiHeader

    Raises
    ------
    DefectError
        UNREADABLE, TRUNCATED_PIXELS or, of NIfTI, what
        :func:`kneerepro.data.reading.nifti.read_header` raises.
    """
    with open(path, 'rb') as file:
        head = file.read(_MAX_TEXT)
    read = _reader_of(head)
    if read is None:
        raise DefectError('UNREADABLE', 'its header is damaged')
    try:
        return read(path, head)
    except (ValueError, OverflowError, LookupError):
        raise DefectError('UNREADABLE', 'its header is damaged') from None


def _reader_of(head):
    """The function that reads such a header; None: an unknown format."""
    if head.startswith(_NRRD):
        return _nrrd
    if _META.match(head) and b'NDims' in head:
        return _meta
    return nifti.read_header if nifti.is_nifti(head) else None


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
