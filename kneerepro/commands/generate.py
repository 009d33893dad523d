"""Generate images, or volumes, from noise with the generator of a GAN.

images.png    all images, side by side
images.html   a page to look at them one by one
images.npz    --format npy: images, shape (n, 1, 64, 64), and the noise z,
              shape (n, nz)

--format nifti writes nifti/generated.nii.gz, and --format dicom a series,
dicom/generated/0001.dcm and so on. Both hold the images as slices, 1 mm apart.
That is a stack, not a volume: neighbouring slices are unrelated, and positions
and spacings are nominal, since nobody was scanned.

A GAN of volumes writes these instead:

volumes.png   the middle sagittal slices of all volumes, side by side
volumes.html  a page to browse up to five of them in three planes
volumes.npz   --format npy: volumes, shape (n, 1, depth, rows, columns), and z

--format nifti writes nifti/volume_000_generated.nii.gz and so on, --format
dicom dicom/volume_000_generated/0001.dcm and so on. Positions are nominal, and
spacings are those of the OAI's field of view, 112 x 140 x 140 mm.
"""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Iterator

import numpy as np

from kneerepro.algorithms.common import compile_through
from kneerepro.commands import formats, inputs, output_page
from kneerepro.data.writing.records import Output, Subject, nominal_grid
from kneerepro.engines import Engine
from kneerepro.experiment.browser import Browser, Stack, how_many, number_of
from kneerepro.figures.planes import FIELD_OF_VIEW, middle_planes
from kneerepro.figures.style import save_tiles
from kneerepro.registry import EXPERIMENTS, GANS
from kneerepro.runs.zoo import Model
from kneerepro.utils import cli
from kneerepro.utils.files import replacing
from kneerepro.utils.progress import Progress
from kneerepro.utils.text import printable

# How many are generated at once: images, as in the thesis's batches, or
# volumes.
_BATCH, _BATCH_OF_VOLUMES = 128, 4
_BROWSED = 5  # volumes on the page, at most


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    inputs.add_model(parser)
    parser.add_argument(
        '-n',
        type=cli.positive_int,
        default=25,
        metavar='N',
        help='number of images or volumes (default: 25)',
    )
    parser.add_argument(
        '--seed',
        type=cli.seed,
        default=0,
        metavar='N',
        help='seed of the noise (default: 0); the same seed gives the same '
        'output on every engine, up to rounding',
    )
    parser.add_argument(
        '--out',
        metavar='DIR',
        default='generated',
        help='folder to write to (default: generated)',
    )
    formats.add_argument(parser, 'see below')
    inputs.add_common(parser)


def run(args: argparse.Namespace) -> None:
    """Generate the images or volumes and write them."""
    model = inputs.load_model(args.model, GANS)
    on_volumes = EXPERIMENTS[model.experiment].on_volumes
    name = EXPERIMENTS[model.experiment].unit
    tiles = os.path.join(args.out, f'{name}.png')
    page = os.path.join(args.out, f'{name}.html')
    archives = []
    if 'npy' in args.format:
        # With the noise, unlike the arrays of other commands.
        archives = [os.path.join(args.out, f'{name}.npz')]
    others = [kind for kind in args.format if kind != 'npy']
    targets = [*archives, tiles, page, *formats.paths(others, args.out)]
    inputs.refuse_existing(targets, args.overwrite)
    engine = Engine(args.engine, args.device, args.precision)
    z = (
        np.random.RandomState(args.seed)
        .normal(size=(args.n, model.options['nz']))
        .astype('float32')
    )
    with contextlib.ExitStack() as stack:
        paths = [stack.enter_context(replacing(path)) for path in archives]
        writers = [
            stack.enter_context(formats.FORMATS[kind](args.out, args.n))
            for kind in others
        ]
        made = _generate(model, engine, z)
        for path in paths:
            np.savez(path, **{name: made, 'z': z})
        for output, subject in _outputs(made[:, 0]):
            for writer in writers:
                writer.add(output, subject)
        shown = made[:, 0]
        if on_volumes:
            shown = middle_planes(shown)['sagittal']
        save_tiles(as_square(shown), tiles)
        output_page.write(
            page,
            f'Generated {name}',
            _source(model, args.seed),
            (_browser_of_volumes if on_volumes else _browser_of_images)(
                made[:, 0]
            ),
            tiles,
        )
    for path in targets:
        print(printable(f'wrote {path}'))


def _generate(model: Model, engine: Engine, z: np.ndarray) -> np.ndarray:
    """What the generator makes of some noise.

    Returns
    -------
    array, shape (n, 1, 64, 64) or (n, 1, depth, rows, columns), float32
    """
    spec = EXPERIMENTS[model.experiment]
    generate = compile_through(model.networks[:1], engine.mode)
    step = _BATCH_OF_VOLUMES if spec.on_volumes else _BATCH
    made = np.empty((len(z), *model.networks[0].output_shape[1:]), 'float32')
    with Progress('generating', spec.unit) as progress:
        for i in range(0, len(z), step):
            made[i : i + step] = generate(z[i : i + step])
            progress(min(i + step, len(z)), len(z))
    return made


def _outputs(made: np.ndarray) -> Iterator[tuple[Output, Subject]]:
    """All images as the slices of one output, or an output for each volume."""
    *volumes, depth, rows, columns = made.shape
    if not volumes:
        yield (
            Output(None, 'generated', made),
            Subject(nominal_grid((depth, rows, columns))),
        )
        return
    across, down, along = FIELD_OF_VIEW
    subject = Subject(
        nominal_grid(
            (depth, rows, columns),
            (across / depth, down / rows, along / columns),
        )
    )
    for number, volume in enumerate(made):
        yield Output(number, 'generated', volume), subject


def _browser_of_images(images: np.ndarray) -> Browser:
    """The part of the page in which the images can be browsed."""
    count = min(len(images), how_many(images[0].size))
    return Browser(
        heading='Images',
        text=f'{number_of(count, len(images), "images")}.',
        chooser='images',
        stacks=(
            Stack(
                'images',
                (images[:count],),
                tuple(f'{i + 1} of {len(images):,}' for i in range(count)),
            ),
        ),
        planes=('image',),
        panels=('generated',),
        start=0,
    )


def _browser_of_volumes(volumes: np.ndarray) -> Browser | None:
    """As for images; None if the volumes are too large for a page."""
    count = min(len(volumes), how_many(volumes[0].size), _BROWSED)
    if not count:
        return None
    return Browser(
        heading='Volumes',
        text=f'{number_of(count, len(volumes), "volumes")}.',
        chooser='volume',
        stacks=tuple(
            Stack(str(i), (volume,))
            for i, volume in enumerate(volumes[:count])
        ),
        panels=('generated',),
    )


def _source(model: Model, seed: int) -> str:
    run = (model.about or {}).get('run')
    of_run = f', run {run}' if run else ''
    return f'{model.experiment}{of_run}; noise of seed {seed}'


def as_square(images: np.ndarray) -> np.ndarray:
    """Arrange images in a square, or in one row less.

    Parameters
    ----------
    images : array, shape (n, rows, columns)

    Returns
    -------
    array, shape (rows of images, columns of images, rows, columns)
        The places that are left over are white.
    """
    across = int(np.ceil(np.sqrt(len(images))))
    down = -(-len(images) // across)
    tiles = np.ones((down * across, *images.shape[1:]), images.dtype)
    tiles[: len(images)] = images
    return tiles.reshape(down, across, *images.shape[1:])
