"""The labels that are to be predicted."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from kneerepro.config import suggestion
from kneerepro.data.dataset import Dataset
from kneerepro.data.label_table import LabelTable, Values, read_labels
from kneerepro.data.labels import Knee, join
from kneerepro.data.reading.identity import keyed_hash
from kneerepro.utils.errors import UserError

# More different numbers than this are taken for a quantity.
_MAX_CLASSES = 2


@dataclass(frozen=True)
class Target:
    """A label of each volume.

    Attributes
    ----------
    name : str
        The title of its column.
    values : array, shape (n,)
        float64 with NaN, or text with '', where it is unknown.
    classes : tuple of str or None
        The classes in order; None for a quantity.
    """

    name: str
    values: np.ndarray
    classes: tuple[str, ...] | None

    @property
    def title(self) -> str:
        """The name as axes show it: 'width (mm)' for 'width_mm'."""
        return re.sub(' mm$', ' (mm)', self.name.replace('_', ' '))

    @property
    def known(self) -> np.ndarray:
        """Whether each volume's label is known: array of bool, shape (n,)."""
        if self.values.dtype.kind == 'f':
            return np.isfinite(self.values)
        return self.values != ''

    @property
    def codes(self) -> np.ndarray | None:
        """The number of the class of each volume, if it has classes."""
        if self.classes is None:
            return None
        number = {name: i for i, name in enumerate(self.classes)}
        return np.array([number[_as_text(value)] for value in self.values])

    def take(self, indices: np.ndarray) -> Target:
        """The labels of some volumes."""
        return replace(self, values=self.values[indices])


def make_target(name: str, values: Values, kind: str = 'auto') -> Target:
    """Take a column of labels as quantities or as classes.

    Parameters
    ----------
    name : str
    values : array of float or of str, or list of str
        Unknown values are NaN or ''.
    kind : {'auto', 'number', 'class'}
        With 'auto', text and numbers with two different values are classes.

    Returns
    -------
    Target

    Raises
    ------
    UserError
        If there is nothing to predict: fewer than two different labels, or
        text where a number is asked for.
    """
    array = np.asarray(values)
    numeric = array.dtype.kind == 'f'
    target = Target(name, array if numeric else array.astype(str), None)
    different = np.unique(target.values[target.known])
    if len(different) < 2:
        raise UserError(
            f'{name} has {len(different)} different values, so there is '
            'nothing to predict: choose another column'
        )
    if kind == 'number' and not numeric:
        raise UserError(
            f'{name} is text, such as {str(different[0])!r}, not numbers: '
            'predict it as classes (--as class)'
        )
    if kind == 'class' or (
        kind == 'auto' and (not numeric or len(different) <= _MAX_CLASSES)
    ):
        target = replace(target, classes=tuple(map(_as_text, different)))
    return target


def _as_text(value):
    return value if isinstance(value, str) else f'{value:g}'


def read_target(
    dataset: Dataset,
    column: str,
    table: str | None = None,
    key: Callable[[], bytes] | None = None,
    kind: str = 'auto',
) -> Target:
    """Find the labels of a dataset's volumes.

    Parameters
    ----------
    dataset : Dataset
    column : str
        One of the labels that are stored in the dataset, or ``side``; or a
        column of `table`.
    table : str, optional
        A table of labels, as :func:`~kneerepro.data.label_table.read_labels`
        reads it. It is joined by patient and side.
    key : callable, optional
        Returns the key with which the dataset's patients were hashed. It is
        called only if the table is needed.
    kind : {'auto', 'number', 'class'}
        See :func:`make_target`.

    Returns
    -------
    Target

    Raises
    ------
    UserError
        If there is no such column, the table does not fit, or nothing is to
        be predicted.
    """
    columns: Mapping[str, Values]
    if table is not None:
        columns = _joined(dataset, read_labels(table, [column]), key)
    else:
        columns = {'side': dataset.side, **dataset.labels}
    if column not in columns:
        raise UserError(
            f'the dataset has no label {column}'
            + suggestion(column, columns)
            + f'; it has {", ".join(columns)}. Prepare it with --labels TABLE '
            'or name a table here'
        )
    return make_target(column, columns[column], kind)


def _joined(
    dataset: Dataset, table: LabelTable, key: Callable[[], bytes] | None
) -> dict[str, Values]:
    """Join a table to volumes whose patients may be hashes."""
    known = set(dataset.patient)
    if key is not None and not any(row.patient in known for row in table.rows):
        secret = key()
        table = replace(
            table,
            rows=[
                replace(row, patient=keyed_hash(secret, row.patient))
                for row in table.rows
            ],
        )
    knees = [
        Knee(patient if certain else '', side)
        for patient, certain, side in zip(
            dataset.patient, dataset.certain, dataset.side
        )
    ]
    return join(table, knees).columns()
