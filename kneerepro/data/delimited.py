"""Read text in columns: CSV with any of the usual separators."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Callable

from kneerepro.utils.errors import UserError
from kneerepro.utils.files import reason

_SEPARATORS = ',;\t|'


@dataclass(frozen=True)
class DelimitedText:
    """A table of text.

    Attributes
    ----------
    hash : str
        SHA-256 of the file.
    separator : str
    lines : list of int
        Where each row ends in the file, from 1.
    columns : dict of str to list of str
        The cells of each column by its title, without spaces around them.
        Columns without a title, such as pandas' index, are left out.
    """

    hash: str
    separator: str
    lines: list[int]
    columns: dict[str, list[str]]


def read_delimited(
    path: str, expected: Callable[[list[str]], bool]
) -> DelimitedText:
    """Read a table of text.

    Parameters
    ----------
    path : str
        UTF-8, UTF-16 or Latin-1, with a heading; it may be compressed (gzip).
    expected : callable
        Whether these titles are those of the table. It decides between
        separators that occur in the heading.

    Returns
    -------
    DelimitedText

    Raises
    ------
    UserError
        If the file cannot be read, or its rows do not fit its heading.
    """
    try:
        with open(path, 'rb') as file:
            content = file.read()
    except OSError as error:
        raise UserError(
            f'{path} cannot be read: {reason(error)}; name another table'
        ) from None
    text = _decompressed(content, path)
    encoding = _encoding(text, path)
    separator = _separator(text, encoding, expected)
    # Unless it is strict, an open quotation mark swallows the rows after it.
    reader = csv.reader(
        _lines(text, encoding), delimiter=separator, strict=True
    )
    try:
        rows = list(_rows(reader))
    except csv.Error as error:
        raise UserError(
            f'{path} cannot be split into columns ({error}): check its '
            'quotation marks'
        ) from None
    if not rows:
        raise UserError(f'{path} has no text: name another table')
    _, titles = rows.pop(0)
    while not titles[-1]:
        titles.pop()
    _check(titles, rows, path)
    return DelimitedText(
        hash=hashlib.sha256(content).hexdigest(),
        separator=separator,
        lines=[line for line, _ in rows],
        columns={
            title: [row[i] for _, row in rows]
            for i, title in enumerate(titles)
            if title
        },
    )


def _decompressed(content, path):
    if not content.startswith(b'\x1f\x8b'):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(
            f'{path} cannot be decompressed ({error}): copy it again'
        ) from None


def _encoding(text, path):
    if text.startswith((b'\xff\xfe', b'\xfe\xff')):  # Excel's 'Unicode'
        return 'utf-16'
    if b'\0' in text:
        raise UserError(
            f'{path} is binary, not a table of text: export it as CSV'
        )
    try:
        text.decode('utf-8')
    except UnicodeDecodeError:
        return 'latin-1'
    return 'utf-8-sig'


def _lines(text, encoding):
    return io.TextIOWrapper(io.BytesIO(text), encoding, 'replace', newline='')


def _separator(text, encoding, expected):
    """The separator that gives the expected titles, or else most columns."""

    def score(separator):
        reader = csv.reader(_lines(text, encoding), delimiter=separator)
        try:
            titles = next(filter(_not_blank, reader), [])
        except csv.Error:  # text that is no table may have no separators
            return False, 0
        return expected([title.strip() for title in titles]), len(titles)

    return max(_SEPARATORS, key=score)


def _rows(reader) -> Iterator[tuple[int, list[str]]]:
    """The line and the cells of each row that is not blank."""
    # Large tables have millions of cells but few distinct texts.
    shared: dict[str, str] = {}
    for row in filter(_not_blank, reader):
        cells = map(str.strip, row)
        yield (
            reader.line_num,
            [shared.setdefault(cell, cell) for cell in cells],
        )


def _not_blank(row):
    return any(map(str.strip, row))


def _check(titles, rows, path):
    """Raise if rows do not fit the titles, or titles occur twice."""
    for line, row in rows:
        if len(row) < len(titles) or any(row[len(titles) :]):
            raise UserError(
                f'{path}: line {line} has {len(row)} columns, but the heading '
                f'{len(titles)}: correct the line, or quote its text'
            )
    for title, count in Counter(titles).items():
        if title and count > 1:
            raise UserError(
                f'{path}: {count} columns are called {title!r}: rename all '
                'but one'
            )
