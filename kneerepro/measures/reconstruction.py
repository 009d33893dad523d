"""How good reconstructions are.

Images are arrays of shape (n, rows, columns) with values in [0, 1]. Volumes
have the shape (n, depth, rows, columns).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity

#: The standard deviation, in pixels, of a Gaussian whose full width at half
#: maximum is one pixel.
ONE_PIXEL = 1 / (2 * np.sqrt(2 * np.log(2)))

# Pixels of the training set that are converted to float64 at a time; they take
# 32 MiB. The thesis's 160 training volumes together would take 839 MB.
_BLOCK_SIZE = 2**22


def mse(images: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Mean squared error of each image.

    Parameters
    ----------
    images, truth : array, shape (n, rows, columns)

    Returns
    -------
    array, shape (n,), float64
    """
    return np.square(np.subtract(images, truth, dtype='float64')).mean((1, 2))


def psnr(images: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio of each image in dB, for a peak of 1.

    Parameters
    ----------
    images, truth : array, shape (n, rows, columns)

    Returns
    -------
    array, shape (n,), float64
        Infinite where both images are equal.
    """
    with np.errstate(divide='ignore'):
        return -10 * np.log10(mse(images, truth))


def ssim(images: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Structural similarity of each image [1]_.

    The window is the paper's: a Gaussian of 1.5 pixels on 11 x 11 pixels.

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
        If the images have fewer than 11 rows or columns.

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


def high_frequency_product(
    a: np.ndarray, b: np.ndarray, above: float = 0.25
) -> np.ndarray:
    """Inner product of two images after a high-pass filter.

    Parameters
    ----------
    a, b : array, shape (n, rows, columns)
    above : float
        The cut-off frequency in cycles per pixel, in any direction. 0.25 is
        half of the highest frequency along an axis and belongs to a
        wavelength of four pixels.

    Returns
    -------
    array, shape (n,), float64
        The sum of the products of the filtered images' pixels. For an image
        and itself, this is its energy above the cut-off.
    """
    rows, columns = (np.fft.fftfreq(n, 1.0) for n in a.shape[1:])
    frequency = np.hypot(rows[:, None], columns)
    high = frequency > above
    spectrum_a, spectrum_b = (
        np.fft.fft2(np.asarray(images, 'float64'))[:, high]
        for images in (a, b)
    )
    return (spectrum_a * spectrum_b.conj()).real.sum(1) / frequency.size


def high_frequency_ratio(
    images: np.ndarray, above: float = 0.25
) -> np.ndarray:
    """The fraction of an image's energy that is fine detail.

    The energy is that of the deviations from the mean. Blur lowers this
    fraction, which is why it serves as a measure of focus [1]_.

    White noise has ``1 - pi * above**2``: the unit square of all frequencies
    without the disc below the cut-off.

    Parameters
    ----------
    images : array, shape (n, rows, columns)
    above : float
        See :func:`high_frequency_product`.

    Returns
    -------
    array, shape (n,), float64
        In [0, 1]. NaN for an image of one constant value.

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


def detail_transfer(images: np.ndarray, truth: np.ndarray) -> float:
    """How much of the true fine detail the reconstructions keep.

    This is the least-squares gain from the truth to the reconstructions, over
    all images and all frequencies above 0.25 cycles per pixel: the
    cross-spectrum divided by the spectrum of the truth [1]_.

    For a blur, it is the modulation transfer, averaged over the detail that
    the truth contains. Noise that a network adds does not count as detail,
    because it does not follow the truth. It would count in the energy of fine
    detail, and there pass for sharpness.

    Parameters
    ----------
    images, truth : array, shape (n, rows, columns)

    Returns
    -------
    float
        1 for the truth itself, 0 if none of its detail is left.

    References
    ----------
    .. [1] J. S. Bendat, A. G. Piersol: Random Data, 1971 (the optimum
           frequency response of a noisy output).
    """
    return (
        high_frequency_product(images, truth).sum()
        / high_frequency_product(truth, truth).sum()
    )


def pca_reconstruction(
    images: np.ndarray, train: np.ndarray, components: int
) -> np.ndarray:
    """Reconstruct images with the best linear code of a given size.

    The images are projected onto the first principal components of the
    training examples [1]_.

    Parameters
    ----------
    images : array, shape (n, ...)
    train : array, shape (m, ...)
        The examples whose principal components are used.
    components : int
        The number of components, which is the size of the code. There are
        only m - 1 components; a larger number uses all of them.

    Returns
    -------
    array, shape (n, ...), float64

    References
    ----------
    .. [1] P. Baldi, K. Hornik: Neural Networks and Principal Component
           Analysis: Learning from Examples Without Local Minima, Neural
           Networks 2, 1989.
    """
    train = np.reshape(train, (len(train), -1))
    mean = train.mean(0, 'float64')
    centred = np.reshape(images, (len(images), -1)) - mean
    few = len(train) < train.shape[1]
    project = _project_by_examples if few else _project_by_pixels
    projected = project(centred, train, mean, components)
    return (projected + mean).reshape(images.shape)


def _project_by_examples(centred, train, mean, components):
    """Project onto the principal components, by products of examples.

    Let X be the training examples without their mean, one in each row. X X^T
    and X^T X have the same nonzero eigenvalues, and an eigenvector w of X X^T
    gives the component X^T w. X X^T is the smaller matrix if there are fewer
    examples than pixels.
    """
    count, pixels = train.shape
    products = np.zeros((count, count))
    products_with_images = np.zeros((len(centred), count))
    for block in _blocks(pixels, count):
        part = train[:, block] - mean[block]
        products += part @ part.T
        products_with_images += centred[:, block] @ part.T
    energy, weights = eigh(products)
    kept = energy > energy[-1] * count * np.finfo(float).eps
    kept[: max(0, count - components)] = False
    weights = weights[:, kept] / np.sqrt(energy[kept])
    coefficients = products_with_images @ weights @ weights.T
    projected = np.empty_like(centred)
    for block in _blocks(pixels, count):
        projected[:, block] = coefficients @ (train[:, block] - mean[block])
    return projected


def _project_by_pixels(centred, train, mean, components):
    """Do the same with products of pixels, if there are not fewer examples."""
    count, pixels = train.shape
    products = np.zeros((pixels, pixels))
    for block in _blocks(count, pixels):
        part = train[block] - mean
        products += part.T @ part
    _, axes = eigh(
        products,
        subset_by_index=(max(0, pixels - components), pixels - 1),
    )
    return centred @ axes @ axes.T


def _blocks(length, width):
    """Cut an axis of a matrix into slices, each of which has few elements.

    The axis has `length` elements, the other axis `width`.
    """
    step = max(1, _BLOCK_SIZE // width)
    for start in range(0, length, step):
        yield slice(start, start + step)


@dataclass(frozen=True)
class Baselines:
    """Mean squared errors of two reconstructions that need no network.

    Attributes
    ----------
    mean_mse : float
        The error if every reconstruction is the mean training example.
    components_mse : float
        The error of the best linear code, the principal components of the
        training examples.
    components : int
        The number of these components.
    """

    mean_mse: float
    components_mse: float
    components: int


def baselines(test: np.ndarray, train: np.ndarray, units: int) -> Baselines:
    """The errors that an autoencoder has to beat.

    Parameters
    ----------
    test, train : array, shape (n, ...) and (m, ...)
    units : int
        The size of the code. The linear code has the same number of
        components, or all m - 1 of them if there are fewer.

    Returns
    -------
    Baselines
    """
    components = min(units, len(train) - 1, train[0].size)
    mean = np.mean(train, 0, 'float64')
    linear = pca_reconstruction(test, train, components)
    return Baselines(
        mean_mse=float(np.square(test - mean).mean()),
        components_mse=float(np.square(test - linear).mean()),
        components=components,
    )


def identified(images: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Which reconstructions can be matched to their own ground truth.

    A reconstruction is identified if its own ground truth is nearer to it, in
    mean squared error, than any other. If every reconstruction is the mean
    image, at most one of n is identified.

    Parameters
    ----------
    images, truth : array, shape (n, ...)

    Returns
    -------
    array of bool, shape (n,)
    """
    a, b = (
        np.reshape(array, (len(array), -1)).astype('float64')
        for array in (images, truth)
    )
    squared = np.square(a).sum(1)[:, None] + np.square(b).sum(1) - 2 * a @ b.T
    own = squared.diagonal().copy()
    np.fill_diagonal(squared, np.inf)
    return own < squared.min(1)


def blurred(images: np.ndarray, sigma: float = ONE_PIXEL) -> np.ndarray:
    """Blur images with a Gaussian.

    Parameters
    ----------
    images : array, shape (n, rows, columns)
    sigma : float
        Standard deviation in pixels.

    Returns
    -------
    array, shape (n, rows, columns), float64
    """
    return gaussian_filter(
        np.asarray(images, 'float64'), (0, sigma, sigma), mode='nearest'
    )


def slice_errors(
    volumes: np.ndarray, truth: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The error of each slice, and the variance of its ground truth.

    Parameters
    ----------
    volumes, truth : array, shape (n, depth, rows, columns)

    Returns
    -------
    error : array, shape (n, depth), float64
        Mean squared error.
    variance : array, shape (n, depth), float64
        Variance of the true slice, a measure of how much there is to see.
    """
    error = np.square(np.subtract(volumes, truth, dtype='float64'))
    return error.mean((2, 3)), np.var(truth, (2, 3), dtype='float64')


def end_slices(depth: int) -> np.ndarray:
    """Which slices belong to the ends of a volume.

    Each end is an eighth of the slices. This reaches as far as the first
    slice that the thesis shows, number 20 of 160.

    Parameters
    ----------
    depth : int
        Number of slices.

    Returns
    -------
    array of bool, shape (depth,)
    """
    eighth = max(1, depth // 8)
    index = np.arange(depth)
    return (index < eighth) | (index >= depth - eighth)


def end_to_middle_ratio(error: np.ndarray, variance: np.ndarray) -> float:
    """How much larger the error is at the ends of volumes than in between.

    Both errors are divided by the variance of the same slices. The ends of a
    knee are darker and show less, so an equally precise decoder has a smaller
    squared error there.

    Parameters
    ----------
    error, variance : array, shape (n, depth)
        See :func:`slice_errors`.

    Returns
    -------
    float
        1 if both are equally precise. NaN if the variance is 0 at the ends or
        in between.
    """
    outer = end_slices(error.shape[1])
    with np.errstate(divide='ignore', invalid='ignore'):
        return float(
            error[:, outer].sum()
            / variance[:, outer].sum()
            / (error[:, ~outer].sum() / variance[:, ~outer].sum())
        )
