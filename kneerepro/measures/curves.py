"""How losses go over the iterations.

A curve is an array of shape (n,), a value for each iteration. It is taken
apart into its trend, a running median, and the residuals about it.
"""

import numpy as np
from scipy.ndimage import median_filter
from scipy.stats import theilslopes

from kneerepro.measures.bootstrap import TooFew

#: Iterations of the running median: enough for a median that single values
#: do not move, few beside a training's thousands.
WINDOW = 51

# The median absolute deviation of a Gaussian is its standard deviation over
# this.
_MAD = 1.4826


def trend(curve, window=WINDOW):
    """Running median.

    Parameters
    ----------
    curve : array, shape (n,)
    window : int
        Odd. At the ends, the curve is mirrored.

    Returns
    -------
    array, shape (n,), float64

    Raises
    ------
    TooFew
        If the curve is shorter than four windows: its trend and what is about
        it cannot be told apart.
    """
    if len(curve) < 4 * window:
        raise TooFew(
            f'{len(curve)} iterations, at least {4 * window} are needed'
        )
    return median_filter(np.asarray(curve, 'float64'), window, mode='reflect')


def residuals(curve, window=WINDOW):
    """What is about the trend, shape (n,)."""
    return curve - trend(curve, window)


def spread(values):
    """Standard deviation of the bulk: 1.4826 times the median absolute
    deviation from the median [1]_, which outliers hardly move.

    Parameters
    ----------
    values : array
        Residuals, of any shape.

    Returns
    -------
    float
        At least 0, in their unit.

    References
    ----------
    .. [1] F. R. Hampel: The Influence Curve and its Role in Robust
           Estimation, Journal of the American Statistical Association 69,
           1974.
    """
    return float(_MAD * np.median(np.abs(values - np.median(values))))


def drift(curve, window=WINDOW):
    """What a curve gains over its second half, by the median of the slopes
    between all pairs of the trend's values [1]_.

    Parameters
    ----------
    curve : array, shape (n,)
    window : int

    Returns
    -------
    float
        In the curve's unit; 0 for one that has settled.

    References
    ----------
    .. [1] P. K. Sen: Estimates of the Regression Coefficient Based on
           Kendall's Tau, Journal of the American Statistical Association 63,
           1968.
    """
    half = trend(curve, window)[len(curve) // 2 :]
    # Pairs grow with the square: of a long curve, 400 values.
    at = np.linspace(0, len(half) - 1, min(len(half), 400)).astype(int)
    return float(theilslopes(half[at], at)[0] * (len(half) - 1))


def outliers(curve, window=WINDOW, beyond=5):
    """Which values are outliers, by Hampel's identifier [1]_: farther from
    the median of the window around them than `beyond` of its spreads.

    Parameters
    ----------
    curve : array, shape (n,)
    window : int
    beyond : float
        Of Gaussian residuals, 5 finds one in 17,000 with the default window:
        it knows its spread to an eighth only, otherwise it would be one in
        1.7 million.

    Returns
    -------
    array of bool, shape (n,)

    References
    ----------
    .. [1] L. Davies, U. Gather: The Identification of Multiple Outliers,
           Journal of the American Statistical Association 88, 1993.
    """
    distance = np.abs(residuals(curve, window))
    local = _MAD * median_filter(distance, window, mode='reflect')
    return distance > beyond * local


def oscillation(curve, window=WINDOW):
    """The strongest single frequency's share of the residuals' energy, which
    Fisher tested for periodicity [1]_.

    Parameters
    ----------
    curve : array, shape (n,)
    window : int
        A running median lets slower changes than this pass.

    Returns
    -------
    share : float
        From about ``2 ln(n / 2) / n``, white noise, to 1, a pure wave.
    period : float
        Of that frequency, in iterations.

    References
    ----------
    .. [1] R. A. Fisher: Tests of Significance in Harmonic Analysis,
           Proceedings of the Royal Society A 125, 1929.
    """
    energy = np.square(np.abs(np.fft.rfft(residuals(curve, window))))[1:]
    strongest = int(energy.argmax())
    return (
        float(energy[strongest] / energy.sum()) if energy.any() else 0.0,
        len(curve) / (strongest + 1),
    )


def settling(curve, window=WINDOW, within=0.1):
    """Iterations until the trend stays close to where it ends: the settling
    time of control engineering (K. Ogata: Modern Control Engineering,
    1970).

    Parameters
    ----------
    curve : array, shape (n,)
    window : int
    within : float
        Share of the way between the trend's least and greatest value.

    Returns
    -------
    int
        From 0 to n - 1; the later, the longer the curve was on its way or the
        less it ever settled.
    """
    values = trend(curve, window)
    end = np.median(values[-window:])
    away = np.flatnonzero(np.abs(values - end) > within * np.ptp(values))
    return int(away[-1]) + 1 if len(away) else 0


def reaching(curve, level, window=WINDOW):
    """Iterations until the trend first is at or below a level.

    Parameters
    ----------
    curve : array, shape (n,)
    level : float
    window : int

    Returns
    -------
    int or None
        None if it never is.
    """
    below = np.flatnonzero(trend(curve, window) <= level)
    return int(below[0]) if len(below) else None


def parting(train, test):
    """The epoch from which on a test loss is above all that explains it.

    Parameters
    ----------
    train : array, shape (epochs, iterations)
        The training losses of the minibatches of each epoch.
    test : array, shape (epochs,)
        At the end of each epoch.

    Returns
    -------
    int or None
        The first epoch, from 1, of those up to the last in which the test
        loss is above the training loss of every minibatch; None if there are
        none.
    """
    together = np.flatnonzero(test <= np.max(train, axis=1))
    first = int(together[-1]) + 2 if len(together) else 1
    return first if first <= len(test) else None


def blocks(values, length):
    """Consecutive stretches of a curve, what is drawn again where neighbours
    depend on each other (H. R. Künsch: The Jackknife and the Bootstrap for
    General Stationary Observations, Annals of Statistics 17, 1989).

    Parameters
    ----------
    values : array, shape (n,)
    length : int

    Returns
    -------
    array, shape (n // length, length)
        The first n % length values are left out.
    """
    count = len(values) // length
    return values[len(values) - count * length :].reshape(count, length)
