"""Parse the header of a DICOM file into the bytes of its elements."""

from __future__ import annotations

import io
import os
import re
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pydicom
from pydicom import charset
from pydicom.dataelem import RawDataElement
from pydicom.errors import InvalidDicomError

from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.values import identifier

IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED = (
    '1.2.840.10008.1.2',
    '1.2.840.10008.1.2.1',
    '1.2.840.10008.1.2.2',
    '1.2.840.10008.1.2.1.99',
)
CHARACTER_SET = 0x00080005
# How that element begins: with its type, in either order of bytes, and without
# it. The group is the length of its value.
_CHARACTER_SET = re.compile(
    rb'\x08\0\x05\0CS(..)|\0\x08\0\x05CS(?P<big>..)|\x08\0\x05\0(..)\0\0',
    re.DOTALL,
)
# Its value is not longer than this, unless its length is damaged.
_MAX_CHARACTER_SET = 256

# Types of elements of a file's meta information whose length has four bytes.
_LONG_TYPES = b'OB', b'UN', b'UR'

#: Transfer syntaxes in which pixels are stored as plain integers.
NATIVE = IMPLICIT, EXPLICIT, BIG_ENDIAN

_MEBIBYTE = 2**20
# How much of a file is read in search of the end of its header: most headers
# fit into the first step. The last step bounds the memory that a damaged file
# can take.
_HEAD_SIZES = 2**14, _MEBIBYTE, 64 * _MEBIBYTE


@dataclass(frozen=True)
class ParsedFile:
    """What :func:`parse_file` finds.

    Attributes
    ----------
    elements : dict of int to bytes
        The values of the elements by tag, SpecificCharacterSet always among
        them, unless they are empty.
    syntax : str
        See :class:`kneerepro.data.reading.header.Header`.
    implicit, little_endian : bool
        How the elements are written: without their types, and in which order
        of bytes.
    has_preamble : bool
        Whether the file says that it is DICOM.
    head, end, size
        See :class:`kneerepro.data.reading.header.FileHeader`.
    """

    elements: dict[int, bytes]
    syntax: str
    implicit: bool
    little_endian: bool
    has_preamble: bool
    head: bytes
    end: int | None
    size: int


def parse_file(path: str, tags: Collection[int]) -> ParsedFile:
    """Parse the header of a DICOM file.

    Parameters
    ----------
    path : str
    tags : collection of int
        The elements to keep.

    Returns
    -------
    ParsedFile

    Raises
    ------
    DefectError
        UNREADABLE or NOT_DICOM.
    """
    try:
        image, hidden, head, end, size = _read_head(path, list(tags))
        found = {int(tag): element for tag, element in image.items()}
        declared = image.file_meta.get('TransferSyntaxUID') or ''
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
    implicit, little_endian = _encoding(found.values())
    elements = _raw_values(found)
    if hidden:
        elements[CHARACTER_SET] = hidden
    return ParsedFile(
        elements=elements,
        syntax=_syntax(str(declared), implicit, little_endian),
        implicit=implicit,
        little_endian=little_endian,
        has_preamble=image.preamble is not None,
        head=head,
        end=end,
        size=size,
    )


def read_image(path: str, syntax: str, **options: Any) -> pydicom.Dataset:
    """Read a whole file of which :func:`parse_file` has read the header.

    Parameters
    ----------
    path : str
    syntax : str
        As :func:`parse_file` found it.
    options
        For :func:`pydicom.dcmread`.

    Returns
    -------
    pydicom.Dataset
    """
    source: str | io.BytesIO = path
    with open(path, 'rb') as file:
        # A deflated file can only be inflated as a whole.
        size = -1 if syntax == DEFLATED else _HEAD_SIZES[0]
        readable, character_set = _readable(file.read(size))
        if character_set:
            source = io.BytesIO(readable + file.read())
    image = pydicom.dcmread(source, force=True, **options)
    if syntax in NATIVE:
        image.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    return image


def _readable(content: bytes) -> tuple[bytes, bytes]:
    """The beginning of a file as pydicom can read it.

    By a name in SpecificCharacterSet that it does not know, pydicom looks for
    a codec of Python's, and raises whatever comes of that.

    Returns
    -------
    readable : bytes
        With spaces in place of a SpecificCharacterSet that has such a name.
    character_set : bytes
        What these replace, or b''.
    """
    start = _start_of_deflated(content)
    if start is None:
        return _without_unknown(content)
    inflated = zlib.decompress(content[start:], -zlib.MAX_WBITS)
    readable, character_set = _without_unknown(inflated)
    if not character_set:
        return content, b''
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    deflated = deflate.compress(readable) + deflate.flush()
    return content[:start] + deflated, character_set


def _start_of_deflated(content):
    """Where the deflated part of a file begins, behind the meta information;
    None if there is none.
    """
    place = 132 if content[128:132] == b'DICM' else 0
    syntax = b''
    while content[place : place + 2] == b'\2\0':
        element = content[place + 2 : place + 4]
        is_long = content[place + 4 : place + 6] in _LONG_TYPES
        start = place + (12 if is_long else 8)
        length = content[place + (8 if is_long else 6) : start]
        place = start + int.from_bytes(length, 'little')
        if element == b'\x10\0':
            syntax = content[start:place]
    return place if syntax.strip(b'\0 ') == DEFLATED.encode() else None


def _without_unknown(content):
    """As :func:`_readable`, for elements that are not deflated."""
    found = _CHARACTER_SET.search(content)
    if found is None:
        return content, b''
    (encoded,) = filter(None, found.groups())
    length = int.from_bytes(encoded, 'big' if found['big'] else 'little')
    start, end = found.end(), found.end() + length
    value = content[start:end]
    names = value.decode('latin_1').split('\\')
    known = all(name.strip(' ') in charset.python_encoding for name in names)
    if known or length > _MAX_CHARACTER_SET:
        return content, b''
    return content[:start] + b' ' * len(value) + content[end:], value


def _encoding(elements):
    """How elements are in fact written, which pydicom finds out: whether
    their types are implicit, and whether they are little endian.
    """
    for element in elements:
        if isinstance(element, RawDataElement):
            return element.is_implicit_VR, element.is_little_endian
    return False, True


def _raw_values(elements):
    """The bytes of those elements that have some."""
    values = {
        tag: element.value
        for tag, element in elements.items()
        if isinstance(element.value, bytes)
    }
    if CHARACTER_SET in elements and CHARACTER_SET not in values:
        # pydicom decodes this one while it reads.
        names = elements[CHARACTER_SET].value or ''
        if not isinstance(names, str):
            names = '\\'.join(map(str, names))
        values[CHARACTER_SET] = names.encode('latin_1', 'replace')
    return values


def _syntax(declared, implicit, little_endian):
    """The transfer syntax, or the one that the elements show."""
    declared = identifier(declared.encode('utf-8', 'replace'))
    if declared and declared not in NATIVE:
        return declared
    if not little_endian:
        return BIG_ENDIAN
    return IMPLICIT if implicit else EXPLICIT


def _read_head(path, tags):
    """The image as pydicom reads it; what was hidden from pydicom, as
    :func:`_readable` returns it; and `head`, `end` and `size` of a
    :class:`FileHeader`.
    """
    with open(path, 'rb', buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        head = b''
        for wanted in _HEAD_SIZES:
            head += file.read(wanted - len(head))
            try:
                image, hidden, end = _parse(head, tags)
            except InvalidDicomError:
                raise
            except Exception:
                if len(head) >= size or len(head) < wanted:
                    raise
                continue
            if image.file_meta.get('TransferSyntaxUID') == DEFLATED:
                return image, hidden, b'', None, size
            # pydicom takes the end of what it is given for the end of the
            # header. Then read on.
            if end + 16 <= len(head) or len(head) >= size:
                return image, hidden, head, end, size
    raise ValueError('the header has no end')


def _parse(head, tags):
    """The image, what was hidden from pydicom, and where in the head of its
    file pydicom stopped.
    """

    def parse(content):
        stream = io.BytesIO(content)
        image = pydicom.dcmread(
            stream,
            stop_before_pixels=True,
            specific_tags=tags,
            force=_begins_with_an_element(content),
        )
        return image, stream.tell()

    try:
        image, end = parse(head)
        hidden = b''
    except ValueError:
        readable, hidden = _readable(head)
        if not hidden:
            raise
        image, end = parse(readable)
    return image, hidden, end


def _begins_with_an_element(head):
    """Whether a file without the preamble may be DICOM nevertheless: whether
    it begins with group 0002 or, in either order of bytes, 0008.
    """
    return head[:2] in (b'\2\0', b'\x08\0', b'\0\x08')
