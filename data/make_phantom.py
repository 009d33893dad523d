"""Synthetic knee MRI series in DICOM, laid out as those of the Osteoarthritis
Initiative.
"""

# This script's folder holds an inspect.py, which is not the standard
# library's that others import.
import sys

if __name__ == '__main__':
    sys.path.pop(0)

import argparse
import os

from kneerepro.phantom import write_patients
from kneerepro.utils import cli
from kneerepro.utils.progress import Progress


def main():
    args = parse_arguments()
    with Progress('synthetic knees', 'patients') as progress:
        write_patients(
            args.out,
            args.patients,
            args.seed,
            args.matrix,
            args.slices,
            progress,
            args.workers,
        )
    print(
        f'{args.out} holds {args.patients} patients with a series of '
        f'{args.slices} x {args.matrix} x {args.matrix} each; their shapes '
        f'are in {os.path.join(args.out, "ground_truth.csv")}'
    )


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        '--out', metavar='DIR', required=True, help='folder to write to'
    )
    parser.add_argument('--patients', type=cli.positive_int, default=27)
    parser.add_argument(
        '--matrix', type=cli.positive_int, default=384, help='rows and columns'
    )
    parser.add_argument('--slices', type=cli.positive_int, default=160)
    parser.add_argument(
        '--seed',
        type=cli.seed,
        default=0,
        help='another one gives other people',
    )
    parser.add_argument(
        '--workers',
        type=cli.positive_int,
        metavar='N',
        default=os.cpu_count() or 1,
        help='processes; their number changes nothing in the files',
    )
    return parser.parse_args()


if __name__ == '__main__':
    cli.run(main)
