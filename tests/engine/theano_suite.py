"""Theano's own tests on the PyTorch engine, beside Theano's own Python code.

Each test module runs twice, in processes of its own: with the engine as the
default mode, and with Theano's default mode and no C code. A test *differs* if
only the engine fails it. Differences with a known reason, which is in
``suites/theano.txt`` beside this file, are *explained*. The other outcomes
are:

=================  ========================================================
passed             by both, and the engine ran at least one function
engine not used    passed by both, but the engine had nothing to run
failed by both     such as what fails with this version of NumPy
engine only        only the engine passes the test
skipped            by itself, such as a test of C code
=================  ========================================================

The modules come with the installed Theano. In both runs, assertions on the
structure of optimised graphs are left out (``suites/structure.py``). Tests of
convolutions, of CorrMM and of random streams are compared with Theano's C
code, if there is a compiler.
"""

import argparse
import importlib.util
import os
import sys
from pathlib import Path

from tests.engine.suites import comparison, processes
from tests.engine.suites.theano_module import needs_c

# Theano's packages whose tests do not concern what functions compute.
EXCLUDED = (
    'theano.d3viz',
    'theano.gpuarray',
    'theano.sandbox.gpuarray',
    'theano.gof.tests.test_cc',
    'theano.gof.tests.test_cmodule',
    'theano.gof.tests.test_compiledir',
    'theano.misc',
    'theano.tests.test_flake8',
)
EXPLAINED = Path(__file__).parent / 'suites' / 'theano.txt'


def all_modules():
    """The names of Theano's test modules."""
    root = os.path.dirname(importlib.util.find_spec('theano').origin)
    names = []
    for folder, folders, files in os.walk(root):
        folders.sort()
        package = os.path.relpath(folder, os.path.dirname(root))
        names += [
            f'{package.replace(os.sep, ".")}.{file[:-3]}'
            for file in sorted(files)
            if file.startswith('test_') and file.endswith('.py')
        ]
    return [name for name in names if not name.startswith(EXCLUDED)]


def full_name(name, parser):
    """The full name of a module, or of a test in it, given its last parts."""
    module, colon, test = name.partition(':')
    found = [
        known for known in all_modules() if f'.{known}'.endswith(f'.{module}')
    ]
    if len(found) != 1:
        parser.error(
            f'{module} is the name of {len(found)} modules: choose one of '
            + ', '.join(found or all_modules())
        )
    return found[0] + colon + test


def make_parser():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        'modules',
        nargs='*',
        metavar='MODULE',
        help='a module such as test_pool or sparse.tests.test_basic, or a '
        'test such as\ntest_pool:CLASS.TEST (default: all modules)',
    )
    comparison.add_arguments(parser, 'build/theano_suite.jsonl')
    return parser


def main():
    parser = make_parser()
    args = parser.parse_args()
    comparison.require(parser, "Theano's tests", 'nose', 'parameterized')

    def run(module, linker):
        return processes.run(
            'tests.engine.suites.theano_module',
            module,
            linker,
            args.device,
            args.timeout,
            # Without a compiler, tests of C code skip themselves.
            [] if needs_c(module) else ['cxx='],
        )

    return comparison.run_all(
        [full_name(name, parser) for name in args.modules] or all_modules(),
        run,
        EXPLAINED,
        args,
        whole=not args.modules,
    )


if __name__ == '__main__':
    sys.exit(main())
