import contextlib
import io
import unittest

from kneerepro.data.progress import PhaseProgress


class PhaseProgressTest(unittest.TestCase):
    def test_phases(self):
        output = io.StringIO()
        with (
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(io.StringIO()),
            PhaseProgress() as progress,
        ):
            progress('reading headers', 4, 4, 0)
            progress('converting', 2, 2, 1)
            progress('joining', 3, 3, 0)
        headers, converting, joining = output.getvalue().splitlines()
        self.assertRegex(headers, '^reading headers: 4/4 files, ')
        self.assertRegex(converting, '^converting: 2/2 series, 1 rejected, ')
        self.assertRegex(joining, '^joining: 3/3 series, ')

    def test_without_any(self):
        with PhaseProgress():
            pass
