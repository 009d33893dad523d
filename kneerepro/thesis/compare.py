"""Compare the thesis's tables with what is built, cell by cell."""

from __future__ import annotations

from collections.abc import Sequence

from lasagne.layers import Layer

from kneerepro import config
from kneerepro.networks.layer_table import DASH, layer_table
from kneerepro.registry import THESIS
from kneerepro.thesis import errata, tables
from kneerepro.thesis.errata_status import (
    check_errata,
    describe_errata,
    stale_errata,
)
from kneerepro.thesis.matching import align, judge
from kneerepro.thesis.records import MISMATCH, Cell, Comparison, Report, Row
from kneerepro.thesis.reproduction import (
    Reproduction,
    count_parameters,
    hyperparameter_row,
    stated_values,
)
from kneerepro.thesis.table_cells import cell_in_3d, cell_text, read_cell


def compare(
    reproductions: Sequence[Reproduction],
    reading: str = 'the default reading',
    default: bool = True,
) -> Report:
    """Compare what is built with the thesis.

    Parameters
    ----------
    reproductions : sequence of Reproduction
    reading : str
        What to call the reading.
    default : bool
        Whether `reproductions` are the default reading of all experiments, to
        which each erratum has to apply.

    Returns
    -------
    Report
    """
    of_thesis = [
        reproduction
        for reproduction in reproductions
        if reproduction.experiment in THESIS
    ]
    comparisons = _compare_networks(of_thesis)
    if of_thesis:
        comparisons.append(_compare_hyperparameters(of_thesis))
        comparisons += map(_compare_text, of_thesis)
    comparisons += _compare_networks(
        reproduction
        for reproduction in reproductions
        if reproduction.experiment not in THESIS
    )
    by_name = {
        reproduction.experiment: reproduction for reproduction in reproductions
    }
    checks = check_errata(by_name) if default else {}
    status = describe_errata(comparisons, reproductions, checks)
    problems = _unexplained(comparisons)
    if default:
        for name, reason in stale_errata(comparisons, reproductions, checks):
            problems.append(
                f'{name} no longer applies ({errata.ERRATA[name].thesis}): '
                f'{reason}'
            )
            status[name] += f'; no longer applies: {reason}'
    return Report(
        reading=reading,
        comparisons=comparisons,
        errata=status,
        problems=problems,
        differences=_differences(reproductions),
    )


def _unexplained(comparisons):
    """Describe each cell that no erratum explains."""
    problems = []
    for comparison in comparisons:
        for row in comparison.rows:
            for cell in row.cells:
                if cell.verdict != MISMATCH:
                    continue
                place = f'{comparison.place}, {row.label}'
                if comparison.number != 'text':
                    place += f', {cell.column}'
                problems.append(
                    f'{place}: printed {cell.printed or "nothing"}, '
                    f'built {cell.built or "nothing"}'
                )
    return problems


def _differences(reproductions):
    """Collect the parameters that differ from the thesis, as texts."""
    differences = {}
    for reproduction in reproductions:
        for name, values in config.differences_from_thesis(
            reproduction.parameters,
            reproduction.experiment,
            reproduction.data.synthetic,
        ).items():
            value, thesis = map(config.as_text, values)
            differences[name] = value, thesis
    return differences


def _compare_networks(reproductions):
    """Compare the two networks of each experiment with their tables."""
    comparisons = []
    for reproduction in reproductions:
        spec = reproduction.spec
        numbers = ('2.1', '2.2') if spec.autoencoder else ('2.3', '2.4')
        comparisons += [
            _compare_network(number, reproduction, network, role)
            for number, network, role in zip(
                numbers, reproduction.networks, spec.networks
            )
        ]
    return comparisons


def _compare_network(
    number: str, reproduction: Reproduction, network: Layer, role: str
) -> Comparison:
    table, spec = tables.TABLES[number], reproduction.spec
    # What goes beyond the thesis has no tables of its own.
    experiment = spec.extends or spec.name
    texts = [dict(zip(table.columns, row)) for row in table.rows]
    printed = [_read_row(row, experiment) for row in texts]
    if spec.on_volumes:
        printed = [
            {column: cell_in_3d(cell) for column, cell in row.items()}
            for row in printed
        ]
        texts = list(map(_texts, printed))
    pairs = align(printed, layer_table(network))
    judged = judge(
        pairs, printed, table.columns, number, experiment, spec.on_volumes
    )
    rows = []
    for (i, layer), verdicts in zip(pairs, judged):
        label = 'not printed'
        if i is not None:
            label = f'row {i + 1} {texts[i]["Layer"]}'
        rows.append(
            _row(
                label,
                table.columns,
                {} if i is None else texts[i],
                _texts(layer or {}),
                verdicts,
            )
        )
    return Comparison(
        number=number,
        title=table.title,
        subject=f'{role} of the {spec.title}',
        experiment=spec.name,
        derived=spec.on_volumes,
        parameters=count_parameters(network),
        rows=rows,
    )


def _row(label, columns, printed, built, verdicts):
    """Make a row of a comparison.

    `printed` and `built` are texts by column. They are empty for a row that is
    not printed or not built. Each verdict comes with its errata.
    """
    return Row(
        label=label,
        cells=[
            Cell(
                column=column,
                printed=printed.get(column),
                built=built.get(column),
                verdict=verdict,
                errata=names,
            )
            for column, (verdict, names) in zip(columns, verdicts)
        ],
    )


def _texts(row):
    return {column: cell_text(cell) for column, cell in row.items()}


def _read_row(texts, experiment):
    return {
        column: read_cell(column, text, experiment)
        for column, text in texts.items()
    }


def _compare_hyperparameters(
    reproductions: Sequence[Reproduction],
) -> Comparison:
    table = tables.TABLES['2.5']
    # The table lists the experiments in the registry's order.
    printed_rows = dict(zip(THESIS, table.rows))
    columns, rows = table.columns[1:], []
    for reproduction in reproductions:
        experiment = reproduction.experiment
        label, *texts = printed_rows[experiment]
        printed = dict(zip(columns, texts))
        built = hyperparameter_row(reproduction)
        built_cells = {
            # The table prints "-" for a rate left at Lasagne's default.
            column: DASH if text.endswith(' (default)') else {'': text}
            for column, text in built.items()
        }
        (verdicts,) = judge(
            [(0, built_cells)],
            [_read_row(printed, experiment)],
            columns,
            '2.5',
            experiment,
        )
        rows.append(_row(label, columns, printed, built, verdicts))
    return Comparison(
        number='2.5',
        title=table.title,
        subject='parameters and networks',
        experiment=None,
        derived=False,
        parameters=None,
        rows=rows,
    )


def _compare_text(reproduction: Reproduction) -> Comparison:
    experiment = reproduction.experiment
    statements = tables.STATEMENTS[experiment]
    keys = [statement.key for statement in statements]
    built = stated_values(reproduction)
    built_cells = {key: {'': text} for key, text in built.items()}
    if 10**7 <= count_parameters(*reproduction.networks) < 10**8:
        built_cells['parameters'] = {'': '10s of millions'}
    printed = {
        statement.key: read_cell('', statement.printed, experiment)
        for statement in statements
    }
    (verdicts,) = judge(
        [(0, built_cells)], [printed], keys, 'text', experiment
    )
    rows = [
        _row(
            f'{statement.where}: {statement.what}',
            ['value'],
            {'value': statement.printed},
            {'value': built[statement.key]},
            [verdict],
        )
        for statement, verdict in zip(statements, verdicts)
    ]
    return Comparison(
        number='text',
        title='Stated in the text',
        subject=reproduction.spec.title,
        experiment=experiment,
        derived=False,
        parameters=None,
        rows=rows,
    )
