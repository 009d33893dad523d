"""Predict labels of volumes by models that have not seen their patients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
    Ridge,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from kneerepro.prediction.target import Target

#: Called with the numbers of the volumes that may be used for fitting; returns
#: an array of shape (n, d) with the features of all n volumes.
Features = Callable[[np.ndarray], np.ndarray]

#: The outer folds give the predictions. The inner ones choose the strength of
#: the regularisation.
OUTER_FOLDS, INNER_FOLDS = 5, 5

# Features count up to so many standard deviations from their mean.
_MOST_DEVIATIONS = 4

# Strengths of the penalty, for features with a standard deviation of 1. The
# weakest is close to none, the strongest close to a constant prediction.
_RIDGE = np.logspace(-2, 5, 8)
_LOGISTIC = np.logspace(-5, 2, 8)


def patient_folds(
    patients: np.ndarray,
    count: int,
    seed: int,
    classes: np.ndarray | None = None,
) -> np.ndarray:
    """Divide patients into folds of equal size, at random.

    Parameters
    ----------
    patients : array, shape (n,)
        The patient of each volume.
    count : int
        How many folds; fewer if there are fewer patients.
    seed : int
    classes : array, shape (n,), optional
        Spread the patients of each class over the folds. A patient with
        volumes of several classes counts for the first.

    Returns
    -------
    array of int, shape (n,)
        The fold of each volume, from 0. All volumes of a patient are in one.
    """
    _, first, patient = np.unique(
        patients, return_index=True, return_inverse=True
    )
    order = np.random.RandomState(seed).permutation(len(first))
    if classes is not None:
        _, number = np.unique(classes, return_inverse=True)
        order = order[np.argsort(number[first][order], kind='stable')]
    fold = np.empty(len(first), int)
    fold[order] = np.arange(len(first)) % count
    return fold[patient]


def predict(
    features: Features | None,
    target: Target,
    patients: np.ndarray,
    seed: int = 0,
    labelled: int | None = None,
) -> np.ndarray:
    """Predict the label of each volume, without its patient's.

    The patients are divided into :data:`OUTER_FOLDS` folds. The labels of a
    fold are predicted by a ridge regression, or a logistic regression for
    classes, that is fitted to the other folds. A cross-validation within these
    chooses the penalty (nested cross-validation [1]_).

    Parameters
    ----------
    features : callable or None
        See :data:`Features`. None predicts the mean or, for classes, their
        frequencies.
    target : Target
        Labels of n volumes, all of them known.
    patients : array, shape (n,)
    seed : int
        Selects the folds, and the patients if `labelled` is given.
    labelled : int, optional
        Fit to the volumes of so many patients only; by default to all outside
        the fold.

    Returns
    -------
    array, shape (n,) or (n, classes)
        Predicted values, or the probability of each class.

    References
    ----------
    .. [1] G. C. Cawley, N. L. C. Talbot: On Over-fitting in Model Selection
           and Subsequent Selection Bias in Performance Evaluation, Journal of
           Machine Learning Research 11, 2010.
    """
    fold = patient_folds(patients, OUTER_FOLDS, seed, target.codes)
    labels = target.values if target.codes is None else target.codes
    shape = (len(labels),) + (
        () if target.classes is None else (len(target.classes),)
    )
    predicted = np.zeros(shape)
    for number in range(fold.max() + 1):
        test = np.flatnonzero(fold == number)
        train = np.flatnonzero(fold != number)
        if labelled is not None:
            train = _some_patients(
                train, patients, labelled, seed, target.codes
            )
        values = None if features is None else features(train)
        model = _fitted(values, labels, patients, train, target, seed)
        x = np.zeros((len(test), 1)) if values is None else values[test]
        if target.classes is None:
            predicted[test] = model.predict(x)
        else:
            predicted[np.ix_(test, model.classes_)] = model.predict_proba(x)
    return predicted


def _some_patients(train, patients, count, seed, codes):
    """The volumes of some patients, drawn at random from all classes."""
    _, first, patient = np.unique(
        patients[train], return_index=True, return_inverse=True
    )
    order = np.random.RandomState(seed).permutation(len(first))
    if codes is not None:
        drawn = codes[train][first][order]
        rank = [np.sum(drawn[:i] == code) for i, code in enumerate(drawn)]
        order = order[np.argsort(rank, kind='stable')]
    return train[np.isin(patient, order[:count])]


def _fitted(values, labels, patients, train, target, seed) -> Any:
    """A model that was fitted to some volumes."""
    y = labels[train]
    if values is None or len(np.unique(y)) < 2:
        kind = DummyRegressor if target.classes is None else DummyClassifier
        return kind().fit(np.zeros((len(train), 1)), y)
    inner = patient_folds(
        patients[train],
        INNER_FOLDS,
        seed + 1,
        None if target.codes is None else y,
    )
    splits = [
        (np.flatnonzero(inner != number), np.flatnonzero(inner == number))
        for number in range(inner.max() + 1)
    ]
    scaler = make_pipeline(StandardScaler(), FunctionTransformer(_clipped))
    x = scaler.fit_transform(values[train])
    model = (
        Ridge(alpha=_best_penalty(x, y, splits))
        if target.classes is None
        else _logistic(y, splits)
    )
    return make_pipeline(scaler, model.fit(x, y))


def _clipped(x):
    # A unit that is the same for all but a few volumes has a tiny standard
    # deviation. Where it differs in a volume that was not fitted to, it would
    # outweigh everything else.
    return np.clip(x, -_MOST_DEVIATIONS, _MOST_DEVIATIONS)


def _best_penalty(x, y, splits):
    """The penalty of a ridge regression with the least error in the splits."""
    # One fit has all penalties, each for a copy of the label.
    copies = np.repeat(y[:, None], len(_RIDGE), axis=1)
    errors = np.zeros(len(_RIDGE))
    for rest, part in splits:
        model = Ridge(alpha=_RIDGE, solver='svd').fit(x[rest], copies[rest])
        errors += np.square(model.predict(x[part]) - copies[part]).sum(0)
    return _RIDGE[errors.argmin()]


def _logistic(y, splits):
    """A logistic regression that chooses its penalty in the splits."""
    # The rest of a split may lack a class.
    splits = [
        (rest, part)
        for rest, part in splits
        if len(np.unique(y[rest])) == len(np.unique(y))
    ]
    options = {'class_weight': 'balanced', 'max_iter': 5000}
    if not splits:
        return LogisticRegression(**options)
    return LogisticRegressionCV(
        Cs=_LOGISTIC, cv=splits, scoring=_balanced_accuracy, **options
    )


def _balanced_accuracy(model, x, y):
    # Of the classes that are there: a small fold may lack some.
    right = model.predict(x) == y
    return np.mean([right[y == code].mean() for code in np.unique(y)])
