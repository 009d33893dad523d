"""Formats of a comparison with the thesis: plain text, reStructuredText,
Markdown, HTML and JSON.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict

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
from kneerepro.utils.pages import template_environment

TITLE = "The thesis's tables and the networks built here"
UNEXPLAINED = '???'

NOTES = (
    'Each row of a table is shown twice: as the thesis prints it, and below '
    'as it is read from the layers. Below a cell that differs stands the '
    f'erratum that explains it, or {UNEXPLAINED} if none does.',
    'For the 3D autoencoder, the upper row is the printed 2D row with a depth '
    'added, because "the same layout was preserved" (section 2.4.1).',
    'A 1 in a shape is the batch if it comes before the channels, and the '
    'depth if it comes after them. Every Leaky ReLU has the slope 0.2 of '
    'section 2.4.1. A star on a layer marks batch normalisation (E5). The '
    "star on Table 2.4's sigmoid marks the exception of section 2.4.2: the "
    'WGAN-GP has no activation there. A decay rate of "-" is Lasagne\'s '
    'default.',
)

_ERRATA_HEADINGS = 'no.', 'the thesis', 'built here (also)', 'where'

# Lines of a table that belong together, each a list of cells.
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


def _paragraphs(report: Report) -> list[str]:
    return [f'The thesis is compared with {report.reading}.', *NOTES]


def _conclusion(report: Report) -> Iterator[str]:
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


def _heading(comparison: Comparison) -> str:
    place = comparison.place
    return (place[0].upper() + place[1:]).replace(' (', ', ').rstrip(')')


def _facts(comparison: Comparison) -> str:
    """Write what is shown below the heading."""
    facts = []
    if comparison.number != 'text':
        facts.append(f'"{comparison.title}"')
    if comparison.parameters:
        facts.append(f'{comparison.parameters:,} trainable parameters')
    return '. '.join(facts)


def _reasons(comparison: Comparison) -> list[tuple[str, str]]:
    """List the errata that explain a cell: number, and what they say."""
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


def _mark(cell: Cell) -> str:
    if cell.verdict == MISMATCH:
        return UNEXPLAINED
    return ' '.join(cell.errata)


def _verdict(row: Row) -> str:
    """Return the worst verdict of a row's cells."""
    verdicts = {cell.verdict for cell in row.cells}
    for verdict in MISMATCH, ERRATUM:
        if verdict in verdicts:
            return verdict
    return MATCH


def _grid(comparison: Comparison) -> tuple[list[str], list[Group]]:
    """Lay a comparison out as text.

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
                _verdict(row),
            ],
        ]
        marks = [_mark(cell) for cell in row.cells]
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
                    _mark(cell) or cell.verdict,
                ]
            ]
        )
    return ['', 'printed', 'built', 'verdict'], groups


def _errata_rows(report: Report) -> Iterator[list[str]]:
    for name, status in report.errata.items():
        erratum = ERRATA[name]
        built = erratum.built
        if erratum.also:
            built += f' ({erratum.also})'
        yield [name, erratum.thesis, built, status]


def _aligned_lines(
    headings: Sequence[str],
    groups: Sequence[Group],
    rule: str | None = None,
    gap: str | None = None,
) -> Iterator[str]:
    """Align a table in columns of plain text.

    Parameters
    ----------
    headings : sequence of str
    groups : sequence of Group
    rule : str, optional
        Character of the rules above and below the headings and at the end. By
        default there is only one of hyphens below the headings.
    gap : str, optional
        Line between groups; by default none.

    Yields
    ------
    str
        Lines of the table.
    """
    rows = [row for group in groups for row in group]
    widths = [max(map(len, column)) for column in zip(headings, *rows)]

    def line(cells):
        return '  '.join(
            cell.ljust(width) for cell, width in zip(cells, widths)
        ).rstrip()

    if rule:
        yield line([rule * width for width in widths])
    yield line(headings)
    yield line([(rule or '-') * width for width in widths])
    for i, group in enumerate(groups):
        if gap is not None and i:
            yield gap
        yield from map(line, group)
    if rule:
        yield line([rule * width for width in widths])


def _wrap_cells(
    rows: Iterable[Sequence[str]], widths: Sequence[int]
) -> Iterator[Group]:
    """Break the cells of each row into lines of at most these widths."""
    for row in rows:
        cells = [
            textwrap.wrap(cell, width, break_on_hyphens=False) or ['']
            for cell, width in zip(row, widths)
        ]
        height = max(map(len, cells))
        padded = [cell + [''] * (height - len(cell)) for cell in cells]
        yield [list(line) for line in zip(*padded)]


def as_terminal(report: Report) -> str:
    """Format a report as plain text, up to 100 columns wide."""
    lines = [TITLE, '=' * len(TITLE)]
    for text in _paragraphs(report):
        lines += ['', *textwrap.wrap(text, 96)]
    for comparison in report.comparisons:
        headings, groups = _grid(comparison)
        lines += ['', '', _heading(comparison), _facts(comparison)]
        if _facts(comparison):
            lines.append('')
        gap = '' if len(groups[0]) > 1 else None
        lines += [*_aligned_lines(headings, groups, gap=gap), '']
        for name, text in _reasons(comparison):
            lines += textwrap.wrap(
                f'{name:<5}{text}', 96, subsequent_indent=5 * ' '
            )
    groups = list(_wrap_cells(_errata_rows(report), (4, 30, 30, 28)))
    lines += ['', '', 'Errata', '']
    lines += _aligned_lines(_ERRATA_HEADINGS, groups, gap='')
    for text in _conclusion(report):
        lines += ['', *textwrap.wrap(text, 96)]
    return '\n'.join(lines) + '\n'


def as_rst(report: Report) -> str:
    """Format a report as a page of reStructuredText with a title."""
    lines = [
        '.. Made by python -m kneerepro compare --format rst',
        '',
        TITLE,
        '=' * len(TITLE),
    ]
    for text in _paragraphs(report):
        lines += ['', *textwrap.wrap(text, 79)]
    for comparison in report.comparisons:
        heading = _heading(comparison)
        lines += ['', heading, '-' * len(heading), '', _facts(comparison)]
        lines += ['', *_rst_table(*_grid(comparison)), '']
        for name, text in _reasons(comparison):
            lines += textwrap.wrap(
                f'| {name}: {_escape(text)}', 79, subsequent_indent='  '
            )
    # A line with an empty first cell continues the row above, which is what
    # the lines of a wrapped cell are meant to do.
    groups = [
        [list(map(_escape, row)) for row in group]
        for group in _wrap_cells(_errata_rows(report), (4, 40, 40, 40))
    ]
    lines += ['', 'Errata', '------', '']
    lines += _aligned_lines(_ERRATA_HEADINGS, groups, rule='=')
    for text in _conclusion(report):
        lines += ['', *textwrap.wrap(_escape(text), 79)]
    return re.sub('\n{3,}', '\n\n', '\n'.join(lines) + '\n')


def _rst_table(
    headings: Sequence[str], groups: Sequence[Group]
) -> Iterator[str]:
    def cell(text):
        # A hyphen, or a letter and a full stop, would begin a list.
        return re.sub(r'^(-|\w\. )', r'\\\1', _escape(text))

    # A line with an empty first cell would continue the row above.
    return _aligned_lines(
        [_escape(text) or '..' for text in headings],
        [
            [[cell(row[0]) or '..', *map(cell, row[1:])] for row in group]
            for group in groups
        ],
        rule='=',
    )


def _escape(text: str) -> str:
    """Escape the markup of reStructuredText and Markdown."""
    for character in '\\*_`|':
        text = text.replace(character, '\\' + character)
    return text


def as_md(report: Report) -> str:
    """Format a report as Markdown with GitHub's tables."""
    parts = [f'# {TITLE}', *_paragraphs(report)]
    for comparison in report.comparisons:
        parts += [
            f'## {_heading(comparison)}',
            _facts(comparison),
            _md_table(*_grid(comparison)),
            '\n'.join(
                f'- {name}: {_escape(text)}'
                for name, text in _reasons(comparison)
            ),
        ]
    parts += [
        '## Errata',
        _md_table(_ERRATA_HEADINGS, [list(_errata_rows(report))]),
        *map(_escape, _conclusion(report)),
    ]
    return '\n\n'.join(part for part in parts if part) + '\n'


def _md_table(headings: Sequence[str], groups: Sequence[Group]) -> str:
    rows = [
        headings,
        ['---'] * len(headings),
        *(map(_escape, row) for group in groups for row in group),
    ]
    return '\n'.join(f'| {" | ".join(row)} |' for row in rows)


def as_html(report: Report) -> str:
    """Format a report as an HTML page that needs no other file."""
    return (
        template_environment()
        .get_template('compare.html')
        .render(
            title=TITLE,
            paragraphs=_paragraphs(report),
            comparisons=report.comparisons,
            heading=_heading,
            facts=_facts,
            reasons=_reasons,
            mark=_mark,
            verdict=_verdict,
            errata_headings=_ERRATA_HEADINGS,
            errata=list(_errata_rows(report)),
            conclusion=list(_conclusion(report)),
        )
    )


def as_json(report: Report) -> str:
    """Format a report as JSON for other programs.

    Parameters
    ----------
    report : Report

    Returns
    -------
    str
        An object with these keys:

        ``format``
            1, as long as no key is renamed or removed.
        ``reading``
            The reading that was compared.
        ``tables``
            The comparisons. Each has ``number`` ('2.1' to '2.5', 'text'),
            ``title`` (printed), ``subject`` (built), ``experiment`` (null for
            several), ``derived`` (whether carried over to three dimensions),
            ``parameters`` (number of trainable ones, or null) and ``rows``. A
            row has a ``label`` and ``cells``. A cell has ``column``,
            ``printed`` and ``built`` (null where there is no such row),
            ``verdict`` ('match', 'erratum', 'mismatch'), ``errata`` (their
            numbers) and ``reason`` (what they say, or null).
        ``errata``
            All errata, each with ``number``, ``thesis``, ``built``, ``also``
            and ``status``.
        ``differences``
            The parameters that differ from the thesis, each as ``[value,
            thesis]``.
        ``problems``
            What makes the command's exit status 1.
    """
    tables = [asdict(comparison) for comparison in report.comparisons]
    for table in tables:
        for row in table['rows']:
            for cell in row['cells']:
                reasons = [ERRATA[name].thesis for name in cell['errata']]
                cell['reason'] = '; '.join(reasons) or None
    content = {
        'format': 1,
        'reading': report.reading,
        'tables': tables,
        'errata': [
            {
                'number': name,
                'thesis': ERRATA[name].thesis,
                'built': ERRATA[name].built,
                'also': ERRATA[name].also,
                'status': status,
            }
            for name, status in report.errata.items()
        ],
        'differences': report.differences,
        'problems': report.problems,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + '\n'


FORMATS: dict[str, Callable[[Report], str]] = {
    'terminal': as_terminal,
    'rst': as_rst,
    'md': as_md,
    'html': as_html,
    'json': as_json,
}
