"""How good predictions are, with intervals over patients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import rankdata

from kneerepro.measures.bootstrap import (
    MIN_SAMPLES,
    Estimate,
    estimate,
)
from kneerepro.prediction.target import Target

Score = Callable[[np.ndarray, np.ndarray], float]


def r_squared(labels: np.ndarray, predicted: np.ndarray) -> float:
    """The coefficient of determination: the share of the labels' variance that
    is predicted.

    Parameters
    ----------
    labels, predicted : array, shape (n,)

    Returns
    -------
    float
        At most 1. Predicting the mean has 0, and worse predictions less.
    """
    variance = np.square(labels - labels.mean()).sum()
    if not variance:
        return np.nan
    return float(1 - np.square(labels - predicted).sum() / variance)


def mean_absolute_error(labels: np.ndarray, predicted: np.ndarray) -> float:
    """The mean absolute difference, in units of the labels."""
    return float(np.abs(labels - predicted).mean())


def balanced_accuracy(codes: np.ndarray, probabilities: np.ndarray) -> float:
    """The share of volumes whose class is the likeliest one, averaged over the
    classes.

    Parameters
    ----------
    codes : array of int, shape (n,)
    probabilities : array, shape (n, classes)

    Returns
    -------
    float
        In [0, 1]; 1 / classes by chance.
    """
    right = probabilities.argmax(1) == codes
    return float(np.mean([right[codes == c].mean() for c in np.unique(codes)]))


def area_under_curve(codes: np.ndarray, probabilities: np.ndarray) -> float:
    """The area under the receiver operating characteristic, averaged over the
    classes, each against all others.

    Parameters
    ----------
    codes : array of int, shape (n,)
    probabilities : array, shape (n, classes)

    Returns
    -------
    float
        In [0, 1]; 0.5 by chance. NaN if all are of one class.
    """
    present = np.unique(codes)
    if len(present) < 2:
        return np.nan
    if probabilities.shape[1] == 2:
        present = present[1:]
    return float(
        np.mean(
            [_pairs_in_order(codes == c, probabilities[:, c]) for c in present]
        )
    )


def _pairs_in_order(positive, scores):
    """The share of pairs of a positive and another sample that the score puts
    in order, which is the area under the curve; ties count half.
    """
    # scikit-learn's function takes milliseconds, of which a bootstrap needs
    # thousands.
    count, others = positive.sum(), (~positive).sum()
    ranks = rankdata(scores)[positive].sum() - count * (count + 1) / 2
    return ranks / (count * others)


#: The scores of quantities and of classes, by name.
NUMBER_SCORES: dict[str, Score] = {
    'R²': r_squared,
    'mean absolute error': mean_absolute_error,
}
CLASS_SCORES: dict[str, Score] = {
    'balanced accuracy': balanced_accuracy,
    'AUC': area_under_curve,
}


def scores_of(target: Target) -> dict[str, Score]:
    """The scores that suit a target, the most important first."""
    return NUMBER_SCORES if target.classes is None else CLASS_SCORES


def score_all(
    target: Target, predicted: np.ndarray, patients: np.ndarray
) -> dict[str, Estimate]:
    """Score predictions, with 95 % bootstrap intervals over patients.

    Parameters
    ----------
    target : Target
        Labels of n volumes, all known.
    predicted : array
        From :func:`kneerepro.prediction.cross_validation.predict`.
    patients : array, shape (n,)
        All volumes of a patient are resampled together.

    Returns
    -------
    dict of str to Estimate
        By name of the score. There is no interval if there are fewer than six
        patients.
    """
    labels = target.values if target.codes is None else target.codes
    _, patient = np.unique(patients, return_inverse=True)
    volumes_of = [
        np.flatnonzero(patient == i) for i in range(patient.max() + 1)
    ]

    def over(score):
        def score_of(chosen):
            volumes = np.concatenate([volumes_of[i] for i in chosen])
            return score(labels[volumes], predicted[volumes])

        return score_of

    everyone = np.arange(len(volumes_of))
    return {
        name: estimate(over(score), everyone)
        if len(everyone) >= MIN_SAMPLES
        else Estimate(
            value=over(score)(everyone),
            low=None,
            high=None,
            n=(len(everyone),),
        )
        for name, score in scores_of(target).items()
    }
