"""A number that a claim is judged by."""

from collections import namedtuple

import numpy as np

from kneerepro.measures.bootstrap import Estimate

HOLDS, FAILS, OPEN = 'holds', 'does not hold', 'cannot be judged'

Measurement = namedtuple(
    'Measurement',
    'name estimate samples side threshold reason',
    defaults=(None, None, None),
)
Measurement.__doc__ = """A number of a claim.

Attributes
----------
name : str
estimate : Estimate
samples : str
    What was counted, and drawn again for the interval.
side : {'above', 'below'} or None
    Of the threshold, where the claim has it. None for a number that is
    beside the point, but worth knowing.
threshold : float or None
reason : str or None
    For the threshold.
"""


def verdict(measurement):
    """Whether a measurement is on its side of the threshold, with all of its
    interval: if the threshold is in there, it cannot be judged.
    """
    value, low, high, _ = measurement.estimate
    if low is None:
        low = high = value
    if not np.isfinite([low, high]).all():
        return OPEN
    above, below = (low > measurement.threshold, high < measurement.threshold)
    if low == high == measurement.threshold:
        return FAILS
    if not above and not below:
        return OPEN
    return HOLDS if above == (measurement.side == 'above') else FAILS


def interval_text(estimate):
    """A number as text, with its interval if it has one."""
    text = f'{estimate.value:.4g}'
    if estimate.low is not None:
        text += f' [{estimate.low:.4g}, {estimate.high:.4g}]'
    return text


def count_text(measurement):
    """How many samples, and of what."""
    return (
        'n = '
        + ' and '.join(f'{n:,}' for n in measurement.estimate.n)
        + f' ({measurement.samples})'
    )


def ratio(a, b):
    return a.sum() / b.sum()


def mean_ratio(a, b):
    return a.mean() / b.mean()


def median_ratio(a, b):
    return np.median(a) / np.median(b)


def mean_difference(a, b):
    return a.mean() - b.mean()


def single(value, *n):
    """A number that is what it is once, without an interval."""
    return Estimate(float(value), None, None, n)
