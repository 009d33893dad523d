"""What the codes of an autoencoder, and sets of images, tell apart."""

import numpy as np


def code_spread(codes):
    """How much a code varies: the standard deviation of each unit over the
    examples, averaged over the units.

    Parameters
    ----------
    codes : array, shape (n, nz)

    Returns
    -------
    float
        From 0, all examples have the same code, to 0.5 for sigmoid units
        that are 0 for one half of the examples and 1 for the other.
    """
    return float(np.std(codes, axis=0, dtype='float64').mean())


def image_spread(images):
    """How much images vary: the root mean square difference from their mean.

    Parameters
    ----------
    images : array, shape (n, ...)

    Returns
    -------
    float
        In units of the intensities.
    """
    return float(np.sqrt(np.var(images, axis=0, dtype='float64').mean()))


def principal_plane(codes):
    """Codes on their first two principal components.

    Parameters
    ----------
    codes : array, shape (n, nz)

    Returns
    -------
    coordinates : array, shape (n, 2), float64
        With the mean code at the origin. The second column is 0 where the
        codes have one dimension only.
    explained : array, shape (2,), float64
        Share of the codes' variance along each component.

    Notes
    -----
    The sign of a component is arbitrary; here the coordinate of largest
    magnitude is positive, so that the same codes always give the same plot.
    """
    about = np.asarray(codes, 'float64') - np.mean(codes, 0, 'float64')
    left, scale, _ = np.linalg.svd(about, full_matrices=False)
    coordinates = np.zeros((len(about), 2))
    explained = np.zeros(2)
    count = min(2, len(scale))
    coordinates[:, :count] = left[:, :count] * scale[:count]
    total = np.square(scale).sum()
    if total > 0:
        explained[:count] = np.square(scale[:count]) / total
    largest = np.abs(coordinates).argmax(0)
    signs = np.sign(coordinates[largest, [0, 1]])
    return coordinates * np.where(signs, signs, 1), explained
