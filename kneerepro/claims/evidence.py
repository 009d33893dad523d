"""What finished runs provide for the claims: losses and images."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from typing import Any, TypeVar, cast

import numpy as np

from kneerepro import runs
from kneerepro.algorithms.common import compile_through
from kneerepro.data.dataset import Dataset
from kneerepro.data.splits import SPLITS
from kneerepro.engines import Engine
from kneerepro.measures.bootstrap import MIN_SAMPLES, TooFewSamplesError
from kneerepro.measures.codes import code_spread
from kneerepro.registry import EXPERIMENTS, THESIS
from kneerepro.runs import zoo
from kneerepro.runs.batches import outputs_over
from kneerepro.runs.collapse import COLLAPSES
from kneerepro.runs.datasets import (
    datasets_folder,
    find_dataset,
    folder_of_runs,
)
from kneerepro.runs.losses import last_value
from kneerepro.utils.errors import UserError

#: The largest number of images that a GAN generates for a comparison, and of
#: real images to compare them with.
MAX_IMAGES = 1000

# Images that go through a network at once. Volumes go one by one.
_BATCH_SIZE = 128

_Method = TypeVar('_Method', bound=Callable[..., Any])


def _cached(method: _Method) -> _Method:
    """Compute a method's result once for each object and arguments.

    functools.cache would keep every object alive for good, with all images
    that its networks have made.
    """

    @functools.wraps(method)
    def cached(self, *args):
        key = (method.__name__, *args)
        if key not in self._cache:
            self._cache[key] = method(self, *args)
        return self._cache[key]

    return cast(_Method, cached)


class Evidence:
    """The losses of runs, and images made by their networks.

    All methods raise :class:`~kneerepro.utils.errors.UserError` if something
    they need is missing or damaged.

    Parameters
    ----------
    found : dict of str to kneerepro.runs.Run
        A finished run of each experiment that has one.
    engine, device, precision : str
        See :class:`kneerepro.engines.Engine`.
    datasets : collection of str
        Dataset files of the runs that have been moved since.
    """

    def __init__(
        self,
        found: dict[str, runs.Run],
        engine: str = 'auto',
        device: str = 'auto',
        precision: str = 'float32',
        datasets: Collection[str] = (),
    ):
        self._runs = found
        self._datasets = datasets
        self._engine = engine, device, precision
        self._cache: dict[tuple, Any] = {}

    def run(self, experiment: str) -> runs.Run:
        """The run of an experiment.

        Raises
        ------
        UserError
            If there is none.
        """
        if experiment not in self._runs:
            raise UserError(f'there is no finished run of {experiment}')
        return self._runs[experiment]

    def require_same_data(self, *experiments: str) -> None:
        """Raise if the runs were trained on different data."""
        hashes = {
            self.run(name).settings['data']['hash'] for name in experiments
        }
        if len(hashes) > 1:
            raise UserError(
                f'{" and ".join(experiments)} were trained on different data'
            )

    def require_learned(self, *experiments: str) -> None:
        """Raise if an autoencoder among the runs has learned nothing.

        Such an autoencoder shows the mean image for every input. It would
        count as evidence for blur, poor results and imprecise ends, and
        images cannot be compared by its code.
        """
        for name in experiments:
            if EXPERIMENTS[name].autoencoder:
                collapse = COLLAPSES[name]
                spread = self._code_spread(name)
                if spread < collapse.threshold:
                    raise UserError(
                        f'{self.run(name).folder}: '
                        + collapse.finding.format(spread)
                    )

    @_cached
    def _code_spread(self, experiment):
        measured = last_value(self._results(experiment).get('code_spread', ()))
        if not np.isnan(measured):
            return measured
        # Runs of earlier versions did not measure it.
        examples = self._examples(experiment, 'test')
        if len(examples) == 1:
            examples = self._examples(experiment, 'train', 2)
        return code_spread(
            self._outputs(experiment, examples, only_first_network=True)
        )

    # ---------------------------------------------------------------- losses

    def curve(self, experiment: str, name: str) -> np.ndarray:
        """A loss at the iterations where it was measured.

        Parameters
        ----------
        experiment : str
        name : str
            Of the loss, such as 'train'.

        Returns
        -------
        array, shape (n,)
        """
        try:
            losses = self._results(experiment)[name + '_loss']
        except KeyError:
            raise UserError(
                f'{self.run(experiment).folder} has no loss of the {name}'
            ) from None
        return losses[~np.isnan(losses)]

    def iterations_per_epoch(self, experiment: str) -> int:
        """The number of iterations in an epoch."""
        return int(self._results(experiment)['iterations_per_epoch'])

    @_cached
    def _results(self, experiment):
        return self.run(experiment).results()

    # ---------------------------------------------------------------- images

    @_cached
    def reconstructions(
        self, experiment: str, part: str = 'test'
    ) -> tuple[np.ndarray, np.ndarray]:
        """Examples, and their reconstructions by an autoencoder.

        Parameters
        ----------
        experiment : {'cae2d', 'cae3d'}
        part : {'test', 'train'}
            'train' takes randomly drawn training examples, as many as there
            are test examples.

        Returns
        -------
        truth, reconstructed : array, shape (n, rows, columns) or \
(n, depth, rows, columns)

        Raises
        ------
        TooFewSamplesError
            If the test set is too small for a confidence interval.
        """
        count = self.run(experiment).settings['data']['test']
        if count < MIN_SAMPLES:
            raise TooFewSamplesError(
                f'{experiment} has only {count} test examples: '
                f'this claim needs at least {MIN_SAMPLES}'
            )
        truth = self._examples(experiment, part, count)
        return truth[:, 0], self._outputs(experiment, truth)[:, 0]

    def _examples(self, experiment, part, count=None):
        """All test examples, or `count` randomly drawn training examples."""
        run = self.run(experiment)
        with dataset_of(run, self._datasets) as dataset:
            examples = dataset.examples(EXPERIMENTS[experiment].on_volumes)
            split = _split(run, examples)
            chosen = split.test
            if part == 'train':
                rng = np.random.RandomState(0)
                chosen = rng.permutation(split.train)[:count]
            return examples[np.sort(chosen)]

    def sample_size(self, experiment: str) -> int:
        """How many images a GAN is judged by.

        At most half as many as there are training images, so that two disjoint
        sets of real images can be drawn.
        """
        train = self.run(experiment).settings['data']['train']
        return min(MAX_IMAGES, train // 2)

    @_cached
    def real_images(self, experiment: str) -> np.ndarray:
        """Two disjoint sets of randomly drawn training images of a GAN.

        Returns
        -------
        array, shape (2, n, rows, columns) or (2, n, depth, rows, columns)
            n is :meth:`sample_size`.
        """
        count = self.sample_size(experiment)
        run = self.run(experiment)
        with dataset_of(run, self._datasets) as dataset:
            images = dataset.examples(EXPERIMENTS[experiment].on_volumes)
            order = np.random.RandomState(0).permutation(len(images))
            drawn = images[order[: 2 * count]]
        return drawn.reshape(2, count, *drawn.shape[2:])

    def training_images(self, experiment: str) -> np.ndarray:
        """All training images, or volumes, of an experiment.

        Returns
        -------
        array, shape (n, rows, columns) or (n, depth, rows, columns)
        """
        run = self.run(experiment)
        with dataset_of(run, self._datasets) as dataset:
            images = dataset.examples(EXPERIMENTS[experiment].on_volumes)
            if EXPERIMENTS[experiment].autoencoder:
                return images[np.sort(_split(run, images).train)][:, 0]
            return images[:][:, 0]

    @_cached
    def generated_images(self, experiment: str) -> np.ndarray:
        """Images, or volumes, generated by a GAN.

        Returns
        -------
        array, shape (n, rows, columns) or (n, depth, rows, columns)
            n is :meth:`sample_size`.
        """
        size = (
            self.sample_size(experiment),
            self.run(experiment).parameters['nz'],
        )
        noise = np.random.RandomState(0).normal(size=size).astype('float32')
        return self._outputs(experiment, noise, only_first_network=True)[:, 0]

    def features(
        self, images: np.ndarray, encoder: str = 'cae2d'
    ) -> np.ndarray:
        """The codes that an autoencoder's encoder gives to images.

        Parameters
        ----------
        images : array, shape (n, rows, columns) or (n, depth, rows, columns)
        encoder : {'cae2d', 'cae3d'}
            The autoencoder's experiment.

        Returns
        -------
        array, shape (n, nz), float64
        """
        return self._outputs(
            encoder, images[:, None], only_first_network=True
        ).astype('float64')

    def _outputs(self, experiment, inputs, only_first_network=False):
        """The output of the networks of a run, one after the other, or of the
        first one alone.
        """
        return outputs_over(
            self._function(experiment, only_first_network),
            inputs,
            1 if EXPERIMENTS[experiment].on_volumes else _BATCH_SIZE,
        )

    @_cached
    def _function(self, experiment, only_first_network):
        model = zoo.load(self.run(experiment).path('model.npz'))
        networks = model.networks
        if only_first_network:
            networks = networks[:1]
        return compile_through(networks, Engine(*self._engine).mode)


def _split(run, examples):
    return SPLITS[run.parameters['split']](examples, run.parameters['test'])


def newest_runs(root: str, preset: str | None = None) -> dict[str, runs.Run]:
    """The newest finished run of each experiment, all with the same preset.

    Parameters
    ----------
    root : str
        Folder of all runs.
    preset : str, optional
        By default, the preset of the newest finished run, of the thesis's
        experiments if there is any. Runs that go beyond the thesis have the
        preset full where others have the preset thesis.

    Returns
    -------
    dict of str to kneerepro.runs.Run
        By experiment. Experiments without such a run are left out.
    """
    finished = [
        run
        for name in EXPERIMENTS
        for run in runs.find(root, name)
        if run.finished
    ]
    if preset is None and finished:
        of_thesis = [run for run in finished if run.experiment in THESIS]
        newest_run = max(of_thesis or finished, key=runs.Run.created_ns)
        preset = newest_run.settings['preset']
    full = preset in ('thesis', 'full')
    newest: dict[str, runs.Run] = {}
    for run in finished:
        wanted = EXPERIMENTS[run.experiment].full_preset if full else preset
        if run.settings['preset'] == wanted:
            newest.setdefault(run.experiment, run)
    return newest


def dataset_of(run: runs.Run, paths: Collection[str] = ()) -> Dataset:
    """Open the dataset on which a run was trained.

    Parameters
    ----------
    run : kneerepro.runs.Run
    paths : collection of str
        Where to look for it first: see
        :func:`kneerepro.runs.datasets.find_dataset`.

    Returns
    -------
    Dataset

    Raises
    ------
    UserError
        If it is nowhere.
    """
    found = find_dataset(run, paths)
    if found is not None:
        return Dataset(found)
    folder = datasets_folder(folder_of_runs(run))
    raise UserError(
        f'the dataset of {run.folder} is no longer there: put it back or into '
        f'{folder}, or, for the command claims, name it with --data'
    )
