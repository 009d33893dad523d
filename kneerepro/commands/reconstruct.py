"""Reconstruct images with an autoencoder, and write the errors.

mse.csv                the mean squared error of each volume
mse_slices.csv         that of each slice, for a 2D autoencoder
overview.png, .pdf     the volumes with the least, median and greatest error
volumes.html           a page to browse up to five volumes in three planes

--format npy:
reconstruction.npy     x', shape (volumes, 1, depth, rows, columns)
squared_error.npy      (x - x')**2 of each voxel, of the same shape

--format nifti, for each volume:
nifti/volume_000_ground_truth.nii.gz, ..._reconstruction.nii.gz and
..._squared_error.nii.gz

--format dicom, for each volume, a derived series of each of the three:
dicom/volume_000_reconstruction/0001.dcm and so on

All values are float32, except in DICOM, where they have 16 bits. In a viewer,
NIfTI and DICOM overlay the original series. numpy.load(..., mmap_mode='r')
opens the arrays without reading them into memory.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from kneerepro.algorithms.common import compile_through
from kneerepro.commands import formats, inputs, output_page, subjects
from kneerepro.commands.overview import choose, overview
from kneerepro.data.dataset import Dataset
from kneerepro.data.writing.original import at_original_size
from kneerepro.data.writing.records import Output, Subject
from kneerepro.data.writing.writer import Writer
from kneerepro.engines import Engine
from kneerepro.experiment import browser
from kneerepro.figures.style import save_figure
from kneerepro.registry import AUTOENCODERS, EXPERIMENTS
from kneerepro.utils.errors import UserError
from kneerepro.utils.files import replacing
from kneerepro.utils.progress import Progress
from kneerepro.utils.text import printable

_TABLE, _SLICES = 'mse.csv', 'mse_slices.csv'
_OVERVIEW = 'overview.png', 'overview.pdf'
_PAGE = 'volumes.html'
_BROWSED = 5  # volumes on the page, at most


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    inputs.add_model(parser)
    inputs.add_data(parser)
    parser.add_argument(
        '--out', metavar='DIR', required=True, help='folder to write to'
    )
    formats.add_argument(parser, 'see below')
    subjects.add_arguments(parser)
    inputs.add_common(parser)


def run(args: argparse.Namespace) -> None:
    """Reconstruct the images, and write volumes, tables and the overview."""
    if args.original_size and 'npy' in args.format:
        raise UserError(
            'npy is one array for volumes of all sizes, so it has no '
            '--original-size: add --format nifti or --format dicom'
        )
    model = inputs.load_model(args.model, AUTOENCODERS)
    tables = [_TABLE]
    if not EXPERIMENTS[model.experiment].on_volumes:
        tables.append(_SLICES)
    tables = [os.path.join(args.out, name) for name in tables]
    targets = formats.paths(args.format, args.out) + tables
    inputs.refuse_existing(
        targets
        + [os.path.join(args.out, name) for name in (*_OVERVIEW, _PAGE)],
        args.overwrite,
    )
    engine = Engine(args.engine, args.device, args.precision)
    with (
        inputs.open_data(args, model, tables[0]) as dataset,
        contextlib.ExitStack() as stack,
    ):
        shown = subjects.subjects_of(dataset, args)
        writers = [
            stack.enter_context(formats.FORMATS[name](args.out, len(shown)))
            for name in args.format
        ]
        paths = [stack.enter_context(replacing(table)) for table in tables]
        reconstruct = _reconstructing(model, engine, dataset)
        errors = _write_volumes(
            reconstruct, shown, writers, args.original_size
        )
        for path, write in zip(paths, [_write_table, _write_slices]):
            write(path, dataset, errors)
        figures = _save_overview(args.out, reconstruct, model, dataset, errors)
        page = os.path.join(args.out, _PAGE)
        _write_page(page, figures[0], reconstruct, model, dataset, errors)
    for path in [*targets, *figures, page]:
        print(printable(f'wrote {path}'))
    of_volumes = errors.mean(axis=1)
    print(
        f'mean squared error: {errors.mean():.4g}, of volumes from '
        f'{of_volumes.min():.4g} to {of_volumes.max():.4g}'
    )


@dataclass(frozen=True)
class _Reconstruction:
    """A volume, its reconstruction, and the squared error of each voxel.

    All of shape (depth, rows, columns), float32.
    """

    truth: np.ndarray
    values: np.ndarray
    squares: np.ndarray

    def outputs(self, number: int) -> Iterator[Output]:
        """What is written of it."""
        yield Output(number, 'ground_truth', self.truth)
        yield Output(number, 'reconstruction', self.values)
        limit = float(self.squares.max()) or 1.0
        yield Output(number, 'squared_error', self.squares, limit)


def _reconstructing(
    model, engine: Engine, dataset: Dataset
) -> Callable[[int], _Reconstruction]:
    """A function that reconstructs a volume, given its number."""
    function = compile_through(model.networks, engine.mode)

    def reconstruct(number):
        volume = dataset.volumes[number]
        made = np.asarray(function(inputs.as_batch(volume, model)))
        made = made.reshape(volume.shape)
        return _Reconstruction(volume[0], made[0], (volume[0] - made[0]) ** 2)

    return reconstruct


def _write_volumes(
    reconstruct: Callable[[int], _Reconstruction],
    shown: list[Subject],
    writers: list[Writer],
    original_size: bool,
) -> np.ndarray:
    """Reconstruct all volumes, one at a time.

    Returns
    -------
    array, shape (volumes, depth)
        Mean squared error of each slice.
    """
    errors = []
    with Progress('reconstructing', 'volumes') as progress:
        for number, subject in enumerate(shown):
            reconstruction = reconstruct(number)
            for output in reconstruction.outputs(number):
                placed = output, subject
                if original_size:
                    placed = at_original_size(*placed)
                for writer in writers:
                    writer.add(*placed)
            squares = reconstruction.squares
            errors.append(squares.mean(axis=(1, 2), dtype='float64'))
            progress(number + 1, len(shown))
    return np.array(errors)


def _write_table(path, dataset, errors):
    with _new_table(path) as table:
        for i, mse in enumerate(errors.mean(axis=1).tolist()):
            table.writerow([i, dataset.patient[i], dataset.side[i], repr(mse)])


def _write_slices(path, dataset, errors):
    with _new_table(path, 'slice') as table:
        for i, slices in enumerate(errors.tolist()):
            labels = [dataset.patient[i], dataset.side[i]]
            for number, mse in enumerate(slices, 1):
                table.writerow([i, number, *labels, repr(mse)])


@contextlib.contextmanager
def _new_table(path: str, *extra_columns: str) -> Iterator:
    """Open a table, with its heading written."""
    with open(path, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(['volume', *extra_columns, 'patient', 'side', 'mse'])
        yield writer


def _save_overview(folder, reconstruct, model, dataset, errors):
    """Draw the overview; returns the paths of its files."""
    mse = errors.mean(axis=1)
    # Reconstructed again, since not all formats can be read back.
    shown = {number: reconstruct(number) for _, number in choose(mse)}
    figure = overview(
        dataset.volumes,
        {number: made.values[None] for number, made in shown.items()},
        {number: made.squares[None] for number, made in shown.items()},
        mse,
        _source(model, dataset),
    )
    return save_figure(figure, os.path.join(folder, 'overview'))


def _write_page(path, picture, reconstruct, model, dataset, errors):
    """Write the page on which volumes can be browsed."""
    mse = errors.mean(axis=1)
    stacks = []
    for number in browser.choose(mse, math.prod(dataset.shape), _BROWSED):
        made, grid = reconstruct(number), dataset.grids[number]
        stacks.append(
            browser.Stack(
                f'{number}, MSE {mse[number]:.2g}',
                (made.truth, made.values),
                spacing=grid.spacing if grid else None,
            )
        )
    text = browser.ranked(len(stacks), len(mse), 'volumes')
    output_page.write(
        path,
        'Reconstructions',
        _source(model, dataset),
        browser.Browser(
            'Volumes',
            f'{text} Their numbers are those of mse.csv.',
            'volume',
            tuple(stacks),
        )
        if stacks
        else None,
        picture,
    )


def _source(model, dataset) -> str:
    """The model and the data, for the footer and the page."""
    run = (model.about or {}).get('run')
    of_run = f', run {run}' if run else ''
    size = ' x '.join(map(str, dataset.shape))
    return (
        f'{model.experiment}{of_run}; {len(dataset.volumes):,} volumes of '
        f'{size}, dataset {dataset.hash:.12}'
    )
