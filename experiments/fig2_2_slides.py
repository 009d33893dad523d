"""Figure 2.2: depth view of the resized slides (section 2.2).

"[...] resize the images to 64x64x160 pixels [...] Secondly, the intensity
values were normalized to be between 0 and 1". Drawn on a synthetic knee or,
with --data, on a folder of DICOM series or a dataset file.
"""

import os

import kneerepro
from kneerepro import config
from kneerepro.data.convert import Options
from kneerepro.data.dataset import Dataset
from kneerepro.data.reading.selection import selection_of
from kneerepro.experiment.session import add_data_arguments, dataset_file
from kneerepro.figures.dataset import figure_2_2
from kneerepro.figures.style import save_figure
from kneerepro.phantom.default import default_knees
from kneerepro.utils import cli
from kneerepro.utils.errors import UserError


def main():
    args = parse_arguments()
    source = args.data or default_knees(
        __file__, args.patient, matrix=128, slices=160, seed=0
    )
    path = dataset_file(
        source,
        not args.data,
        os.path.join(args.out, 'datasets'),
        Options(args.depth, args.size),
        selection_of(args),
    )
    with Dataset(path) as dataset:
        if args.patient > len(dataset.volumes):
            raise UserError(
                f'{path} holds {len(dataset.volumes)} volumes, '
                f'there is no number {args.patient}'
            )
        volume = dataset.volumes[args.patient - 1][0]
    footer = (
        f'kneerepro {kneerepro.__version__}: '
        + ('own data' if args.data else 'a synthetic knee')
        + f', volume {args.patient}: all {len(volume)} slides of '
        f'{volume.shape[1]} x {volume.shape[2]}, the first of each row '
        'numbered'
    )
    for path in save_figure(
        figure_2_2(volume, footer),
        os.path.join(args.out, 'dataset', 'figure2_2'),
    ):
        print(f'wrote {path}')


def parse_arguments():
    parser = config.Parser(__doc__)
    add_data_arguments(parser)
    config.add_out(parser)
    parser.add_argument(
        '--patient',
        type=cli.positive_int,
        default=1,
        metavar='N',
        help='which of the volumes (default: 1)',
    )
    parser.add_argument(
        '--depth',
        type=cli.positive_int,
        default=160,
        metavar='N',
        help='slides of a volume (default: 160)',
    )
    parser.add_argument(
        '--size',
        type=cli.positive_int,
        default=64,
        metavar='N',
        help='rows and columns (default: 64)',
    )
    return parser.parse_args()


if __name__ == '__main__':
    cli.run(main)
