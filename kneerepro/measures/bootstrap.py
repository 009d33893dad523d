"""How far a number may be from what many more samples would give."""

from collections import namedtuple

import numpy as np

#: The smallest number of samples of which a bootstrap can say anything. The
#: chance that all of n lie on one side of their median is 2 / 2**n, and 6 is
#: the first n for which it is below 5 %: with fewer, no interval without
#: assumptions on the distribution has a confidence of 95 %.
LEAST = 6


class TooFew(ValueError):
    """There are too few samples for a measure to say anything."""


Estimate = namedtuple('Estimate', 'value low high n')
Estimate.__doc__ = """A number and its interval.

Attributes
----------
value : float
low, high : float or None
    None where there is no interval.
n : tuple of int
    How many samples of each kind; paired ones count once.
"""


def estimate(
    statistic,
    *samples,
    paired=False,
    centred=False,
    repetitions=1000,
    level=0.95,
    seed=0,
):
    """A statistic with its percentile bootstrap interval [1]_.

    What is drawn again, with replacement, are the entries of the first axis
    of each sample. They have to be independent of each other: volumes, where
    the slices of one are alike. Where images of few volumes are drawn, the
    interval is that for these volumes, and narrower than for others.

    Parameters
    ----------
    statistic : callable
        Of as many arrays as there are samples; gives a float.
    samples : array, shape (n, ...)
    paired : bool
        Whether entry i of all samples belongs together.
    centred : bool
        Shift the interval by what the statistic gains on average when drawn
        again. A distance between two sets needs that: an entry that is drawn
        twice takes the place of another, so that drawn sets are farther
        apart than those they are drawn from.
    repetitions : int
    level : float
        Confidence, between 0 and 1.
    seed : int

    Returns
    -------
    Estimate

    Raises
    ------
    TooFew
        If a sample has fewer than :data:`LEAST` entries.
    ValueError
        If paired samples differ in length.

    References
    ----------
    .. [1] B. Efron, R. J. Tibshirani: An Introduction to the Bootstrap,
           1993, chapter 13.
    """
    sizes = tuple(map(len, samples))
    if min(sizes) < LEAST:
        raise TooFew(f'{min(sizes)} samples, at least {LEAST} are needed')
    if paired and len(set(sizes)) > 1:
        raise ValueError(f'paired samples of {sizes}')
    rng = np.random.RandomState(seed)
    value = float(statistic(*samples))
    drawn = np.empty(repetitions)
    for i in range(repetitions):
        if paired:
            chosen = [rng.randint(sizes[0], size=sizes[0])] * len(sizes)
        else:
            chosen = [rng.randint(size, size=size) for size in sizes]
        drawn[i] = statistic(
            *(sample[which] for sample, which in zip(samples, chosen))
        )
    tail = 50 * (1 - level)
    low, high = np.percentile(drawn, [tail, 100 - tail])
    shift = drawn.mean() - value if centred else 0.0
    return Estimate(
        value,
        float(low - shift),
        float(high - shift),
        sizes[:1] if paired else sizes,
    )
