import tempfile
import unittest
from pathlib import Path

from tests.engine.suites.processes import read_results


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
