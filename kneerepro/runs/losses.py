"""Losses as a table, and for TensorBoard."""

import contextlib
import csv
import importlib.util
import math

from kneerepro.utils.errors import UserError
from kneerepro.utils.files import reason


def last_value(values):
    """The last value that there is of a curve.

    Parameters
    ----------
    values : sequence of float
        By iteration; NaN where there is none.

    Returns
    -------
    float
        NaN for a curve without values.
    """
    return next(
        (float(value) for value in reversed(values) if not math.isnan(value)),
        math.nan,
    )


class LossFile:
    """``losses.csv``: a row for each iteration, from 0, before training, on.

    Parameters
    ----------
    path : str
        A file there is replaced.
    names : list of str
        The columns, after iteration and epoch.
    losses : dict of str to list of float
        The rows that there are so far; NaN is left out. It is read again at
        each :meth:`append`.
    per_epoch : int
        Iterations of an epoch.
    """

    def __init__(self, path, names, losses, per_epoch):
        self._path, self._names, self._losses = path, names, losses
        self._per_epoch = per_epoch
        with self._errors():
            # A line at a time: whoever looks at it sees all that happened.
            self._file = open(path, 'w', newline='', buffering=1)
        self._writer = csv.writer(self._file, lineterminator='\n')
        self._write(['iteration', 'epoch', *names])
        self._next = 0
        # That of iteration 0 is written with the next, once it is known.
        done = len(next(iter(losses.values()), [0])) - 1
        if done:
            self.append(done)

    def append(self, iteration):
        """Write the rows up to that of an iteration.

        Raises
        ------
        UserError
            If they cannot be written.
        """
        for i in range(self._next, iteration + 1):
            values = [self._losses[name][i] for name in self._names]
            self._write(
                [
                    i,
                    -(-i // self._per_epoch),
                    *(
                        '' if math.isnan(value) else repr(value)
                        for value in values
                    ),
                ]
            )
        self._next = iteration + 1

    def _write(self, row):
        with self._errors():
            self._writer.writerow(row)

    @contextlib.contextmanager
    def _errors(self):
        try:
            yield
        except OSError as error:
            raise UserError(
                f'cannot write {self._path}: {reason(error)}'
            ) from None


class Board:
    """Losses for TensorBoard.

    Parameters
    ----------
    folder : str or None
        Where its events go; without one, nothing is done.

    Raises
    ------
    UserError
        If tensorboardX is not installed.
    """

    def __init__(self, folder):
        self._writer = None
        if folder is not None:
            if importlib.util.find_spec('tensorboardX') is None:
                raise UserError(
                    '--tensorboard needs tensorboardX: pip '
                    'install tensorboardX, or the extra '
                    '"tensorboard" of this package'
                )
            from tensorboardX import SummaryWriter

            self._writer = SummaryWriter(folder)

    def add(self, group, curves, iteration):
        """Add the values of an iteration; NaN is left out.

        Parameters
        ----------
        group : str
            Under which TensorBoard shows them.
        curves : dict of str to list of float
            By iteration.
        iteration : int
        """
        if self._writer is not None:
            for name, values in curves.items():
                if not math.isnan(values[iteration]):
                    self._writer.add_scalar(
                        f'{group}/{name}', values[iteration], iteration
                    )

    def close(self):
        if self._writer is not None:
            self._writer.close()
