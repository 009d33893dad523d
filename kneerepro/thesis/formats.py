"""Formats of a comparison with the thesis: plain text, reStructuredText,
Markdown, HTML and JSON.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict

from kneerepro.thesis.errata import ERRATA
from kneerepro.thesis.presentation import (
    ERRATA_HEADINGS,
    TITLE,
    Group,
    conclusion,
    errata_rows,
    facts,
    grid,
    heading,
    mark,
    paragraphs,
    reasons,
    worst_verdict,
)
from kneerepro.thesis.records import Report
from kneerepro.utils.pages import template_environment


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
    for text in paragraphs(report):
        lines += ['', *textwrap.wrap(text, 96)]
    for comparison in report.comparisons:
        headings, groups = grid(comparison)
        lines += ['', '', heading(comparison), facts(comparison)]
        if facts(comparison):
            lines.append('')
        gap = '' if len(groups[0]) > 1 else None
        lines += [*_aligned_lines(headings, groups, gap=gap), '']
        for name, text in reasons(comparison):
            lines += textwrap.wrap(
                f'{name:<5}{text}', 96, subsequent_indent=5 * ' '
            )
    groups = list(_wrap_cells(errata_rows(report), (4, 30, 30, 28)))
    lines += ['', '', 'Errata', '']
    lines += _aligned_lines(ERRATA_HEADINGS, groups, gap='')
    for text in conclusion(report):
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
    for text in paragraphs(report):
        lines += ['', *textwrap.wrap(text, 79)]
    for comparison in report.comparisons:
        title = heading(comparison)
        lines += ['', title, '-' * len(title), '', facts(comparison)]
        lines += ['', *_rst_table(*grid(comparison)), '']
        for name, text in reasons(comparison):
            lines += textwrap.wrap(
                f'| {name}: {_escape(text)}', 79, subsequent_indent='  '
            )
    # A line with an empty first cell continues the row above, which is what
    # the lines of a wrapped cell are meant to do.
    groups = [
        [list(map(_escape, row)) for row in group]
        for group in _wrap_cells(errata_rows(report), (4, 40, 40, 40))
    ]
    lines += ['', 'Errata', '------', '']
    lines += _aligned_lines(ERRATA_HEADINGS, groups, rule='=')
    for text in conclusion(report):
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
    parts = [f'# {TITLE}', *paragraphs(report)]
    for comparison in report.comparisons:
        parts += [
            f'## {heading(comparison)}',
            facts(comparison),
            _md_table(*grid(comparison)),
            '\n'.join(
                f'- {name}: {_escape(text)}'
                for name, text in reasons(comparison)
            ),
        ]
    parts += [
        '## Errata',
        _md_table(ERRATA_HEADINGS, [list(errata_rows(report))]),
        *map(_escape, conclusion(report)),
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
            paragraphs=paragraphs(report),
            comparisons=report.comparisons,
            heading=heading,
            facts=facts,
            reasons=reasons,
            mark=mark,
            verdict=worst_verdict,
            errata_headings=ERRATA_HEADINGS,
            errata=list(errata_rows(report)),
            conclusion=list(conclusion(report)),
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
                explanations = [ERRATA[name].thesis for name in cell['errata']]
                cell['reason'] = '; '.join(explanations) or None
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
