"""Write an autoencoder's reconstructions of images, and their errors.

reconstruction.npy     x', shape (volumes, 1, depth, rows, columns)
squared_error.npy      (x - x')**2 of each voxel, of the same shape
mse.csv                its mean over each volume
mse_slices.csv         and over each slice, for a 2D autoencoder
overview.png, .pdf     the volumes of least, median and greatest error

Both arrays are float32, for numpy.load(..., mmap_mode='r').
"""

import contextlib
import csv
import os

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


def add_arguments(parser):
    inputs.add_model(parser)
    inputs.add_data(parser)
    parser.add_argument(
        '--out', metavar='DIR', required=True, help='folder to write to'
    )
    inputs.add_common(parser)


def run(args):
    model = inputs.load_model(args.model, AUTOENCODERS)
    names = [
        *_ARRAYS,
        _TABLE,
        *[_SLICES] * (not EXPERIMENTS[model.experiment].on_volumes),
    ]
    inputs.refuse_existing(
        [
            os.path.join(args.out, name)
            for name in [*names, 'overview.png', 'overview.pdf']
        ],
        args.overwrite,
    )
    engine = Engine(args.engine, args.device, args.precision)
    with (
        inputs.open_data(
            args, model, os.path.join(args.out, _ARRAYS[0])
        ) as dataset,
        contextlib.ExitStack() as stack,
    ):
        paths = {
            name: stack.enter_context(replacing(os.path.join(args.out, name)))
            for name in names
        }
        errors = _reconstruct(model, engine, dataset, paths)
        figure = overview(
            dataset.volumes,
            *(np.load(paths[name], mmap_mode='r') for name in _ARRAYS),
            errors.mean(axis=1),
            _source(model, dataset),
        )
        drawn = save_figure(figure, os.path.join(args.out, 'overview'))
    for path in [*(os.path.join(args.out, name) for name in names), *drawn]:
        print(f'wrote {path}')
    print(
        f'mean squared error: {errors.mean():.4g}, of volumes from '
        f'{errors.mean(axis=1).min():.4g} to '
        f'{errors.mean(axis=1).max():.4g}'
    )


def _reconstruct(model, engine, dataset, paths):
    """Write arrays and tables, volume by volume.

    Parameters
    ----------
    paths : dict of str to str
        Where to write what.

    Returns
    -------
    array, shape (volumes, depth)
        Mean squared error of each slice.
    """
    function = compile_through(model.networks, engine.mode)
    shape = dataset.volumes.shape
    errors = np.empty((shape[0], shape[2]))
    with contextlib.ExitStack() as stack:
        files = [
            stack.enter_context(_new_array(paths[name], shape))
            for name in _ARRAYS
        ]
        tables = [
            stack.enter_context(_new_table(paths[name], column))
            for name, column in [(_TABLE, []), (_SLICES, ['slice'])]
            if name in paths
        ]
        progress = stack.enter_context(Progress('reconstructing', 'volumes'))
        for i in range(shape[0]):
            volume = dataset.volumes[i]
            made = function(inputs.as_batch(volume, model))
            made = np.asarray(made).reshape(volume.shape)
            squares = (volume - made) ** 2
            for file, array in zip(files, [made, squares]):
                file.write(array.tobytes())
            errors[i] = squares.mean(axis=(0, 2, 3), dtype='float64')
            about = [dataset.patient[i], dataset.side[i]]
            tables[0].writerow([i, *about, repr(float(errors[i].mean()))])
            for table in tables[1:]:
                for number, error in enumerate(errors[i].tolist(), 1):
                    table.writerow([i, number, *about, repr(error)])
            progress(i + 1, shape[0])
    return errors


@contextlib.contextmanager
def _new_array(path, shape):
    """A ``.npy`` file to append float32 to.

    Not a memory map: where the disk is full, that ends the process.
    """
    with open(path, 'wb') as file:
        np.lib.format.write_array_header_1_0(
            file, {'descr': '<f4', 'fortran_order': False, 'shape': shape}
        )
        yield file


@contextlib.contextmanager
def _new_table(path, column):
    with open(path, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(['volume', *column, 'patient', 'side', 'mse'])
        yield writer


def _source(model, dataset):
    run = (model.about or {}).get('run')
    return (
        f'{model.experiment}{f", run {run}" * bool(run)}; '
        f'{len(dataset.volumes):,} volumes of '
        f'{" x ".join(map(str, dataset.shape))}, dataset '
        f'{dataset.hash:.12}'
    )
