"""Theano's own tests, run with the PyTorch engine as the default mode.

The test modules come unchanged with the installed Theano. There is one
exception: where they look in optimised graphs for the Ops of Theano's C code
for convolutions, they find AbstractConv2d and so on, which the engine carries
out. Each module runs in a process of its own.

A test counts as *passed* only if the engine ran at least one function in it,
and as *skipped* if the test itself says so. Tests that cannot apply are listed
with their reasons in ``theano_suite.txt`` beside this file. Every other
failure is reported as *failed*.
"""

import argparse
import collections
import fnmatch
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback

MODULES = [
    'theano.tensor.tests.test_elemwise',
    'theano.tensor.tests.test_basic',
    'theano.tensor.tests.test_subtensor',
    'theano.tensor.tests.test_extra_ops',
    'theano.tensor.nnet.tests.test_abstract_conv',
    'theano.tensor.nnet.tests.test_nnet',
    'theano.tensor.nnet.tests.test_sigm',
    'theano.tensor.nnet.tests.test_bn',
    'theano.tensor.signal.tests.test_pool',
    'theano.sandbox.tests.test_rng_mrg',
]
# This module compares the default mode with Theano's own C code, in the mode
# FAST_RUN.
COMPARED_WITH_C = 'theano.tensor.nnet.tests.test_abstract_conv'
REASONS = os.path.splitext(os.path.abspath(__file__))[0] + '.txt'
OUTCOMES = 'passed', 'failed', 'not applicable', 'skipped', 'engine not used'


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
    import theano
    from nose.core import TestProgram
    from nose.plugins import Plugin

    if linker == 'torch':
        used = use_engine(device, is_compared_with_c(name))
        if is_compared_with_c(name):
            expect_abstract_convolutions()
    else:
        theano.config.mode = theano.compile.Mode(linker, 'fast_run')
        used = None

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


def run_in_subprocess(module, args):
    """Run one module's tests in a process that may fail or be killed.

    Returns ``[(test, outcome, text)]``."""
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
        end = None
        with open(log, 'w') as file:
            try:
                status = subprocess.run(
                    [
                        sys.executable,
                        os.path.abspath(__file__),
                        '--child',
                        module,
                        '--linker',
                        args.linker,
                        '--device',
                        args.device,
                        '--results',
                        path,
                    ],
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    timeout=args.timeout,
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
        if not results:
            end = end or 'no test was found'
        if end:
            with open(log, errors='replace') as file:
                results.append(
                    (module, 'failed', f'{file.read()[-3000:]}\n{end}')
                )
        return results


def read_results(path):
    """Read what :func:`run_module` wrote, as ``[[test, outcome, text]]``.

    A test that began but did not end has failed."""
    results = []
    if os.path.exists(path):
        with open(path) as file:
            for line in file:
                if not line.endswith('\n'):
                    break  # the process was killed while writing
                if results and results[-1][1] == 'began':
                    results.pop()
                results.append(json.loads(line))
    if results and results[-1][1] == 'began':
        results[-1][1:] = 'failed', 'began but did not end'
    return results


def excuse(test, reasons):
    """The pattern in ``theano_suite.txt`` that a test matches, or None."""
    for pattern in reasons:
        if fnmatch.fnmatchcase(test, pattern):
            return pattern
    return None


def full_name(name, parser):
    """The full name of a module, or of a test in it, given its last part."""
    module, colon, test = name.partition(':')
    full_names = {known.rpartition('.')[2]: known for known in MODULES}
    module = full_names.get(module, module)
    if module not in MODULES:
        parser.error(
            f'unknown module {module}: choose from ' + ', '.join(full_names)
        )
    return module + colon + test


def make_parser():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        'modules',
        nargs='*',
        metavar='MODULE',
        help='a module such as test_pool, or a test such as '
        'test_pool:CLASS.TEST\n(default: all modules)',
    )
    parser.add_argument(
        '--device',
        default='cpu',
        help='where the engine runs: cpu (the default) or cuda',
    )
    parser.add_argument(
        '--linker',
        default='torch',
        help="torch (the default), or one of Theano's own linkers to compare "
        'with, such as\npy, with all its rewrites',
    )
    parser.add_argument(
        '--timeout', type=int, default=3600, help='seconds for each module'
    )
    parser.add_argument(
        '--verbose',
        action='store_true',
        help='list all tests, with tracebacks and reasons',
    )
    parser.add_argument('--child', help=argparse.SUPPRESS)
    parser.add_argument('--results', help=argparse.SUPPRESS)
    return parser


def count_outcomes(module, args, reasons, unused):
    """Run one module's tests, print what failed, and count the outcomes.

    The patterns in `reasons` that excuse a test are removed from `unused`."""
    counts = collections.Counter()
    for test, outcome, text in run_in_subprocess(module, args):
        pattern = excuse(test, reasons) if outcome == 'failed' else None
        if pattern:
            outcome, text = 'not applicable', reasons[pattern]
            unused.discard(pattern)
        counts[outcome] += 1
        if args.verbose:
            print(f'{outcome}: {test}\n{text}')
        elif outcome == 'failed':
            last_line = text.strip().rpartition('\n')[2]
            print(f'{outcome}: {test}\n    {last_line[:300]}')
    return counts


def in_words(counts):
    return ', '.join(f'{counts[outcome]} {outcome}' for outcome in OUTCOMES)


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
    # The reasons are about the engine. With Theano's own linkers, every
    # failure is reported.
    reasons = read_reasons() if args.linker == 'torch' else {}
    unused = set(reasons)
    total = collections.Counter()
    for module in modules or MODULES:
        start = time.monotonic()
        counts = count_outcomes(module, args, reasons, unused)
        total += counts
        seconds = time.monotonic() - start
        print(f'{module}: {in_words(counts)}, {seconds:.0f} s', flush=True)
    print(f'all: {in_words(total)}')
    if not args.modules:
        for pattern in sorted(unused):
            print(
                f'{os.path.basename(REASONS)}: no test that matches '
                f'{pattern} failed'
            )
    return int(total['failed'] > 0)


if __name__ == '__main__':
    sys.exit(main())
