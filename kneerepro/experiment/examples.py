"""The examples of a run: its dataset, opened and divided."""

from __future__ import annotations

import sys
from typing import Any

from kneerepro.data.dataset import Dataset
from kneerepro.data.splits import SPLITS, check_range
from kneerepro.data.views import View
from kneerepro.registry import EXPERIMENTS, ExperimentSpec
from kneerepro.runs import Run, ranks, zoo
from kneerepro.utils.errors import UserError

# Datasets up to this size, in bytes, are kept in memory, by all processes of a
# machine together. From larger ones, a process reads those rows of each
# minibatch with which it computes.
_IN_MEMORY = 2 * 2**30


def open_dataset(path: str) -> Dataset:
    """Open a dataset, which only the first of several processes verifies.

    Parameters
    ----------
    path : str
        Of a dataset file, the same in all processes.

    Returns
    -------
    Dataset

    Raises
    ------
    UserError
        If it cannot be used, or if the processes find different files.
    """
    dataset = Dataset(path, verify=ranks.is_first())
    expected = ranks.from_first(lambda: dataset.hash)
    if dataset.hash != expected:
        dataset.close()
        raise UserError(
            f'{path} on the machine of process {ranks.launched()[0]} is not '
            'the dataset that process 0 has under this path: copy the latter '
            'to all machines'
        )
    return dataset


def check_hash(dataset: Dataset, path: str, run: Run) -> None:
    """Raise UserError if a dataset, opened from a path, is not the one of a
    run.
    """
    expected = run.settings['data']['hash']
    if dataset.hash != expected:
        raise UserError(
            f'{path} is not the dataset that {run.folder} was started with: '
            f'its hash is {dataset.hash:.12}, not {expected:.12}; name the '
            'right one with --data, or start a new run without --resume'
        )


def check_shape(
    name: str, parameters: dict[str, Any], shape: tuple[int, int, int]
) -> None:
    """Raise UserError if no networks can be built for volumes of a shape.

    Parameters
    ----------
    name : str
        Of the experiment.
    parameters : dict
    shape : tuple of 3 ints
        Depth, rows and columns.
    """
    if EXPERIMENTS[name].sizes(shape):
        # The smallest ones will do: sizes do not depend on the number of
        # filters.
        smallest = dict(parameters, width=1e-3, nz=1)
        zoo.build(name, zoo.builder_options(name, smallest, shape))
    elif shape[1:] != (64, 64):
        raise UserError(
            f'the networks of {name} are for images of 64 x 64, not '
            f'{shape[1]} x {shape[2]}: leave --size out, or prepare a '
            'dataset of that size'
        )


def take_examples(
    dataset: Dataset, spec: ExperimentSpec, parameters: dict[str, Any]
) -> tuple[View, View | None]:
    """Divide the examples of a dataset into training and test examples.

    Parameters
    ----------
    dataset : Dataset
    spec : kneerepro.registry.ExperimentSpec
    parameters : dict
        Of the experiment. If there are fewer training examples than the batch
        size, it becomes their number.

    Returns
    -------
    train, test : View
        GANs have no test set: theirs is None.

    Raises
    ------
    UserError
        If they cannot be divided, or hold other values than intensities. Of
        several processes, each checks a part of them.
    """
    examples = dataset.examples(spec.on_volumes)
    train, test = examples, None
    if spec.autoencoder:
        split = SPLITS[parameters['split']](examples, parameters['test'])
        if split.warning():
            print(f'warning: {split.warning()}', file=sys.stderr)
        train, test = examples.take(split.train), examples.take(split.test)
    if parameters['batch_size'] > len(train):
        print(
            f'warning: there are only {len(train)} training examples: the '
            'batch size is reduced to that from '
            f'{parameters["batch_size"]}',
            file=sys.stderr,
        )
        parameters['batch_size'] = len(train)
    in_memory = _IN_MEMORY / ranks.on_this_machine()
    if 4 * examples[0].size * len(examples) <= in_memory:
        train = train.load()
        test = None if test is None else test.load()
    check_range(own_share(train))
    counts = f'{len(train):,} training '
    if test is not None:
        check_range(own_share(test))
        counts += f'and {len(test):,} test '
    size = ' x '.join(map(str, train.shape[2:]))
    print(
        f'{counts}{spec.unit} of {size}, batch size {parameters["batch_size"]}'
    )
    return train, test


def own_share(examples: View) -> View:
    """The examples at which this process looks, of those of all."""
    return examples.take(ranks.own_rows(len(examples)))
