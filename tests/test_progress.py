import contextlib
import io
import unittest
from unittest import mock

from kneerepro.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


class ProgressTest(unittest.TestCase):
    def run_progress(self, work, stderr=None):
        """What `work`, given a Progress, prints to stdout and to stderr."""
        stdout, stderr = io.StringIO(), stderr or io.StringIO()
        with contextlib.redirect_stdout(stdout), \
                contextlib.redirect_stderr(stderr):
            with Progress('walking', 'steps') as progress:
                work(progress)
        return stdout.getvalue(), stderr.getvalue()

    def lines(self, total, starts=0):
        def work(progress):
            for done in range(starts, total + 1):
                progress(done, total)

        stdout, stderr = self.run_progress(work)
        self.assertEqual(stderr, '')
        return stdout.splitlines()

    def done(self, lines):
        return [int(line.split(': ')[1].split('/')[0]) for line in lines]

    def test_few_lines_away_from_a_terminal(self):
        self.assertEqual(self.done(self.lines(100)), list(range(5, 101, 5)))
        self.assertEqual(self.done(self.lines(3)), [1, 2, 3])
        for total in [7, 19, 20, 21, 39, 41, 999, 1000]:
            done = self.done(self.lines(total, starts=1))
            self.assertEqual(done[-1], total)
            self.assertLessEqual(len(done), Progress.lines)
            self.assertEqual(len(done), len(set(done)))
        self.assertEqual(self.lines(0), [])

    def test_the_end_is_told_once(self):
        stdout, _ = self.run_progress(
            lambda progress: [progress(7, 7) for _ in range(3)])
        self.assertEqual(len(stdout.splitlines()), 1)

    def test_content(self):
        def work(progress):
            progress(10, 40, 'MSE 0.1')
            progress(20, 40)

        with mock.patch('time.monotonic', side_effect=[100., 130, 160]):
            stdout, _ = self.run_progress(work)
        self.assertEqual(
            stdout, 'walking: 10/40 steps, MSE 0.1, 30 s, 90 s left\n'
                    'walking: 20/40 steps, 60 s, 60 s left\n')

    def test_write(self):
        def work(progress):
            progress.write('a line')

        self.assertEqual(self.run_progress(work), ('a line\n', ''))
        stdout, stderr = self.run_progress(work, Terminal())
        self.assertEqual(stdout, 'a line\n')

    def test_bar_on_a_terminal(self):
        bars = []

        def work(progress):
            progress.bar.delay = 0
            for done in [0, 30, 40]:
                progress(done, 40, f'MSE {done}')
            bars.append(str(progress.bar))

        stdout, _ = self.run_progress(work, Terminal())
        self.assertEqual(stdout, '')
        self.assertRegex(bars[0], r'walking: 100%.* 40/40 .* steps.*, MSE 40')
