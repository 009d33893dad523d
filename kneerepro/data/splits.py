"""Training and test sets, and minibatches."""

from collections import namedtuple

import numpy as np

from kneerepro.utils.errors import UserError

# "[...] 27,800 images for training and 1000 images for testing" of 28,800,
# "160 3D images [...] alongside a test set of the remaining 20" (section 2.4).
_THESIS = {4: (1000, 28800), 5: (20, 180)}


class Split(namedtuple('Split', 'train test shared uncertain')):
    """Which examples train and which test.

    Attributes
    ----------
    train, test : array of int
        Numbers of examples.
    shared : list of str
        Persons on both sides, who make the test set no test.
    uncertain : int
        Persons whose identity does not rest on a PatientID.
    """

    def warning(self):
        """One line for the user where the split is less than it seems, else
        None.
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
                'PatientID: two visits of one count as two persons'
            )
        return '; '.join(parts) or None


def last_split(view, test=None):
    """The thesis's split: the first examples train, the last test (E10).

    Parameters
    ----------
    view : View
    test : int, optional
        Number of test examples; by default the thesis's share, 20 of 180
        volumes or 1000 of 28,800 images, and at least one.

    Returns
    -------
    Split

    Raises
    ------
    UserError
        If that leaves either side empty.
    """
    test = _test_size(view, test)
    order = np.arange(len(view))
    return _split(view, order[:-test], order[-test:])


def patient_split(view, test=None, seed=0):
    """A split with no person on both sides (E10's other reading).

    Parameters
    ----------
    view : View
    test : int, optional
        Least number of test examples, by default as in :func:`last_split`.
        All examples of a person go to one side.
    seed : int
        Of the choice of persons.

    Returns
    -------
    Split

    Raises
    ------
    UserError
        If there are fewer than two persons, or too few to leave some for
        training.
    """
    test = _test_size(view, test)
    # Numbered by first appearance: by another key, names are others.
    numbers = {}
    person = np.array(
        [numbers.setdefault(name, len(numbers)) for name in view.patient]
    )
    chosen, count = np.zeros(len(numbers), bool), 0
    for one in np.random.RandomState(seed).permutation(len(numbers)):
        if count >= test:
            break
        chosen[one] = True
        count += (person == one).sum()
    if chosen.all():
        raise UserError(
            f'{len(numbers)} persons cannot be split into '
            f'training and at least {test} test images'
        )
    on_test = chosen[person]
    return _split(view, np.flatnonzero(~on_test), np.flatnonzero(on_test))


#: What divides, by the name of the parameter's value.
SPLITS = {'last': last_split, 'patient': patient_split}


def _test_size(view, test):
    if test is None:
        share, of = _THESIS[view.ndim]
        test = max(1, round(len(view) * share / of))
    if not 0 < test < len(view):
        raise UserError(
            f'{len(view)} examples cannot be split into training and {test} '
            'test examples: at least one of each is needed'
        )
    return test


def _split(view, train, test):
    patient = view.patient
    shared = sorted(set(patient[train]) & set(patient[test]))
    uncertain = len(set(patient[~view.certain]))
    return Split(train, test, shared, uncertain)


def per_epoch(examples, batch_size):
    """How many minibatches there are in an epoch (E9), ``floor(n /
    batch_size)``.

    Raises
    ------
    UserError
        If there is none.
    """
    count = len(examples) // batch_size
    if count < 1:
        raise UserError(
            f'{len(examples)} training examples are too few for '
            f'minibatches of {batch_size}'
        )
    return count


def minibatches(examples, batch_size, seed=0, epoch=1, shuffle=True, first=0):
    """The minibatches of one epoch.

    Parameters
    ----------
    examples : View or array, shape (n, ...)
    batch_size : int
    seed, epoch : int
        The order depends on these alone, so that any epoch can be run again.
    shuffle : bool
        Whether the order is a new one each epoch (E20).
    first : int
        How many minibatches of the epoch to leave out.

    Yields
    ------
    array, shape (batch_size, ...), float32
        ``floor(n / batch_size)`` of them (E9); the examples left over are
        others each epoch.

    Raises
    ------
    UserError
        If `examples` holds no whole minibatch.
    """
    count = per_epoch(examples, batch_size)
    order = np.arange(len(examples))
    if shuffle:
        np.random.RandomState([seed, epoch]).shuffle(order)
    for i in range(first, count):
        yield examples[order[i * batch_size : (i + 1) * batch_size]]


def check_range(examples):
    """Make sure that values are in [0, 1].

    Parameters
    ----------
    examples : View or array

    Raises
    ------
    UserError
    """
    for i in range(len(examples)):
        low, high = examples[i].min(), examples[i].max()
        if not (low >= 0 and high <= 1):  # nor NaN
            raise UserError(
                f'the images hold values from {low:g} to '
                f'{high:g}, needed are values in [0, 1]'
            )
