"""Figure 2.1: one patient in the sagittal, axial and coronal plane (section
2.1).

"Each 3D image was comprised of 160 slides of 384x384 2D images". Drawn as
acquired, on a synthetic knee or, with --data, on a DICOM series.
"""

import os

import kneerepro
from kneerepro import config
from kneerepro.data.knee import load_knee
from kneerepro.data.reading.selection import selection_of
from kneerepro.experiment.session import add_data_arguments
from kneerepro.figures.dataset import figure_2_1
from kneerepro.figures.style import save_figure
from kneerepro.phantom.default import default_knees
from kneerepro.utils import cli


def main():
    args = parse_arguments()
    source = args.data or default_knees(
        __file__, args.patient, matrix=384, slices=160, seed=0
    )
    knee = load_knee(source, args.patient, selection_of(args))
    voxels = ' x '.join(map(str, knee.pixels.shape))
    size = ' x '.join(f'{length:.3g}' for length in knee.spacing)
    footer = (
        f'kneerepro {kneerepro.__version__}: '
        + ('own data' if args.data else 'a synthetic knee')
        + f', series {args.patient}: {voxels} voxels of {size} mm'
        + (f'; {knee.side.lower()} knee' if knee.side else '')
    )
    figure = figure_2_1(knee.pixels, knee.spacing, knee.directions, footer)
    for path in save_figure(
        figure, os.path.join(args.out, 'dataset', 'figure2_1')
    ):
        print(f'wrote {path}')


def parse_arguments():
    parser = config.Parser(__doc__)
    add_data_arguments(parser, datasets=False)
    config.add_out(parser)
    parser.add_argument(
        '--patient',
        type=cli.positive_int,
        default=1,
        metavar='N',
        help='which of the series (default: 1)',
    )
    return parser.parse_args()


if __name__ == '__main__':
    cli.run(main)
