"""The process that runs one of Theano's test modules with nose."""

from __future__ import annotations

import importlib
import traceback
from collections import Counter

from tests.engine.suites import processes, structure
from tests.engine.suites.default_mode import use_engine

# This module compares the default mode with Theano's own C code, in the mode
# FAST_RUN.
COMPARED_WITH_C = 'theano.tensor.nnet.tests.test_abstract_conv'
# The Ops of the first three have C code only, so that Theano alone has to
# compile it. The last draws millions of random numbers, for which Theano's
# Python code takes hours. All other modules run without a compiler.
NEED_C = (
    COMPARED_WITH_C,
    'theano.tensor.nnet.tests.test_corr',
    'theano.tensor.nnet.tests.test_corr3d',
    'theano.sandbox.tests.test_rng_mrg',
)


def run_module(name, linker, device, write):
    """Run one module's tests; see :func:`processes.main`."""
    import kneerepro  # noqa: F401, makes Theano importable

    # isort: split
    from nose.core import TestProgram
    from nose.plugins import Plugin

    structure.install(lambda module: '.tests.' in module)
    used = None
    if linker == 'torch':
        used = use_engine(device, is_compared_with_c(name))
        if is_compared_with_c(name):
            expect_abstract_convolutions()
    # Before nose looks for it, which would not ask for its loader.
    importlib.import_module(name.partition(':')[0])

    names = Names()

    class Recorder(Plugin):
        name, score, enabled = 'recorder', 2000, True

        def options(self, parser, env):
            pass

        def configure(self, options, conf):
            pass

        def startTest(self, test):  # noqa: N802, names that nose requires
            if used:
                used.clear()
            write(names.of(test), 'began', '')

        def addSuccess(self, test):  # noqa: N802
            write(
                names.of(test),
                'engine not used' if used == [] else 'passed',
                '',
            )

        def addFailure(self, test, error):  # noqa: N802
            kind, value, trace = error
            if not isinstance(value, BaseException):
                value = kind(value)  # with what the test has printed
            write(
                names.of(test),
                'failed',
                ''.join(traceback.format_exception(kind, value, trace)),
            )

        def addError(self, test, error):  # noqa: N802
            if error[0].__name__ == 'SkipTest':
                write(names.of(test), 'skipped', str(error[1]))
            else:
                self.addFailure(test, error)

    TestProgram(argv=['nose', '-q', name], exit=False, addplugins=[Recorder()])


def is_compared_with_c(module):
    return module.partition(':')[0] == COMPARED_WITH_C


def needs_c(module):
    return module.partition(':')[0] in NEED_C


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


class Names:
    """The names of tests, which are the same in each run."""

    def __init__(self):
        self._counts = Counter()
        self._numbered = {}

    def of(self, test):
        """The id of a test, with the plain name of its class even if a
        function made that class.

        A test that a generator makes has its number instead of its arguments,
        such as functions, whose text contains addresses.
        """
        if not getattr(test.test, 'arg', ()):
            test_class = type(test.test)
            return test.id().replace(
                test_class.__qualname__, test_class.__name__
            )
        # Different tests of one generator are equal.
        if id(test) not in self._numbered:
            name = test.id().partition('(')[0]
            self._counts[name] += 1
            self._numbered[id(test)] = test, f'{name} {self._counts[name]}'
        return self._numbered[id(test)][1]


if __name__ == '__main__':
    processes.main(run_module)
