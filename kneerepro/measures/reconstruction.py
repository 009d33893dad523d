"""How good reconstructions are.

Images are arrays of shape (n, rows, columns) with values in [0, 1], volumes
of shape (n, depth, rows, columns).
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity

#: Standard deviation in pixels of a Gaussian that is one pixel wide at half
#: of its height.
ONE_PIXEL = 1 / (2 * np.sqrt(2 * np.log(2)))


def mse(images, truth):
    """Mean squared error.

    Parameters
    ----------
    images, truth : array, shape (n, rows, columns)

    Returns
    -------
    array, shape (n,), float64
    """
    return np.square(np.subtract(images, truth, dtype='float64')).mean((1, 2))


def psnr(images, truth):
    """Peak signal-to-noise ratio in dB, of a peak of 1.

    Parameters
    ----------
    images, truth : array, shape (n, rows, columns)

    Returns
    -------
    array, shape (n,), float64
        Infinite for images that are equal.
    """
    with np.errstate(divide='ignore'):
        return -10 * np.log10(mse(images, truth))


def ssim(images, truth):
    """Structural similarity [1]_, with the paper's window: a Gaussian of 1.5
    pixels on 11 x 11.

    Parameters
    ----------
    images, truth : array, shape (n, rows, columns)

    Returns
    -------
    array, shape (n,), float64
        At most 1, which equal images have.

    Raises
    ------
    ValueError
        For images of fewer than 11 rows or columns.

    References
    ----------
    .. [1] Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli: Image Quality
           Assessment: From Error Visibility to Structural Similarity, IEEE
           Transactions on Image Processing 13 (4), 2004.
    """
    return np.array(
        [
            structural_similarity(
                a,
                b,
                data_range=1.0,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
            )
            for a, b in zip(images, truth)
        ]
    )


def high_frequency_product(a, b, above=0.25):
    """Product of two images in what is finer than a wavelength.

    Parameters
    ----------
    a, b : array, shape (n, rows, columns)
    above : float
        Frequency in cycles per pixel, in any direction; 0.25 is half of the
        highest one along an axis, a wavelength of four pixels.

    Returns
    -------
    array, shape (n,), float64
        Of the parts of the images that have these frequencies, the products
        of pixels, summed. Of an image with itself, its energy there.
    """
    frequency = np.hypot(
        *np.meshgrid(*map(np.fft.fftfreq, a.shape[1:]), indexing='ij')
    )
    fine = frequency > above
    of_a, of_b = (
        np.fft.fft2(np.asarray(images, 'float64'))[:, fine]
        for images in (a, b)
    )
    return (of_a * of_b.conj()).real.sum(1) / frequency.size


def high_frequency_ratio(images, above=0.25):
    """Share of fine detail in the energy about the mean, a measure of blur
    as in [1]_.

    White noise has ``1 - pi * above**2``: all frequencies of the unit square
    but those in the disc.

    Parameters
    ----------
    images : array, shape (n, rows, columns)
    above : float
        See :func:`high_frequency_product`.

    Returns
    -------
    array, shape (n,), float64
        In [0, 1]; NaN where an image is all of one value.

    References
    ----------
    .. [1] S. Pertuz, D. Puig, M. A. Garcia: Analysis of focus measure
           operators for shape-from-focus, Pattern Recognition 46 (5), 2013.
    """
    energy = np.var(images, (1, 2), dtype='float64') * np.prod(
        images.shape[1:]
    )
    with np.errstate(divide='ignore', invalid='ignore'):
        return high_frequency_product(images, images, above) / energy


def detail_transfer(images, truth):
    """How much of the true fine detail a reconstruction has, in all images
    together: the least-squares gain from the truth to it, the cross-spectrum
    over the spectrum [1]_ of all frequencies above 0.25 cycles per pixel.

    For a blur, this is its modulation transfer, averaged over the detail that
    there is. Noise that a network adds, which the energy of fine detail would
    count for sharpness, is not counted: it does not follow the truth.

    Parameters
    ----------
    images, truth : array, shape (n, rows, columns)

    Returns
    -------
    float
        1 for the truth, 0 if nothing of its detail is left.

    References
    ----------
    .. [1] J. S. Bendat, A. G. Piersol: Random Data, 1971 (the optimum
           frequency response of a noisy output).
    """
    return (
        high_frequency_product(images, truth).sum()
        / high_frequency_product(truth, truth).sum()
    )


def through_components(images, among, count):
    """What the best linear code of a size makes of images: their parts along
    the first principal components of a set [1]_.

    Parameters
    ----------
    images : array, shape (n, ...)
    among : array, shape (m, ...)
        The set that the components are of.
    count : int
        Of components, numbers in the code. There are m - 1 at most.

    Returns
    -------
    array, shape (n, ...), float64

    References
    ----------
    .. [1] P. Baldi, K. Hornik: Neural Networks and Principal Component
           Analysis: Learning from Examples Without Local Minima, Neural
           Networks 2, 1989.
    """
    among = np.reshape(among, (len(among), -1)).astype('float64')
    mean = among.mean(0)
    among -= mean
    pixels = among.shape[1]
    if len(among) < pixels:
        # Of the smaller product of the two, which has the same eigenvalues.
        energy, weights = eigh(among @ among.T)
        kept = energy > energy[-1] * len(among) * np.finfo(float).eps
        kept[: max(0, len(among) - count)] = False
        components = among.T @ (weights[:, kept] / np.sqrt(energy[kept]))
    else:  # of which there may be many times as many
        _, components = eigh(
            among.T @ among,
            subset_by_index=(max(0, pixels - count), pixels - 1),
        )
    about = np.reshape(images, (len(images), -1)) - mean
    return (about @ components @ components.T + mean).reshape(images.shape)


@dataclass(frozen=True)
class Baselines:
    """Errors of two reconstructions that need no network.

    Attributes
    ----------
    mean : float
        Mean squared error where the mean of the training examples is shown
        for everything.
    components : float
        That of the best linear code, principal components of the training
        examples.
    count : int
        How many components.
    """

    mean: float
    components: float
    count: int


def baselines(test, train, units):
    """What an autoencoder has to be better than.

    Parameters
    ----------
    test, train : array, shape (n, ...) and (m, ...)
    units : int
        Size of the code: as many components are taken, or as many as there
        are, m - 1.

    Returns
    -------
    Baselines
    """
    count = min(units, len(train) - 1, train[0].size)
    mean = np.mean(train, 0, 'float64')
    linear = through_components(test, train, count)
    return Baselines(
        float(np.square(test - mean).mean()),
        float(np.square(test - linear).mean()),
        count,
    )


def identified(images, truth):
    """Which reconstructions belong to their own truth: those that are nearer
    to it, in mean squared error, than to the truth of any other.

    Showing the mean for everything identifies 1 of n.

    Parameters
    ----------
    images, truth : array, shape (n, ...)

    Returns
    -------
    array of bool, shape (n,)
    """
    a, b = (
        np.reshape(one, (len(one), -1)).astype('float64')
        for one in (images, truth)
    )
    squared = np.square(a).sum(1)[:, None] + np.square(b).sum(1) - 2 * a @ b.T
    own = squared.diagonal().copy()
    np.fill_diagonal(squared, np.inf)
    return own < squared.min(1)


def blurred(images, sigma=ONE_PIXEL):
    """Images blurred by a Gaussian.

    Parameters
    ----------
    images : array, shape (n, rows, columns)
    sigma : float
        In pixels.

    Returns
    -------
    array, shape (n, rows, columns), float64
    """
    return gaussian_filter(
        np.asarray(images, 'float64'), (0, sigma, sigma), mode='nearest'
    )


def depth_errors(volumes, truth):
    """Errors of each slice, and what there is to see in it.

    Parameters
    ----------
    volumes, truth : array, shape (n, depth, rows, columns)

    Returns
    -------
    error : array, shape (n, depth), float64
        Mean squared error.
    variance : array, shape (n, depth), float64
        Of the true slice.
    """
    error = np.square(np.subtract(volumes, truth, dtype='float64'))
    return error.mean((2, 3)), np.var(truth, (2, 3), dtype='float64')


def ends(depth):
    """Which slices are the ends of a volume: an eighth on each side, as far
    as the first depth that the thesis shows, 20 of 160.

    Returns
    -------
    array of bool, shape (depth,)
    """
    one = max(1, depth // 8)
    return (np.arange(depth) < one) | (np.arange(depth) >= depth - one)


def ends_to_middle(error, variance):
    """How much greater the error is at the ends of volumes than between.

    Both are relative to the variance there: the ends of a knee are darker,
    and with less to see, the squared error of the same decoder is less.

    Parameters
    ----------
    error, variance : array, shape (n, depth)
        See :func:`depth_errors`.

    Returns
    -------
    float
        1 if they are equally precise. NaN if there is nothing to see at the
        ends or between.
    """
    outer = ends(error.shape[1])
    with np.errstate(divide='ignore', invalid='ignore'):
        return float(
            error[:, outer].sum()
            / variance[:, outer].sum()
            / (error[:, ~outer].sum() / variance[:, ~outer].sum())
        )
