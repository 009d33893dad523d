"""Reports of comparisons with the thesis, for tests that need many."""

import functools
import json
from unittest import mock

import lasagne
import numpy as np

from kneerepro.runs import zoo
from kneerepro.thesis import compare
from kneerepro.thesis.reproduction import reproduce

#: Leaves out the initial values of the filters. Drawing them takes longer than
#: everything else, and a comparison does not look at them.
NO_INITIAL_VALUES = mock.patch.object(
    lasagne.init.Glorot,
    'sample',
    lambda self, shape: np.zeros(shape, 'float32'),
)

_build = zoo.build


@functools.lru_cache(None)
def _cached_networks(experiment, options):
    with NO_INITIAL_VALUES:
        return _build(experiment, json.loads(options))


def cached_reproductions(**variants):
    """Return what `reproduce` returns, without building any network twice.

    In a name such as cae2d__nz, the underscores stand for the dot in cae2d.nz.
    """
    with mock.patch.object(
        zoo,
        'build',
        lambda name, options: _cached_networks(name, json.dumps(options)),
    ):
        return reproduce(
            {
                name.replace('__', '.'): value
                for name, value in variants.items()
            }
        )


@functools.lru_cache(None)
def default_report():
    """Compare the default reading."""
    return compare.compare(cached_reproductions())


def report_of(**variants):
    """Compare another reading."""
    return compare.compare(
        cached_reproductions(**variants), 'x', default=False
    )


def cells_with(report, *verdicts):
    """List cells: place, row, column, printed, built, errata."""
    return [
        (
            comparison.place,
            row.label,
            cell.column,
            cell.printed,
            cell.built,
            ' '.join(cell.errata),
        )
        for comparison in report.comparisons
        for row in comparison.rows
        for cell in row.cells
        if cell.verdict in verdicts
    ]
