import tempfile
import unittest
from collections import Counter
from pathlib import Path

from tests.engine import lasagne_suite, theano_suite
from tests.engine.suites.outcomes import (
    Comparison,
    compare,
    read_reasons,
    write_table,
)


class CompareTest(unittest.TestCase):
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
            (row,) = compare({'a': engine}, {'a': theano}, {})
            self.assertEqual(
                (row.test, row.outcome, row.pattern), ('a', outcome, None)
            )

    def test_explained(self):
        rows = compare(
            {'a.b': ('failed', 'an error')}, {'a.b': ('passed', '')}, {'a.*'}
        )
        self.assertEqual(
            rows, [Comparison('a.b', 'explained', 'an error', 'a.*')]
        )

    def test_process_that_ended_before_the_test(self):
        rows = compare({}, {'a': ('passed', '')}, {})
        self.assertEqual(rows, [Comparison('a', 'differs', 'did not run')])


class ReadReasonsTest(unittest.TestCase):
    def test_lines(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, 'reasons.txt')
            path.write_text('# a comment\n\na.*: one\n    more\nb: two\n')
            self.assertEqual(
                read_reasons(path), {'a.*': 'one more', 'b': 'two'}
            )

    def test_all_files(self):
        for suite in theano_suite, lasagne_suite:
            for pattern, reason in read_reasons(suite.EXPLAINED).items():
                self.assertTrue(reason, pattern)


class WriteTableTest(unittest.TestCase):
    def test_table(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, 'table')
            write_table(path, [('a', Counter(passed=3))])
            lines = path.read_text().splitlines()
        self.assertIn('   * - a', lines)
        self.assertEqual(lines[lines.index('   * - a') + 1], '     - 3')
