"""Judge cells: do they match, and if not, does an erratum explain why?"""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from kneerepro.thesis import errata
from kneerepro.thesis.records import ERRATUM, MATCH, MISMATCH
from kneerepro.thesis.table_cells import cell_in_3d

Cells = dict[str, dict[str, str]]  # by column, each in its aspects


def align(
    printed: Sequence[Cells], built: Sequence[Cells]
) -> list[tuple[int | None, Cells | None]]:
    """Pair printed rows with built ones so that layers of a kind meet.

    Parameters
    ----------
    printed, built : sequence of dict
        Rows of tables of layers.

    Returns
    -------
    list of tuple of int or None and dict or None
        Number of a printed row, from 0, and a built row. None where one of
        the two is missing.
    """
    matcher = difflib.SequenceMatcher(
        a=[row['Layer'].get('kind') for row in printed],
        b=[row['Layer'].get('kind') for row in built],
        autojunk=False,
    )
    pairs: list[tuple[int | None, Cells | None]] = []
    for _, i, i_end, j, j_end in matcher.get_opcodes():
        for k in range(max(i_end - i, j_end - j)):
            pairs.append(
                (
                    i + k if i + k < i_end else None,
                    built[j + k] if j + k < j_end else None,
                )
            )
    return pairs


def judge(
    pairs: Sequence[tuple[int | None, Cells | None]],
    printed: Sequence[Cells],
    columns: Sequence[str],
    number: str,
    experiment: str,
    derived: bool = False,
) -> list[list[tuple[str, list[str]]]]:
    """Judge each cell of the rows of a table.

    Parameters
    ----------
    pairs : sequence of tuple
        What :func:`align` returns.
    printed : sequence of dict
        The printed rows.
    columns : sequence of str
        The columns to judge.
    number, experiment : str
        The table, and the experiment it is about.
    derived : bool
        Whether the errata have to be carried over to three dimensions.

    Returns
    -------
    list of list of tuple of str and list of str
        For each pair and column, the verdict and the errata that explain a
        difference.
    """
    printed_values = {
        (i, column, aspect): value
        for i, row in enumerate(printed)
        for column, cell in row.items()
        for aspect, value in cell.items()
    }
    built_values = {
        (i, column, aspect): value
        for i, row in pairs
        if i is not None and row is not None
        for column in columns
        for aspect, value in row[column].items()
    }
    readings = {
        name: _closest(
            _readings(erratum, number, experiment, derived),
            printed_values,
            built_values,
        )
        for name, erratum in errata.ERRATA.items()
    }
    return [
        [
            _judge_cell(
                (i, column),
                {} if i is None else printed[i][column],
                {} if row is None else row[column],
                readings,
            )
            for column in columns
        ]
        for i, row in pairs
    ]


def _judge_cell(place, printed, built, readings):
    explanations = [
        [
            name
            for name, reading in readings.items()
            # A reading never holds None, so an aspect that is not built
            # remains unexplained.
            if aspect in built
            and built[aspect] == reading.get((*place, aspect))
        ]
        for aspect in sorted({*printed, *built})
        if printed.get(aspect) != built.get(aspect)
    ]
    if not explanations:
        return MATCH, []
    if not all(explanations):
        return MISMATCH, []
    used = {name for names in explanations for name in names}
    return ERRATUM, [name for name in readings if name in used]


def _readings(erratum, number, experiment, derived):
    """List an erratum's readings of a table, each a dictionary of values.

    The last one is empty, which is the table as printed.
    """
    readings = []
    for corrections in (erratum.default_reading, *erratum.other_readings, ()):
        reading = {}
        for correction in corrections:
            experiments = correction.experiments or (experiment,)
            if correction.table == number and experiment in experiments:
                aspect = correction.aspect
                for i, value in correction.values.items():
                    cell = {aspect: value}
                    if derived:
                        cell = cell_in_3d(cell)
                    reading[i, correction.column, aspect] = cell[aspect]
        readings.append(reading)
    return readings


def _closest(readings, printed_values, built_values):
    """Choose the reading that agrees with the most cells as they are built.

    Only one reading of an erratum holds for a table. Otherwise a mixture of
    two readings would be explained as well.
    """
    places = set().union(*readings)

    def agreement(reading):
        return sum(
            built_values.get(place)
            == reading.get(place, printed_values.get(place))
            for place in places
        )

    return max(readings, key=agreement)
