"""The script theano_suite.py, on one of Theano's tests."""

import importlib.util
import subprocess
import sys
import tempfile
import unittest
from collections import Counter
from pathlib import Path

from tests.engine import theano_suite
from tests.engine.compare import torch


class ReadResultsTest(unittest.TestCase):
    def test_tests_that_did_not_end_have_failed(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, 'results')
            self.assertEqual(theano_suite.read_results(path), {})
            path.write_text(
                '["a", "began", ""]\n["a", "passed", ""]\n'
                '["b", "began", ""]\n["c", "skip'
            )
            self.assertEqual(
                theano_suite.read_results(path),
                {
                    'a': ('passed', ''),
                    'b': ('failed', 'began but did not end'),
                },
            )


class ComparedTest(unittest.TestCase):
    def test_outcomes(self):
        passed, failed = ('passed', ''), ('failed', 'an error')
        skipped, unused = ('skipped', ''), ('engine not used', '')
        for engine, theano, outcome in [
            (passed, passed, 'passed'),
            (unused, passed, 'engine not used'),
            (failed, passed, 'differs'),
            (failed, failed, 'failed by both'),
            (passed, failed, 'engine only'),
            (skipped, failed, 'skipped'),
            (failed, skipped, 'skipped'),
        ]:
            (row,) = theano_suite.compared({'a': engine}, {'a': theano}, {})
            self.assertEqual((row[0], row[1], row[3]), ('a', outcome, None))
        rows = theano_suite.compared(
            {'a.b': failed}, {'a.b': passed}, {'a.*': ''}
        )
        self.assertEqual(rows, [('a.b', 'explained', 'an error', 'a.*')])
        # The process of the engine ended before this test.
        rows = theano_suite.compared({}, {'a': passed}, {})
        self.assertEqual(rows, [('a', 'differs', 'did not run', None)])


class TableTest(unittest.TestCase):
    def test_table(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, 'table')
            theano_suite.write_table(path, [('a', Counter(passed=3))])
            lines = path.read_text().splitlines()
        self.assertIn('   * - a', lines)
        self.assertEqual(lines[lines.index('   * - a') + 1], '     - 3')


@unittest.skipUnless(
    torch and all(map(importlib.util.find_spec, ('nose', 'parameterized'))),
    'needs PyTorch, nose and parameterized',
)
class SuiteTest(unittest.TestCase):
    def test_one_test(self):
        found = subprocess.run(
            [
                sys.executable,
                '-m',
                'tests.engine.theano_suite',
                'test_sigm:T_softplus',
            ],
            capture_output=True,
            text=True,
            cwd=theano_suite.ROOT,
        )
        self.assertEqual(found.returncode, 0, found.stdout + found.stderr)
        self.assertIn('all: 1 passed, 0 differs', found.stdout)
