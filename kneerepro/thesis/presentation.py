"""What every format of a comparison with the thesis shows, and in which words.

:mod:`kneerepro.thesis.formats` writes it as text or as a page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from kneerepro.thesis.errata import ERRATA
from kneerepro.thesis.records import (
    ERRATUM,
    MATCH,
    MISMATCH,
    Cell,
    Comparison,
    Report,
    Row,
)

#: Title of the whole comparison.
TITLE = "The thesis's tables and the networks built here"
#: Shown below a cell that no erratum explains.
UNEXPLAINED = '???'

#: How to read the tables, in paragraphs.
NOTES = (
    'Each row of a table is shown twice: as the thesis prints it, and below '
    'as it is read from the layers. Below a cell that differs stands the '
    f'erratum that explains it, or {UNEXPLAINED} if none does.',
    'For the 3D autoencoder, the upper row is the printed 2D row with a depth '
    'added, because "the same layout was preserved" (section 2.4.1). The 3D '
    'DCGAN and the 3D WGAN-GP go beyond the thesis (section 4.2); their upper '
    'rows are those of the DCGAN and the WGAN-GP, with a depth added in the '
    'same way.',
    'A 1 in a shape is the batch if it comes before the channels, and the '
    'depth if it comes after them. Every Leaky ReLU has the slope 0.2 of '
    'section 2.4.1. A star on a layer marks batch normalisation (E5). The '
    "star on Table 2.4's sigmoid marks the exception of section 2.4.2: the "
    'WGAN-GP has no activation there. A decay rate of "-" is Lasagne\'s '
    'default.',
    'The last table names the parameters that select alternative readings, '
    'such as filter_size=5. Presets and flags of the experiments set them.',
)

#: Headings of the table of errata.
ERRATA_HEADINGS = 'no.', 'the thesis', 'built here (also)', 'where'

#: Lines of a table that belong together, each a list of cells.
Group = list[list[str]]


def summary(report: Report) -> str:
    """Say in one sentence how many cells have each verdict."""
    counts = Counter(
        cell.verdict
        for comparison in report.comparisons
        for row in comparison.rows
        for cell in row.cells
    )
    return (
        f'{sum(counts.values())} cells: {counts[MATCH]} match, '
        f'{counts[ERRATUM]} differ as an erratum explains, and '
        f'{counts[MISMATCH]} are unexplained.'
    )


def paragraphs(report: Report) -> list[str]:
    """Return the paragraphs that explain the tables."""
    return [f'The thesis is compared with {report.reading}.', *NOTES]


def conclusion(report: Report) -> Iterator[str]:
    """Yield the paragraphs that sum the report up."""
    yield summary(report)
    if report.differences:
        differences = ', '.join(
            f'{name} {value} (the thesis: {thesis})'
            for name, (value, thesis) in report.differences.items()
        )
        text = f'Parameters that differ from the thesis: {differences}.'
        if report.problems:
            text += (
                ' They are the likely cause of the differences that no '
                'erratum explains.'
            )
        yield text


def heading(comparison: Comparison) -> str:
    """Return a comparison's heading, such as 'Table 2.3, generator'."""
    place = comparison.place
    return (place[0].upper() + place[1:]).replace(' (', ', ').rstrip(')')


def facts(comparison: Comparison) -> str:
    """Return the line below the heading; it may be empty."""
    parts = []
    if comparison.number != 'text':
        parts.append(f'"{comparison.title}"')
    if comparison.parameters:
        parts.append(f'{comparison.parameters:,} trainable parameters')
    return '. '.join(parts)


def reasons(comparison: Comparison) -> list[tuple[str, str]]:
    """List the errata that explain cells: number, and what is wrong."""
    used = {
        name
        for row in comparison.rows
        for cell in row.cells
        for name in cell.errata
    }
    return [
        (name, erratum.thesis)
        for name, erratum in ERRATA.items()
        if name in used
    ]


def mark(cell: Cell) -> str:
    """Return what is shown below a cell; empty if the cell matches."""
    if cell.verdict == MISMATCH:
        return UNEXPLAINED
    return ' '.join(cell.errata)


def worst_verdict(row: Row) -> str:
    """Return the worst verdict of a row's cells."""
    verdicts = {cell.verdict for cell in row.cells}
    for verdict in MISMATCH, ERRATUM:
        if verdict in verdicts:
            return verdict
    return MATCH


def grid(comparison: Comparison) -> tuple[list[str], list[Group]]:
    """Arrange a comparison as lines of cells.

    Returns
    -------
    headings : list of str
    groups : list of Group
        The lines of each row.
    """
    if comparison.number == 'text':
        return _statements_grid(comparison)
    columns = [cell.column for cell in comparison.rows[0].cells]
    # Rows of layers are named by their first cell, others by a label.
    labelled = 'Layer' not in columns
    headings = ['', *(['Network'] if labelled else []), *columns, 'verdict']
    groups = []
    for row in comparison.rows:
        label, blank = ([row.label], ['']) if labelled else ([], [])
        group = [
            [
                'in 3D' if comparison.derived else 'printed',
                *label,
                *(cell.printed or 'nothing' for cell in row.cells),
                '',
            ],
            [
                'built',
                *blank,
                *(cell.built or 'nothing' for cell in row.cells),
                worst_verdict(row),
            ],
        ]
        marks = [mark(cell) for cell in row.cells]
        if any(marks):
            group.append(['', *blank, *marks, ''])
        groups.append(group)
    return headings, groups


def _statements_grid(comparison: Comparison) -> tuple[list[str], list[Group]]:
    groups = []
    for row in comparison.rows:
        (cell,) = row.cells
        groups.append(
            [
                [
                    row.label,
                    cell.printed or 'nothing',
                    cell.built or 'nothing',
                    mark(cell) or cell.verdict,
                ]
            ]
        )
    return ['', 'printed', 'built', 'verdict'], groups


def errata_rows(report: Report) -> Iterator[list[str]]:
    """Yield the rows below :data:`ERRATA_HEADINGS`, one for each erratum."""
    for name, status in report.errata.items():
        erratum = ERRATA[name]
        built = erratum.built
        if erratum.also:
            built += f' ({erratum.also})'
        yield [name, erratum.thesis, built, status]
