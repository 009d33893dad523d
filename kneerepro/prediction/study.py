"""Compare a network's features with plain baselines on the same folds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import theano

from kneerepro.data.dataset import Dataset
from kneerepro.measures.bootstrap import Estimate
from kneerepro.prediction import features
from kneerepro.prediction.cross_validation import (
    INNER_FOLDS,
    OUTER_FOLDS,
    Features,
    predict,
)
from kneerepro.prediction.scores import score_all, scores_of
from kneerepro.prediction.target import Target
from kneerepro.runs.zoo import Model
from kneerepro.utils.errors import UserError

#: The fewest patients with a label: each inner fold has one or more.
MIN_PATIENTS = 2 * OUTER_FOLDS

# The learning curve: fits to the labels of so many patients, and so many
# different draws of them.
_FIRST_COUNT, _DRAWS = 5, 5


@dataclass(frozen=True)
class Result:
    """Predictions from one set of features.

    Attributes
    ----------
    name : str
    size : int
        How many numbers describe a volume.
    predicted : array, shape (n,) or (n, classes)
        See :func:`kneerepro.prediction.cross_validation.predict`.
    scores : dict of str to Estimate
    """

    name: str
    size: int
    predicted: np.ndarray
    scores: dict[str, Estimate]


@dataclass(frozen=True)
class LearningPoint:
    """The score of models that were fitted to the labels of a few patients.

    Attributes
    ----------
    name : str
        Of the features.
    patients : int
        How many patients had a label in each fit.
    values : tuple of float
        The first score, once for each draw of the patients.
    """

    name: str
    patients: int
    values: tuple[float, ...]


@dataclass(frozen=True)
class Study:
    """Predictions of a label.

    Attributes
    ----------
    target : Target
        The n labels that are known.
    volumes : array of int, shape (n,)
        The numbers of their volumes in the dataset.
    patients : array of str, shape (n,)
    network : str
        The name of the network's features.
    results : list of Result
        The network's first, then the baselines'.
    learning_curve : list of LearningPoint
    """

    target: Target
    volumes: np.ndarray
    patients: np.ndarray
    network: str
    results: list[Result]
    learning_curve: list[LearningPoint]


@dataclass(frozen=True)
class Descriptions:
    """What is known of the volumes of a dataset without labels.

    Attributes
    ----------
    network : str
        The name of the network's features.
    of_network : array, shape (n, d)
        From :func:`~kneerepro.prediction.features.network_features`.
    plain : array, shape (n, 16)
        From :func:`~kneerepro.prediction.features.plain_measures`.
    gram : array, shape (n, n)
        From :func:`~kneerepro.prediction.features.products`.
    patients : array of str, shape (n,)
    """

    network: str
    of_network: np.ndarray
    plain: np.ndarray
    gram: np.ndarray
    patients: np.ndarray


def describe_volumes(
    model: Model,
    dataset: Dataset,
    mode: theano.compile.Mode | str | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Descriptions:
    """Describe the volumes of a dataset, by a network and by the baselines.

    Parameters
    ----------
    model : kneerepro.runs.zoo.Model
    dataset : Dataset
    mode : theano.compile.Mode, str or None
        Passed to ``theano.function``.
    progress : callable, optional
        Called with what is being done, and how much of it is done and in
        total.
    """
    volumes = dataset.volumes
    of_network = features.network_features(
        model,
        volumes,
        mode,
        lambda done, total: _report(progress, 'encoding', done, total),
    )
    plain = []
    for i in range(len(volumes)):
        plain.append(features.plain_measures(volumes[i][0]))
        _report(progress, 'measuring', i + 1, len(volumes))
    return Descriptions(
        network=features.describe(model),
        of_network=of_network,
        plain=np.array(plain),
        gram=features.products(volumes),
        patients=dataset.patient,
    )


def run_study(
    described: Descriptions,
    target: Target,
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> Study:
    """Predict a label from a network's features and from three baselines.

    The baselines are the mean of the labels, as many principal components of
    the volumes as the network has features, and
    :func:`~kneerepro.prediction.features.plain_measures`.

    Parameters
    ----------
    described : Descriptions
        Of n volumes.
    target : Target
        A label of each of them.
    seed : int
        Selects the folds.
    progress : callable, optional
        As for :func:`describe_volumes`.

    Returns
    -------
    Study

    Raises
    ------
    UserError
        If too few patients have a label.
    """
    volumes = np.flatnonzero(target.known)
    known = target.take(volumes)
    patients = described.patients[volumes]
    count = len(np.unique(patients))
    if count < MIN_PATIENTS:
        raise UserError(
            f'only {count} patients have a known {target.name}: '
            f'{OUTER_FOLDS} folds with {INNER_FOLDS} folds within each '
            f'require at least {MIN_PATIENTS}'
        )
    sets = _feature_sets(described, volumes)
    results = []
    for name, size, values in sets:
        predicted = predict(values, known, patients, seed)
        scores = score_all(known, predicted, patients)
        results.append(Result(name, size, predicted, scores))
        _report(progress, 'predicting', len(results), len(sets))
    return Study(
        target=known,
        volumes=volumes,
        patients=patients,
        network=described.network,
        results=results,
        learning_curve=_learning_curve(
            sets, known, patients, count, seed, progress
        ),
    )


def _feature_sets(described, volumes):
    """The name, number and function of each set of features."""
    of_network = described.of_network[volumes]
    plain = described.plain[volumes]
    gram = described.gram[np.ix_(volumes, volumes)]
    size = of_network.shape[1]

    def components(train: np.ndarray) -> np.ndarray:
        return features.principal_components(gram, train, size)

    return [
        (described.network, size, _always(of_network)),
        ('principal components', size, components),
        ('plain measures', plain.shape[1], _always(plain)),
        ('mean', 0, None),
    ]


def _always(values: np.ndarray) -> Features:
    """Features that do not depend on which volumes are fitted to."""
    return lambda train: values


def _learning_curve(
    sets: Sequence, known, patients, count, seed, progress
) -> list[LearningPoint]:
    score = next(iter(scores_of(known).values()))
    labels = known.values if known.codes is None else known.codes
    most = count - -(-count // OUTER_FOLDS)
    counts: list[int] = []
    while _FIRST_COUNT * 2 ** len(counts) < most:
        counts.append(_FIRST_COUNT * 2 ** len(counts))
    counts.append(most)
    points = []
    for labelled in counts:
        for name, _, values in sets:
            points.append(
                LearningPoint(
                    name,
                    labelled,
                    tuple(
                        score(
                            labels,
                            predict(
                                values, known, patients, seed + draw, labelled
                            ),
                        )
                        for draw in range(_DRAWS)
                    ),
                )
            )
            _report(
                progress,
                'learning curve',
                len(points),
                len(counts) * len(sets),
            )
    return points


def _report(progress, what, done, total):
    if progress is not None:
        progress(what, done, total)
