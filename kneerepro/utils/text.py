"""Text from files: keep it as it is, and show it safely.

A description in a header, or the name of a file, may contain anything: escape
sequences that control the terminal, line breaks, characters that reverse the
direction of the text beside them, and bytes that are no text at all.
"""

from __future__ import annotations

import re
import unicodedata

# Characters without a shape that do not count as controls: fillers, joiners
# and selectors of variants.
_INVISIBLE = re.compile(
    '[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0'
    '\U000e0100-\U000e01ef]'
)
_ESCAPES = {'\n': '\\n', '\r': '\\r', '\t': '\\t'}


def printable(text: str) -> str:
    r"""Text in which every character that is not visible is escaped.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        Controls, line and paragraph separators, characters that set the
        direction, invisible and unassigned ones become ``\n``, ``\x1b`` or
        ``\u202e``. A byte of a file name that is not UTF-8 becomes ``\xff``,
        say.
    """
    if text.isascii() and text.isprintable():
        return text
    return ''.join(map(_shown, text))


def _shown(character):
    visible = (
        character.isprintable() or unicodedata.category(character) == 'Zs'
    ) and not _INVISIBLE.match(character)
    if visible:
        return character
    if character in _ESCAPES:
        return _ESCAPES[character]
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that os.fsdecode could not decode
        code -= 0xDC00
    if code < 0x100:
        return f'\\x{code:02x}'
    return f'\\u{code:04x}' if code < 0x10000 else f'\\U{code:08x}'


def width(text: str) -> int:
    """The columns that printable text takes in a terminal."""
    return sum(map(_columns, text))


def _columns(character):
    if unicodedata.category(character) in ('Mn', 'Me'):
        return 0
    return 2 if unicodedata.east_asian_width(character) in 'WF' else 1


def pad(text: str, columns: int) -> str:
    """Printable text with spaces behind it, up to a number of columns."""
    return text + ' ' * (columns - width(text))


def as_bytes(text: str) -> bytes:
    """Any text from a file, or a path, in bytes.

    Neither a database nor a hash takes text with bytes that are not UTF-8,
    which Python keeps as surrogates.

    Parameters
    ----------
    text : str
        As :func:`from_bytes` or :func:`os.fsdecode` returns it.

    Returns
    -------
    bytes
        :func:`from_bytes` is the inverse.
    """
    return text.encode('utf-8', 'surrogateescape')


def from_bytes(value: bytes) -> str:
    """The text whose :func:`as_bytes` these are; any bytes have one."""
    return value.decode('utf-8', 'surrogateescape')
