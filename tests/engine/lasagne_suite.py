"""Lasagne's own tests on the PyTorch engine, beside Theano's own Python code.

Lasagne's tests come with its source, not with the installed package: get the
source (``pip download --no-deps --no-binary :all: Lasagne``, or a checkout),
and name its folder ``lasagne/tests``. The tests are run with pytest, and those
of version 0.1 also require the package mock. As in ``theano_suite.py``, each
module runs twice, and a test *differs* if only the engine fails it.
"""

import argparse
import sys
from pathlib import Path

from tests.engine.suites import comparison, processes

EXPLAINED = Path(__file__).parent / 'suites' / 'lasagne.txt'


def modules(folder, parser):
    """The test modules in a folder, at any depth, as paths within it."""
    paths = sorted(Path(folder).rglob('test_*.py'))
    if not paths:
        parser.error(
            f'{folder} has no test modules: name the folder lasagne/tests of '
            "Lasagne's source"
        )
    return [path.relative_to(folder).as_posix() for path in paths]


def make_parser():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        'folder',
        metavar='FOLDER',
        help="the folder lasagne/tests of Lasagne's source",
    )
    comparison.add_arguments(parser, 'build/lasagne_suite.jsonl')
    return parser


def main():
    parser = make_parser()
    args = parser.parse_args()
    comparison.require(parser, "Lasagne's tests", 'pytest', 'mock')

    def run(module, linker):
        return processes.run(
            'tests.engine.suites.lasagne_module',
            str(Path(args.folder, module).resolve()),
            linker,
            args.device,
            args.timeout,
            ['cxx='],
        )

    return comparison.run_all(
        modules(args.folder, parser), run, EXPLAINED, args, whole=True
    )


if __name__ == '__main__':
    sys.exit(main())
