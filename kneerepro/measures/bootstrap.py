"""Bootstrap confidence intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

#: The smallest sample for which a bootstrap interval means anything. All n
#: values lie on one side of their median with probability ``2 / 2**n``, and 6
#: is the first n that brings this below 5 %. With fewer values, no interval
#: that makes no assumption about the distribution reaches 95 % confidence.
MIN_SAMPLES = 6


class TooFewSamplesError(ValueError):
    """There are too few samples to measure anything."""


@dataclass(frozen=True)
class Estimate:
    """A number and its confidence interval.

    Attributes
    ----------
    value : float
    low, high : float or None
        Ends of the interval. None if there is no interval.
    n : tuple of int
        The size of each sample. Paired samples are counted once.
    """

    value: float
    low: float | None
    high: float | None
    n: tuple[int, ...]


def estimate(
    statistic: Callable[..., float],
    *samples: np.ndarray,
    paired: bool = False,
    centred: bool = False,
    repetitions: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """A statistic with its percentile bootstrap interval [1]_.

    The bootstrap resamples the entries along the first axis of each sample,
    with replacement. These entries must be independent of each other. Slices
    of one volume are not, so volumes should be resampled instead. If the
    images come from only a few volumes, the interval holds for these volumes
    and is narrower than it would be for new ones.

    Parameters
    ----------
    statistic : callable
        Takes as many arrays as there are samples and returns a float.
    samples : array, shape (n, ...)
    paired : bool
        Whether the i-th entries of all samples belong together.
    centred : bool
        Whether to shift the interval by the bootstrap estimate of the bias.
        A distance between two sets needs this. An entry that is drawn twice
        displaces another one, so the resampled sets are farther apart than
        the original sets.
    repetitions : int
        The number of times that the samples are drawn again.
    level : float
        The confidence level, between 0 and 1.
    seed : int

    Returns
    -------
    Estimate

    Raises
    ------
    TooFewSamplesError
        If a sample has fewer than :data:`MIN_SAMPLES` entries.
    ValueError
        If paired samples differ in length.

    References
    ----------
    .. [1] B. Efron, R. J. Tibshirani: An Introduction to the Bootstrap,
           1993, chapter 13.
    """
    sizes = tuple(map(len, samples))
    if min(sizes) < MIN_SAMPLES:
        raise TooFewSamplesError(
            f'there are only {min(sizes)} samples: '
            f'a bootstrap interval needs at least {MIN_SAMPLES}'
        )
    if paired and len(set(sizes)) > 1:
        raise ValueError(
            f'the paired samples have different sizes, {sizes}: '
            'pass one entry of each sample per pair'
        )
    rng = np.random.RandomState(seed)
    value = float(statistic(*samples))
    resampled = np.empty(repetitions)
    for i in range(repetitions):
        if paired:
            chosen = [rng.randint(sizes[0], size=sizes[0])] * len(sizes)
        else:
            chosen = [rng.randint(size, size=size) for size in sizes]
        resampled[i] = statistic(
            *(sample[index] for sample, index in zip(samples, chosen))
        )
    tail = 50 * (1 - level)  # per cent on either side
    low, high = np.percentile(resampled, [tail, 100 - tail])
    bias = resampled.mean() - value if centred else 0.0
    return Estimate(
        value=value,
        low=float(low - bias),
        high=float(high - bias),
        n=sizes[:1] if paired else sizes,
    )
