"""Figure 3.1: 25 randomly selected examples of the 2D dataset (section 3).

Drawn on synthetic knees or, with --data, on a folder of DICOM series or a
dataset file; as cae2d.py, dcgan.py and wgan_gp.py are given them.
"""

import os

import numpy as np

import kneerepro
from kneerepro import config
from kneerepro.data.dataset import Dataset
from kneerepro.data.reading.selection import selection_of
from kneerepro.experiment.session import (
    add_data_arguments,
    dataset_file,
    options_of,
)
from kneerepro.figures.dataset import figure_3_1
from kneerepro.figures.style import save_figure
from kneerepro.phantom.default import default_knees
from kneerepro.utils import cli
from kneerepro.utils.errors import UserError

EXAMPLES = 25


def main():
    args = parse_arguments()
    parameters = config.parameters_of(args, 'cae2d')
    source = args.data or default_knees(
        __file__,
        parameters['patients'],
        parameters['matrix'],
        parameters['slices'],
        parameters['seed'],
    )
    path = dataset_file(
        source,
        not args.data,
        os.path.join(args.out, 'datasets'),
        options_of(parameters),
        selection_of(args),
    )
    with Dataset(path) as dataset:
        count = len(dataset.images)
        if count < EXAMPLES:
            raise UserError(
                f'{path} holds {count} images, needed are {EXAMPLES}'
            )
        chosen = np.random.RandomState(parameters['seed']).choice(
            count, EXAMPLES, replace=False
        )
        images = dataset.images[chosen]
    changed = config.differences(parameters, 'cae2d', not args.data)
    # A dataset file is what it is, whatever the preset.
    reduced = not os.path.isfile(args.data or '') and any(
        name in changed for name in config.OF_THE_DATA
    )
    footer = (
        f'kneerepro {kneerepro.__version__}: '
        + f'preset {config.preset_name(args.preset)}, not the '
        "thesis's; "
        * reduced
        + ('own data' if args.data else 'synthetic knees')
        + f'; {EXAMPLES} of {count:,} images of {images.shape[2]} x '
        f'{images.shape[3]}, seed {parameters["seed"]}'
    )
    for path in save_figure(
        figure_3_1(images, footer),
        os.path.join(args.out, 'dataset', 'figure3_1'),
    ):
        print(f'wrote {path}')


def parse_arguments():
    parser = config.Parser(__doc__)
    add_data_arguments(parser)
    config.add_out(parser)
    config.add_parameters(parser, 'cae2d', only=config.OF_THE_DATA)
    return parser.parse_args()


if __name__ == '__main__':
    cli.run(main)
