"""Write an autoencoder's reconstructions of images, and their errors.

reconstruction.npy     x', shape (volumes, 1, depth, rows, columns)
squared_error.npy      (x - x')**2 of each voxel, of the same shape
mse.csv                its mean over each volume
mse_slices.csv         its mean over each slice, for a 2D autoencoder
overview.png, .pdf     the volumes with the least, median and greatest error

Both arrays are float32; numpy.load(..., mmap_mode='r') opens them without
reading them into memory.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import os
from collections.abc import Iterator
from typing import IO

import numpy as np

from kneerepro.algorithms.common import compile_through
from kneerepro.commands import inputs
from kneerepro.commands.overview import overview
from kneerepro.engines import Engine
from kneerepro.figures.style import save_figure
from kneerepro.registry import AUTOENCODERS, EXPERIMENTS
from kneerepro.utils.files import replacing
from kneerepro.utils.progress import Progress

_ARRAYS = 'reconstruction.npy', 'squared_error.npy'
_TABLE, _SLICES = 'mse.csv', 'mse_slices.csv'
_OVERVIEW = 'overview.png', 'overview.pdf'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    inputs.add_model(parser)
    inputs.add_data(parser)
    parser.add_argument(
        '--out', metavar='DIR', required=True, help='folder to write to'
    )
    inputs.add_common(parser)


def run(args: argparse.Namespace) -> None:
    """Reconstruct the images, and write arrays, tables and the overview."""
    model = inputs.load_model(args.model, AUTOENCODERS)
    names = [*_ARRAYS, _TABLE]
    if not EXPERIMENTS[model.experiment].on_volumes:
        names.append(_SLICES)
    targets = {name: os.path.join(args.out, name) for name in names}
    inputs.refuse_existing(
        [
            *targets.values(),
            *(os.path.join(args.out, name) for name in _OVERVIEW),
        ],
        args.overwrite,
    )
    engine = Engine(args.engine, args.device, args.precision)
    with (
        inputs.open_data(args, model, targets[_ARRAYS[0]]) as dataset,
        contextlib.ExitStack() as stack,
    ):
        paths = {
            name: stack.enter_context(replacing(target))
            for name, target in targets.items()
        }
        errors = _reconstruct(model, engine, dataset, paths)
        reconstruction, squared_error = (
            np.load(paths[name], mmap_mode='r') for name in _ARRAYS
        )
        figure = overview(
            dataset.volumes,
            reconstruction,
            squared_error,
            errors.mean(axis=1),
            _source(model, dataset),
        )
        figures = save_figure(figure, os.path.join(args.out, 'overview'))
    for path in [*targets.values(), *figures]:
        print(f'wrote {path}')
    of_volumes = errors.mean(axis=1)
    print(
        f'mean squared error: {errors.mean():.4g}, of volumes from '
        f'{of_volumes.min():.4g} to {of_volumes.max():.4g}'
    )


def _reconstruct(model, engine, dataset, paths):
    """Write the arrays and the tables, volume by volume.

    Parameters
    ----------
    paths : dict of str to str
        Paths to write to, by the names of the files.

    Returns
    -------
    array, shape (volumes, depth)
        Mean squared error of each slice.
    """
    reconstruct = compile_through(model.networks, engine.mode)
    shape = dataset.volumes.shape
    errors = np.empty((shape[0], shape[2]))
    with contextlib.ExitStack() as stack:
        arrays = [
            stack.enter_context(_new_array(paths[name], shape))
            for name in _ARRAYS
        ]
        table = stack.enter_context(_new_table(paths[_TABLE]))
        slices = None
        if _SLICES in paths:
            slices = stack.enter_context(_new_table(paths[_SLICES], 'slice'))
        progress = stack.enter_context(Progress('reconstructing', 'volumes'))
        for i in range(shape[0]):
            volume = dataset.volumes[i]
            reconstruction = reconstruct(inputs.as_batch(volume, model))
            reconstruction = np.asarray(reconstruction).reshape(volume.shape)
            squares = (volume - reconstruction) ** 2
            for file, array in zip(arrays, [reconstruction, squares]):
                file.write(array.tobytes())
            errors[i] = squares.mean(axis=(0, 2, 3), dtype='float64')
            labels = [dataset.patient[i], dataset.side[i]]
            table.writerow([i, *labels, repr(float(errors[i].mean()))])
            if slices is not None:
                for number, error in enumerate(errors[i].tolist(), 1):
                    slices.writerow([i, number, *labels, repr(error)])
            progress(i + 1, shape[0])
    return errors


@contextlib.contextmanager
def _new_array(path: str, shape: tuple[int, ...]) -> Iterator[IO[bytes]]:
    """Open a ``.npy`` file of float32, to append the values to.

    Not a memory map: on a full disk, writing to one kills the process.
    """
    with open(path, 'wb') as file:
        np.lib.format.write_array_header_1_0(
            file, {'descr': '<f4', 'fortran_order': False, 'shape': shape}
        )
        yield file


@contextlib.contextmanager
def _new_table(path: str, *extra_columns: str) -> Iterator:
    """Open a table, with its heading written."""
    with open(path, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(['volume', *extra_columns, 'patient', 'side', 'mse'])
        yield writer


def _source(model, dataset) -> str:
    """The model and the data, for the footer."""
    run = (model.about or {}).get('run')
    of_run = f', run {run}' if run else ''
    size = ' x '.join(map(str, dataset.shape))
    return (
        f'{model.experiment}{of_run}; {len(dataset.volumes):,} volumes of '
        f'{size}, dataset {dataset.hash:.12}'
    )
