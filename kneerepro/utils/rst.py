"""reStructuredText: tables and escaped text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence


def table(
    headings: Sequence[object], rows: Iterable[Sequence[object]]
) -> Iterator[str]:
    """Yield the lines of a table.

    Parameters
    ----------
    headings : sequence
    rows : iterable of sequence
        The contents of the cells; each is written on one line.
    """
    yield from ['.. list-table::', '   :header-rows: 1', '']
    for row in [headings, *rows]:
        for i, cell in enumerate(row):
            yield f'   {"  -" if i else "* -"} {escaped(str(cell))}'.rstrip()
    yield ''


def escaped(text: str) -> str:
    """Put text on one line, with the characters of markup escaped."""
    text = ' '.join(text.split())
    if text in ('-', '+'):
        return '\\' + text  # else it would be the bullet of an empty list
    return ''.join(
        '\\' + character if character in '\\*`|_' else character
        for character in text
    )
