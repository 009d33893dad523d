"""Figure 2.1: one patient in the sagittal, axial and coronal plane (section
2.1).

"Each 3D image was comprised of 160 slides of 384x384 2D images". Shows the
series as acquired: a synthetic knee or, with --data, a DICOM series or a
volume in another format.
"""

import os

import kneerepro
from kneerepro import command_line
from kneerepro.data.knee import load_knee
from kneerepro.data.reading.selection import selection_of
from kneerepro.experiment.arguments import add_data_arguments
from kneerepro.figures.dataset import figure_2_1
from kneerepro.figures.style import save_figure
from kneerepro.phantom.default import default_knees
from kneerepro.utils import cli
from kneerepro.utils.text import printable


def main():
    args = parse_arguments()
    source = args.data or default_knees(
        args.out, args.patient, matrix=384, slices=160, seed=0
    )
    knee = load_knee(source, args.patient, selection_of(args))
    figure = figure_2_1(
        knee.pixels, knee.spacing, knee.directions, footer_of(knee, args)
    )
    path = os.path.join(args.out, 'dataset', 'figure2_1')
    for written in save_figure(figure, path):
        print(printable(f'wrote {written}'))


def footer_of(knee, args):
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


def parse_arguments():
    parser = command_line.Parser(__doc__)
    add_data_arguments(parser, datasets=False)
    command_line.add_out(parser)
    command_line.add_count(parser, '--patient', 1, 'number of the series')
    return parser.parse_args()


if __name__ == '__main__':
    cli.run(main)
