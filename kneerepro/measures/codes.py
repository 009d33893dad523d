"""How much the codes of an autoencoder vary, and how much images vary."""

from __future__ import annotations

import numpy as np


def code_spread(codes: np.ndarray) -> float:
    """How much a code varies over the examples.

    This is the standard deviation of each unit over the examples, averaged
    over the units.

    Parameters
    ----------
    codes : array, shape (n, nz)

    Returns
    -------
    float
        0 if all examples have the same code. At most 0.5 for sigmoid units,
        which is reached if each unit is 0 for one half of the examples and 1
        for the other half.
    """
    spread = CodeSpread()
    spread.add(codes)
    return spread.value()


class CodeSpread:
    """:func:`code_spread` of codes that come a few at a time.

    Attributes
    ----------
    count : int
        Number of codes so far.

    Notes
    -----
    The sums of squares of two groups about their means add up to that about
    the common mean, with n m / (n + m) times the squared difference of the
    means [1]_. Unlike sums of squares about 0, they do not cancel if the
    codes are far from 0.

    References
    ----------
    .. [1] T. Chan, G. Golub, R. LeVeque (1983): Algorithms for computing the
           sample variance. The American Statistician 37(3).
    """

    def __init__(self):
        self.count = 0
        self._mean = self._squares = np.zeros(1)

    def add(self, codes: np.ndarray) -> None:
        """Add codes, of shape (n, nz)."""
        codes = np.asarray(codes, 'float64')
        if not len(codes):
            return
        mean = codes.mean(axis=0)
        total = self.count + len(codes)
        self._squares = (
            self._squares
            + np.square(codes - mean).sum(axis=0)
            + (mean - self._mean) ** 2 * self.count * len(codes) / total
        )
        self._mean = self._mean + (mean - self._mean) * len(codes) / total
        self.count = total

    def value(self) -> float:
        """The spread so far; 0 for a single code."""
        return float(np.sqrt(self._squares / self.count).mean())


def image_spread(images: np.ndarray) -> float:
    """The root mean square difference of images from their mean image.

    Parameters
    ----------
    images : array, shape (n, ...)

    Returns
    -------
    float
        In units of the intensities.
    """
    return float(np.sqrt(np.var(images, axis=0, dtype='float64').mean()))


def principal_plane(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Project codes onto their first two principal components.

    Parameters
    ----------
    codes : array, shape (n, nz)

    Returns
    -------
    coordinates : array, shape (n, 2), float64
        The mean code is the origin. The second column is 0 if all codes lie
        on one line.
    explained : array, shape (2,), float64
        The fraction of the codes' variance along each component.

    Notes
    -----
    The sign of a component is arbitrary. Here the coordinate with the largest
    magnitude is made positive, so the same codes always give the same plot.
    """
    centred = np.asarray(codes, 'float64') - np.mean(codes, 0, 'float64')
    left, scale, _ = np.linalg.svd(centred, full_matrices=False)
    coordinates = np.zeros((len(centred), 2))
    explained = np.zeros(2)
    count = min(2, len(scale))
    coordinates[:, :count] = left[:, :count] * scale[:count]
    total = np.square(scale).sum()
    if total > 0:
        explained[:count] = np.square(scale[:count]) / total
    largest = np.abs(coordinates).argmax(0)
    signs = np.sign(coordinates[largest, [0, 1]])
    return coordinates * np.where(signs, signs, 1), explained
