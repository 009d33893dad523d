"""Generate images from noise with the generator of a GAN.

images.png    all images, side by side
images.html   a page to look at them one by one
images.npz    --format npy: images, shape (n, 1, 64, 64), and the noise z,
              shape (n, nz)

--format nifti writes nifti/generated.nii.gz, and --format dicom a series,
dicom/generated/0001.dcm and so on. Both hold the images as slices, 1 mm apart.
That is a stack, not a volume: neighbours have nothing to do with each other,
and positions and spacings are nominal, since nobody was scanned.
"""

from __future__ import annotations

import argparse
import contextlib
import os

import numpy as np

from kneerepro.algorithms.common import compile_through
from kneerepro.commands import formats, inputs, output_page
from kneerepro.data.writing.records import Output, Subject, nominal_grid
from kneerepro.engines import Engine
from kneerepro.experiment.browser import Browser, Stack, how_many
from kneerepro.figures.style import save_tiles
from kneerepro.registry import GANS
from kneerepro.utils import cli
from kneerepro.utils.files import replacing
from kneerepro.utils.progress import Progress
from kneerepro.utils.text import printable

_BATCH = 128  # images at a time, the thesis's batch size


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    inputs.add_model(parser)
    parser.add_argument(
        '-n',
        type=cli.positive_int,
        default=25,
        metavar='N',
        help='number of images (default: 25)',
    )
    parser.add_argument(
        '--seed',
        type=cli.seed,
        default=0,
        metavar='N',
        help='seed of the noise (default: 0); the same seed gives the same '
        'images on every engine, up to rounding',
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
    """Generate the images and write them."""
    tiles = os.path.join(args.out, 'images.png')
    page = os.path.join(args.out, 'images.html')
    archives = []
    if 'npy' in args.format:
        # With the noise, unlike the arrays of other commands.
        archives = [os.path.join(args.out, 'images.npz')]
    others = [name for name in args.format if name != 'npy']
    targets = [*archives, tiles, page, *formats.paths(others, args.out)]
    inputs.refuse_existing(targets, args.overwrite)
    model = inputs.load_model(args.model, GANS)
    engine = Engine(args.engine, args.device, args.precision)
    z = (
        np.random.RandomState(args.seed)
        .normal(size=(args.n, model.options['nz']))
        .astype('float32')
    )
    with contextlib.ExitStack() as stack:
        paths = [stack.enter_context(replacing(path)) for path in archives]
        writers = [
            stack.enter_context(formats.FORMATS[name](args.out, 1))
            for name in others
        ]
        images = _generate(model, engine, z)
        for path in paths:
            np.savez(path, images=images, z=z)
        stacked = Output(None, 'generated', images[:, 0])
        rows, columns = images.shape[2:]
        subject = Subject(nominal_grid((len(images), rows, columns)))
        for writer in writers:
            writer.add(stacked, subject)
        save_tiles(as_square(images[:, 0]), tiles)
        _write_page(page, tiles, images[:, 0], model, args.seed)
    for path in targets:
        print(printable(f'wrote {path}'))


def _generate(model, engine, z):
    """The images for some noise, shape (n, 1, 64, 64)."""
    generate = compile_through(model.networks[:1], engine.mode)
    images = np.empty((len(z), 1, 64, 64), 'float32')
    with Progress('generating', 'images') as progress:
        for i in range(0, len(z), _BATCH):
            images[i : i + _BATCH] = generate(z[i : i + _BATCH])
            progress(min(i + _BATCH, len(z)), len(z))
    return images


def _write_page(path, picture, images, model, seed):
    """Write the page on which the images can be browsed."""
    count = min(len(images), how_many(images[0].size))
    browser = Browser(
        heading='Images',
        text=f'{count:,} of {len(images):,} images.',
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
    run = (model.about or {}).get('run')
    of_run = f', run {run}' if run else ''
    output_page.write(
        path,
        'Generated images',
        f'{model.experiment}{of_run}; noise of seed {seed}',
        browser,
        picture,
    )


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
