"""Curves of losses and measures: as a CSV file, and for TensorBoard."""

from __future__ import annotations

import contextlib
import csv
import importlib.util
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from kneerepro.utils.errors import UserError
from kneerepro.utils.files import reason


def last_value(values: Sequence[float] | np.ndarray) -> float:
    """Return the last value of a curve.

    Parameters
    ----------
    values : sequence or array of float
        One for each iteration; NaN where nothing was measured.

    Returns
    -------
    float
        The last value that is not NaN; NaN if there is none.
    """
    return next(
        (float(value) for value in reversed(values) if not math.isnan(value)),
        math.nan,
    )


class LossFile:
    """``losses.csv``: a row for each iteration, and one for iteration 0,
    before training.

    Parameters
    ----------
    path : str
        An existing file is replaced.
    names : list of str
        The columns after iteration and epoch.
    losses : dict of str to list of float
        The values so far, from iteration 0. NaN becomes an empty cell. The
        caller appends to these lists before each :meth:`append`.
    per_epoch : int
        Iterations per epoch.

    Raises
    ------
    UserError
        If the file cannot be written.
    """

    def __init__(
        self,
        path: str,
        names: Sequence[str],
        losses: Mapping[str, Sequence[float]],
        per_epoch: int,
    ):
        self._path, self._names, self._losses = path, names, losses
        self._per_epoch = per_epoch
        with self._explained_errors():
            # Buffered by line, so that readers see each finished iteration.
            self._file = open(path, 'w', newline='', buffering=1)  # noqa: SIM115, see close
        self._writer = csv.writer(self._file, lineterminator='\n')
        self._write(['iteration', 'epoch', *names])
        self._next = 0
        # Iteration 0 may still be logged: its row is written with the next.
        done = len(next(iter(losses.values()), [0])) - 1
        if done:
            self.append(done)

    def append(self, iteration: int) -> None:
        """Write the missing rows up to that of an iteration.

        Raises
        ------
        UserError
            If they cannot be written.
        """
        for i in range(self._next, iteration + 1):
            values = [self._losses[name][i] for name in self._names]
            cells = [
                '' if math.isnan(value) else repr(value) for value in values
            ]
            epoch = -(-i // self._per_epoch)  # rounded up
            self._write([i, epoch, *cells])
        self._next = iteration + 1

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, row: list) -> None:
        with self._explained_errors():
            self._writer.writerow(row)

    @contextlib.contextmanager
    def _explained_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UserError(
                f'cannot write {self._path}: {reason(error)}'
            ) from None


class Board:
    """Curves for TensorBoard.

    Parameters
    ----------
    folder : str or None
        Where TensorBoard's event files are written; None writes nothing.

    Raises
    ------
    UserError
        If tensorboardX is required but not installed.
    """

    def __init__(self, folder: str | None):
        self._writer = None
        if folder is not None:
            if importlib.util.find_spec('tensorboardX') is None:
                raise UserError(
                    '--tensorboard requires tensorboardX, which is not '
                    'installed: pip install tensorboardX, or the extra '
                    '"tensorboard" of this package'
                )
            from tensorboardX import SummaryWriter

            self._writer = SummaryWriter(folder)

    def add(
        self,
        group: str,
        curves: Mapping[str, Sequence[float]],
        iteration: int,
    ) -> None:
        """Add the values of an iteration, except NaN.

        Parameters
        ----------
        group : str
            TensorBoard shows the curves under this heading.
        curves : dict of str to list of float
            One value for each iteration, from 0.
        iteration : int
        """
        if self._writer is not None:
            for name, values in curves.items():
                if not math.isnan(values[iteration]):
                    self._writer.add_scalar(
                        f'{group}/{name}', values[iteration], iteration
                    )

    def close(self) -> None:
        """Write what is still buffered, and close the files."""
        if self._writer is not None:
            self._writer.close()
