"""How a loss behaves over the iterations.

A curve is an array of shape (n,) with one value per iteration. It is split
into a trend, which is a running median, and the residuals around this trend.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import median_filter
from scipy.stats import theilslopes

from kneerepro.measures.bootstrap import TooFewSamplesError

#: Iterations in the window of the running median. They are enough that single
#: values do not move the median, and few beside the thousands of iterations
#: of a training.
WINDOW = 51

# The standard deviation of a Gaussian is this many times its median absolute
# deviation.
_MAD_TO_STD = 1.4826

# The Theil-Sen estimator compares all pairs of values, so its cost grows with
# the square of their number. A long trend is thinned to this many values.
_MAX_SLOPE_VALUES = 400


def trend(curve: np.ndarray, window: int = WINDOW) -> np.ndarray:
    """The running median of a curve.

    Parameters
    ----------
    curve : array, shape (n,)
    window : int
        Must be odd. The curve is mirrored at both ends.

    Returns
    -------
    array, shape (n,), float64

    Raises
    ------
    TooFewSamplesError
        If the curve is shorter than four windows. The trend of such a curve
        cannot be told apart from the residuals.
    """
    if len(curve) < 4 * window:
        raise TooFewSamplesError(
            f'the curve has only {len(curve)} iterations: '
            f'its trend needs at least {4 * window}'
        )
    return median_filter(np.asarray(curve, 'float64'), window, mode='reflect')


def residuals(curve: np.ndarray, window: int = WINDOW) -> np.ndarray:
    """The curve minus its trend.

    Parameters
    ----------
    curve, window
        See :func:`trend`.

    Returns
    -------
    array, shape (n,), float64
    """
    return curve - trend(curve, window)


def spread(values: np.ndarray) -> float:
    """A standard deviation that outliers hardly affect.

    This is 1.4826 times the median absolute deviation from the median [1]_,
    which equals the standard deviation if the values are Gaussian.

    Parameters
    ----------
    values : array
        Residuals, of any shape.

    Returns
    -------
    float
        Not negative, in units of the residuals.

    References
    ----------
    .. [1] F. R. Hampel: The Influence Curve and its Role in Robust
           Estimation, Journal of the American Statistical Association 69,
           1974.
    """
    return float(_MAD_TO_STD * np.median(np.abs(values - np.median(values))))


def drift(curve: np.ndarray, window: int = WINDOW) -> float:
    """How much a curve rises over its second half.

    The slope is the Theil-Sen estimate [1]_: the median of the slopes between
    all pairs of values of the trend.

    Parameters
    ----------
    curve : array, shape (n,)
    window : int
        See :func:`trend`.

    Returns
    -------
    float
        In units of the curve. 0 for a curve that has settled, negative for
        one that still falls.

    References
    ----------
    .. [1] P. K. Sen: Estimates of the Regression Coefficient Based on
           Kendall's Tau, Journal of the American Statistical Association 63,
           1968.
    """
    half = trend(curve, window)[len(curve) // 2 :]
    count = min(len(half), _MAX_SLOPE_VALUES)
    at = np.linspace(0, len(half) - 1, count).astype(int)
    return float(theilslopes(half[at], at)[0] * (len(half) - 1))


def outliers(
    curve: np.ndarray, window: int = WINDOW, beyond: float = 5
) -> np.ndarray:
    """Find outliers with Hampel's identifier [1]_.

    A value is an outlier if it is more than `beyond` spreads away from the
    median of the window around it. The spread is that of the same window.

    Parameters
    ----------
    curve : array, shape (n,)
    window : int
        See :func:`trend`.
    beyond : float
        With the default window, 5 marks one in 17,000 Gaussian residuals. It
        would be one in 1.7 million if the spread were known exactly, but a
        window of 51 values determines it only to an eighth.

    Returns
    -------
    array of bool, shape (n,)

    References
    ----------
    .. [1] L. Davies, U. Gather: The Identification of Multiple Outliers,
           Journal of the American Statistical Association 88, 1993.
    """
    distance = np.abs(residuals(curve, window))
    local = _MAD_TO_STD * median_filter(distance, window, mode='reflect')
    return distance > beyond * local


def oscillation(
    curve: np.ndarray, window: int = WINDOW
) -> tuple[float, float]:
    """The strongest oscillation of a curve about its trend.

    The measure is the fraction of the residuals' energy at the strongest
    frequency, the statistic of Fisher's test for periodicity [1]_.

    Parameters
    ----------
    curve : array, shape (n,)
    window : int
        See :func:`trend`. The trend follows oscillations slower than this
        window, so only faster ones remain in the residuals.

    Returns
    -------
    fraction : float
        About ``2 ln(n / 2) / n`` for white noise, 1 for a pure sine wave.
    period : float
        Of the strongest frequency, in iterations.

    References
    ----------
    .. [1] R. A. Fisher: Tests of Significance in Harmonic Analysis,
           Proceedings of the Royal Society A 125, 1929.
    """
    energy = np.square(np.abs(np.fft.rfft(residuals(curve, window))))[1:]
    strongest = int(energy.argmax())
    period = len(curve) / (strongest + 1)
    if not energy.any():
        return 0.0, period
    return float(energy[strongest] / energy.sum()), period


def settling_time(
    curve: np.ndarray, window: int = WINDOW, within: float = 0.1
) -> int:
    """Iterations until the trend stays close to its final value.

    This is the settling time of control engineering (K. Ogata: Modern Control
    Engineering, 1970).

    Parameters
    ----------
    curve : array, shape (n,)
    window : int
        See :func:`trend`.
    within : float
        How close the trend has to stay, as a fraction of its range.

    Returns
    -------
    int
        From 0 to n - 1. It is large for a curve that settles late, and for
        one that never settles.
    """
    values = trend(curve, window)
    final = np.median(values[-window:])
    away = np.flatnonzero(np.abs(values - final) > within * np.ptp(values))
    return int(away[-1]) + 1 if len(away) else 0


def iterations_to_reach(
    curve: np.ndarray, level: float, window: int = WINDOW
) -> int | None:
    """Iterations until the trend first falls to a level or below it.

    Parameters
    ----------
    curve : array, shape (n,)
    level : float
    window : int
        See :func:`trend`.

    Returns
    -------
    int or None
        None if the trend never falls that low.
    """
    below = np.flatnonzero(trend(curve, window) <= level)
    return int(below[0]) if len(below) else None


def divergence_epoch(train: np.ndarray, test: np.ndarray) -> int | None:
    """The epoch from which the test loss stays above the training losses.

    Parameters
    ----------
    train : array, shape (epochs, iterations)
        The training losses of the minibatches of each epoch.
    test : array, shape (epochs,)
        The test loss at the end of each epoch.

    Returns
    -------
    int or None
        The first epoch, counted from 1, such that in this and all later
        epochs the test loss is above the training loss of every minibatch.
        None if there is no such epoch.
    """
    together = np.flatnonzero(test <= np.max(train, axis=1))
    first = int(together[-1]) + 2 if len(together) else 1
    return first if first <= len(test) else None


def blocks(values: np.ndarray, length: int) -> np.ndarray:
    """Cut a curve into consecutive blocks for a block bootstrap.

    Neighbouring values of a curve depend on each other, so the bootstrap has
    to resample blocks instead of single values (H. R. Künsch: The Jackknife
    and the Bootstrap for General Stationary Observations, Annals of
    Statistics 17, 1989).

    Parameters
    ----------
    values : array, shape (n,)
    length : int

    Returns
    -------
    array, shape (n // length, length)
        The first ``n % length`` values are left out.
    """
    count = len(values) // length
    return values[len(values) - count * length :].reshape(count, length)
