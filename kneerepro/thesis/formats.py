"""A comparison with the thesis as text for the terminal, reStructuredText,
Markdown, HTML and JSON.
"""

import json
import re
import textwrap
from collections import Counter

from kneerepro.thesis.compare import ERRATUM, MATCH, MISMATCH, place
from kneerepro.thesis.errata import ERRATA
from kneerepro.utils.pages import template_environment

TITLE = "The thesis's tables and what is built"
UNEXPLAINED = '???'

NOTES = (
    'Each row of a table stands here as it is printed, and below as the '
    'layers have it; under what differs is the erratum that explains it, or '
    f'{UNEXPLAINED} where none does.',
    'In three dimensions, the upper row is the printed one with a depth, as '
    '"the same layout was preserved" (section 2.4.1).',
    'A 1 in a shape is the batch before the channels, the depth behind them. '
    'Every Leaky ReLU has the slope 0.2 of section 2.4.1. A star on a layer '
    "is batch normalisation (E5), that on Table 2.4's sigmoid the exception "
    'of section 2.4.2: the WGAN-GP has none. A decay rate "-" is Lasagne\'s '
    'default.',
)

#: Of the last table.
_ERRATA = 'no.', 'the thesis', 'built here (also)', 'cells, parameters'


def summary(report):
    """How many cells there are of each verdict, in a sentence.

    Parameters
    ----------
    report : kneerepro.thesis.compare.Report

    Returns
    -------
    str
    """
    counts = Counter(
        cell.verdict
        for comparison in report.comparisons
        for _, cells in comparison.rows
        for cell in cells
    )
    return (
        f'{sum(counts.values())} cells: {counts[MATCH]} match, '
        f'{counts[ERRATUM]} differ as an erratum explains, '
        f'{counts[MISMATCH]} differ without one.'
    )


def _paragraphs(report):
    return [f'This is {report.reading}.', *NOTES]


def _conclusion(report):
    yield summary(report)
    if report.differences:
        yield (
            "Parameters that are not the thesis's: "
            + ', '.join(
                f'{name} {value} (the thesis: {thesis})'
                for name, (value, thesis) in report.differences.items()
            )
            + '.'
            + " A difference that no erratum explains is this reading's own: "
            'look for its cause among them.' * bool(report.problems)
        )


def _heading(comparison):
    where = place(comparison)
    return (where[0].upper() + where[1:]).replace(' (', ', ').rstrip(')')


def _facts(comparison):
    """What is said below the heading."""
    return '. '.join(
        [f'"{comparison.title}"'] * (comparison.number != 'text')
        + (
            [f'{comparison.parameters:,} trainable parameters']
            if comparison.parameters
            else []
        )
    )


def _reasons(comparison):
    """Numbers of errata that explain something, and what they say."""
    used = {
        name
        for _, cells in comparison.rows
        for cell in cells
        for name in cell.errata
    }
    return [
        (name, erratum.thesis)
        for name, erratum in ERRATA.items()
        if name in used
    ]


def _mark(cell):
    return UNEXPLAINED if cell.verdict == MISMATCH else ' '.join(cell.errata)


def _verdict(cells):
    """One word for all cells of a row."""
    verdicts = {cell.verdict for cell in cells}
    for verdict in MISMATCH, ERRATUM:
        if verdict in verdicts:
            return verdict
    return MATCH


def _grid(comparison):
    """A table as text.

    Returns
    -------
    list of str, list of list of list of str
        Headings; and for each row of the comparison the lines that it takes,
        a list of cells each.
    """
    rows = comparison.rows
    columns = [cell.column for cell in rows[0][1]]
    if columns == ['value']:
        return (
            ['', 'printed', 'built', 'verdict'],
            [
                [
                    [
                        label,
                        cell.printed,
                        cell.built,
                        _mark(cell) or cell.verdict,
                    ]
                ]
                for label, (cell,) in rows
            ],
        )
    named = 'Layer' not in columns
    groups = []
    for label, cells in rows:
        name, empty = ([label], ['']) if named else ([], [])
        group = [
            [
                'in 3D' if comparison.derived else 'printed',
                *name,
                *(cell.printed or 'nothing' for cell in cells),
                '',
            ],
            [
                'built',
                *empty,
                *(cell.built or 'nothing' for cell in cells),
                _verdict(cells),
            ],
        ]
        if any(map(_mark, cells)):
            group.append(['', *empty, *map(_mark, cells), ''])
        groups.append(group)
    return ['', *['Network'] * named, *columns, 'verdict'], groups


def _errata(report):
    """Rows of the table of errata."""
    for name, status in report.errata.items():
        erratum = ERRATA[name]
        yield [
            name,
            erratum.thesis,
            erratum.built + (f' ({erratum.also})' if erratum.also else ''),
            status,
        ]


def _columns(headings, groups, rule=None, gap=None):
    """Lines of a table in columns, those of groups apart by a line `gap`."""
    widths = [
        max(map(len, column))
        for column in zip(
            headings, *(row for group in groups for row in group)
        )
    ]

    def line(cells):
        return '  '.join(
            cell.ljust(width) for cell, width in zip(cells, widths)
        ).rstrip()

    rules = [line([rule * width for width in widths])] if rule else []
    yield from [
        *rules,
        line(headings),
        *(rules or [line(['-' * width for width in widths])]),
    ]
    for i, group in enumerate(groups):
        if gap is not None and i:
            yield gap
        yield from map(line, group)
    yield from rules


def _wrapped(rows, widths):
    """Groups for :func:`_columns`: rows with their cells broken."""
    for row in rows:
        cells = [
            textwrap.wrap(cell, width, break_on_hyphens=False) or ['']
            for cell, width in zip(row, widths)
        ]
        height = max(map(len, cells))
        yield [
            list(line)
            for line in zip(
                *(cell + [''] * (height - len(cell)) for cell in cells)
            )
        ]


def as_terminal(report):
    """Plain text, up to 100 columns wide.

    Parameters
    ----------
    report : kneerepro.thesis.compare.Report

    Returns
    -------
    str
    """
    lines = [TITLE, '=' * len(TITLE)]
    for text in _paragraphs(report):
        lines += ['', *textwrap.wrap(text, 96)]
    for comparison in report.comparisons:
        headings, groups = _grid(comparison)
        gap = '' if len(groups[0]) > 1 else None
        lines += ['', '', _heading(comparison), _facts(comparison)]
        lines += [''] * bool(lines[-1])
        lines += [*_columns(headings, groups, gap=gap), '']
        for name, says in _reasons(comparison):
            lines += textwrap.wrap(
                f'{name:<5}{says}', 96, subsequent_indent=5 * ' '
            )
    lines += [
        '',
        '',
        'Errata',
        '',
        *_columns(
            _ERRATA, list(_wrapped(_errata(report), (4, 30, 30, 28))), gap=''
        ),
    ]
    for text in _conclusion(report):
        lines += ['', *textwrap.wrap(text, 96)]
    return '\n'.join(lines) + '\n'


def as_rst(report):
    """reStructuredText, a page with a title.

    Parameters
    ----------
    report : kneerepro.thesis.compare.Report

    Returns
    -------
    str
    """

    def cell(text):
        # Otherwise they would begin a list.
        return re.sub(r'^(-|\w\. )', r'\\\1', _escaped(text))

    def table(headings, groups):
        # A row without a first cell would continue the one above.
        return [
            '',
            *_columns(
                [_escaped(text) or '..' for text in headings],
                [
                    [
                        [cell(row[0]) or '..', *map(cell, row[1:])]
                        for row in group
                    ]
                    for group in groups
                ],
                '=',
            ),
            '',
        ]

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
        lines += table(*_grid(comparison))
        lines += [
            line
            for name, says in _reasons(comparison)
            for line in textwrap.wrap(
                f'| {name}: {_escaped(says)}', 79, subsequent_indent='  '
            )
        ]
    # Broken cells continue the row above, so that these first cells stay
    # empty.
    groups = [
        [list(map(_escaped, row)) for row in group]
        for group in _wrapped(_errata(report), (4, 40, 40, 40))
    ]
    lines += ['', 'Errata', '------', '', *_columns(_ERRATA, groups, '=')]
    for text in _conclusion(report):
        lines += ['', *textwrap.wrap(_escaped(text), 79)]
    text = '\n'.join(lines) + '\n'
    while '\n\n\n' in text:
        text = text.replace('\n\n\n', '\n\n')
    return text


def _escaped(text):
    """Text without markup, for reStructuredText and Markdown."""
    for character in '\\*_`|':
        text = text.replace(character, '\\' + character)
    return text


def as_md(report):
    """Markdown, with GitHub's tables.

    Parameters
    ----------
    report : kneerepro.thesis.compare.Report

    Returns
    -------
    str
    """

    def table(headings, groups):
        rows = [
            headings,
            ['---'] * len(headings),
            *(map(_escaped, row) for group in groups for row in group),
        ]
        return '\n'.join(f'| {" | ".join(row)} |' for row in rows)

    parts = [f'# {TITLE}', *_paragraphs(report)]
    for comparison in report.comparisons:
        parts += [
            f'## {_heading(comparison)}',
            _facts(comparison),
            table(*_grid(comparison)),
            '\n'.join(
                f'- {name}: {_escaped(says)}'
                for name, says in _reasons(comparison)
            ),
        ]
    parts += [
        '## Errata',
        table(_ERRATA, [list(_errata(report))]),
        *map(_escaped, _conclusion(report)),
    ]
    return '\n\n'.join(part for part in parts if part) + '\n'


def as_html(report):
    """One page that needs no other file.

    Parameters
    ----------
    report : kneerepro.thesis.compare.Report

    Returns
    -------
    str
    """
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
            errata_headings=_ERRATA,
            errata=list(_errata(report)),
            conclusion=list(_conclusion(report)),
        )
    )


def as_json(report):
    """JSON, for programs.

    Parameters
    ----------
    report : kneerepro.thesis.compare.Report

    Returns
    -------
    str
        ``format`` is 1 as long as nothing is renamed or removed. ``tables``
        are the comparisons: ``number`` ('2.1' to '2.5', 'text'), ``title``
        (printed), ``subject`` (built), ``experiment`` (null for several),
        ``derived`` (carried over to three dimensions), ``parameters``
        (trainable, or null) and ``rows``, each a ``label`` and ``cells``
        with ``column``, ``printed``, ``built`` (null where there is no such
        row), ``verdict`` ('match', 'erratum', 'mismatch'), ``errata`` (their
        numbers) and ``reason`` (what they say, or null). ``errata`` has all
        of them: ``number``, ``thesis``, ``built``, ``also``, ``status``.
        ``differences`` are the parameters that are not the thesis's, ``[value,
        thesis]``. ``problems`` is what makes the exit status 1, ``reading``
        what was compared.
    """
    return (
        json.dumps(
            {
                'format': 1,
                'reading': report.reading,
                'tables': [
                    {
                        **comparison._asdict(),
                        'rows': [
                            {
                                'label': label,
                                'cells': [
                                    {
                                        **cell._asdict(),
                                        'reason': '; '.join(
                                            ERRATA[name].thesis
                                            for name in cell.errata
                                        )
                                        or None,
                                    }
                                    for cell in cells
                                ],
                            }
                            for label, cells in comparison.rows
                        ],
                    }
                    for comparison in report.comparisons
                ],
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
            },
            indent=1,
            ensure_ascii=False,
        )
        + '\n'
    )


FORMATS = {
    'terminal': as_terminal,
    'rst': as_rst,
    'md': as_md,
    'html': as_html,
    'json': as_json,
}
