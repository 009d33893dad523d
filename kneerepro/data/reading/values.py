"""Decode the values of DICOM elements: text, identifiers and numbers.

A header may hold anything. A number that cannot be read counts as absent, and
text that does not fit its character set is still decoded without loss, so
that two different PatientIDs never become one.
"""

from __future__ import annotations

import contextlib
import functools
import math
import re
import unicodedata
from collections.abc import Sequence

from pydicom import charset
from pydicom.valuerep import TEXT_VR_DELIMS

# What pads a value to an even length, and what some writers leave there.
_PADDING = ' \t\r\n\ufeff'

_DECIMAL = re.compile(r'[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?', re.ASCII)
# No number of the standard is longer than 16 characters, but some writers
# give all digits of a double.
_MAX_DIGITS = 64
#: Integers up to here are exact as floats, and a database can hold them.
MAX_INTEGER = 2**53


# For text of which the header does not say the encoding.
_UNDECLARED = 'utf_8', 'latin_1'


def _plain(name):
    """A name without what is often misspelt: ISO-IR 100, iso_ir_100, ..."""
    return re.sub('[^A-Z0-9]', '', name.upper())


_ENCODINGS = {
    **{_plain(name): codec for name, codec in charset.python_encoding.items()},
    # Latin-9 came later than the oldest pydicom that is supported.
    'ISOIR203': 'iso8859_15',
    'ISO2022IR203': 'iso8859_15',
    'UTF8': 'utf_8',
    'LATIN1': 'latin_1',
    # The default repertoire is ASCII: nothing is said of other bytes.
    '': _UNDECLARED[0],
    'ISOIR6': _UNDECLARED[0],
    'ISO2022IR6': _UNDECLARED[0],
}

_ESCAPE = b'\x1b'
# Python's codec leaves this one in the text.
_ESCAPE_CHINESE = '\x1b$)A'


@functools.lru_cache(maxsize=64)
def encodings_of(value: bytes) -> tuple[str, ...]:
    """The encodings that a header declares for its text.

    Parameters
    ----------
    value : bytes
        Of SpecificCharacterSet.

    Returns
    -------
    tuple of str
        Names of codecs, in the order in which to try them. The last decodes
        everything.
    """
    names = value.decode('latin_1').split('\\')
    declared = [_ENCODINGS.get(_plain(name)) for name in names]
    return *filter(None, declared), *_UNDECLARED


def text(value: bytes, encodings: Sequence[str] = _UNDECLARED) -> str:
    """Decode text.

    Escape sequences (ISO 2022) select their character set whether or not the
    header declares it. What the declared encodings cannot decode is UTF-8 if
    it can be, and Latin-1 otherwise. UTF-8 is hardly ever valid by accident;
    in Latin-1 every byte has a character, so that what differs stays
    different.

    Parameters
    ----------
    value : bytes
    encodings : sequence of str
        What :func:`encodings_of` returns.

    Returns
    -------
    str
        In Unicode's composed form: the same text is equal however it was
        encoded.
    """
    decode = _decode_escaped if _ESCAPE in value else bytes.decode
    for encoding in encodings:
        with contextlib.suppress(UnicodeError):
            decoded = decode(value, encoding)
            break
    return _stripped(unicodedata.normalize('NFC', decoded))


def _decode_escaped(value, encoding):
    """Decode text with escape sequences, the first part with an encoding."""
    codecs = [encoding, *charset.CODES_TO_ENCODINGS.values()]
    decoded = charset.decode_bytes(value, codecs, TEXT_VR_DELIMS)
    if '\ufffd' in decoded:  # in place of what could not be decoded
        raise UnicodeError('not in this encoding')
    return decoded.replace(_ESCAPE_CHINESE, '')


def _stripped(decoded):
    # HDF5 could not store a NUL within text.
    return decoded.replace('\0', ' ').strip(_PADDING)


def identifier(value: bytes) -> str:
    """Decode a UID or a code, which are ASCII in every character set."""
    return _stripped(value.decode('ascii', 'backslashreplace'))


def integer(value: bytes) -> int | None:
    """The first of the integers in an element.

    Parameters
    ----------
    value : bytes
        The text of an integer. ``1.0`` counts as one.

    Returns
    -------
    int or None
        None if the element is empty or cannot be read, or if the number
        exceeds 2**53.
    """
    numbers = decimals(value, 1, MAX_INTEGER)
    if numbers is None or numbers[0] % 1:
        return None
    return int(numbers[0])


def decimal(value: bytes) -> float | None:
    """The first of the numbers in an element; None if it is unreadable."""
    numbers = decimals(value, 1)
    return None if numbers is None else numbers[0]


def decimals(
    value: bytes, count: int, limit: float = math.inf
) -> tuple[float, ...] | None:
    r"""The first numbers in an element.

    Parameters
    ----------
    value : bytes
        The text of numbers, separated by ``\``.
    count : int
    limit : float
        The greatest magnitude that is believed.

    Returns
    -------
    tuple of `count` floats, or None
        None if there are fewer, or any of them is not finite, unreadable or
        beyond the limit.
    """
    parts = value[: _MAX_DIGITS * (count + 1)].decode('latin_1').split('\\')
    numbers = tuple(map(_number, parts[:count]))
    if len(numbers) < count or None in numbers:
        return None
    return numbers if max(map(abs, numbers)) <= limit else None


def _number(part):
    part = _stripped(part)
    if len(part) > _MAX_DIGITS or not _DECIMAL.fullmatch(part):
        return None
    number = float(part)
    return number if math.isfinite(number) else None
