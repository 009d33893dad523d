"""Check with one command that the engine works on a GPU as it should.

=========  ==============================================================
equality   train the four networks on the GPU and on the CPU, from the
           same seed and from the same states, in float64 and float32
tests      run the engine's tests on the GPU
table      compare a training step's time and memory with PyTorch alone
run        time the thesis's four trainings
=========  ==============================================================

Runs all parts, or those that are named. After each part, its results go into
a JSON file and into a report that says what passed. Parts that do not run
again, or that are stopped, keep their earlier results. If a GPU is available
only for minutes, run some parts now and others later:

    gpu_check.py equality tests --seconds 200
    gpu_check.py table run --seconds 200

It requires Theano, Lasagne, PyTorch, NumPy, SciPy, six and, from Python 3.12
on, setuptools. The part run requires tqdm and h5py as well.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import check_environment

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# The package need not be installed, neither here nor in the processes that
# this script starts.
sys.path.insert(0, ROOT)
os.environ['PYTHONPATH'] = os.pathsep.join(
    filter(None, [ROOT, os.environ.get('PYTHONPATH')])
)

_REQUIRED = ['theano', 'lasagne', 'torch', 'numpy', 'scipy', 'six']
if sys.version_info >= (3, 12):
    _REQUIRED.append('setuptools')  # contains the distutils of Theano

if __name__ == '__main__':
    # The imports below need some of these packages.
    missing = [
        name for name in _REQUIRED if importlib.util.find_spec(name) is None
    ]
    if missing:
        check_environment.refuse(f'not installed: {", ".join(missing)}')

import gpu_report  # noqa: E402
from network_sizes import THESIS  # noqa: E402

from kneerepro import command_line  # noqa: E402
from kneerepro.utils import cli, files  # noqa: E402
from kneerepro.utils.errors import UserError  # noqa: E402


def main() -> int:
    """Run the parts, and return 0 if no check failed."""
    args = parse_arguments()
    import torch

    if args.device == 'cuda' and not torch.cuda.is_available():
        print(
            'PyTorch finds no CUDA device here: nothing was checked',
            file=sys.stderr,
        )
        return 1

    import gpu_parts

    settings = gpu_parts.Settings(
        device=args.device,
        small=args.small,
        whole=args.whole,
        steps=args.steps,
        seconds=args.seconds,
    )
    found = read(args.json)
    for name in args.parts or gpu_report.PARTS:
        print(f'{name} ...', flush=True)
        start = time.monotonic()
        results = getattr(gpu_parts, name)(settings)
        found[name] = {
            **gpu_parts.machine(args.device),
            'results': results,
            'seconds': time.monotonic() - start,
        }
        write(args.json, json.dumps(found, indent=1))
        write(args.report, gpu_report.report(found))
    print('\n'.join(gpu_report.summary(found)))
    print(f'wrote {args.json} and {args.report}')
    return 0 if gpu_report.passed(found) else 1


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        'parts',
        nargs='*',
        metavar='PART',
        type=cli.one_of(gpu_report.PARTS),
        help='equality, tests, table or run (default: all)',
    )
    parser.add_argument(
        '--whole',
        nargs='*',
        metavar='NETWORK',
        default=[],
        type=cli.one_of(THESIS),
        help='train these as long as the thesis, instead of extrapolating',
    )
    command_line.add_count(
        parser, '--steps', 50, 'number of steps whose median the table shows'
    )
    parser.add_argument(
        '--seconds',
        type=cli.positive_float,
        default=460.0,
        help='time limit of each part (default: 460)',
    )
    parser.add_argument(
        '--json',
        metavar='FILE',
        default='gpu_check.json',
        help='results of all parts so far (default: gpu_check.json)',
    )
    parser.add_argument(
        '--report',
        metavar='FILE',
        default='gpu_check.rst',
        help='report to write (default: gpu_check.rst)',
    )
    # The tests of this script use these on machines without a GPU.
    parser.add_argument(
        '--device',
        choices=['cuda', 'cpu'],
        default='cuda',
        help=argparse.SUPPRESS,
    )
    parser.add_argument('--small', action='store_true', help=argparse.SUPPRESS)
    return parser.parse_args()


def read(path: str) -> dict[str, Any]:
    """Read the results of earlier calls, by part.

    Raises
    ------
    UserError
        If the file was not written by this script.
    """
    try:
        with open(path, encoding='utf-8') as file:
            found = json.load(file)
        return {name: part for name, part in found.items() if part['results']}
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError, KeyError, TypeError):
        raise UserError(
            f'{path} was not written by this script: remove it, or choose '
            'another with --json'
        ) from None


def write(path: str, text: str) -> None:
    """Write a file; the old one stays if this is interrupted."""
    with files.replacing(path) as temporary:
        Path(temporary).write_text(text, encoding='utf-8')


if __name__ == '__main__':
    cli.run(main)
