"""The script theano_suite.py, on one of Theano's tests."""

import importlib.util
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from kneerepro.compat.theano_flags import C_CODE
from tests.engine import theano_suite
from tests.engine.compare import torch


class ReadResultsTest(unittest.TestCase):
    def test_tests_that_did_not_end_have_failed(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, 'results')
            self.assertEqual(theano_suite.read_results(path), [])
            path.write_text(
                '["a", "began", ""]\n["a", "passed", ""]\n'
                '["b", "began", ""]\n["c", "skip'
            )
            self.assertEqual(
                theano_suite.read_results(path),
                [
                    ['a', 'passed', ''],
                    ['b', 'failed', 'began but did not end'],
                ],
            )


@unittest.skipUnless(
    torch
    and C_CODE
    and all(map(importlib.util.find_spec, ('nose', 'parameterized'))),
    'needs PyTorch, nose, parameterized and a Python before 3.12',
)
class SuiteTest(unittest.TestCase):
    def test_one_test(self):
        found = subprocess.run(
            [sys.executable, theano_suite.__file__, 'test_sigm:T_softplus'],
            capture_output=True,
            text=True,
        )
        self.assertEqual(found.returncode, 0, found.stdout + found.stderr)
        self.assertIn('all: 1 passed, 0 failed', found.stdout)
