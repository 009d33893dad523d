"""Figure 3.1: 25 randomly selected examples of the 2D dataset (section 3).

Drawn on synthetic knees or, with --data, on a folder of DICOM series or a
dataset file.
"""

import os

import numpy as np

import kneerepro
from kneerepro import cli
from kneerepro.data.convert import Options
from kneerepro.data.dataset import Dataset
from kneerepro.errors import UserError
from kneerepro.experiment import dataset_file, new_parser
from kneerepro.figures.dataset import figure_3_1
from kneerepro.figures.style import save_png
from kneerepro.phantom.default import default_knees

EXAMPLES = 25


def main():
    args = parse_arguments()
    # The knees of cae3d.py, all of their slides.
    source = args.data or default_knees(__file__, patients=27, matrix=128,
                                        slices=32, seed=0)
    depth = args.depth or (160 if args.data else 32)
    path = dataset_file(args, source, 'figure3_1.h5',
                        Options(depth, args.size))
    with Dataset(path) as dataset:
        count = len(dataset.images)
        if count < EXAMPLES:
            raise UserError(f'{path} holds {count} images, needed are '
                            f'{EXAMPLES}')
        chosen = np.random.RandomState(args.seed).choice(count, EXAMPLES,
                                                         replace=False)
        images = dataset.images[chosen]
    footer = (f'kneerepro {kneerepro.__version__}: '
              + ('own data' if args.data else 'synthetic knees')
              + f'; {EXAMPLES} of {count:,} images of {images.shape[2]} x '
              f'{images.shape[3]}, seed {args.seed}')
    path = os.path.join(args.out, 'figure3_1.png')
    save_png(figure_3_1(images, footer), path)
    print(f'wrote {path}')


def parse_arguments():
    parser = new_parser(__doc__, os.path.join('runs', 'dataset'))
    parser.add_argument('--depth', type=cli.positive_int, metavar='N',
                        help='slides of a volume (default: 160; synthetic: '
                        '32)')
    parser.add_argument('--size', type=cli.positive_int, default=64,
                        metavar='N', help='rows and columns')
    parser.add_argument('--seed', type=cli.seed, default=0, metavar='N',
                        help='of the choice')
    return parser.parse_args()


if __name__ == '__main__':
    cli.run(main)
