"""Where each erratum applies, and whether it still does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kneerepro import config
from kneerepro.data.splits import per_epoch
from kneerepro.registry import AUTOENCODERS
from kneerepro.thesis import errata, tables
from kneerepro.thesis.records import Comparison
from kneerepro.thesis.reproduction import Reproduction
from layers.lengths import conv_input_length


@dataclass(frozen=True)
class Check:
    """An erratum checked by calculation.

    Attributes
    ----------
    holds : bool
    numbers : str
        The numbers that show it.
    """

    holds: bool
    numbers: str


def check_errata(
    reproductions: Mapping[str, Reproduction],
) -> dict[str, Check]:
    """Check the errata that can be calculated.

    Parameters
    ----------
    reproductions : dict of str to Reproduction
        All experiments by name.

    Returns
    -------
    dict of str to Check
        By number of the erratum.
    """
    return {
        'E3': _check_sizes(),
        'E9': _check_iterations(reproductions),
        'E10': _check_split(reproductions['cae2d']),
    }


def _check_sizes():
    """E3: the generator's printed layers do not double the size."""
    table = tables.TABLES['2.3']
    first_deconvolution = dict(zip(table.columns, table.rows[3]))
    filter_size = int(first_deconvolution['Filter'].split('x')[0])
    stride = int(first_deconvolution['Stride'])
    crop = int(first_deconvolution['Crop'])
    sizes = [4]
    for _ in range(4):
        sizes.append(conv_input_length(sizes[-1], filter_size, stride, crop))
    return Check(
        holds=sizes != [4, 8, 16, 32, 64],
        numbers='as printed, ' + ', '.join(map(str, sizes)),
    )


def _check_iterations(reproductions):
    """E9: the printed iterations follow from all images, test ones too."""
    numbers, holds = [], True
    for name in AUTOENCODERS:
        data = reproductions[name].data
        parameters = reproductions[name].parameters
        epochs, batch_size = parameters['epochs'], parameters['batch_size']
        examples = data.train + data.test
        iterations = epochs * per_epoch(np.arange(examples), batch_size)
        holds &= str(iterations) in [
            statement.printed
            for statement in tables.STATEMENTS[name]
            if statement.key == 'iterations'
        ]
        numbers.append(f'{iterations} = {epochs} x {examples} / {batch_size}')
    return Check(holds=holds, numbers=', '.join(numbers))


def _check_split(reproduction):
    """E10: the split puts a patient on both sides."""
    shared = reproduction.data.shared or []
    return Check(
        holds=bool(shared),
        numbers='on both sides: ' + (', '.join(shared) or 'nobody'),
    )


def describe_errata(
    comparisons: Sequence[Comparison],
    reproductions: Sequence[Reproduction],
    checks: Mapping[str, Check],
) -> dict[str, str]:
    """Describe where each erratum applies.

    Parameters
    ----------
    comparisons : sequence of Comparison
    reproductions : sequence of Reproduction
    checks : dict of str to Check

    Returns
    -------
    dict of str to str
        By number: the cells that it explains, the parameters that choose its
        reading, and its check.
    """
    status = {}
    for name, counts in _explained_cells(comparisons).items():
        erratum = errata.ERRATA[name]
        parts = [
            f'{count} cell{"" if count == 1 else "s"} of {table}'
            for table, count in counts.items()
        ]
        if not parts and (erratum.default_reading or erratum.other_readings):
            parts = ['no cell differs']
        elif not parts:
            parts = ['concerns no table cell']
        for parameter in erratum.parameters:
            parts += sorted(
                {
                    f'{parameter} = '
                    + config.as_text(reproduction.parameters[parameter])
                    for reproduction in reproductions
                    if parameter in reproduction.parameters
                }
            )
        if name in checks:
            parts.append(checks[name].numbers)
        status[name] = '; '.join(parts)
    return status


def stale_errata(
    comparisons: Sequence[Comparison],
    reproductions: Sequence[Reproduction],
    checks: Mapping[str, Check],
) -> Iterator[tuple[str, str]]:
    """Find errata that no longer apply to the default reading.

    Parameters
    ----------
    comparisons, reproductions, checks
        See :func:`describe_errata`.

    Yields
    ------
    tuple of 2 str
        Number of the erratum, and the reason.
    """
    for name, counts in _explained_cells(comparisons).items():
        erratum = errata.ERRATA[name]
        if erratum.default_reading and not counts:
            yield name, 'it explains no cell'
        for parameter, text in erratum.parameters.items():
            expected = config.read_parameter(parameter, text)
            for reproduction in reproductions:
                value = reproduction.parameters.get(parameter, expected)
                if value != expected:
                    yield (
                        name,
                        f'{parameter} of {reproduction.experiment} is '
                        f'{config.as_text(value)}',
                    )
        if name in checks and not checks[name].holds:
            yield name, checks[name].numbers


def _explained_cells(comparisons):
    """Count the cells that each erratum explains, by table."""
    counts = {name: Counter() for name in errata.ERRATA}
    for comparison in comparisons:
        for row in comparison.rows:
            for cell in row.cells:
                for name in cell.errata:
                    counts[name][comparison.table] += 1
    return counts
