"""Theano's own tests on the PyTorch engine, beside Theano's own Python code.

Each test module runs twice, in processes of its own: with the engine as the
default mode, and with Theano's default mode and no C code. A test *differs* if
only the engine fails it. Differences with a known reason, which is in
``theano_suite.txt`` beside this file, are *explained*. The other outcomes are:

=================  ========================================================
passed             by both, and the engine ran at least one function
engine not used    passed by both, but the engine had nothing to run
failed by both     such as what fails with this version of NumPy
engine only        only the engine passes the test
skipped            by itself, such as a test of C code
=================  ========================================================

The modules come with the installed Theano. In both runs, assertions on the
structure of optimised graphs are left out (``structure.py``). Tests of
convolutions are compared with Theano's C code, if there is a compiler.
"""

import argparse
import collections
import fnmatch
import importlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
from multiprocessing.pool import ThreadPool

ROOT = os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
)
# This module compares the default mode with Theano's own C code, in the mode
# FAST_RUN.
COMPARED_WITH_C = 'theano.tensor.nnet.tests.test_abstract_conv'
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
REASONS = os.path.splitext(os.path.abspath(__file__))[0] + '.txt'
OUTCOMES = (
    'passed',
    'differs',
    'explained',
    'engine not used',
    'failed by both',
    'engine only',
    'skipped',
)


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


def read_reasons(path=REASONS):
    """Read ``{pattern of test names: reason}`` from lines ``pattern: reason``.

    An indented line continues the previous one, and ``#`` starts a comment."""
    reasons, pattern = {}, None
    with open(path, encoding='utf-8') as file:
        for line in file:
            if not line.strip() or line.startswith('#'):
                continue
            if line[0].isspace():
                reason = f'{reasons[pattern]} {line.strip()}'
            else:
                pattern, _, reason = line.replace('\n', ' ').partition(': ')
            reasons[pattern] = reason.strip()
    return reasons


# ------------------------------------------------------- the module's process


def use_engine(device, compared_with_c):
    """Make the engine Theano's default, also for linkers asked for by name
    and, unless a module is compared with C, for the mode FAST_RUN.

    Returns a list that grows with each function that the engine compiles."""
    import theano
    from theano.compile.mode import predefined_linkers, predefined_modes

    from kneerepro.engine import TorchLinker, torch_mode

    used = []

    class Linker(TorchLinker):
        """Counts its functions, and can be created without arguments."""

        def __init__(self, device=device, **kwargs):
            super().__init__(device, **kwargs)

        def make_all(self, *args, **kwargs):
            used.append(1)
            return super().make_all(*args, **kwargs)

    mode = theano.compile.Mode(
        Linker(device), torch_mode(device).provided_optimizer
    )
    theano.config.mode = mode
    if not compared_with_c:
        predefined_modes['FAST_RUN'] = mode
    predefined_linkers.update(py=mode.linker, vm=mode.linker, cvm=mode.linker)
    theano.gof.PerformLinker = Linker
    return used


def is_compared_with_c(module):
    return module.partition(':')[0] == COMPARED_WITH_C


def expect_abstract_convolutions():
    """Let the tests of convolutions look in optimised graphs for the Ops that
    the engine carries out, instead of those of Theano's C code."""
    from theano.tensor.nnet import abstract_conv

    tests = importlib.import_module(COMPARED_WITH_C)
    for dimensions, c_name in (2, 'CorrMM'), (3, 'Corr3dMM'):
        for suffix in '', '_gradWeights', '_gradInputs':
            setattr(
                tests,
                c_name + suffix,
                getattr(abstract_conv, f'AbstractConv{dimensions}d{suffix}'),
            )


def name_of(test):
    """The id of a test, with the plain name of its class even if a function
    made that class."""
    test_class = type(test.test)
    return test.id().replace(test_class.__qualname__, test_class.__name__)


def run_module(name, linker, device, write):
    """Run one module's tests in this process.

    Calls ``write(test, outcome, text)`` at the beginning of each test, with
    the outcome 'began', and at its end."""
    import kneerepro  # noqa: F401, makes Theano importable

    # isort: split
    from nose.core import TestProgram
    from nose.plugins import Plugin

    from tests.engine import structure

    structure.install(lambda module: '.tests.' in module)
    used = None
    if linker == 'torch':
        used = use_engine(device, is_compared_with_c(name))
        if is_compared_with_c(name):
            expect_abstract_convolutions()
    # Before nose looks for it, which would not ask for its loader.
    importlib.import_module(name.partition(':')[0])

    class Recorder(Plugin):
        name, score, enabled = 'recorder', 2000, True

        def options(self, parser, env):
            pass

        def configure(self, options, conf):
            pass

        def startTest(self, test):  # noqa: N802, names that nose requires
            if used:
                used.clear()
            write(name_of(test), 'began', '')

        def addSuccess(self, test):  # noqa: N802
            write(
                name_of(test),
                'engine not used' if used == [] else 'passed',
                '',
            )

        def addFailure(self, test, error):  # noqa: N802
            write(
                name_of(test),
                'failed',
                ''.join(traceback.format_exception(*error)),
            )

        def addError(self, test, error):  # noqa: N802
            if error[0].__name__ == 'SkipTest':
                write(name_of(test), 'skipped', str(error[1]))
            else:
                self.addFailure(test, error)

    TestProgram(argv=['nose', '-q', name], exit=False, addplugins=[Recorder()])


def child(args):
    with open(args.results, 'w') as file:

        def write(*result):
            print(json.dumps(result), file=file, flush=True)

        run_module(args.child, args.linker, args.device, write)


# ------------------------------------------------------------ the main process


def run_in_subprocess(module, linker, args):
    """Run one module's tests in a process that may fail or be killed.

    Returns ``{test: (outcome, text)}``, with the module itself as a test that
    failed if its process did not end well."""
    with tempfile.TemporaryDirectory() as folder:
        path, log = (os.path.join(folder, name) for name in ('results', 'log'))
        flags = [
            os.environ.get('THEANO_FLAGS'),
            'floatX=float64',
            f'base_compiledir={folder}',
            'warn.ignore_bug_before=all',
        ]
        if not is_compared_with_c(module):
            # Without a compiler, tests of C code skip themselves.
            flags.append('cxx=')
        command = [sys.executable, '-m', 'tests.engine.theano_suite']
        for name, value in [
            ('child', module),
            ('linker', linker),
            ('device', args.device),
            ('results', path),
        ]:
            command += [f'--{name}', value]
        end = None
        with open(log, 'w') as file:
            try:
                status = subprocess.run(
                    command,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    timeout=args.timeout,
                    cwd=ROOT,
                    env={
                        **os.environ,
                        'THEANO_FLAGS': ','.join(filter(None, flags)),
                    },
                ).returncode
                if status:
                    end = f'the process ended with status {status}'
            except subprocess.TimeoutExpired:
                end = f'took more than {args.timeout} seconds'
        results = read_results(path)
        if end or not results:
            with open(log, errors='replace') as file:
                text = f'{file.read()[-3000:]}\n{end or "no test was found"}'
            results[module] = 'failed', text
        return results


def read_results(path):
    """Read what :func:`run_module` wrote, as ``{test: (outcome, text)}``.

    A test that began but did not end has failed."""
    results = {}
    if os.path.exists(path):
        with open(path) as file:
            for line in file:
                if not line.endswith('\n'):
                    break  # the process was killed while writing
                test, outcome, text = json.loads(line)
                if outcome == 'began':
                    outcome, text = 'failed', 'began but did not end'
                results[test] = outcome, text
    return results


def compared(engine, theano, reasons):
    """Compare the results of the engine and of Theano's own code.

    Returns ``[(test, outcome, text, pattern)]``, with the pattern in `reasons`
    that explains a difference, or None."""
    rows = []
    for test in dict.fromkeys([*engine, *theano]):
        outcome, text = engine.get(test, ('failed', 'did not run'))
        expected, other = theano.get(test, ('failed', 'did not run'))
        pattern = None
        if 'skipped' in (outcome, expected):
            outcome = 'skipped'
        elif outcome == expected == 'failed':
            outcome, text = 'failed by both', other
        elif expected == 'failed':
            outcome = 'engine only'
        elif outcome == 'failed':
            pattern = excuse(test, reasons)
            outcome = 'differs' if pattern is None else 'explained'
        rows.append((test, outcome, text, pattern))
    return rows


def excuse(test, reasons):
    """The pattern in ``theano_suite.txt`` that a test matches, or None."""
    for pattern in reasons:
        if fnmatch.fnmatchcase(test, pattern):
            return pattern
    return None


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
    parser.add_argument(
        '--device',
        default='cpu',
        help='where the engine runs: cpu (the default) or cuda',
    )
    parser.add_argument(
        '--timeout', type=int, default=3600, help='seconds for each module'
    )
    parser.add_argument(
        '--table',
        metavar='FILE',
        help='write the outcomes as a table in reStructuredText',
    )
    parser.add_argument(
        '--verbose',
        action='store_true',
        help='list all tests, with tracebacks and reasons',
    )
    for hidden in '--child', '--linker', '--results':
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    return parser


def count_outcomes(module, args, reasons, unused):
    """Run one module's tests in both ways, print what differs, and count the
    outcomes.

    The patterns in `reasons` that explain a test are removed from `unused`."""
    with ThreadPool(2) as pool:
        engine, theano = pool.map(
            lambda linker: run_in_subprocess(module, linker, args),
            ['torch', 'theano'],
        )
    counts = collections.Counter()
    for test, outcome, text, pattern in compared(engine, theano, reasons):
        counts[outcome] += 1
        unused.discard(pattern)
        if args.verbose:
            print(f'{outcome}: {test}\n{reasons.get(pattern, text)}')
        elif outcome == 'differs':
            last_line = text.strip().rpartition('\n')[2]
            print(f'{outcome}: {test}\n    {last_line[:300]}')
    return counts


def in_words(counts):
    return ', '.join(f'{counts[outcome]} {outcome}' for outcome in OUTCOMES)


def write_table(path, rows):
    """Write the outcomes of modules, ``[(name, counts)]``, as a list-table."""
    lines = ['.. list-table::', '   :header-rows: 1', '']
    for name, *cells in [
        ['Module', *OUTCOMES],
        *([name, *(counts[o] for o in OUTCOMES)] for name, counts in rows),
    ]:
        lines.append(f'   * - {name}')
        lines += [f'     - {cell}' for cell in cells]
    with open(path, 'w', encoding='utf-8') as file:
        file.write('\n'.join(lines) + '\n')


def main():
    parser = make_parser()
    args = parser.parse_args()
    if args.child:
        return child(args)
    for package in 'nose', 'parameterized':
        if importlib.util.find_spec(package) is None:
            parser.error(
                f"Theano's tests require the package {package}, which "
                f'is not installed: pip install {package}'
            )
    modules = [full_name(name, parser) for name in args.modules]
    reasons = read_reasons()
    unused, rows = set(reasons), []
    for module in modules or all_modules():
        start = time.monotonic()
        counts = count_outcomes(module, args, reasons, unused)
        rows.append((module, counts))
        seconds = time.monotonic() - start
        print(f'{module}: {in_words(counts)}, {seconds:.0f} s', flush=True)
    total = sum((counts for _, counts in rows), collections.Counter())
    print(f'all: {in_words(total)}')
    if args.table:
        write_table(args.table, [*rows, ('all', total)])
    if not args.modules:
        for pattern in sorted(unused):
            print(
                f'{os.path.basename(REASONS)}: no test that matches '
                f'{pattern} differs'
            )
    return int(total['differs'] > 0)


if __name__ == '__main__':
    sys.exit(main())
