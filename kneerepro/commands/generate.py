"""Generate images from noise with the generator of a GAN.

images.png    all images, side by side
images.npz    images, shape (n, 1, 64, 64), and the noise z, shape (n, nz)
"""

from __future__ import annotations

import argparse
import os

import numpy as np

from kneerepro.algorithms.common import compile_through
from kneerepro.commands import inputs
from kneerepro.engines import Engine
from kneerepro.figures.style import save_tiles
from kneerepro.registry import GANS
from kneerepro.utils import cli
from kneerepro.utils.files import replacing
from kneerepro.utils.progress import Progress

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
    inputs.add_common(parser)


def run(args: argparse.Namespace) -> None:
    """Generate the images and write them."""
    paths = [
        os.path.join(args.out, name) for name in ('images.npz', 'images.png')
    ]
    inputs.refuse_existing(paths, args.overwrite)
    model = inputs.load_model(args.model, GANS)
    engine = Engine(args.engine, args.device, args.precision)
    z = (
        np.random.RandomState(args.seed)
        .normal(size=(args.n, model.options['nz']))
        .astype('float32')
    )
    with replacing(paths[0]) as temporary:
        generate = compile_through(model.networks[:1], engine.mode)
        images = np.empty((args.n, 1, 64, 64), 'float32')
        with Progress('generating', 'images') as progress:
            for i in range(0, args.n, _BATCH):
                images[i : i + _BATCH] = generate(z[i : i + _BATCH])
                progress(min(i + _BATCH, args.n), args.n)
        np.savez(temporary, images=images, z=z)
        save_tiles(as_square(images[:, 0]), paths[1])
    for path in paths:
        print(f'wrote {path}')


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
