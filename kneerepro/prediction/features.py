"""Numbers that describe each volume: of a network, and of its baselines."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import theano
from lasagne.layers import FlattenLayer, Layer, get_all_layers
from scipy.linalg import eigh
from scipy.ndimage import (
    binary_fill_holes,
    binary_opening,
    find_objects,
    generate_binary_structure,
    label,
)
from skimage.filters import threshold_otsu

from kneerepro.algorithms.common import compile_through
from kneerepro.data.views import View
from kneerepro.registry import EXPERIMENTS
from kneerepro.runs.zoo import Model

# Volumes whose products are computed at once: 64 of the thesis's size take
# 170 MB.
_CHUNK = 64

_BINS = 10

#: What :func:`plain_measures` returns.
PLAIN_MEASURES = (
    *(
        f'share of intensities from {i / _BINS:g} to {(i + 1) / _BINS:g}'
        for i in range(_BINS)
    ),
    'volume of the leg',
    'volume of the bones',
    'greatest area of bone in a slice',
    'thickness of the bones across slices',
    'height of the bones',
    'depth of the bones from front to back',
)

Progress = Callable[[int, int], None]


def describe(model: Model) -> str:
    """Say in a few words what :func:`network_features` returns."""
    spec = EXPERIMENTS[model.experiment]
    what = (
        'code'
        if spec.autoencoder
        else f'last convolution of the {spec.networks[1]}'
    )
    if not spec.on_volumes:
        what += ', mean and standard deviation over the slices'
    return f'{what} ({spec.title})'


def network_features(
    model: Model,
    volumes: View,
    mode: theano.compile.Mode | str | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """Describe volumes by a trained network.

    Parameters
    ----------
    model : kneerepro.runs.zoo.Model
        Of an autoencoder, whose codes describe the volumes; or of a GAN, of
        which the last convolution of the discriminator or critic does, as
        means over all positions.
    volumes : View, shape (n, 1, depth, rows, columns)
    mode : theano.compile.Mode, str or None
        Passed to ``theano.function``.
    progress : callable, optional
        Called with the number of volumes done and in total.

    Returns
    -------
    array, shape (n, d)
        A network of slices gives the means of its features over the slices,
        followed by their standard deviations.
    """
    spec = EXPERIMENTS[model.experiment]
    network = (
        model.networks[0]
        if spec.autoencoder
        else _last_convolution(model.networks[1])
    )
    compute = compile_through([network], mode)
    rows = []
    for i in range(len(volumes)):
        volume = volumes[i]
        batch = volume[None] if spec.on_volumes else volume[0][:, None]
        found = np.asarray(compute(batch), 'float64')
        found = found.reshape(*found.shape[:2], -1).mean(2)
        if spec.on_volumes:
            rows.append(found[0])
        else:
            rows.append(np.concatenate([found.mean(0), found.std(0)]))
        if progress is not None:
            progress(i + 1, len(volumes))
    return np.array(rows)


def _last_convolution(network: Layer) -> Layer:
    """The layer before a discriminator's reshaping."""
    (flat,) = (
        layer
        for layer in get_all_layers(network)
        if isinstance(layer, FlattenLayer)
    )
    return flat.input_layer


def products(volumes: View) -> np.ndarray:
    """Compute the scalar products of all pairs of volumes.

    Parameters
    ----------
    volumes : View, shape (n, ...)

    Returns
    -------
    array, shape (n, n), float64
    """
    n = len(volumes)
    found = np.empty((n, n))
    for i, first in _chunks(volumes):
        for j, second in _chunks(volumes, i + len(first)):
            found[i : i + len(first), j : j + len(second)] = first @ second.T
            found[j : j + len(second), i : i + len(first)] = second @ first.T
    return found


def _chunks(
    volumes: View, end: int | None = None
) -> Iterator[tuple[int, np.ndarray]]:
    end = len(volumes) if end is None else end
    for i in range(0, end, _CHUNK):
        part = np.asarray(volumes[i : min(i + _CHUNK, end)], 'float64')
        yield i, part.reshape(len(part), -1)


def principal_components(
    gram: np.ndarray, train: np.ndarray, count: int
) -> np.ndarray:
    """Project volumes onto the principal components of some of them.

    Parameters
    ----------
    gram : array, shape (n, n)
        The scalar products of all pairs, from :func:`products`.
    train : array of int, shape (m,)
        The volumes whose mean and components are used.
    count : int
        How many components; m - 1 if there are fewer.

    Returns
    -------
    array, shape (n, min(count, m - 1))
        The components with the largest variance first.
    """
    m = len(train)
    rows = gram[:, train]
    # Products with the training volumes after their mean was subtracted from
    # all volumes.
    centred = rows - rows.mean(1, keepdims=True)
    centred = centred - centred[train].mean(0)
    values, vectors = eigh(centred[train])
    kept = slice(m - 1, max(m - 1 - count, 0), -1)
    # Directions in which the volumes do not vary give no components.
    scale = np.sqrt(values[kept].clip(values[-1] * 1e-12 + 1e-30))
    return centred @ (vectors[:, kept] / scale)


def plain_measures(volume: np.ndarray) -> np.ndarray:
    """Describe a volume by what can be measured without learning.

    The leg is what is brighter than Otsu's threshold of the background, with
    its holes filled slice by slice. Bone is the largest connected dark part
    within it: marrow and cortex are dark in these images, whose fat is
    suppressed.

    Parameters
    ----------
    volume : array, shape (depth, rows, columns)
        Sagittal slices, values in [0, 1].

    Returns
    -------
    array, shape (16,)
        See :data:`PLAIN_MEASURES`. Sizes are fractions of those of the volume.
    """
    volume = np.asarray(volume, 'float64')
    histogram = np.histogram(volume, _BINS, (0, 1))[0] / volume.size
    if volume.min() == volume.max():
        return np.concatenate([histogram, np.zeros(6)])
    bright = volume > threshold_otsu(volume)
    leg = np.array([binary_fill_holes(image) for image in bright])
    dark = binary_opening(leg & ~bright, generate_binary_structure(3, 1))
    parts, count = label(dark)
    sizes = np.zeros(6)
    sizes[0] = leg.mean()
    if count:
        largest = 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
        bone = parts == largest
        depth, rows, columns = (
            (part.stop - part.start) / total
            for part, total in zip(
                find_objects(parts)[largest - 1], volume.shape
            )
        )
        sizes[1:] = (
            bone.mean(),
            bone.mean((1, 2)).max(),
            depth,
            rows,
            columns,
        )
    return np.concatenate([histogram, sizes])
