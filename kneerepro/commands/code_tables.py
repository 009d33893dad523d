"""Latent vectors as tables: CSV, NPZ and Parquet.

Each function takes the rows in batches: the columns beside the codes by their
names, and the codes, of shape (rows, nz). It returns the number of rows.
"""

from __future__ import annotations

import csv
import importlib.util
import itertools
import os
from collections.abc import Iterable
from typing import Any

import numpy as np

from kneerepro.utils.errors import UserError

Batch = tuple[dict[str, list[Any]], np.ndarray]

_ROW_GROUP = 10_000  # rows that Parquet compresses together


def write_csv(path: str, batches: Iterable[Batch]) -> int:
    """Write a text table, with a column for each number of the codes."""
    count = 0
    with open(path, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file, lineterminator='\n')
        for columns, codes in batches:
            if not count:
                writer.writerow([*columns, *_names(codes)])
            for labels, code in zip(zip(*columns.values()), codes):
                # str() writes as many digits as tell a float32 from its
                # neighbours.
                writer.writerow([*labels, *map(str, code)])
            count += len(codes)
    return count


def write_npz(path: str, batches: Iterable[Batch]) -> int:
    """Write arrays: one for each column, and `codes`, shape (rows, nz)."""
    columns, codes = _join(list(batches))
    np.savez(
        path,
        codes=codes,
        **{name: np.array(column) for name, column in columns.items()},
    )
    return len(codes)


def write_parquet(path: str, batches: Iterable[Batch]) -> int:
    """Write a Parquet table, with a column for each number of the codes."""
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    tables = (
        pyarrow.table({**columns, **dict(zip(_names(codes), codes.T))})
        for columns, codes in _row_groups(batches)
    )
    first = next(tables)
    count = 0
    with ParquetWriter(path, first.schema) as writer:
        for table in itertools.chain([first], tables):
            writer.write_table(table)
            count += len(table)
    return count


def _row_groups(batches):
    """Join batches until they have enough rows."""
    waiting, count = [], 0
    for batch in batches:
        waiting.append(batch)
        count += len(batch[1])
        if count >= _ROW_GROUP:
            yield _join(waiting)
            waiting, count = [], 0
    if waiting:
        yield _join(waiting)


def _join(batches: list[Batch]) -> Batch:
    columns, codes = zip(*batches)
    return (
        {
            name: [value for batch in columns for value in batch[name]]
            for name in columns[0]
        },
        np.concatenate(codes),
    )


def _names(codes):
    """The columns of the codes."""
    return [f'z{i}' for i in range(1, codes.shape[1] + 1)]


_WRITERS = {'.csv': write_csv, '.npz': write_npz, '.parquet': write_parquet}


def writer_for(path: str) -> Any:
    """The function that writes a table with this extension.

    Parameters
    ----------
    path : str

    Returns
    -------
    callable

    Raises
    ------
    UserError
        If there is none, or it needs a package that is not installed.
    """
    extension = os.path.splitext(path)[1]
    if extension not in _WRITERS:
        raise UserError(
            f'{path}: the extension must be {" or ".join(_WRITERS)}'
        )
    if extension == '.parquet' and importlib.util.find_spec('pyarrow') is None:
        raise UserError(
            f'{path}: Parquet needs pyarrow, which is not installed: pip '
            'install pyarrow, or the extra "formats" of this package'
        )
    return _WRITERS[extension]
