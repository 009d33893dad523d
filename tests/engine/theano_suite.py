"""Theano's own tests, run with the PyTorch engine as the default mode.

The test modules come with the installed Theano, unchanged, except that where
they look for the Ops of Theano's C code for convolutions in optimised graphs,
they find AbstractConv2d and so on, which the engine carries out. Each runs in
a process of its own; a test counts as *passed* only if the engine ran at least
one function in it, and as *skipped* if the test itself says so. Tests that
cannot apply are listed, with the reason for each, in ``theano_suite.txt``
beside this file; whatever else fails is reported as *failed*.
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
# In this one, the default mode is compared with Theano's own C code, in the
# mode FAST_RUN.
COMPARED_WITH_C = 'theano.tensor.nnet.tests.test_abstract_conv'
REASONS = os.path.splitext(os.path.abspath(__file__))[0] + '.txt'
OUTCOMES = 'passed', 'failed', 'not applicable', 'skipped', 'engine not used'


def read_reasons(path=REASONS):
    """``{pattern of test names: reason}`` from lines ``pattern: reason``; an
    indented line continues the one before it, ``#`` starts a comment."""
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
    """Make the engine what Theano uses by default, and where it is asked for
    a linker by name or for the mode FAST_RUN; returns a list that grows with
    each function the engine compiles."""
    import theano
    from theano.compile.mode import predefined_linkers, predefined_modes

    from kneerepro.engine import TorchLinker, torch_mode

    used = []

    class Linker(TorchLinker):
        """Counts its functions, and is created without arguments, too."""

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
    """Have the tests of convolutions find in optimised graphs the Ops that
    the engine carries out, where they look for those of Theano's C code."""
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
    """Its id, with the name of the class also where a function made that."""
    kind = type(test.test)
    return test.id().replace(kind.__qualname__, kind.__name__)


def run_module(name, linker, device, write):
    """Run one module's tests in this process; calls ``write(test, outcome,
    text)`` at the beginning, with outcome 'began', and end of each."""
    import theano
    from nose.core import TestProgram
    from nose.plugins import Plugin

    import kneerepro  # noqa: F401, before Theano

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

        def startTest(self, test):
            if used:
                used.clear()
            write(name_of(test), 'began', '')

        def addSuccess(self, test):
            write(
                name_of(test),
                'engine not used' if used == [] else 'passed',
                '',
            )

        def addFailure(self, test, error):
            write(
                name_of(test),
                'failed',
                ''.join(traceback.format_exception(*error)),
            )

        def addError(self, test, error):
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
    """Run one module's tests, whatever happens; returns ``[(test, outcome,
    text)]``."""
    with tempfile.TemporaryDirectory() as folder:
        path, log = (os.path.join(folder, name) for name in ('results', 'log'))
        flags = [
            os.environ.get('THEANO_FLAGS'),
            'floatX=float64',
            f'base_compiledir={folder}',
            'warn.ignore_bug_before=all',
        ]
        if not is_compared_with_c(module):
            # Without a compiler, the tests of C code skip themselves.
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
        results = []
        if os.path.exists(path):
            with open(path) as file:
                for line in file:
                    if not line.endswith('\n'):
                        break  # the process was killed while it wrote
                    if results and results[-1][1] == 'began':
                        results.pop()
                    results.append(json.loads(line))
        if results and results[-1][1] == 'began':
            results[-1][1:] = 'failed', 'began, but did not end'
        if not results:
            end = end or 'no test was found'
        if end:
            with open(log, errors='replace') as file:
                results.append(
                    (module, 'failed', f'{file.read()[-3000:]}\n{end}')
                )
        return results


def excuse(test, reasons):
    """The pattern in ``theano_suite.txt`` for a test, or None."""
    for pattern in reasons:
        if fnmatch.fnmatchcase(test, pattern):
            return pattern
    return None


def full_name(name, parser):
    """That of a module, and of a test in it, from the last part of it."""
    module, colon, test = name.partition(':')
    for known in MODULES:
        if module in (known, known.rpartition('.')[2]):
            return known + colon + test
    parser.error(
        f'{module} is none of '
        + ', '.join(known.rpartition('.')[2] for known in MODULES)
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        'modules',
        nargs='*',
        metavar='MODULE',
        help='such as test_pool, or tests as test_pool:CLASS.TEST; all by '
        'default',
    )
    parser.add_argument(
        '--device',
        default='cpu',
        help='where the engine runs: cpu (the default) or cuda',
    )
    parser.add_argument(
        '--linker',
        default='torch',
        help="torch (the default), or one of Theano's own "
        'to compare with, such as py,\nwith all its '
        'rewrites',
    )
    parser.add_argument(
        '--timeout', type=int, default=3600, help='seconds for one module'
    )
    parser.add_argument(
        '--verbose',
        action='store_true',
        help='list all tests, with tracebacks and reasons',
    )
    parser.add_argument('--child', help=argparse.SUPPRESS)
    parser.add_argument('--results', help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        return child(args)
    for needed in 'nose', 'parameterized':
        if importlib.util.find_spec(needed) is None:
            parser.error(
                f"Theano's tests need the package {needed}, which "
                'is not installed'
            )
    modules = [full_name(name, parser) for name in args.modules]
    # They are about the engine; with Theano's own linkers, all is told.
    reasons = read_reasons() if args.linker == 'torch' else {}
    unused = set(reasons)
    total = collections.Counter()
    for module in modules or MODULES:
        counts = collections.Counter()
        start = time.monotonic()
        for test, outcome, text in run_in_subprocess(module, args):
            pattern = excuse(test, reasons) if outcome == 'failed' else None
            if pattern:
                outcome, text = 'not applicable', reasons[pattern]
                unused.discard(pattern)
            counts[outcome] += 1
            if args.verbose:
                print(f'{outcome}: {test}\n{text}')
            elif outcome == 'failed':
                print(
                    f'{outcome}: {test}\n    '
                    + text.strip().rpartition('\n')[2][:300]
                )
        total += counts
        print(
            f'{module}: '
            + ', '.join(f'{counts[outcome]} {outcome}' for outcome in OUTCOMES)
            + f', {time.monotonic() - start:.0f} s',
            flush=True,
        )
    print(
        'all: '
        + ', '.join(f'{total[outcome]} {outcome}' for outcome in OUTCOMES)
    )
    if not args.modules:
        for pattern in sorted(unused):
            print(
                f'{os.path.basename(REASONS)}: no test that matches '
                f'{pattern} failed'
            )
    return int(total['failed'] > 0)


if __name__ == '__main__':
    sys.exit(main())
