"""How realistic and how varied generated images and volumes are.

Sets of images are compared either by features, arrays of shape (n, d), or by
the images themselves, arrays of shape (n, rows, columns) or, for volumes,
(n, depth, rows, columns), with values in [0, 1]. All these measures depend on
the number of images, so only values for the same n may be compared.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import eigh
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import cdist, pdist

# Weights of the paper's five scales.
_SCALE_WEIGHTS = 0.0448, 0.2856, 0.3001, 0.2363, 0.1333
# The constants of SSIM for intensities from 0 to 1.
_C1, _C2 = 0.01**2, 0.03**2
# The paper's window is a Gaussian of 1.5 pixels, cut off at 5 pixels.
_SIGMA, _RADIUS = 1.5, 5

# Images that are compared at once: the distances of a thousand images to a
# thousand others take 8 MB.
_CHUNK = 1000
# Voxels whose similarity is computed at once: each takes some 100 bytes.
_MAX_VOXELS = 2**22


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Squared Fréchet distance between two sets of features [1]_.

    Each set is described by the Gaussian with its mean and covariance. The
    estimate is too large by an amount of order 1 / n, which grows with the
    number of dimensions d. A set of n <= d samples is therefore meaningless
    [2]_.

    Parameters
    ----------
    a, b : array, shape (n, d) and (m, d)
        Features.

    Returns
    -------
    float
        Not negative, in squared units of the features.

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


def frechet_distance_of_gaussians(
    mean_a: np.ndarray,
    cov_a: np.ndarray,
    mean_b: np.ndarray,
    cov_b: np.ndarray,
) -> float:
    """Squared Fréchet distance between two Gaussians (D. C. Dowson, B. V.
    Landau: The Fréchet distance between multivariate normal distributions,
    Journal of Multivariate Analysis 12, 1982).

    Parameters
    ----------
    mean_a, mean_b : array, shape (d,)
    cov_a, cov_b : array, shape (d, d)
        May be singular.

    Returns
    -------
    float
        ``|mean_a - mean_b|**2 + tr(A + B - 2 sqrt(A B))`` for the covariances
        A and B.
    """
    values, vectors = eigh(np.atleast_2d(cov_a))
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    # A B is not symmetric. sqrt(A) B sqrt(A) is, and has the same
    # eigenvalues, so a singular matrix cannot give complex square roots.
    product = eigh(root @ np.atleast_2d(cov_b) @ root, eigvals_only=True)
    distance = (
        np.square(mean_a - mean_b).sum()
        + np.trace(np.atleast_2d(cov_a))
        + np.trace(np.atleast_2d(cov_b))
        - 2 * np.sqrt(product.clip(0)).sum()
    )
    return max(0.0, float(distance))


def sliced_wasserstein_distance(
    a: np.ndarray, b: np.ndarray, directions: int = 128, seed: int = 0
) -> float:
    """Sliced 2-Wasserstein distance between two sets of features [1]_.

    Both sets are projected onto random directions. The result is the root
    mean square of the 2-Wasserstein distances between the projections. Karras
    et al. introduced the measure for GANs [2]_; they apply it to patches of
    images, this function to features.

    Two sets that differ by a translation t have the distance
    ``|t| / sqrt(d)``, up to the error from the finite number of directions.

    Parameters
    ----------
    a, b : array, shape (n, d)
        Features.
    directions : int
        The number of random directions.
    seed : int
        Selects the directions.

    Returns
    -------
    float
        Not negative, in units of the features.

    Raises
    ------
    ValueError
        If the sets differ in size.

    References
    ----------
    .. [1] J. Rabin, G. Peyré, J. Delon, M. Bernot: Wasserstein Barycenter
           and Its Application to Texture Mixing, SSVM 2011 (published 2012).
    .. [2] T. Karras, T. Aila, S. Laine, J. Lehtinen: Progressive Growing of
           GANs for Improved Quality, Stability, and Variation, ICLR 2018.
    """
    if len(a) != len(b):
        raise ValueError(
            f'the sets have {len(a)} and {len(b)} samples: '
            'pass the same number of each'
        )
    axes = np.random.RandomState(seed).normal(size=(a.shape[1], directions))
    axes /= np.linalg.norm(axes, axis=0)
    difference = np.sort(a @ axes, axis=0) - np.sort(b @ axes, axis=0)
    return float(np.sqrt(np.square(difference).mean()))


def maximum_mean_discrepancy(
    a: np.ndarray, b: np.ndarray, bandwidth: float | None = None
) -> float:
    """Squared maximum mean discrepancy between two sets of features [1]_.

    The kernel is Gaussian, ``exp(-|x - y|**2 / (2 bandwidth**2))``. The
    estimate is the unbiased one (the paper's equation 3), which is negative
    about as often as positive for two sets from the same distribution.

    Parameters
    ----------
    a, b : array, shape (n, d) and (m, d)
        Features, at least two of each.
    bandwidth : float, optional
        In units of the features. By default, the median distance between
        samples of `b`: pass the real images as `b`, so that all generated sets
        are measured with the same kernel.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If a set has fewer than two samples, or the bandwidth is not positive,
        as by default if most samples of `b` are equal.

    References
    ----------
    .. [1] A. Gretton, K. M. Borgwardt, M. J. Rasch, B. Schölkopf, A. Smola: A
           Kernel Two-Sample Test, Journal of Machine Learning Research 13,
           2012.
    """
    if min(len(a), len(b)) < 2:
        raise ValueError(
            f'the sets have {len(a)} and {len(b)} samples: pass at least two '
            'of each'
        )
    among_b = pdist(b)
    if bandwidth is None:
        bandwidth = float(np.median(among_b))
    if not bandwidth > 0:
        raise ValueError(
            f'the bandwidth of the kernel must be positive, not {bandwidth}; '
            'by default it is the median distance between samples of the '
            'second set'
        )

    def kernel(distances):
        return np.exp(-0.5 * np.square(distances / bandwidth))

    return float(
        kernel(pdist(a)).mean()
        + kernel(among_b).mean()
        - 2 * kernel(cdist(a, b)).mean()
    )


def within_manifold(
    points: np.ndarray, reference: np.ndarray, k: int = 3
) -> np.ndarray:
    """Which points lie in the manifold of a reference set [1]_.

    The manifold is a union of balls. There is one around each member of the
    set, and its radius is the distance to the member's k-th nearest
    neighbour.

    The fraction of generated points in the manifold of real ones is the
    precision. The fraction of real points in the manifold of generated ones
    is the recall.

    Parameters
    ----------
    points : array, shape (n, d)
        Features.
    reference : array, shape (m, d)
        Features of the set that spans the manifold.
    k : int
        3 in the paper.

    Returns
    -------
    array of bool, shape (n,)

    Raises
    ------
    ValueError
        If m is not greater than k.

    References
    ----------
    .. [1] T. Kynkäänniemi, T. Karras, S. Laine, J. Lehtinen, T. Aila:
           Improved Precision and Recall Metric for Assessing Generative
           Models, NeurIPS 2019.
    """
    if len(reference) <= k:
        raise ValueError(
            f'the reference set has only {len(reference)} samples: '
            f'neighbour number {k} needs at least {k + 1}'
        )
    # Column 0 is the distance of each sample to itself.
    radius = np.sort(cdist(reference, reference), axis=1)[:, k]
    return (cdist(points, reference) <= radius).any(1)


def nearest_distance(
    images: np.ndarray, references: np.ndarray, rank: int = 1
) -> np.ndarray:
    """The distance of each image to the nearest reference image.

    It reveals a generator that merely repeats its training images.

    Parameters
    ----------
    images, references : array, shape (n, ...) and (m, ...)
        Images or volumes of one size.
    rank : int
        2 for the second nearest. This is the right choice if the images are
        themselves among the references.

    Returns
    -------
    array, shape (n,), float64
        Root mean squared difference.
    """
    a = np.reshape(images, (len(images), -1)).astype('float64')
    nearest = np.full((len(a), rank), np.inf)
    for i in range(0, len(references), _CHUNK):
        b = np.asarray(references[i : i + _CHUNK], 'float64')
        b = b.reshape(-1, a.shape[1])
        # |a - b|**2 = |a|**2 + |b|**2 - 2 a b is a matrix product, which is
        # fast enough for the thesis's 28,800 images.
        squared = (
            np.square(a).sum(1)[:, None] + np.square(b).sum(1) - 2 * a @ b.T
        ).clip(0)
        nearest = np.sort(np.hstack([nearest, squared]), axis=1)[:, :rank]
    return np.sqrt(nearest[:, -1] / a.shape[1])


def ms_ssim(a: np.ndarray, b: np.ndarray, scales: int = 3) -> np.ndarray:
    """Multi-scale structural similarity [1]_ of pairs of images or volumes.

    The scales are the images as they are, halved once, twice and so on. Their
    weights are the paper's, divided by their sum. The paper has five scales;
    three are as many as fit into 64 x 64 pixels, where the window of the
    fourth would be larger than the image. A negative mean of contrast and
    structure counts as 0.

    Volumes are treated likewise, with windows of three dimensions.

    Parameters
    ----------
    a, b : array, shape (n, rows, columns) or (n, depth, rows, columns)
        On the last scale, the window of 11 pixels must fit along each axis:
        three scales require 44 pixels, two 22.
    scales : int
        From 1 to 5.

    Returns
    -------
    array, shape (n,), float64
        In [0, 1]; 1 for equal images.

    Raises
    ------
    ValueError
        If the images are too small, or `scales` is out of range.

    References
    ----------
    .. [1] Z. Wang, E. P. Simoncelli, A. C. Bovik: Multiscale structural
           similarity for image quality assessment, 37th Asilomar Conference
           on Signals, Systems and Computers, 2003.
    """
    if not 1 <= scales <= len(_SCALE_WEIGHTS):
        raise ValueError(f'scales must be from 1 to 5, not {scales}')
    a, b = np.asarray(a, 'float64'), np.asarray(b, 'float64')
    least = (2 * _RADIUS + 1) * 2 ** (scales - 1)
    if min(a.shape[1:]) < least:
        raise ValueError(
            f'images of {" x ".join(map(str, a.shape[1:]))} are too small for '
            f'MS-SSIM: pass at least {" x ".join([str(least)] * (a.ndim - 1))}'
            ', or ask for fewer scales'
        )
    weights = _SCALE_WEIGHTS[:scales]
    axes = tuple(range(1, a.ndim))
    result = np.ones(len(a))
    for scale, weight in enumerate(weights):
        if scale:
            a, b = _halved(a), _halved(b)
        luminance, similarity = _similarity(a, b)
        if scale == scales - 1:
            similarity = luminance * similarity
        exponent = weight / sum(weights)
        result = result * similarity.mean(axes).clip(0) ** exponent
    return result


def scales_that_fit(size: Sequence[int], most: int = 5) -> int:
    """The number of scales of MS-SSIM for images or volumes of a size.

    Parameters
    ----------
    size : sequence of int
        Length of each axis.
    most : int
        The largest number to return.

    Returns
    -------
    int
        0 if even the first scale is too small for the window.
    """
    window = 2 * _RADIUS + 1
    return sum(min(size) >= window * 2**scale for scale in range(most))


def ms_ssim_of_pairs(
    images: np.ndarray, count: int, seed: int = 0, scales: int = 3
) -> np.ndarray:
    """MS-SSIM of random pairs of images or volumes from one set.

    The higher it is, the less the images vary. A generator that has collapsed
    to a single image has 1 [1]_.

    Parameters
    ----------
    images : array, shape (n, rows, columns) or (n, depth, rows, columns)
    count : int
        The number of pairs, at most ``n // 2``: each image is in one pair at
        most, so that the pairs are independent.
    seed : int
        Selects the pairs.
    scales : int
        As for :func:`ms_ssim`.

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
    first, second = order[:count], order[count : 2 * count]
    step = max(1, _MAX_VOXELS // images[0].size)
    return np.concatenate(
        [
            ms_ssim(
                images[first[i : i + step]],
                images[second[i : i + step]],
                scales,
            )
            for i in range(0, count, step)
        ]
        or [np.empty(0)]
    )


def _similarity(a, b):
    """Two maps of SSIM: luminance, and contrast times structure."""
    mean_a, mean_b = _windowed(a), _windowed(b)
    var_a = _windowed(a * a) - mean_a**2
    var_b = _windowed(b * b) - mean_b**2
    cov = _windowed(a * b) - mean_a * mean_b
    return (
        (2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1),
        (2 * cov + _C2) / (var_a + var_b + _C2),
    )


def _windowed(images):
    """Weighted means over the window, where it lies within the image."""
    # SciPy cuts off at the integer part of 3.5 x 1.5 + 0.5, 5 pixels.
    smooth = gaussian_filter(
        images, (0, *[_SIGMA] * (images.ndim - 1)), truncate=3.5
    )
    inside = slice(_RADIUS, -_RADIUS)
    return smooth[(slice(None), *[inside] * (images.ndim - 1))]


def _halved(images):
    """Means of 2 x 2 pixels, or 2 x 2 x 2. An odd last one is left out."""
    n, *sizes = images.shape
    even = images[(slice(None), *(slice(size // 2 * 2) for size in sizes))]
    pairs = [number for size in sizes for number in (size // 2, 2)]
    return even.reshape(n, *pairs).mean(tuple(range(2, 2 * len(sizes) + 1, 2)))
