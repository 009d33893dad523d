"""How good, and how varied, generated images are.

Sets of images are compared by features, arrays of shape (n, d), or by the
images themselves, shape (n, rows, columns) with values in [0, 1]. All of it
depends on n: numbers are to be compared only at the same n.
"""

import numpy as np
from scipy.linalg import eigh
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import cdist

# Of the five scales of the paper, an image of 64 x 64 has three on which the
# window of 11 x 11 fits: 64, 32 and 16.
_SCALES = 0.0448, 0.2856, 0.3001
_BORDER = 5


def frechet_distance(a, b):
    """Squared Fréchet distance of the Gaussians with the means and the
    covariances of two sets [1]_.

    With few samples it is too large: by the order of 1 / n, and more for more
    dimensions, so that a set of n <= d samples tells nothing [2]_.

    Parameters
    ----------
    a, b : array, shape (n, d) and (m, d)
        Features.

    Returns
    -------
    float
        At least 0, in squared units of the features.

    References
    ----------
    .. [1] M. Heusel, H. Ramsauer, T. Unterthiner, B. Nessler, S. Hochreiter:
           GANs Trained by a Two Time-Scale Update Rule Converge to a Local
           Nash Equilibrium, NIPS 2017.
    .. [2] M. J. Chong, D. Forsyth: Effectively Unbiased FID and Inception
           Score and where to find them, CVPR 2020.
    """
    a, b = np.asarray(a, 'float64'), np.asarray(b, 'float64')
    return frechet_distance_of_gaussians(
        a.mean(0),
        np.cov(a, rowvar=False, bias=True),
        b.mean(0),
        np.cov(b, rowvar=False, bias=True),
    )


def frechet_distance_of_gaussians(mean_a, cov_a, mean_b, cov_b):
    """Squared Fréchet distance of two Gaussians (Dowson and Landau: The
    Fréchet distance between multivariate normal distributions, 1982).

    Parameters
    ----------
    mean_a, mean_b : array, shape (d,)
    cov_a, cov_b : array, shape (d, d)
        Of any rank.

    Returns
    -------
    float
    """
    values, vectors = eigh(np.atleast_2d(cov_a))
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    # The eigenvalues of the product of both, which is not symmetric, are
    # those of this, which is: no complex roots where one is singular.
    product = eigh(root @ np.atleast_2d(cov_b) @ root, eigvals_only=True)
    distance = (
        np.square(mean_a - mean_b).sum()
        + np.trace(np.atleast_2d(cov_a))
        + np.trace(np.atleast_2d(cov_b))
        - 2 * np.sqrt(product.clip(0)).sum()
    )
    return max(0.0, float(distance))


def sliced_wasserstein_distance(a, b, directions=128, seed=0):
    """Root mean square, over random directions, of the 2-Wasserstein distance
    of two sets' projections [1]_; Karras et al. introduced it for GANs [2]_,
    on patches of images where this takes features.

    Sets that differ by a translation t have ``|t| / sqrt(d)``, but for the
    choice of directions.

    Parameters
    ----------
    a, b : array, shape (n, d)
        Features.
    directions : int
    seed : int
        Of the directions.

    Returns
    -------
    float
        At least 0, in units of the features.

    Raises
    ------
    ValueError
        If there are not as many of both.

    References
    ----------
    .. [1] J. Rabin, G. Peyré, J. Delon, M. Bernot: Wasserstein Barycenter
           and Its Application to Texture Mixing, SSVM 2011 (published 2012).
    .. [2] T. Karras, T. Aila, S. Laine, J. Lehtinen: Progressive Growing of
           GANs for Improved Quality, Stability, and Variation, ICLR 2018.
    """
    if len(a) != len(b):
        raise ValueError(f'{len(a)} and {len(b)} samples')
    axes = np.random.RandomState(seed).normal(size=(a.shape[1], directions))
    axes /= np.linalg.norm(axes, axis=0)
    return float(
        np.sqrt(
            np.square(
                np.sort(a @ axes, axis=0) - np.sort(b @ axes, axis=0)
            ).mean()
        )
    )


def within_manifold(points, of, k=3):
    """Which points lie in the manifold of a set: within the distance from one
    of its members to that one's k-th neighbour [1]_.

    The mean is the precision of generated `points` within real ones, and the
    recall of real `points` within generated ones.

    Parameters
    ----------
    points : array, shape (n, d)
        Features.
    of : array, shape (m, d)
    k : int
        3 in the paper.

    Returns
    -------
    array of bool, shape (n,)

    Raises
    ------
    ValueError
        If m is not above k.

    References
    ----------
    .. [1] T. Kynkäänniemi, T. Karras, S. Laine, J. Lehtinen, T. Aila:
           Improved Precision and Recall Metric for Assessing Generative
           Models, NeurIPS 2019.
    """
    if len(of) <= k:
        raise ValueError(f'{len(of)} samples have no neighbour number {k}')
    radius = np.sort(cdist(of, of), axis=1)[:, k]  # the first is itself
    return (cdist(points, of) <= radius).any(1)


def nearest_distance(images, among, rank=1):
    """Distance of each image to the nearest of a set, by which a generator
    that repeats its training images is known.

    Parameters
    ----------
    images, among : array, shape (n, rows, columns) and (m, rows, columns)
    rank : int
        2 for the second nearest, where the nearest is the image itself.

    Returns
    -------
    array, shape (n,), float64
        Root mean squared difference.
    """
    a = np.reshape(images, (len(images), -1)).astype('float64')
    nearest = np.full((len(a), rank), np.inf)
    for i in range(0, len(among), 1000):
        b = np.asarray(among[i : i + 1000], 'float64').reshape(-1, a.shape[1])
        # By products of matrices, since there may be 28,800 of them.
        squared = (
            np.square(a).sum(1)[:, None] + np.square(b).sum(1) - 2 * a @ b.T
        ).clip(0)
        nearest = np.sort(np.hstack([nearest, squared]), axis=1)[:, :rank]
    return np.sqrt(nearest[:, -1] / a.shape[1])


def ms_ssim(a, b):
    """Multi-scale structural similarity [1]_ of pairs of images.

    On three scales, the images and twice halved, with the paper's first three
    weights, scaled to a sum of 1: on its last two, images of 64 x 64 are
    smaller than the window. Below 0, the product of contrast and structure
    counts as 0.

    Parameters
    ----------
    a, b : array, shape (n, rows, columns)
        Of at least 44 rows and columns.

    Returns
    -------
    array, shape (n,), float64
        In [0, 1]; 1 for equal images.

    References
    ----------
    .. [1] Z. Wang, E. P. Simoncelli, A. C. Bovik: Multiscale structural
           similarity for image quality assessment, 37th Asilomar Conference
           on Signals, Systems and Computers, 2003.
    """
    a, b = np.asarray(a, 'float64'), np.asarray(b, 'float64')
    if min(a.shape[1:]) < 44:
        raise ValueError(
            f'images of {a.shape[1]} x {a.shape[2]} are too '
            'small: at least 44 x 44'
        )
    result = 1.0
    for scale, weight in enumerate(_SCALES):
        if scale:
            a, b = _halved(a), _halved(b)
        luminance, rest = _similarity(a, b)
        if scale == len(_SCALES) - 1:
            rest = luminance * rest
        result = result * rest.mean((1, 2)).clip(0) ** (weight / sum(_SCALES))
    return result


def ms_ssim_of_pairs(images, count, seed=0):
    """MS-SSIM of random pairs of different images of a set: the more alike,
    the less varied; 1 for a generator that has collapsed to one image [1]_.

    Parameters
    ----------
    images : array, shape (n, rows, columns)
    count : int
        Of pairs, n // 2 at most: no image is in two of them, so that the
        pairs are independent.
    seed : int
        Of the choice.

    Returns
    -------
    array, shape (min(count, n // 2),), float64

    References
    ----------
    .. [1] A. Odena, C. Olah, J. Shlens: Conditional Image Synthesis with
           Auxiliary Classifier GANs, ICML 2017, section 4.2.
    """
    order = np.random.RandomState(seed).permutation(len(images))
    count = min(count, len(images) // 2)
    return ms_ssim(images[order[:count]], images[order[count : 2 * count]])


def _similarity(a, b):
    """Maps of luminance, and of contrast and structure, of SSIM."""
    mean_a, mean_b = _windowed(a), _windowed(b)
    var_a = _windowed(a * a) - mean_a**2
    var_b = _windowed(b * b) - mean_b**2
    cov = _windowed(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    return (
        (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1),
        (2 * cov + c2) / (var_a + var_b + c2),
    )


def _windowed(images):
    # Truncated at 5 pixels: the paper's window of 11 x 11.
    smooth = gaussian_filter(images, (0, 1.5, 1.5), truncate=3.5)
    return smooth[:, _BORDER:-_BORDER, _BORDER:-_BORDER]


def _halved(images):
    """Means of 2 x 2 pixels, a last odd row or column left out."""
    n, rows, columns = images.shape
    return (
        images[:, : rows // 2 * 2, : columns // 2 * 2]
        .reshape(n, rows // 2, 2, columns // 2, 2)
        .mean((2, 4))
    )
