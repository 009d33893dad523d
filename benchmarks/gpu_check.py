"""Whether the engine does on a GPU what it is to do there, in one command.

=========  ==============================================================
equality   the four networks trained on the GPU and on the CPU from the
           same seed and from the same states, in float64 and float32
tests      the engine's tests, on the GPU
table      a training step's time and memory beside PyTorch alone
run        how long the thesis's four trainings take
=========  ==============================================================

All of them, or those that are named. After each of them, what it found goes
into a JSON file and into a report that says what passed; parts that are not
run again, or were stopped, keep what they found there. So, on a GPU that is
there for minutes, some can be run now and others later:

    gpu_check.py equality tests --seconds 200
    gpu_check.py table run --seconds 200

It needs Theano, Lasagne, PyTorch, NumPy, SciPy and six, from Python 3.12 on
setuptools, and `run` tqdm.
"""

import argparse
import importlib.util
import json
import os
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Not installed, perhaps; nor in the processes that are started.
sys.path.insert(0, ROOT)
os.environ['PYTHONPATH'] = os.pathsep.join(
    filter(None, [ROOT, os.environ.get('PYTHONPATH')])
)

import gpu_report  # noqa: E402
from steps import THESIS  # noqa: E402

from kneerepro.utils import cli, files  # noqa: E402
from kneerepro.utils.errors import UserError  # noqa: E402

_NEEDED = ['theano', 'lasagne', 'torch', 'numpy', 'scipy', 'six']
if sys.version_info >= (3, 12):
    _NEEDED.append('setuptools')  # has the distutils that Theano imports


def main():
    args = parse_arguments()
    lacking = [
        name for name in _NEEDED if importlib.util.find_spec(name) is None
    ]
    if lacking:
        print(f'not installed: {", ".join(lacking)}', file=sys.stderr)
        return 1
    import torch

    if args.device == 'cuda' and not torch.cuda.is_available():
        print(
            'PyTorch finds no CUDA device here: nothing was checked',
            file=sys.stderr,
        )
        return 1

    import gpu_parts

    settings = gpu_parts.Settings(
        args.device, args.small, args.whole, args.steps, args.seconds
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


def parse_arguments():
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
        help='of equality, tests, table, run (default: all)',
    )
    parser.add_argument(
        '--whole',
        nargs='*',
        metavar='NETWORK',
        default=[],
        type=cli.one_of(THESIS),
        help='train these as long as the thesis, rather than extrapolate',
    )
    parser.add_argument(
        '--steps',
        type=cli.positive_int,
        default=50,
        help='of the table, whose median is taken (default: 50)',
    )
    parser.add_argument(
        '--seconds',
        type=cli.positive_float,
        default=460.0,
        help='that each part may take (default: 460)',
    )
    parser.add_argument(
        '--json',
        metavar='FILE',
        default='gpu_check.json',
        help='(default: gpu_check.json)',
    )
    parser.add_argument(
        '--report',
        metavar='FILE',
        default='gpu_check.rst',
        help='(default: gpu_check.rst)',
    )
    # What tests this script where there is no GPU.
    parser.add_argument(
        '--device',
        choices=['cuda', 'cpu'],
        default='cuda',
        help=argparse.SUPPRESS,
    )
    parser.add_argument('--small', action='store_true', help=argparse.SUPPRESS)
    return parser.parse_args()


def read(path):
    """What was found before."""
    try:
        with open(path, encoding='utf-8') as file:
            found = json.load(file)
        return {name: part for name, part in found.items() if part['results']}
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError, KeyError, TypeError):
        raise UserError(
            f'{path} is no file of this script: remove it, or '
            'name another by --json'
        ) from None


def write(path, text):
    # Whoever is stopped meanwhile keeps what was there.
    with files.replacing(path) as temporary:
        with open(temporary, 'w', encoding='utf-8') as file:
            file.write(text)


if __name__ == '__main__':
    cli.run(main)
