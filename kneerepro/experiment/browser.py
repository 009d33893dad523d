"""The browser of volumes and images on reports and output pages.

It shows ground truth, reconstruction and error side by side, in three planes
through a volume or as a stack of images. This module packs the arrays for
``templates/browser.js``: one PNG for each volume, whose tiles are the slices
and whose red, green and blue channel are the three kinds of images.
"""

from __future__ import annotations

import glob
import io
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colormaps
from PIL import Image

from kneerepro.figures.planes import FIELD_OF_VIEW
from kneerepro.figures.style import white_level
from kneerepro.registry import EXPERIMENTS
from kneerepro.runs import Run
from kneerepro.utils.pages import as_base64

#: The planes through a volume.
PLANES = 'sagittal', 'coronal', 'axial'

#: Names of the images of an autoencoder. The error is computed here.
PANELS = 'ground truth', 'reconstruction', 'absolute error'

# Three channels in base64 take four bytes a voxel if nothing can be
# compressed. Of the thesis's volumes, five fit.
_PAGE_BYTES, _BYTES_PER_VOXEL = 15_000_000, 4


@dataclass(frozen=True)
class Stack:
    """Images that one slider goes through, such as the slices of a volume.

    Attributes
    ----------
    name : str
        Its name in the list of stacks.
    images : tuple of array, shape (n, rows, columns), values in [0, 1]
        Ground truth and reconstruction, or only one kind.
    labels : tuple of str
        What each of the n images is called, after the name of the slider;
        empty: by its number.
    spacing : tuple of 3 floats, optional
        Distances of a volume's slices, rows and columns in mm, if they are
        known.
    """

    name: str
    images: tuple[np.ndarray, ...]
    labels: tuple[str, ...] = ()
    spacing: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Browser:
    """A part of a page in which stacks can be browsed.

    Attributes
    ----------
    heading, text : str
        Shown above it.
    chooser : str
        What the stacks are, such as 'volume'.
    stacks : tuple of Stack
        All with the same kinds of images.
    planes : tuple of str
        The names of the sliders: :data:`PLANES` for volumes, a single one for
        stacks of images.
    panels : tuple of str
        The names of the kinds of images.
    start : int or None
        The image that is shown first; by default the one in the middle.
    """

    heading: str
    text: str
    chooser: str
    stacks: tuple[Stack, ...]
    planes: tuple[str, ...] = PLANES
    panels: tuple[str, ...] = PANELS
    start: int | None = None

    def as_data(self) -> dict[str, Any]:
        """What ``browser.js`` reads, convertible to JSON."""
        all_images = [
            [
                np.clip(images, 0, 1).astype('float32')
                for images in stack.images
            ]
            for stack in self.stacks
        ]
        data: dict[str, Any] = {
            'chooser': self.chooser,
            'planes': self.planes,
            'panels': self.panels,
            'start': self.start,
            # In the units of the PNGs, like all intensities.
            'white': _as_byte(
                max(white_level(images[0]) for images in all_images)
            ),
        }
        if len(self.panels) == len(PANELS):
            errors = [abs(truth - made) for truth, made in all_images]
            # One scale for all stacks, so that their errors can be compared.
            limit = max(float(error.max()) for error in errors) or 1.0
            for images, error in zip(all_images, errors):
                images.append(error / limit)
            shown = max(float(np.percentile(e, 99.8)) for e in errors)
            data |= {
                'errorLimit': limit,
                'errorWhite': _as_byte(shown / limit),
                'errorColours': colormaps['inferno'](range(256), bytes=True)[
                    :, :3
                ].tolist(),
            }
        data['stacks'] = [
            {
                'name': stack.name,
                'labels': stack.labels,
                'extent': self._extent(stack),
                'shape': images[0].shape,
                'sheet': _sheet(images),
            }
            for stack, images in zip(self.stacks, all_images)
        ]
        return data

    def _extent(self, stack: Stack) -> Sequence[float]:
        """Depth, height and width, as they are to be shown."""
        shape = stack.images[0].shape
        if stack.spacing:
            return [n * step for n, step in zip(shape, stack.spacing)]
        return FIELD_OF_VIEW if self.planes == PLANES else shape


def _as_byte(level: float) -> int:
    """The unit of the PNGs; at least 1, since it becomes white."""
    return max(1, round(255 * level))


def _sheet(images: Sequence[np.ndarray]) -> str:
    """Pack stacks of equal shape into a PNG, as a ``data:`` URI."""
    pixels = np.stack([np.rint(255 * kind) for kind in images], axis=-1)
    count, rows, columns, channels = pixels.shape
    across = int(np.ceil(np.sqrt(count)))
    down = -(-count // across)
    tiles = np.zeros((down * across, rows, columns, channels), 'uint8')
    tiles[:count] = pixels
    sheet = (
        tiles.reshape(down, across, rows, columns, channels)
        .swapaxes(1, 2)
        .reshape(down * rows, across * columns, channels)
    )
    file = io.BytesIO()
    Image.fromarray(sheet if channels == 3 else sheet[..., 0]).save(
        file, 'PNG', optimize=True
    )
    return f'data:image/png;base64,{as_base64(file.getvalue())}'


def how_many(voxels: int) -> int:
    """How many examples of a number of voxels or pixels fit on a page."""
    return _PAGE_BYTES // (_BYTES_PER_VOXEL * voxels)


def choose(mse: np.ndarray, voxels: int, most: int) -> list[int]:
    """Choose examples that show the whole range of errors.

    Parameters
    ----------
    mse : array, shape (n,)
        Mean squared error of each example.
    voxels : int
        Voxels or pixels of an example.
    most : int
        The largest number of examples to choose.

    Returns
    -------
    list of int
        Their numbers, from the least error to the greatest, at equal steps of
        rank. Empty if even one would be too large for a page.
    """
    count = min(most, len(mse), how_many(voxels))
    order = np.argsort(mse, kind='stable')
    if count == 1:
        return [int(order[len(order) // 2])]
    ranks = np.linspace(0, len(order) - 1, count).round().astype(int)
    return order[ranks].tolist()


def ranked(count: int, total: int, unit: str) -> str:
    """What a page says of the examples that :func:`choose` chose."""
    text = number_of(count, total, unit)
    if count > 1:
        text += ', from the least to the greatest mean squared error (MSE)'
    return text + '.'


def number_of(count: int, total: int, unit: str) -> str:
    """How many examples a page shows, such as '5 of 20 volumes'."""
    if count < total:
        return f'{count:,} of {total:,} {unit}'
    return f'All {total:,} {unit}' if total > 1 else f'The only {unit[:-1]}'


def examples_of(run: Run, results: dict[str, np.ndarray]) -> Browser | None:
    """The browser of an autoencoder's test examples.

    Parameters
    ----------
    run : kneerepro.runs.Run
    results : dict of str to array
        From :meth:`kneerepro.runs.Run.results`.

    Returns
    -------
    Browser or None
        None for a GAN, and for a run of a version that did not save them.
    """
    if not len(results.get('browsed_examples', ())):
        return None
    truth = results['browsed_truth'].astype('float32')
    made = results['browsed_reconstruction'].astype('float32')
    spec = EXPERIMENTS[run.experiment]
    names = tuple(
        f'{number + 1} of the test set, MSE {np.square(x - y).mean():.2g}'
        for number, x, y in zip(results['browsed_examples'], truth, made)
    )
    chosen = ranked(
        len(truth), run.settings['data']['test'], f'test {spec.unit}'
    )
    if spec.on_volumes:
        return Browser(
            heading='Test volumes',
            text=chosen,
            chooser='volume',
            stacks=tuple(map(Stack, names, zip(truth, made))),
        )
    return Browser(
        heading='Test images',
        text=chosen,
        chooser='images',
        stacks=(Stack('test images', (truth, made), names),),
        planes=('image',),
        start=0,
    )


def volumes_of(run: Run, results: dict[str, np.ndarray]) -> Browser | None:
    """The browser of volumes that a GAN generates, and of real ones.

    Parameters
    ----------
    run, results
        See :func:`examples_of`.

    Returns
    -------
    Browser or None
        None for another network, and if the volumes are too large for a page.
    """
    stacks = tuple(
        Stack(f'{kind} {i + 1}', (volume.astype('float32'),))
        for kind in ('generated', 'real')
        for i, volume in enumerate(results.get(f'browsed_{kind}', ()))
    )
    if not stacks:
        return None
    return Browser(
        heading='Generated volumes',
        text='Volumes made by the trained generator, and real ones to '
        'compare them with.',
        chooser='volume',
        stacks=stacks,
        panels=('intensity',),
    )


def samples_of(run: Run, results: dict[str, np.ndarray]) -> Browser | None:
    """The browser of the images that a run made during its training.

    Parameters
    ----------
    run, results
        See :func:`examples_of`.

    Returns
    -------
    Browser or None
        None if the run's folder has no such images any more.
    """
    tiles = _read_samples(run)
    if not tiles:
        return None
    per_epoch = int(results['iterations_per_epoch'])
    labels = tuple(
        f'{iteration / per_epoch:.4g}, iteration {iteration:,}'
        for iteration in tiles
    )
    # Epochs, rows of tiles, tiles of a row, rows of pixels, columns.
    images = np.stack(list(tiles.values()))
    common: dict[str, Any] = dict(
        heading='Over the training',
        planes=('epoch',),
        start=len(labels) - 1,
    )
    if EXPERIMENTS[run.experiment].autoencoder:
        # The first row of a sample is the ground truth.
        stacks = (
            Stack(str(slide), (images[:, 0, i], images[:, 1, i]), labels)
            for i, slide in enumerate(results['slides'])
        )
        # The 2D autoencoder shows the first patient of the training set.
        (patient, *_) = results.get('patients', ['training volume 1'])
        return Browser(
            text=f'Slices of {patient}, reconstructed as the training goes '
            'on.',
            chooser='slice',
            stacks=tuple(stacks),
            **common,
        )
    single = images.reshape(len(images), -1, *images.shape[3:])
    together = images.swapaxes(2, 3).reshape(
        len(images),
        images.shape[1] * images.shape[3],
        images.shape[2] * images.shape[4],
    )
    on_volumes = EXPERIMENTS[run.experiment].on_volumes
    return Browser(
        text=('Middle sagittal slices of volumes' if on_volumes else 'Images')
        + ' generated from the same noise as the training goes on.',
        chooser='volume' if on_volumes else 'image',
        stacks=(
            Stack('all', (together,), labels),
            *(
                Stack(str(i + 1), (single[:, i],), labels)
                for i in range(single.shape[1])
            ),
        ),
        panels=('generated',),
        **common,
    )


def _read_samples(run: Run) -> dict[int, np.ndarray]:
    """Read the run's samples.

    Returns
    -------
    dict of int to array, shape (rows of tiles, tiles of a row, rows, columns)
        By iteration. Pictures that are damaged, or are no samples of this
        run's size, are left out.
    """
    rows, columns = run.settings['data']['shape'][1:]
    samples: dict[int, np.ndarray] = {}
    pattern = os.path.join(glob.escape(run.path('samples')), '*.png')
    for path in sorted(glob.glob(pattern)):
        number = re.fullmatch(r'iteration-(\d+)\.png', os.path.basename(path))
        try:
            with Image.open(path) as picture:
                pixels = np.asarray(picture.convert('L')) / np.float32(255)
        except (OSError, SyntaxError):  # as Pillow raises them
            continue
        height, width = pixels.shape
        if not number or height % rows or width % columns:
            continue
        tiles = pixels.reshape(
            height // rows, rows, width // columns, columns
        ).swapaxes(1, 2)
        if all(tiles.shape == other.shape for other in samples.values()):
            samples[int(number[1])] = tiles
    return samples
