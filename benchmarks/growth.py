"""How a training step's cost grows with what it is given: its time and peak
memory, on the engine beside PyTorch alone.

Against the size of the minibatch for the 2D autoencoder, and against the depth
of the volumes for the 3D one, both with the thesis's numbers of filters. The
two engines take turns, as in step_time.py; docs/publish.py --growth FILE draws
what was measured.
"""

import argparse
import json

import numpy as np
from turns import machine, take_turns

from kneerepro import engines
from kneerepro.runs import environment
from kneerepro.utils import cli

ENGINES = 'torch', 'native'
#: What grows, with what and through which sizes; and the first of them, to
#: see whether it works.
SERIES = {
    'batch': ('batch_size', {'network': 'cae2d'}, (8, 16, 32, 64, 128, 256)),
    'volume': (
        'depth',
        {'network': 'cae3d', 'batch_size': 2},
        (16, 32, 64, 96, 160),
    ),
}
QUICK = {'batch': (1, 2), 'volume': (16, 32)}


def measure(name, size, device, count):
    """Rows of :func:`turns.take_turns`, one for each engine.

    Parameters
    ----------
    name : str
        Of `SERIES`.
    size : int
    device : str
    count : int
        Steps of each, after a first one.
    """
    grows, case, _ = SERIES[name]
    return take_turns(
        [
            {**case, grows: size, 'engine': engine, 'device': device}
            for engine in ENGINES
        ],
        count,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument(
        'series',
        nargs='*',
        metavar='SERIES',
        type=cli.one_of(SERIES),
        help=f'of {", ".join(SERIES)} (default: both)',
    )
    parser.add_argument(
        '--steps',
        type=cli.positive_int,
        default=5,
        help='of which the median is taken (default: 5)',
    )
    parser.add_argument('--device', choices=engines.DEVICES, default='auto')
    parser.add_argument(
        '--quick',
        action='store_true',
        help='two small sizes, to see whether it works',
    )
    parser.add_argument(
        '--json',
        metavar='FILE',
        default='growth.json',
        help='what to write (default: growth.json)',
    )
    args = parser.parse_args()

    measured = {
        'revision': environment.revision(),
        'machine': machine(args.device),
        'device': engines.Engine('torch', args.device).device,
        'series': {},
    }
    print(measured['machine'])
    for name in args.series or SERIES:
        grows, _, sizes = SERIES[name]
        rows = measured['series'][name] = []
        for size in QUICK[name] if args.quick else sizes:
            for row in measure(name, size, args.device, args.steps):
                rows.append(row)
                print(
                    '{network} {}: {:4} {engine:6} {:.3g} s a step, {:.2f} '
                    'GiB'.format(
                        grows.replace('_', ' '),
                        size,
                        np.median(row['steps']),
                        row['memory'],
                        **row,
                    ),
                    flush=True,
                )
            # What is there is kept, should the next be too large.
            with open(args.json, 'w') as file:
                json.dump(measured, file, indent=1)
    print('wrote', args.json)


if __name__ == '__main__':
    cli.run(main)
