"""Theano's own tests, run with the PyTorch engine as the default mode.

The test modules come with the installed Theano, unchanged. Each runs in a
process of its own; a test counts as *passed* only if the engine ran at least
one function in it. Tests that cannot apply are listed, with the reason for
each, in ``theano_suite.txt`` beside this file; whatever else fails is
reported as *failed*.
"""

import argparse
import collections
import fnmatch
import json
import os
import subprocess
import sys
import tempfile

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
    'theano.sandbox.tests.test_rng_mrg']
REASONS = os.path.splitext(os.path.abspath(__file__))[0] + '.txt'
OUTCOMES = 'passed', 'failed', 'not applicable', 'engine not used'


def read_reasons(path=REASONS):
    """``{pattern of test names: reason}`` from lines ``pattern: reason``; an
    indented line continues the one before it, ``#`` starts a comment."""
    reasons, pattern = {}, None
    with open(path, encoding='utf-8') as file:
        for line in file:
            if not line.strip() or line.startswith('#'):
                continue
            if line[0].isspace():
                reasons[pattern] += ' ' + line.strip()
            else:
                pattern, _, reason = line.partition(': ')
                reasons[pattern] = reason.strip()
    return reasons


def run_module(name, device):
    """Run one module's tests in this process; returns ``[(test, outcome,
    text)]``."""
    import kneerepro  # noqa: F401, before Theano
    import theano
    from kneerepro.engine import TorchLinker, torch_mode
    from nose.core import TestProgram
    from nose.plugins import Plugin

    theano.config.mode = torch_mode(device)
    used = []

    class Linker(TorchLinker):
        """Counts its functions, and takes the place of the linker that runs
        Theano's Python code, which tests name explicitly."""

        def __init__(self, device=device, **kwargs):
            super().__init__(device, **kwargs)

        def make_all(self, *args, **kwargs):
            used.append(1)
            return super().make_all(*args, **kwargs)

    theano.config.mode = theano.compile.Mode(
        Linker(device), theano.config.mode.provided_optimizer)
    theano.gof.PerformLinker = Linker
    results = []

    class Recorder(Plugin):
        name, score, enabled = 'recorder', 2000, True

        def options(self, parser, env):
            pass

        def configure(self, options, conf):
            pass

        def startTest(self, test):
            used.clear()

        def _add(self, test, outcome, error=None):
            text = ''
            if error is not None:
                text = f'{error[0].__name__}: {error[1]}'
            results.append((test.id(), outcome, text))

        def addSuccess(self, test):
            self._add(test, 'passed' if used else 'engine not used')

        def addFailure(self, test, error):
            self._add(test, 'failed', error)

        def addError(self, test, error):
            skipped = error[0].__name__ == 'SkipTest'
            self._add(test, 'skipped' if skipped else 'failed', error)

    TestProgram(argv=['nose', '-q', name], exit=False, addplugins=[Recorder()])
    return results


def run_in_subprocess(module, device, timeout):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'results.json')
        flags = [os.environ.get('THEANO_FLAGS', ''), 'floatX=float64',
                 f'base_compiledir={folder}',
                 'warn.ignore_bug_before=all']
        log = os.path.join(folder, 'log')
        with open(log, 'w') as file:
            process = subprocess.run(
                [sys.executable, os.path.abspath(__file__), '--child', module,
                 '--device', device, '--results', path],
                stdout=file, stderr=subprocess.STDOUT, timeout=timeout,
                env={**os.environ, 'THEANO_FLAGS': ','.join(filter(
                    None, flags))})
        if not os.path.exists(path):
            with open(log) as file:
                raise SystemExit(f'{module} stopped with status '
                                 f'{process.returncode}:\n'
                                 + file.read()[-3000:])
        with open(path) as file:
            return json.load(file)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('modules', nargs='*', metavar='MODULE')
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--timeout', type=int, default=3600,
                        help='seconds for one module')
    parser.add_argument('--verbose', action='store_true')
    parser.add_argument('--child', help=argparse.SUPPRESS)
    parser.add_argument('--results', help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        results = run_module(args.child, args.device)
        with open(args.results, 'w') as file:
            json.dump(results, file)
        return
    reasons = read_reasons()
    unused = set(reasons)
    total = collections.Counter()
    for module in args.modules or MODULES:
        counts = collections.Counter()
        for test, outcome, text in run_in_subprocess(module, args.device,
                                                     args.timeout):
            if outcome in ('failed', 'skipped'):
                for pattern in reasons:
                    if fnmatch.fnmatch(test, pattern):
                        outcome = 'not applicable'
                        unused.discard(pattern)
                        break
            if outcome == 'skipped':
                outcome = 'not applicable'
            counts[outcome] += 1
            if outcome == 'failed' or args.verbose:
                print(f'{outcome}: {test}\n    {text[:300]}')
        total += counts
        print(f'{module}: ' + ', '.join(
            f'{counts[outcome]} {outcome}' for outcome in OUTCOMES),
            flush=True)
    print('all: ' + ', '.join(f'{total[outcome]} {outcome}'
                              for outcome in OUTCOMES))
    sys.exit(total['failed'] > 0)


if __name__ == '__main__':
    main()
