"""Convert a folder of DICOM series into the dataset of section 2.2."""

import argparse

from kneerepro import cli
from kneerepro.data.dataset import Dataset
from kneerepro.data.prepare import prepare
from kneerepro.progress import Progress


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument('source', metavar='SOURCE',
                        help='folder with DICOM series at any depth')
    parser.add_argument('--out', metavar='FILE', default='knees.h5',
                        help='HDF5 file to write')
    parser.add_argument('--depth', type=cli.positive_int, default=160,
                        metavar='N', help='slices of a volume')
    parser.add_argument('--size', type=cli.positive_int, default=64,
                        metavar='N', help='rows and columns of a slice')
    args = parser.parse_args()
    with Progress('converting series', 'series') as progress:
        prepare(args.source, args.out, (args.depth, args.size, args.size),
                progress=progress, report=progress.write)
    with Dataset(args.out) as dataset:
        print('{}: {} volumes of {} x {} x {}'.format(
            args.out, len(dataset.volumes), *dataset.volumes.shape[2:]))


if __name__ == '__main__':
    cli.run(main)
