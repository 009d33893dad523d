"""Figures of the data: 2.1, 2.2 and 3.1. They need no run."""

from __future__ import annotations

import argparse
import os

import numpy as np

import kneerepro
from kneerepro import command_line, config
from kneerepro.data.convert import Options
from kneerepro.data.dataset import Dataset
from kneerepro.data.knee import Knee, load_knee
from kneerepro.data.reading.selection import selection_of
from kneerepro.experiment.arguments import add_data_arguments
from kneerepro.experiment.datasets import (
    dataset_file,
    options_from,
    synthetic_knees,
)
from kneerepro.figures.dataset import figure_2_1, figure_2_2, figure_3_1
from kneerepro.figures.style import save_figure
from kneerepro.phantom.default import default_knees
from kneerepro.utils.errors import UserError
from kneerepro.utils.text import printable

_EXAMPLES = 25  # of Figure 3.1


# ----------------------------------------------------------------- Figure 2.1


def add_planes_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of Figure 2.1."""
    add_data_arguments(parser, datasets=False)
    command_line.add_out(parser)
    command_line.add_count(parser, '--patient', 1, 'number of the series')


def draw_planes(args: argparse.Namespace) -> None:
    """Draw Figure 2.1: a series as acquired, in three planes.

    "Each 3D image was comprised of 160 slides of 384x384 2D images". The
    series is that of a synthetic knee or, with ``--data``, a DICOM series or
    a volume in another format.
    """
    source = args.data or default_knees(
        args.out, args.patient, matrix=384, slices=160, seed=0
    )
    knee = load_knee(source, args.patient, selection_of(args))
    footer = _footer_of_planes(knee, args)
    _save(
        figure_2_1(knee.pixels, knee.spacing, knee.directions, footer),
        args.out,
        'figure2_1',
    )


def _footer_of_planes(knee: Knee, args: argparse.Namespace) -> str:
    origin = 'own data' if args.data else 'a synthetic knee'
    voxels = ' x '.join(map(str, knee.pixels.shape))
    size = ' x '.join(f'{length:.3g}' for length in knee.spacing)
    footer = (
        f'kneerepro {kneerepro.__version__}: {origin}, series '
        f'{args.patient}: {voxels} voxels of {size} mm'
    )
    if not knee.spacing_known:
        footer += ' (in part unknown: 1 mm assumed)'
    return f'{footer}; {knee.side.lower()} knee' if knee.side else footer


# ----------------------------------------------------------------- Figure 2.2


def add_slides_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of Figure 2.2."""
    add_data_arguments(parser)
    command_line.add_out(parser)
    command_line.add_count(parser, '--patient', 1, 'number of the volume')
    command_line.add_count(parser, '--depth', 160, 'slides of a volume')
    command_line.add_count(parser, '--size', 64, 'rows and columns of a slide')


def draw_slides(args: argparse.Namespace) -> None:
    """Draw Figure 2.2: all slides of a volume of the dataset.

    "[...] resize the images to 64x64x160 pixels [...] Secondly, the intensity
    values were normalized to be between 0 and 1". The volume is a synthetic
    knee or, with ``--data``, one of a folder of DICOM series or of a dataset
    file.
    """
    volume = _read_volume(args)
    origin = 'own data' if args.data else 'a synthetic knee'
    slides, rows, columns = volume.shape
    footer = (
        f'kneerepro {kneerepro.__version__}: {origin}, volume {args.patient}: '
        f'all {slides} slides of {rows} x {columns}; the numbers are those of '
        'the first slide of each row'
    )
    _save(figure_2_2(volume, footer), args.out, 'figure2_2')


def _read_volume(args: argparse.Namespace) -> np.ndarray:
    source = args.data or default_knees(
        args.out, args.patient, matrix=128, slices=160, seed=0
    )
    path = _dataset_of(args, source, Options(args.depth, args.size))
    with Dataset(path) as dataset:
        count = len(dataset.volumes)
        if args.patient > count:
            raise UserError(
                f'{path} has only {count} volumes, so there is no volume '
                f'{args.patient}: choose --patient up to {count}'
            )
        return dataset.volumes[args.patient - 1][0]


# ----------------------------------------------------------------- Figure 3.1


def add_examples_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of Figure 3.1."""
    add_data_arguments(parser)
    command_line.add_out(parser)
    command_line.add_parameters(parser, 'cae2d', only=config.DATA_PARAMETERS)


def draw_examples(args: argparse.Namespace) -> None:
    """Draw Figure 3.1: images as the 2D autoencoder and the GANs get them.

    They are those of synthetic knees or, with ``--data``, of a folder of DICOM
    series or of a dataset file.
    """
    parameters = command_line.parameters_from(args, 'cae2d')
    images, count = _choose_images(args, parameters)
    footer = _footer_of_examples(args, parameters, images, count)
    _save(figure_3_1(images, footer), args.out, 'figure3_1')


def _choose_images(args, parameters):
    """Return the examples, and of how many images they were chosen."""
    source = args.data or synthetic_knees(args.out, parameters)
    path = _dataset_of(args, source, options_from(parameters))
    with Dataset(path) as dataset:
        count = len(dataset.images)
        if count < _EXAMPLES:
            raise UserError(
                f'{path} has only {count} images, but the figure shows '
                f'{_EXAMPLES}: name more series with --data'
            )
        rng = np.random.RandomState(parameters['seed'])
        chosen = rng.choice(count, _EXAMPLES, replace=False)
        return dataset.images[chosen], count


def _footer_of_examples(args, parameters, images, count):
    parts = [
        'own data' if args.data else 'synthetic knees',
        f'{_EXAMPLES} of {count:,} images of {images.shape[2]} x '
        f'{images.shape[3]}, seed {parameters["seed"]}',
    ]
    changed = config.differences_from_thesis(
        parameters, 'cae2d', not args.data
    )
    # A dataset file does not depend on the preset.
    converted = not os.path.isfile(args.data or '')
    if converted and any(name in changed for name in config.DATA_PARAMETERS):
        preset = config.preset_name(args.preset)
        parts.insert(0, f"preset {preset}, not the thesis's")
    return f'kneerepro {kneerepro.__version__}: ' + '; '.join(parts)


# ------------------------------------------------------------ all the figures


def _dataset_of(args, source, options):
    """Convert what a figure shows to a dataset file, unless it is one."""
    return dataset_file(
        source,
        args.key_file if args.data else None,
        args.out,
        options,
        selection_of(args),
    )


def _save(figure, out, name):
    for written in save_figure(figure, os.path.join(out, 'dataset', name)):
        print(printable(f'wrote {written}'))
