"""The loop over minibatches that all experiments share: it logs, saves, and
goes on where it was stopped.
"""

import math
import time

import numpy as np

from kneerepro.data.splits import minibatches, per_epoch
from kneerepro.runs import checkpoints
from kneerepro.runs.archive import ArchiveError
from kneerepro.runs.collapse import COLLAPSES
from kneerepro.runs.losses import LossFile, last_value
from kneerepro.utils.errors import Stopped, UserError
from kneerepro.utils.progress import Progress
from kneerepro.utils.signals import stop_signals


class Training:
    """A training, from its last checkpoint or from the start.

    Parameters
    ----------
    run : kneerepro.runs.Run
        Where to save; its parameters say how long, in which order and in how
        large minibatches.
    networks : list of Layer
    functions : namedtuple of theano functions
        They and the networks have all that a step changes.
    examples : View, array or DeviceArray, shape (n, ...), float32
        Those to train on.
    losses : list of str
        What will be logged.
    measures : list of str
        What will be logged beside the losses.
    feed : callable, optional
        Makes of an epoch's minibatches those to train on, in time: see
        :meth:`kneerepro.engines.Engine.feed`.

    Attributes
    ----------
    iteration : int
        Minibatches so far, with the present one.
    iterations : int
        Those of the whole training.
    per_epoch : int
        Those of an epoch, ``floor(n / batch_size)`` (E9).
    losses, measures : dict of str to list of float
        Each from iteration 0, before training, on; NaN where there is none.
    kept : dict of str to list of array
        What the training has put aside for the figures.
    seconds : float
        How long it took, without what was done again.

    Raises
    ------
    UserError
        If `examples` hold no whole minibatch.
    """

    def __init__(
        self,
        run,
        networks,
        functions,
        examples,
        losses,
        measures=(),
        feed=iter,
    ):
        parameters = run.parameters
        self._run, self._parameters = run, parameters
        self._examples, self._feed = examples, feed
        self.per_epoch = per_epoch(examples, parameters['batch_size'])
        self.iterations = (
            parameters['iterations'] or parameters['epochs'] * self.per_epoch
        )
        self._variables = checkpoints.shared_variables(
            networks, functions._asdict()
        )
        self.iteration, self.seconds = 0, 0.0
        self.losses = {name: [math.nan] for name in losses}
        self.measures = {name: [math.nan] for name in measures}
        self.kept = {}
        self._restore()
        self._file = LossFile(
            run.path('losses.csv'),
            list(self._logged),
            self._logged,
            self.per_epoch,
        )
        self._saved = time.monotonic()

    # --------------------------------------------------- for whom it trains

    @property
    def epoch(self):
        """The epoch that the present minibatch belongs to, from 1."""
        return max(0, self.iteration - 1) // self.per_epoch + 1

    @property
    def epochs(self):
        """How many epochs there are; the last may be a part of one."""
        return -(-self.iterations // self.per_epoch)

    @property
    def ends_epoch(self):
        """Whether the present minibatch is the last of an epoch, or of
        all.
        """
        return (
            self.iteration % self.per_epoch == 0
            or self.iteration == self.iterations
        )

    def is_every(self, interval):
        """Whether the present minibatch is one of every `interval`, or the
        last of all.
        """
        return (
            self.iteration % interval == 0 or self.iteration == self.iterations
        )

    def at(self, epochs, last):
        """Whether an epoch ends here that is one of `epochs` of a training
        of `last` epochs, in proportion to the length of this one.
        """
        return self.ends_epoch and self.epoch in {
            max(1, round(epoch * self.epochs / last)) for epoch in epochs
        }

    def log(self, **values):
        """Record losses and measures of the present iteration.

        Raises
        ------
        UserError
            If one is not finite.
        """
        for name, value in values.items():
            value = float(value)
            self._logged[name][self.iteration] = value
            if not math.isfinite(value):
                kind = 'loss ' if name in self.losses else ''
                self._diverged(f'the {name} {kind}is {value}')

    def keep(self, **values):
        """Put arrays aside, after those put aside before."""
        for name, value in values.items():
            self.kept.setdefault(name, []).append(np.array(value))

    def minibatches(self):
        """The minibatches that are left.

        Yields
        ------
        array or tensor, shape (batch_size, ...), float32
            When the next one is asked for, the work on this one is done: it
            is saved if it is time.

        Raises
        ------
        Stopped
            After a signal, once all is saved.
        UserError
            If something is not finite, or cannot be written. The last
            checkpoint stays.
        """
        last = time.monotonic()
        with (
            stop_signals() as stop,
            Progress('training', 'iterations', self.iteration) as progress,
        ):
            while self.iteration < self.iterations:
                for batch in self._feed(self._rest_of_epoch()):
                    self.iteration += 1
                    for values in self._logged.values():
                        values.append(math.nan)
                    yield batch
                    self._file.append(self.iteration)
                    self._run.board.add('loss', self.losses, self.iteration)
                    self._run.board.add(
                        'measure', self.measures, self.iteration
                    )
                    self.seconds += time.monotonic() - last
                    last = time.monotonic()
                    progress(self.iteration, self.iterations, self._state())
                    for warning in self._warnings():
                        progress.write('warning: ' + warning)
                    if stop:
                        path = self.save()
                        raise Stopped(
                            f'stopped after iteration {self.iteration} of '
                            f'{self.iterations}, saved in {path}\n'
                            f'{self._run.how_to_resume()}',
                            stop[0],
                        )
                    if (
                        time.monotonic() - self._saved
                        >= self._run.checkpoint_interval
                    ):
                        self.save()
                    if self.iteration == self.iterations:
                        break
        self.save()

    def save(self):
        """Write a checkpoint; returns its path."""
        values = checkpoints.get_values(self._variables)
        try:
            checkpoints.check_finite(values)
        except UserError as error:
            self._diverged(str(error))
        arrays = {f'variable/{name}': value for name, value in values.items()}
        arrays.update(
            (f'loss/{name}', np.array(values))
            for name, values in self.losses.items()
        )
        arrays.update(
            (f'measure/{name}', np.array(values))
            for name, values in self.measures.items()
        )
        arrays.update(
            (f'kept/{name}/{i}', value)
            for name, values in self.kept.items()
            for i, value in enumerate(values)
        )
        path = self._run.checkpoints.save(
            self.iteration, arrays, {'seconds': self.seconds}
        )
        self._saved = time.monotonic()
        return path

    def results(self):
        """Losses, measures and what was kept, as arrays by name."""
        results = {
            f'{name}_loss': np.array(values)
            for name, values in self.losses.items()
        }
        results.update(
            (name, np.array(values))
            for name, values in [*self.measures.items(), *self.kept.items()]
        )
        return dict(
            results,
            iterations_per_epoch=np.array(self.per_epoch),
            seconds=np.array(self.seconds),
        )

    def last_measures(self):
        """The last value of each measure that has one, dict of str to
        float.
        """
        found = {
            name: last_value(values) for name, values in self.measures.items()
        }
        return {
            name: value
            for name, value in found.items()
            if not math.isnan(value)
        }

    # --------------------------------------------------------- inside of it

    @property
    def _logged(self):
        return {**self.losses, **self.measures}

    def _warnings(self):
        collapse = COLLAPSES[self._run.experiment]
        if self.ends_epoch and collapse.begins(
            self.measures.get(collapse.measure, []), self.iterations
        ):
            value = self.measures[collapse.measure][self.iteration]
            yield collapse.warning(value)

    def _rest_of_epoch(self):
        epoch, first = divmod(self.iteration, self.per_epoch)
        parameters = self._parameters
        return minibatches(
            self._examples,
            parameters['batch_size'],
            parameters['seed'],
            epoch + 1,
            parameters['shuffle'],
            first,
        )

    def _restore(self):
        found = self._run.checkpoints.load(self._check)
        if found is None:
            return
        arrays, meta = found
        groups = _grouped(arrays)
        checkpoints.set_values(self._variables, groups['variable'])
        self.losses = {
            name: groups['loss'][name].tolist() for name in self.losses
        }
        # Checkpoints of earlier versions have no measures.
        missing = np.full(meta['iteration'] + 1, math.nan)
        self.measures = {
            name: groups.get('measure', {}).get(name, missing).tolist()
            for name in self.measures
        }
        for name, value in groups.get('kept', {}).items():
            name, number = name.rsplit('/', 1)
            self.kept.setdefault(name, {})[int(number)] = value
        self.kept = {
            name: [values[i] for i in range(len(values))]
            for name, values in self.kept.items()
        }
        self.iteration, self.seconds = meta['iteration'], meta['seconds']
        print(
            f'going on after iteration {self.iteration} of {self.iterations}'
        )

    def _check(self, arrays):
        groups = _grouped(arrays)
        checkpoints.check_values(self._variables, groups.get('variable', {}))
        if set(groups.get('loss', {})) != set(self.losses):
            raise ArchiveError(
                'a checkpoint of another program: it has other losses'
            )

    def _state(self):
        parts = [f'epoch {self.epoch}/{self.epochs}']
        for name, values in self._logged.items():
            parts.append(f'{name.replace("_", " ")} {last_value(values):.4g}')
        return ', '.join(parts)

    def _diverged(self, what):
        last = self._run.checkpoints.last()
        raise UserError(
            f'{what} at iteration {self.iteration} (epoch {self.epoch}): try '
            'a smaller learning rate'
            + (f'; the last checkpoint before it is {last}' if last else '')
        )


def _grouped(arrays):
    groups = {}
    for name, array in arrays.items():
        group, name = name.split('/', 1)
        groups.setdefault(group, {})[name] = array
    return groups


def outputs_over(function, images, batch_size):
    """Outputs of `function` for all images, computed in minibatches.

    Parameters
    ----------
    function : callable
        Of an array of shape (m, ...), m up to `batch_size`; gives one with m
        rows.
    images : View or array, shape (n, ...)
    batch_size : int

    Returns
    -------
    array, shape (n, ...)
    """
    return np.concatenate(
        [
            function(images[i : i + batch_size])
            for i in range(0, len(images), batch_size)
        ]
    )


def mean_over(function, images, batch_size):
    """Mean of `function`, itself a mean over a minibatch, over all images."""
    starts = range(0, len(images), batch_size)
    means = [float(function(images[i : i + batch_size])) for i in starts]
    sizes = [min(batch_size, len(images) - i) for i in starts]
    return np.average(means, weights=sizes)
