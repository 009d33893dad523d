"""Say what a dataset file contains, in a few lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from kneerepro.data.dataset import Dataset
from kneerepro.data.sealed import DATASET, is_sealed

# Of a table with a thousand columns, a screen shows the first.
_SHOWN_COLUMNS = 20
# More values than these are a measurement or free text, not grades.
_SHOWN_VALUES = 10


def is_dataset(path: str) -> bool:
    """Whether a path is a dataset file, sound or damaged."""
    return is_sealed(path, DATASET)


def describe_dataset(path: str) -> Iterator[str]:
    """Describe a dataset file, line by line.

    Parameters
    ----------
    path : str

    Yields
    ------
    str

    Raises
    ------
    UserError
        If the file is damaged.
    """
    with Dataset(path) as dataset:
        yield headline(path, dataset)
        certain = dataset.certain
        yield (
            f'  patients: {len(set(dataset.patient))}; volumes without a '
            f'PatientID: {len(certain) - certain.sum()}'
        )
        sides = [side or 'unknown' for side in dataset.side]
        yield f'  sides: {_counts(sides)}'
        options = dataset.provenance.get('options', {})
        yield (
            f'  scaled by: {options.get("normalise", "unknown")}; left knees '
            f'mirrored: {"yes" if options.get("flip_left") else "no"}'
        )
        yield f'  columns of labels: {len(dataset.labels)}'
        for name in list(dataset.labels)[:_SHOWN_COLUMNS]:
            yield f'    {name!r}: {_values(dataset.labels[name])}'
        if len(dataset.labels) > _SHOWN_COLUMNS:
            yield f'    and {len(dataset.labels) - _SHOWN_COLUMNS} others'


def headline(path: str, dataset: Dataset) -> str:
    """Name a dataset file, its volumes and its hash on one line."""
    depth, rows, columns = dataset.shape
    return (
        f'{path}: {len(dataset.volumes)} volumes of {depth} x {rows} x '
        f'{columns}, hash {dataset.hash:.12}'
    )


def _values(column):
    """The values of a column, or their range if there are many."""
    numeric = column.dtype.kind == 'f'
    known = column[~np.isnan(column)] if numeric else column[column != '']
    known, missing = known.tolist(), len(column) - len(known)
    if len(set(known)) <= _SHOWN_VALUES:
        shown = _counts(known, '{:g}'.format if numeric else repr)
    elif numeric:
        shown = f'{min(known):g} to {max(known):g}'
    else:
        shown = f'{len(set(known))} different texts'
    return ', '.join(filter(None, [shown, missing and f'missing ({missing})']))


def _counts(values, shown=str):
    counts = Counter(values)
    return ', '.join(
        f'{shown(value)} ({counts[value]})' for value in sorted(counts)
    )
