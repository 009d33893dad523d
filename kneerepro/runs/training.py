"""The loop over minibatches that all experiments share.

It logs losses, writes checkpoints, and resumes a training that was stopped.
Several processes go through it together (:mod:`kneerepro.runs.ranks`). They
hold the same state, so that only the first of them writes, and a checkpoint
does not depend on how many there are.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Callable, NoReturn

import numpy as np

from kneerepro.data.splits import minibatches, per_epoch
from kneerepro.runs import ranks, state
from kneerepro.runs.archive import ArchiveError
from kneerepro.runs.batches import own_parts
from kneerepro.runs.collapse import COLLAPSES
from kneerepro.runs.losses import Board, LossFile, last_value
from kneerepro.runs.run import Run
from kneerepro.runs.snapshot import Snapshot
from kneerepro.utils.errors import Stopped, UserError
from kneerepro.utils.progress import Progress
from kneerepro.utils.signals import stop_signals


class Training:
    """A training, from the start or from its last checkpoint.

    Parameters
    ----------
    run : kneerepro.runs.Run
        Where the training is saved. Its parameters give the length of the
        training, and size and order of the minibatches.
    networks : list of Layer
    functions : named tuple of theano functions
        From :mod:`kneerepro.algorithms`. All state that a training step
        changes belongs to these functions or to the networks.
    examples : View, array or DeviceArray, shape (n, ...), float32
        The training set.
    losses : list of str
        Names of the losses that will be logged.
    measures : list of str
        Names of other curves that will be logged.
    feed : callable, optional
        Maps the iterable of an epoch's minibatches to one that loads them in
        time; see :meth:`kneerepro.engines.Engine.feed`.
    checkpoint_interval : float
        Seconds between checkpoints.
    board : kneerepro.runs.losses.Board, optional
        Where losses and measures are written for TensorBoard.

    Attributes
    ----------
    iteration : int
        Number of minibatches so far, the current one included.
    iterations : int
        Number of minibatches of the whole training.
    iterations_per_epoch : int
        ``floor(n / batch_size)`` (E9).
    losses, measures : dict of str to list of float
        One value for each iteration, and one for iteration 0, before training.
        NaN where nothing was logged.
    recorded : dict of str to list of array
        What :meth:`record` was given.
    seconds : float
        Duration of the training. Iterations that were lost and run again
        count once.

    Raises
    ------
    UserError
        If there are fewer examples than a minibatch has.
    """

    def __init__(
        self,
        run: Run,
        networks: Sequence[Any],
        functions: Any,
        examples: Any,
        losses: Sequence[str],
        measures: Sequence[str] = (),
        feed: Callable[[Iterable[Any]], Iterable[Any]] = iter,
        checkpoint_interval: float = 120.0,
        board: Board | None = None,
    ):
        parameters = run.parameters
        self._run, self._parameters = run, parameters
        self._examples, self._feed = own_parts(examples), feed
        self._checkpoint_interval = checkpoint_interval
        self._board = Board(None) if board is None else board
        self.iterations_per_epoch = per_epoch(
            examples, parameters['batch_size']
        )
        self.iterations = (
            parameters['iterations']
            or parameters['epochs'] * self.iterations_per_epoch
        )
        self._variables = state.shared_variables(networks, functions._asdict())
        self.iteration, self.seconds = 0, 0.0
        self.losses = {name: [math.nan] for name in losses}
        self.measures = {name: [math.nan] for name in measures}
        self.recorded: dict[str, list[np.ndarray]] = {}
        self._restore()
        self._saved_at = time.monotonic()

    # ------------------------------------------------- where the loop stands

    @property
    def epoch(self) -> int:
        """The epoch of the current minibatch, from 1."""
        return max(0, self.iteration - 1) // self.iterations_per_epoch + 1

    @property
    def epochs(self) -> int:
        """The number of epochs; the last one may be incomplete."""
        return -(-self.iterations // self.iterations_per_epoch)

    @property
    def ends_epoch(self) -> bool:
        """Whether the current minibatch is the last of an epoch, or of the
        training.
        """
        return self.ends_interval(self.iterations_per_epoch)

    def ends_interval(self, interval: int) -> bool:
        """Tell whether the current iteration is a multiple of an interval, or
        the last of the training.

        Parameters
        ----------
        interval : int
            In iterations.
        """
        return (
            self.iteration % interval == 0 or self.iteration == self.iterations
        )

    def ends_scaled_epoch(self, epochs: Iterable[int], of: int) -> bool:
        """Tell whether an epoch ends here that corresponds to one of those
        given for a training of another length.

        In a training of 10 epochs, ``ends_scaled_epoch([20, 50], of=100)`` is
        true at the end of epochs 2 and 5.

        Parameters
        ----------
        epochs : iterable of int
            Epochs of the other training, from 1.
        of : int
            Length of the other training, in epochs.
        """
        scaled = {max(1, round(epoch * self.epochs / of)) for epoch in epochs}
        return self.ends_epoch and self.epoch in scaled

    # ----------------------------------------------------- what the loop does

    def log(self, **values: float) -> None:
        """Log losses and measures of the current iteration.

        Raises
        ------
        UserError
            If a value is not finite.
        """
        for name, value in values.items():
            value = float(value)
            self._curves[name][self.iteration] = value
            if not math.isfinite(value):
                kind = 'loss ' if name in self.losses else ''
                self._raise_diverged(f'the {name} {kind}is {value}')

    def record(self, **arrays: Any) -> None:
        """Append arrays to those recorded under the same names.

        :meth:`results` stacks them, for the figures.
        """
        for name, array in arrays.items():
            self.recorded.setdefault(name, []).append(np.array(array))

    def minibatches(self) -> Iterator[Any]:
        """Iterate over the remaining minibatches.

        Asking for the next minibatch ends the iteration: its losses are
        written, and a checkpoint is saved if one is due.

        Yields
        ------
        array or tensor, shape (batch_size, ...), float32
            With several processes, the rows of the others may be NaN.

        Raises
        ------
        Stopped
            After Ctrl-C or SIGTERM, when the iteration is saved.
        UserError
            If a value is not finite, or if a file cannot be written. The last
            checkpoint stays as it was.
        """
        last, vote = time.monotonic(), ranks.Vote()
        with (
            self._loss_file() as file,
            stop_signals(together=ranks.size() > 1) as stop,
            Progress('training', 'iterations', self.iteration) as progress,
        ):
            while self.iteration < self.iterations:
                for batch in self._feed(self._rest_of_epoch()):
                    self._begin_iteration()
                    yield batch
                    self._write_curves(file)
                    now = time.monotonic()
                    self.seconds += now - last
                    last = now
                    self._show(progress)
                    signum = vote(stop[0] if stop else 0)
                    if signum:
                        self._stop(signum)
                    if now - self._saved_at >= self._checkpoint_interval:
                        self.save()
                    if self.iteration == self.iterations:
                        break
            signum = vote.close()
            if signum:
                self._stop(signum)
        self.save()

    def save(self) -> str:
        """Write a checkpoint, in the first of several processes.

        Returns
        -------
        str
            Its path; in the other processes, that of the last one.

        Raises
        ------
        UserError
            If a variable is not finite, or if the file cannot be written.
        """
        if not ranks.is_first():
            return self._run.checkpoints.last_path() or ''
        values = state.get_values(self._variables)
        try:
            state.check_finite(values)
        except UserError as error:
            self._raise_diverged(str(error))
        snapshot = Snapshot(
            variables=values,
            losses=self.losses,
            measures=self.measures,
            recorded=self.recorded,
        )
        path = self._run.checkpoints.save(
            self.iteration, snapshot.to_arrays(), {'seconds': self.seconds}
        )
        self._saved_at = time.monotonic()
        return path

    # -------------------------------------------------------- what it leaves

    def results(self) -> dict[str, np.ndarray]:
        """Return the curves and the recorded arrays by name.

        The curve of a loss is called ``<name>_loss``. Arrays recorded under
        one name are stacked along a new first axis.
        """
        results = {
            f'{name}_loss': np.array(curve)
            for name, curve in self.losses.items()
        }
        for name, curve in self.measures.items():
            results[name] = np.array(curve)
        for name, recorded in self.recorded.items():
            results[name] = np.array(recorded)
        results['iterations_per_epoch'] = np.array(self.iterations_per_epoch)
        results['seconds'] = np.array(self.seconds)
        return results

    def last_measures(self) -> dict[str, float]:
        """Return the last value of each measure that has one."""
        found = {
            name: last_value(curve) for name, curve in self.measures.items()
        }
        return {
            name: value
            for name, value in found.items()
            if not math.isnan(value)
        }

    # --------------------------------------------------- steps of the loop

    @property
    def _curves(self) -> dict[str, list[float]]:
        return {**self.losses, **self.measures}

    def _loss_file(self) -> contextlib.AbstractContextManager[LossFile | None]:
        if not ranks.is_first():
            return contextlib.nullcontext()
        return contextlib.closing(
            LossFile(
                self._run.path('losses.csv'),
                list(self._curves),
                self._curves,
                self.iterations_per_epoch,
            )
        )

    def _rest_of_epoch(self) -> Iterator[Any]:
        """Iterate over the minibatches left of the current epoch."""
        epoch, first = divmod(self.iteration, self.iterations_per_epoch)
        return minibatches(
            self._examples,
            self._parameters['batch_size'],
            self._parameters['seed'],
            epoch + 1,
            self._parameters['shuffle'],
            first,
        )

    def _begin_iteration(self) -> None:
        self.iteration += 1
        for curve in self._curves.values():
            curve.append(math.nan)

    def _write_curves(self, file: LossFile | None) -> None:
        if file is None:
            return
        file.append(self.iteration)
        self._board.add('loss', self.losses, self.iteration)
        self._board.add('measure', self.measures, self.iteration)

    def _show(self, progress: Progress) -> None:
        """Show the last value of each curve, and warn of a collapse."""
        parts = [f'epoch {self.epoch}/{self.epochs}']
        for name, curve in self._curves.items():
            value = last_value(curve)
            if not math.isnan(value):  # some are measured once an epoch
                parts.append(f'{name.replace("_", " ")} {value:.4g}')
        progress(self.iteration, self.iterations, ', '.join(parts))
        collapse = COLLAPSES[self._run.experiment]
        curve = self.measures.get(collapse.measure, [])
        if self.ends_epoch and collapse.has_just_begun(curve, self.iterations):
            progress.write('warning: ' + collapse.warning(curve[-1]))

    def _stop(self, signum: int) -> NoReturn:
        # All wait for the checkpoint: torchrun ends the others when one of
        # them ends.
        path = ranks.from_first(self.save)
        raise Stopped(
            f'stopped after iteration {self.iteration} of {self.iterations}, '
            f'saved in {path}\n{self._run.how_to_resume()}',
            signum,
        )

    def _raise_diverged(self, finding: str) -> NoReturn:
        message = (
            f'{finding} at iteration {self.iteration} (epoch {self.epoch}): '
            'try a smaller learning rate'
        )
        last = self._run.checkpoints.last_path()
        if last:
            message += f'; the last checkpoint before it is {last}'
        raise UserError(message)

    # -------------------------------------------------------------- resuming

    def _restore(self) -> None:
        """Load the last checkpoint, if there is one, in the first process,
        and give the others what it holds.
        """
        iteration = ranks.from_first(self._load)
        if not iteration:
            return
        if not ranks.is_first():
            # Nobody reads the curves of this process.
            self.iteration = iteration
            for curve in self._curves.values():
                curve += [math.nan] * iteration
        ranks.broadcast(list(self._variables.values()))

    def _load(self) -> int:
        """Load the last checkpoint; return its iteration, 0 without one."""
        found = self._run.checkpoints.load_last(self._check)
        if found is None:
            return 0
        arrays, meta = found
        snapshot = Snapshot.from_arrays(arrays)
        state.set_values(self._variables, snapshot.variables)
        self.losses = {
            name: snapshot.losses[name].tolist() for name in self.losses
        }
        # Checkpoints of earlier versions have no measures.
        missing = np.full(meta['iteration'] + 1, math.nan)
        self.measures = {
            name: snapshot.measures.get(name, missing).tolist()
            for name in self.measures
        }
        self.recorded = dict(snapshot.recorded)
        self.iteration, self.seconds = meta['iteration'], meta['seconds']
        print(
            f'resuming after iteration {self.iteration} of {self.iterations}'
        )
        return self.iteration

    def _check(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Raise ArchiveError if a checkpoint does not fit this training."""
        snapshot = Snapshot.from_arrays(arrays)
        state.check_values(self._variables, snapshot.variables)
        if set(snapshot.losses) != set(self.losses):
            raise ArchiveError(
                'it belongs to another program: its losses are '
                f"{', '.join(sorted(snapshot.losses))}, the run's are "
                f'{", ".join(sorted(self.losses))}'
            )
