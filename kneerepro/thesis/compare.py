"""The thesis's tables beside the networks that are built, cell by cell."""

import difflib
from collections import Counter, namedtuple

from kneerepro import config
from kneerepro.data.splits import per_epoch
from kneerepro.networks.layer_table import NOTHING, described
from kneerepro.registry import AUTOENCODERS, EXPERIMENTS
from kneerepro.thesis import errata, tables
from kneerepro.thesis.reproduction import count, hyperparameters, stated
from kneerepro.thesis.table_cells import as_text, in_3d, read
from layers.lengths import conv_input_length

MATCH, ERRATUM, MISMATCH = 'match', 'erratum', 'mismatch'

#: Printed tables and who they are of: experiment, which of its two networks.
NETWORKS = (
    ('2.1', 'cae2d', 0, 'encoder of the 2D autoencoder'),
    ('2.2', 'cae2d', 1, 'decoder of the 2D autoencoder'),
    ('2.1', 'cae3d', 0, 'encoder of the 3D autoencoder'),
    ('2.2', 'cae3d', 1, 'decoder of the 3D autoencoder'),
    ('2.3', 'dcgan', 0, 'generator of the DCGAN'),
    ('2.4', 'dcgan', 1, 'discriminator of the DCGAN'),
    ('2.3', 'wgan_gp', 0, 'generator of the WGAN-GP'),
    ('2.4', 'wgan_gp', 1, 'critic of the WGAN-GP'),
)

Cell = namedtuple('Cell', 'column printed built verdict errata')
Cell.__doc__ = """A cell of a table.

Attributes
----------
column : str
printed, built : str or None
    None in a row that is not printed, or not built.
verdict : {'match', 'erratum', 'mismatch'}
    'erratum' is a mismatch that the errata explain.
errata : list of str
    Their numbers.
"""

Comparison = namedtuple(
    'Comparison', 'number title subject experiment derived parameters rows'
)
Comparison.__doc__ = """A printed table, or the text, beside what is built.

Attributes
----------
number : str
    '2.1' to '2.5', or 'text'.
title, subject : str
    What is printed, and what is built.
experiment : str or None
    None if the rows are of several.
derived : bool
    Whether what stands for the printed cells is the 2D table carried over to
    three dimensions, "the same layout" (section 2.4.1).
parameters : int or None
    Trainable ones of the network.
rows : list of tuple of str and list of Cell
    With what they are called.
"""

Report = namedtuple(
    'Report', 'reading comparisons errata problems differences'
)
Report.__doc__ = """All comparisons of a reading.

Attributes
----------
reading : str
comparisons : list of Comparison
errata : dict of str to str
    Each number, and what came of it.
problems : list of str
    Cells that no erratum explains, and errata that no longer apply.
differences : dict of str to tuple of str
    Parameters that are not the thesis's: value, the thesis's value.
"""


def compare(builts, reading='what is built by default', default=True):
    """Hold what is built against the thesis.

    Parameters
    ----------
    builts : list of kneerepro.thesis.reproduction.Built
    reading : str
        What to call it.
    default : bool
        Whether this is the default reading of all four experiments, to which
        each erratum has to apply.

    Returns
    -------
    Report
    """
    by_name = {built.experiment: built for built in builts}
    comparisons = [
        _of_network(number, by_name[experiment], i, subject)
        for number, experiment, i, subject in NETWORKS
        if experiment in by_name
    ]
    comparisons.append(_of_hyperparameters(builts))
    comparisons += [_of_text(built) for built in builts]
    problems = [
        ', '.join(
            [place(comparison), label]
            + [cell.column] * (comparison.number != 'text')
        )
        + f': printed {cell.printed or "nothing"}, '
        f'built {cell.built or "nothing"}'
        for comparison in comparisons
        for label, cells in comparison.rows
        for cell in cells
        if cell.verdict == MISMATCH
    ]
    checks = _checks(by_name) if default else {}
    status = _status(comparisons, builts, checks)
    if default:
        for name, why in _stale(comparisons, builts, checks):
            problems.append(
                f'{name} no longer applies '
                f'({errata.ERRATA[name].thesis}): {why}'
            )
            status[name] += f'; no longer applies: {why}'
    differences = {}
    for built in builts:
        for name, values in config.differences_from_thesis(
            built.parameters, built.experiment, built.data['synthetic']
        ).items():
            differences[name] = tuple(map(config.as_text, values))
    return Report(reading, comparisons, status, problems, differences)


def place(comparison):
    """Where in the thesis, and what is compared with it."""
    return _table(comparison) + (
        f' ({comparison.subject})' if comparison.experiment else ''
    )


def _table(comparison):
    where = (
        'the text'
        if comparison.number == 'text'
        else f'Table {comparison.number}'
    )
    return where + ' in 3D' * comparison.derived


def _of_network(number, built, i, subject):
    table, network = tables.TABLES[number], built.networks[i]
    deep = EXPERIMENTS[built.experiment].on_volumes
    printed, texts = [], []
    for row in table.rows:
        cells = {
            column: read(column, text, built.experiment)
            for column, text in zip(table.columns, row)
        }
        if deep:
            cells = {column: in_3d(cell) for column, cell in cells.items()}
            row = list(map(as_text, cells.values()))
        printed.append(cells)
        texts.append(dict(zip(table.columns, row)))
    pairs = _aligned(printed, described(network))
    rows = []
    for (i, _), cells in zip(
        pairs,
        _cells(pairs, printed, number, built.experiment, table.columns, deep),
    ):
        label = (
            'not printed' if i is None else f'row {i + 1} {texts[i]["Layer"]}'
        )
        rows.append(
            (
                label,
                [
                    cell._replace(
                        printed=None if i is None else texts[i][cell.column]
                    )
                    for cell in cells
                ],
            )
        )
    return Comparison(
        number,
        table.title,
        subject,
        built.experiment,
        deep,
        count(network),
        rows,
    )


def _aligned(printed, built):
    """Pairs of the number of a printed row and a built row, None where one
    of the two is missing; rows of one kind go together.
    """
    kinds = [
        [row['Layer'].get('kind') for row in rows] for rows in (printed, built)
    ]
    pairs = []
    for _, i, i_end, j, j_end in difflib.SequenceMatcher(
        None, *kinds, autojunk=False
    ).get_opcodes():
        for k in range(max(i_end - i, j_end - j)):
            pairs.append(
                (
                    i + k if i + k < i_end else None,
                    built[j + k] if j + k < j_end else None,
                )
            )
    return pairs


def _of_hyperparameters(builts):
    table = tables.TABLES['2.5']
    columns, rows = table.columns[1:], []
    for built in builts:
        texts = table.rows[tables.ROWS_2_5[built.experiment]]
        found = hyperparameters(built)
        printed = [
            {
                column: read(column, text, built.experiment)
                for column, text in zip(table.columns, texts)
            }
        ]
        # "-" leaves a rate at Lasagne's default.
        (cells,) = _cells(
            [
                (
                    0,
                    {
                        column: NOTHING
                        if text.endswith(' (default)')
                        else {'': text}
                        for column, text in found.items()
                    },
                )
            ],
            printed,
            '2.5',
            built.experiment,
            columns,
        )
        rows.append(
            (
                texts[0],
                [
                    cell._replace(printed=text, built=found[cell.column])
                    for cell, text in zip(cells, texts[1:])
                ],
            )
        )
    return Comparison(
        '2.5', table.title, 'parameters and networks', None, False, None, rows
    )


def _of_text(built):
    statements = tables.STATEMENTS[built.experiment]
    found = stated(built)
    values = {key: {'': text} for key, text in found.items()}
    total = sum(map(count, built.networks))
    if 10**7 <= total < 10**8:
        values['order of parameters'] = {'': '10s of millions'}
    (cells,) = _cells(
        [(0, values)],
        [{s.key: read('', s.printed, built.experiment) for s in statements}],
        'text',
        built.experiment,
        [s.key for s in statements],
    )
    return Comparison(
        'text',
        'Stated in the text',
        EXPERIMENTS[built.experiment].title,
        built.experiment,
        False,
        None,
        [
            (
                f'{s.where}: {s.what}',
                [
                    cell._replace(
                        column='value', printed=s.printed, built=found[s.key]
                    )
                ],
            )
            for s, cell in zip(statements, cells)
        ],
    )


def _cells(pairs, printed, number, experiment, columns, deep=False):
    """Compare rows.

    Parameters
    ----------
    pairs : list of tuple of int or None and dict or None
        Of :func:`_aligned`.
    printed : list of dict of str to dict
    number, experiment : str
        Of the table, and what it is of.
    columns : list of str
    deep : bool
        Whether errata are to be carried over to three dimensions.

    Yields
    ------
    list of Cell
        Of a row, `printed` in the words of :func:`as_text`.
    """
    print_of = {
        (i, column, aspect): value
        for i, row in enumerate(printed)
        for column, cell in row.items()
        for aspect, value in cell.items()
    }
    built_of = {
        (i, column, aspect): value
        for i, row in pairs
        if i is not None and row is not None
        for column in columns
        for aspect, value in row[column].items()
    }
    readings = {
        name: _closest(erratum, number, experiment, print_of, built_of, deep)
        for name, erratum in errata.ERRATA.items()
    }
    for i, row in pairs:
        cells = []
        for column in columns:
            wanted = {} if i is None else printed[i][column]
            found = {} if row is None else row[column]
            explained = []
            for aspect in sorted({*wanted, *found}):
                if wanted.get(aspect) != found.get(aspect):
                    # A correction is never None.
                    explained.append(
                        [
                            name
                            for name, reading in readings.items()
                            if aspect in found
                            and found[aspect]
                            == reading.get((i, column, aspect))
                        ]
                    )
            names = [
                name
                for name in readings
                if any(name in some for some in explained)
            ]
            verdict = (
                MATCH
                if not explained
                else ERRATUM
                if all(explained)
                else MISMATCH
            )
            cells.append(
                Cell(
                    column,
                    as_text(wanted) if wanted else None,
                    as_text(found) if found else None,
                    verdict,
                    names if verdict == ERRATUM else [],
                )
            )
        yield cells


def _closest(erratum, number, experiment, printed, built, deep):
    """Of the readings of an erratum, that of most cells as they are built;
    what is printed counts as one. One alone holds for a table, so that a
    mixture of two explains nothing.
    """
    readings = []
    for corrections in (erratum.default, *erratum.others, ()):
        reading = {}
        for c in corrections:
            if c.table == number and experiment in (c.of or [experiment]):
                for i, value in c.values.items():
                    cell = {c.aspect: value}
                    reading[i, c.column, c.aspect] = (
                        in_3d(cell) if deep else cell
                    )[c.aspect]
        readings.append(reading)
    cells = set().union(*readings)
    return max(
        readings,
        key=lambda reading: sum(
            built.get(cell) == reading.get(cell, printed.get(cell))
            for cell in cells
        ),
    )


def _explained(comparisons):
    """How many cells of which table each erratum explains."""
    counts = {name: Counter() for name in errata.ERRATA}
    for comparison in comparisons:
        for _, cells in comparison.rows:
            for name in (name for cell in cells for name in cell.errata):
                counts[name][_table(comparison)] += 1
    return counts


def _status(comparisons, builts, checks):
    status = {}
    for name, counts in _explained(comparisons).items():
        erratum = errata.ERRATA[name]
        parts = [
            f'{n} cell{"s" * (n > 1)} of {table}'
            for table, n in counts.items()
        ]
        if not parts:
            parts = [
                'no cell differs'
                if erratum.default or erratum.others
                else "not a table's cell"
            ]
        for key in erratum.parameters:
            parts += sorted(
                {
                    f'{key} = {config.as_text(built.parameters[key])}'
                    for built in builts
                    if key in built.parameters
                }
            )
        if name in checks:
            parts.append(checks[name][1])
        status[name] = '; '.join(parts)
    return status


def _stale(comparisons, builts, checks):
    """Errata of which the default reading knows nothing any more."""
    for name, counts in _explained(comparisons).items():
        erratum = errata.ERRATA[name]
        if erratum.default and not counts:
            yield name, 'it explains no cell'
        for key, text in erratum.parameters.items():
            for built in builts:
                value = built.parameters.get(key)
                if key in built.parameters and value != config.read_parameter(
                    key, text
                ):
                    yield (
                        name,
                        (
                            f'{key} of {built.experiment} is '
                            f'{config.as_text(value)}'
                        ),
                    )
        if name in checks and not checks[name][0]:
            yield name, checks[name][1]


def _checks(builts):
    """For errata that can be computed: whether they hold, and the numbers."""
    columns = tables.TABLES['2.3'].columns
    row = dict(zip(columns, tables.TABLES['2.3'].rows[3]))
    sizes = [4]
    for _ in range(4):
        sizes.append(
            conv_input_length(
                sizes[-1],
                int(row['Filter'].split('x')[0]),
                int(row['Stride']),
                int(row['Crop']),
            )
        )
    iterations, holds = [], True
    for name in AUTOENCODERS:
        p, data = builts[name].parameters, builts[name].data
        examples, batch = data['train'] + data['test'], p['batch_size']
        found = p['epochs'] * per_epoch(range(examples), batch)
        holds &= str(found) in [
            s.printed for s in tables.STATEMENTS[name] if s.key == 'iterations'
        ]
        iterations.append(f'{found} = {p["epochs"]} x {examples} / {batch}')
    shared = builts['cae2d'].data['shared']
    return {
        'E3': (
            sizes != [4, 8, 16, 32, 64],
            'as printed, ' + ', '.join(map(str, sizes)),
        ),
        'E9': (holds, ', '.join(iterations)),
        'E10': (
            bool(shared),
            'on both sides: ' + (', '.join(shared) or 'nobody'),
        ),
    }
