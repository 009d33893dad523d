"""The numbers by which a claim is judged, and how they are printed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kneerepro.measures.bootstrap import Estimate

#: The verdicts on a measurement, and on a claim.
HOLDS, FAILS, OPEN = 'holds', 'does not hold', 'cannot be judged'


@dataclass(frozen=True)
class Measurement:
    """A number that was measured for a claim.

    Attributes
    ----------
    name : str
        What was measured.
    estimate : kneerepro.measures.bootstrap.Estimate
    samples : str
        What the samples are, which the bootstrap resamples.
    side : {'above', 'below'} or None
        The side of the threshold on which the claim expects the number. None
        for a number that does not decide about the claim, but helps to
        understand it.
    threshold : float or None
    reason : str or None
        Why this is the threshold.
    """

    name: str
    estimate: Estimate
    samples: str
    side: str | None = None
    threshold: float | None = None
    reason: str | None = None


def verdict(measurement: Measurement) -> str:
    """Whether the whole interval lies on the claimed side of the threshold.

    Parameters
    ----------
    measurement : Measurement
        One that has a threshold.

    Returns
    -------
    {'holds', 'does not hold', 'cannot be judged'}
        It cannot be judged if the threshold lies inside the interval, or if
        the interval is not finite.

    Raises
    ------
    ValueError
        If the measurement has no threshold.
    """
    threshold = measurement.threshold
    if threshold is None:
        raise ValueError(
            f'{measurement.name!r} has no threshold: '
            'only measurements with a side can be judged'
        )
    low, high = measurement.estimate.low, measurement.estimate.high
    if low is None or high is None:
        low = high = measurement.estimate.value
    if not np.isfinite([low, high]).all():
        return OPEN
    if low == high == threshold:
        return FAILS
    if low > threshold:
        return HOLDS if measurement.side == 'above' else FAILS
    if high < threshold:
        return HOLDS if measurement.side == 'below' else FAILS
    return OPEN


def interval_text(estimate: Estimate) -> str:
    """The number with its interval, such as ``'0.23 [0.2, 0.25]'``."""
    text = f'{estimate.value:.4g}'
    if estimate.low is not None:
        text += f' [{estimate.low:.4g}, {estimate.high:.4g}]'
    return text


def count_text(measurement: Measurement) -> str:
    """The numbers of samples, such as ``'n = 107 (test images)'``."""
    counts = ' and '.join(f'{n:,}' for n in measurement.estimate.n)
    return f'n = {counts} ({measurement.samples})'


def ratio(a: np.ndarray, b: np.ndarray) -> float:
    """The sum of `a`, divided by that of `b`."""
    return a.sum() / b.sum()


def mean_ratio(a: np.ndarray, b: np.ndarray) -> float:
    """The mean of `a`, divided by that of `b`."""
    return a.mean() / b.mean()


def median_ratio(a: np.ndarray, b: np.ndarray) -> float:
    """The median of `a`, divided by that of `b`."""
    return np.median(a) / np.median(b)


def mean_difference(a: np.ndarray, b: np.ndarray) -> float:
    """The mean of `a`, minus that of `b`."""
    return a.mean() - b.mean()


def single(value: float, *n: int) -> Estimate:
    """A number that was measured only once and has no interval."""
    return Estimate(value=float(value), low=None, high=None, n=n)
