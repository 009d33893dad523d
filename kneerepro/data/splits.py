"""Divide examples into training and test sets, and into minibatches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kneerepro.data.views import View
from kneerepro.utils.errors import UserError
from kneerepro.utils.scripts import typed

# The thesis's numbers of test examples and of all examples, by the number of
# dimensions of the dataset: "[...] 27,800 images for training and 1000 images
# for testing" of 28,800, "160 3D images [...] alongside a test set of the
# remaining 20" (section 2.4).
_THESIS = {4: (1000, 28800), 5: (20, 180)}


@dataclass(frozen=True)
class Split:
    """Which examples are for training and which for testing.

    Attributes
    ----------
    train, test : array of int
        Indices of examples.
    shared : list of str
        Persons on both sides. With them, the test set is no test.
    uncertain : int
        Number of persons whose identity does not rest on a PatientID.
    """

    train: np.ndarray
    test: np.ndarray
    shared: list[str]
    uncertain: int

    def warning(self) -> str | None:
        """Warn the user of a split that is worth less than it seems.

        Returns
        -------
        str or None
            One line; None if there is nothing to warn of.
        """
        parts = []
        if self.shared:
            persons = (
                'one person has'
                if len(self.shared) == 1
                else f'{len(self.shared)} persons have'
            )
            parts.append(
                f'{persons} images in the training and in the test '
                'set, so the test loss says little'
            )
        if self.uncertain:
            parts.append(
                f'{self.uncertain} persons are told apart without '
                'PatientID: two visits of one person count as two persons'
            )
        return '; '.join(parts) or None


def last_split(view: View, test: int | None = None) -> Split:
    """Take the last examples for testing, as the thesis does (E10).

    Parameters
    ----------
    view : View
    test : int, optional
        Number of test examples; by default the thesis's share (20 of 180
        volumes or 1000 of 28,800 images), but at least one.

    Returns
    -------
    Split

    Raises
    ------
    UserError
        If either side would be empty.
    """
    test = _test_size(view, test)
    order = np.arange(len(view))
    return _split(view, order[:-test], order[-test:])


def patient_split(view: View, test: int | None = None, seed: int = 0) -> Split:
    """Split with no person on both sides (E10's other reading).

    Parameters
    ----------
    view : View
    test : int, optional
        The least number of test examples, by default as in
        :func:`last_split`. All examples of a person go to one side.
    seed : int
        Decides which persons are for testing.

    Returns
    -------
    Split

    Raises
    ------
    UserError
        If no person would be left for training.
    """
    test = _test_size(view, test)
    # Persons are numbered in the order of their first example, because their
    # names depend on the key.
    numbers: dict[str, int] = {}
    person = np.array(
        [numbers.setdefault(name, len(numbers)) for name in view.patient]
    )
    chosen, count = np.zeros(len(numbers), np.bool_), 0
    for number in np.random.RandomState(seed).permutation(len(numbers)):
        if count >= test:
            break
        chosen[number] = True
        count += (person == number).sum()
    if chosen.all():
        raise UserError(
            f'the {len(numbers)} persons in the dataset cannot be split into '
            f'training and at least {test} test examples: test on fewer, or '
            'use data of more persons'
        )
    on_test = chosen[person]
    return _split(view, np.flatnonzero(~on_test), np.flatnonzero(on_test))


#: The functions that split, by the value of the parameter `split`.
SPLITS = {'last': last_split, 'patient': patient_split}


def _test_size(view, test):
    if test is None:
        thesis_test, thesis_total = _THESIS[view.ndim]
        test = max(1, round(len(view) * thesis_test / thesis_total))
    if not 0 < test < len(view):
        raise UserError(
            f'{len(view)} examples cannot be split into training and {test} '
            'test examples: at least one of each is required'
        )
    return test


def _split(view, train, test):
    patient = view.patient
    shared = sorted(set(patient[train]) & set(patient[test]))
    uncertain = len(set(patient[~view.certain]))
    return Split(train, test, shared, uncertain)


def per_epoch(examples: View | np.ndarray, batch_size: int) -> int:
    """The number of minibatches in an epoch (E9).

    Parameters
    ----------
    examples : View or array, shape (n, ...)
    batch_size : int

    Returns
    -------
    int
        ``floor(n / batch_size)``.

    Raises
    ------
    UserError
        If there is none.
    """
    count = len(examples) // batch_size
    if count < 1:
        raise UserError(
            f'{len(examples)} training examples are too few for '
            f'minibatches of {batch_size}: choose a smaller batch size'
        )
    return count


def minibatches(
    examples: View | np.ndarray,
    batch_size: int,
    seed: int = 0,
    epoch: int = 1,
    shuffle: bool = True,
    first: int = 0,
) -> Iterator[np.ndarray]:
    """Divide the examples of one epoch into minibatches.

    Parameters
    ----------
    examples : View or array, shape (n, ...)
    batch_size : int
    seed, epoch : int
        The order depends on these alone, so that any epoch can be repeated.
    shuffle : bool
        Whether each epoch has a new order (E20).
    first : int
        The first minibatch to yield, counted from 0; those before it are
        skipped.

    Yields
    ------
    array, shape (batch_size, ...), float32
        ``floor(n / batch_size)`` in a whole epoch (E9). With `shuffle`, the
        examples left over differ from epoch to epoch.

    Raises
    ------
    UserError
        If there are fewer examples than `batch_size`.
    """
    count = per_epoch(examples, batch_size)
    order = np.arange(len(examples))
    if shuffle:
        np.random.RandomState([seed, epoch]).shuffle(order)
    for i in range(first, count):
        yield examples[order[i * batch_size : (i + 1) * batch_size]]


def check_range(examples: View | np.ndarray) -> None:
    """Make sure that all values are in [0, 1].

    Parameters
    ----------
    examples : View or array

    Raises
    ------
    UserError
        If one is not, or is not a number.
    """
    for i in range(len(examples)):
        low, high = examples[i].min(), examples[i].max()
        if not (low >= 0 and high <= 1):  # nor NaN
            raise UserError(
                f'the images hold values from {low:g} to {high:g}, but '
                'values in [0, 1] are required: make the dataset with '
                f'{typed("prepare")}'
            )
