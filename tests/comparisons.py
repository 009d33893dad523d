"""Comparisons with the thesis, quickly made."""

import functools
import json
from unittest import mock

import lasagne
import numpy as np

from kneerepro.runs import zoo
from kneerepro.thesis import compare
from kneerepro.thesis.reproduction import build

#: Initial values cost more time than all else, and are not looked at.
NO_VALUES = mock.patch.object(
    lasagne.init.Glorot,
    'sample',
    lambda self, shape: np.zeros(shape, 'float32'),
)

_build = zoo.build


@functools.lru_cache(8)  # some take 150 MB
def _networks(experiment, options):
    with NO_VALUES:
        return _build(experiment, json.loads(options))


def quickly_built(**variants):
    """What `build` returns, with no network built twice."""
    with mock.patch.object(
        zoo,
        'build',
        lambda name, options: _networks(name, json.dumps(options)),
    ):
        return build(
            {
                name.replace('__', '.'): value
                for name, value in variants.items()
            }
        )


@functools.lru_cache(None)
def default():
    """The report of what is built by default."""
    return compare.compare(quickly_built())


def reading(**variants):
    """That of another reading; cae2d__nz is the nz of cae2d alone."""
    return compare.compare(quickly_built(**variants), 'x', default=False)


def differing(report, *verdicts):
    """Table, row, column, printed, built, errata of cells."""
    return [
        (
            compare.place(comparison),
            label,
            cell.column,
            cell.printed,
            cell.built,
            ' '.join(cell.errata),
        )
        for comparison in report.comparisons
        for label, cells in comparison.rows
        for cell in cells
        if cell.verdict in verdicts
    ]
