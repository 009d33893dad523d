"""Figure 3.1: 25 randomly selected examples of the 2D dataset (section 3).

Shows images as cae2d.py, dcgan.py and wgan_gp.py get them: of synthetic knees
or, with --data, of a folder of DICOM series or of a dataset file.
"""

import os

import numpy as np

import kneerepro
from kneerepro import command_line, config
from kneerepro.data.dataset import Dataset
from kneerepro.data.reading.selection import selection_of
from kneerepro.experiment.arguments import add_data_arguments
from kneerepro.experiment.datasets import (
    dataset_file,
    options_from,
    synthetic_knees,
)
from kneerepro.figures.dataset import figure_3_1
from kneerepro.figures.style import save_figure
from kneerepro.utils import cli
from kneerepro.utils.errors import UserError
from kneerepro.utils.text import printable

EXAMPLES = 25


def main():
    args = parse_arguments()
    parameters = command_line.parameters_from(args, 'cae2d')
    images, count = choose_images(args, parameters)
    footer = footer_of(args, parameters, images, count)
    path = os.path.join(args.out, 'dataset', 'figure3_1')
    for written in save_figure(figure_3_1(images, footer), path):
        print(printable(f'wrote {written}'))


def choose_images(args, parameters):
    """Return the examples, and of how many images they were chosen."""
    source = args.data or synthetic_knees(args.out, parameters)
    path = dataset_file(
        source,
        args.key_file if args.data else None,
        args.out,
        options_from(parameters),
        selection_of(args),
    )
    with Dataset(path) as dataset:
        count = len(dataset.images)
        if count < EXAMPLES:
            raise UserError(
                f'{path} has {count} images and the figure shows {EXAMPLES}: '
                'give --data more series'
            )
        rng = np.random.RandomState(parameters['seed'])
        chosen = rng.choice(count, EXAMPLES, replace=False)
        return dataset.images[chosen], count


def footer_of(args, parameters, images, count):
    parts = [
        'own data' if args.data else 'synthetic knees',
        f'{EXAMPLES} of {count:,} images of {images.shape[2]} x '
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


def parse_arguments():
    parser = command_line.Parser(__doc__)
    add_data_arguments(parser)
    command_line.add_out(parser)
    command_line.add_parameters(parser, 'cae2d', only=config.DATA_PARAMETERS)
    return parser.parse_args()


if __name__ == '__main__':
    cli.run(main)
