"""What finished runs tell: their losses, and images by their networks."""

import glob
import os
from functools import cache

import numpy as np

from kneerepro import runs
from kneerepro.algorithms.common import compile_through
from kneerepro.data.dataset import Dataset
from kneerepro.data.splits import SPLITS
from kneerepro.engines import Engine
from kneerepro.measures.bootstrap import LEAST, TooFew
from kneerepro.measures.codes import code_spread
from kneerepro.registry import EXPERIMENTS
from kneerepro.runs import zoo
from kneerepro.runs.collapse import COLLAPSES
from kneerepro.runs.losses import last_value
from kneerepro.utils.errors import UserError

#: Most images that are generated, and compared with as many real ones.
IMAGES = 1000

#: Experiments whose networks have a code.


_BATCH = 128


class Evidence:
    """Losses of runs, and images made by their networks.

    All methods raise :class:`~kneerepro.utils.errors.UserError` for what is missing
    or damaged.

    Parameters
    ----------
    found : dict of str to kneerepro.runs.Run
        A finished run of each experiment that has one.
    engine, device, precision : str
        See :class:`kneerepro.engines.Engine`.
    """

    def __init__(
        self, found, engine='auto', device='auto', precision='float32'
    ):
        self.found = found
        self._engine = engine, device, precision

    def run(self, experiment):
        """The run of an experiment."""
        if experiment not in self.found:
            raise UserError(f'there is no finished run of {experiment}')
        return self.found[experiment]

    def same_data(self, *experiments):
        """Refuse to compare runs on different data."""
        hashes = {
            self.run(name).settings['data']['hash'] for name in experiments
        }
        if len(hashes) > 1:
            raise UserError(
                f'{" and ".join(experiments)} were trained on different data'
            )

    def require_learned(self, *experiments):
        """Refuse to judge by autoencoders that learned nothing.

        One that shows the mean image for everything would be evidence for
        claims on blur, on poor results and on imprecise ends, and its code is
        no feature to compare images by.
        """
        for name in experiments:
            collapse = COLLAPSES[name]
            if EXPERIMENTS[name].autoencoder:
                spread = self._code_spread(name)
                if spread < collapse.least:
                    raise UserError(
                        f'{self.run(name).folder}: '
                        + collapse.finding.format(spread)
                    )

    @cache
    def _code_spread(self, experiment):
        measured = last_value(self._results(experiment).get('code_spread', ()))
        if not np.isnan(measured):
            return measured
        # A run of an earlier version, which did not measure it.
        examples = self._examples(experiment, 'test')
        if len(examples) == 1:
            examples = self._examples(experiment, 'train', 2)
        return code_spread(
            self._through(
                experiment, examples, networks=1, batch=_batch(experiment)
            )
        )

    # ---------------------------------------------------------------- losses

    def curve(self, experiment, name):
        """A loss, at the iterations that have one; shape (n,)."""
        try:
            losses = self._results(experiment)[name + '_loss']
        except KeyError:
            raise UserError(
                f'{self.run(experiment).folder} has no loss of the {name}'
            ) from None
        return losses[~np.isnan(losses)]

    def per_epoch(self, experiment):
        """Iterations of an epoch."""
        return int(self._results(experiment)['iterations_per_epoch'])

    @cache
    def _results(self, experiment):
        return self.run(experiment).results()

    # ---------------------------------------------------------------- images

    @cache
    def reconstructed(self, experiment, part='test'):
        """Examples, and what an autoencoder makes of them.

        Parameters
        ----------
        experiment : {'cae2d', 'cae3d'}
        part : {'test', 'train'}
            Of the training examples, as many as there are for testing, drawn
            at random.

        Returns
        -------
        truth, made : array, shape (n, rows, columns) or
                (n, depth, rows, columns)
        """
        count = self.run(experiment).settings['data']['test']
        if count < LEAST:
            raise TooFew(
                f'{experiment} has a test set of {count}, at least '
                f'{LEAST} are needed'
            )
        truth = self._examples(experiment, part, count)
        made = self._through(experiment, truth, batch=_batch(experiment))
        return truth[:, 0], made[:, 0]

    def _examples(self, experiment, part, count=None):
        """Test examples, or `count` training examples drawn at random."""
        run = self.run(experiment)
        with dataset_of(run) as dataset:
            examples = dataset.examples(EXPERIMENTS[experiment].on_volumes)
            split = _split(run, examples)
            chosen = split.test
            if part == 'train':
                rng = np.random.RandomState(0)
                chosen = rng.permutation(split.train)[:count]
            return examples[np.sort(chosen)]

    def real_size(self, experiment):
        """How many :meth:`real` images there are in each set."""
        return min(IMAGES, self.run(experiment).settings['data']['train'] // 2)

    @cache
    def real(self, experiment):
        """Two sets of different training images of a GAN, drawn at random.

        Returns
        -------
        array, shape (2, n, rows, columns)
        """
        count = self.real_size(experiment)
        with dataset_of(self.run(experiment)) as dataset:
            order = np.random.RandomState(0).permutation(len(dataset.images))
            images = dataset.images[order[: 2 * count]]
        return images.reshape(2, count, *images.shape[2:])

    def training_images(self, experiment):
        """All training images of a network of images, shape (n, rows,
        columns).
        """
        run = self.run(experiment)
        with dataset_of(run) as dataset:
            images = dataset.images
            if 'split' in run.parameters:
                return images[np.sort(_split(run, images).train)][:, 0]
            return images[:][:, 0]

    @cache
    def generated(self, experiment):
        """As many images of a GAN as there are in a set of real ones.

        Returns
        -------
        array, shape (n, rows, columns)
        """
        z = (
            np.random.RandomState(0)
            .normal(
                size=(
                    self.real_size(experiment),
                    self.run(experiment).parameters['nz'],
                )
            )
            .astype('float32')
        )
        return self._through(experiment, z, networks=1)[:, 0]

    def features(self, images):
        """What the 2D autoencoder's encoder makes of images.

        Parameters
        ----------
        images : array, shape (n, rows, columns)

        Returns
        -------
        array, shape (n, nz), float64
        """
        return self._through('cae2d', images[:, None], networks=1).astype(
            'float64'
        )

    def _through(self, experiment, inputs, networks=None, batch=_BATCH):
        """What the first networks of a run, or all, make of inputs."""
        function = self._function(experiment, networks)
        return np.concatenate(
            [
                function(inputs[i : i + batch])
                for i in range(0, len(inputs), batch)
            ]
        )

    @cache
    def _function(self, experiment, networks):
        model = zoo.load(self.run(experiment).path('model.npz'))
        return compile_through(
            model.networks[:networks], Engine(*self._engine).mode
        )


def _batch(experiment):
    return 1 if EXPERIMENTS[experiment].on_volumes else _BATCH


def _split(run, examples):
    return SPLITS[run.parameters['split']](examples, run.parameters['test'])


def gather(root, preset=None):
    """The newest finished run of each experiment, all of one preset.

    Parameters
    ----------
    root : str
        Folder of all runs.
    preset : str, optional
        By default that of the newest finished run of all.

    Returns
    -------
    dict of str to kneerepro.runs.Run
        Of the experiments that have one.
    """
    finished = [
        run
        for name in EXPERIMENTS
        for run in runs.find(root, name)
        if run.finished
    ]
    if preset is None and finished:
        preset = max(finished, key=runs.Run.created).settings['preset']
    found = {}
    for run in finished:
        if run.settings['preset'] == preset:
            found.setdefault(run.experiment, run)
    return found


def dataset_of(run):
    """The dataset that a run was trained on, known by its hash.

    Parameters
    ----------
    run : kneerepro.runs.Run

    Returns
    -------
    Dataset

    Raises
    ------
    UserError
        If it is neither where it was nor among those of all runs.
    """
    root = os.path.dirname(os.path.dirname(os.path.abspath(run.folder)))
    paths = glob.glob(os.path.join(glob.escape(root), 'datasets', '*.h5'))
    given = run.arguments.get('data')
    if given and os.path.isfile(given):
        paths.insert(0, given)
    for path in paths:
        try:
            with Dataset(path, verify=False) as dataset:
                found = dataset.hash
        except UserError:
            continue
        if found == run.settings['data']['hash']:
            return Dataset(path)
    raise UserError(f'the dataset of {run.folder} is no longer there')
