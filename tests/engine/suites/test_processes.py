import tempfile
import unittest
from pathlib import Path

from tests.engine.suites.processes import read_results, took_too_long


class ReadResultsTest(unittest.TestCase):
    def test_tests_that_did_not_end_have_failed(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, 'results')
            self.assertEqual(read_results(path), {})
            path.write_text(
                '["a", "began", ""]\n["a", "passed", ""]\n'
                '["b", "began", ""]\n["c", "skip'
            )
            self.assertEqual(
                read_results(path),
                {
                    'a': ('passed', ''),
                    'b': ('failed', 'began but did not end'),
                },
            )


class TookTooLongTest(unittest.TestCase):
    def test_texts(self):
        for text, expected in [
            ('a log\ntook more than 60 seconds', True),
            ('took more than 60 seconds\nthe process ended', False),
        ]:
            self.assertEqual(
                took_too_long('x', {'x': ('failed', text)}), expected
            )
        self.assertFalse(took_too_long('x', {}))
