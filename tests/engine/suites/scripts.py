"""The scripts of the suites, on a few tests: ``make test-slow``."""

import importlib.util
import subprocess
import sys
import textwrap
import unittest

from tests.engine.compare import torch
from tests.engine.suites.processes import ROOT
from tests.folders import FolderTest


def missing(*packages):
    return torch is None or not all(map(importlib.util.find_spec, packages))


def run(*arguments):
    return subprocess.run(
        [sys.executable, '-m', *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )


class TheanoTest(FolderTest):
    @unittest.skipIf(
        missing('nose', 'parameterized'),
        'needs PyTorch, nose and parameterized',
    )
    def test_one_test(self):
        found = run(
            'tests.engine.theano_suite',
            '--results',
            self.path('results'),
            'test_sigm:T_softplus',
        )
        self.assertEqual(found.returncode, 0, found.stdout + found.stderr)
        self.assertIn('all: 1 passed, 0 differs', found.stdout)


class LasagneTest(FolderTest):
    @unittest.skipIf(
        missing('pytest', 'mock'), 'needs PyTorch, pytest and mock'
    )
    def test_own_module(self):
        self.write(
            'test_own.py',
            textwrap.dedent("""
                import theano

                def test_computes():
                    x = theano.tensor.vector()
                    assert theano.function([x], x.sum())([1, 2]) == 3

                def test_computes_nothing():
                    pass

                def test_of_the_engine():
                    assert isinstance(theano.config.mode, str)

                def test_fails():
                    assert False
            """),
        )
        found = run(
            'tests.engine.lasagne_suite',
            '--results',
            self.path('results'),
            self.folder,
        )
        self.assertEqual(found.returncode, 1, found.stdout + found.stderr)
        self.assertIn(
            'all: 1 passed, 1 differs, 0 explained, 1 engine not used, '
            '1 failed by both',
            found.stdout,
        )
        self.assertIn('test_of_the_engine', found.stdout)
