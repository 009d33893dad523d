"""Lines of reStructuredText."""


def table(headings, rows):
    """Lines of a table.

    Parameters
    ----------
    headings : list of str
    rows : iterable of list
        What is to be in the cells, each on one line.

    Yields
    ------
    str
    """
    yield from ['.. list-table::', '   :header-rows: 1', '']
    for row in [headings, *rows]:
        for i, cell in enumerate(row):
            yield f'   {"  -" if i else "* -"} {escaped(str(cell))}'.rstrip()
    yield ''


def escaped(text):
    """Text on one line, without what would be taken for markup."""
    return ''.join(
        '\\' + c if c in '\\*`|_' else c for c in ' '.join(text.split())
    )
