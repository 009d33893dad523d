"""Figure 2.2: depth view of the resized slides (section 2.2).

"[...] resize the images to 64x64x160 pixels [...] Secondly, the intensity
values were normalized to be between 0 and 1". Shows a synthetic knee or, with
--data, a volume of a folder of DICOM series or of a dataset file.
"""

import os

import kneerepro
from kneerepro import command_line
from kneerepro.data.convert import Options
from kneerepro.data.dataset import Dataset
from kneerepro.data.reading.selection import selection_of
from kneerepro.experiment.arguments import add_data_arguments
from kneerepro.experiment.datasets import dataset_file
from kneerepro.figures.dataset import figure_2_2
from kneerepro.figures.style import save_figure
from kneerepro.phantom.default import default_knees
from kneerepro.utils import cli
from kneerepro.utils.errors import UserError
from kneerepro.utils.text import printable


def main():
    args = parse_arguments()
    volume = read_volume(args)
    origin = 'own data' if args.data else 'a synthetic knee'
    slides, rows, columns = volume.shape
    footer = (
        f'kneerepro {kneerepro.__version__}: {origin}, volume {args.patient}: '
        f'all {slides} slides of {rows} x {columns}; the numbers are those of '
        'the first slide of each row'
    )
    path = os.path.join(args.out, 'dataset', 'figure2_2')
    for written in save_figure(figure_2_2(volume, footer), path):
        print(printable(f'wrote {written}'))


def read_volume(args):
    source = args.data or default_knees(
        args.out, args.patient, matrix=128, slices=160, seed=0
    )
    path = dataset_file(
        source,
        args.key_file if args.data else None,
        args.out,
        Options(args.depth, args.size),
        selection_of(args),
    )
    with Dataset(path) as dataset:
        count = len(dataset.volumes)
        if args.patient > count:
            raise UserError(
                f'{path} has {count} volumes, and none of number '
                f'{args.patient}: give --patient a number up to {count}'
            )
        return dataset.volumes[args.patient - 1][0]


def parse_arguments():
    parser = command_line.Parser(__doc__)
    add_data_arguments(parser)
    command_line.add_out(parser)
    command_line.add_count(parser, '--patient', 1, 'number of the volume')
    command_line.add_count(parser, '--depth', 160, 'slides of a volume')
    command_line.add_count(parser, '--size', 64, 'rows and columns of a slide')
    return parser.parse_args()


if __name__ == '__main__':
    cli.run(main)
