import contextlib
import io
import unittest
from unittest import mock

import numpy as np
import tqdm

from kneerepro.utils.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


class NotebookBar(tqdm.tqdm):
    """Has a container of widgets, which learn of a total only by `reset`."""

    container = 'widgets'
    totals = ()

    def reset(self, total=None):
        self.totals += (total,)
        super().reset(total)


class ProgressTest(unittest.TestCase):
    def run_progress(self, work, stderr=None):
        """Call `work` with a Progress; returns what it prints to stdout and
        stderr.
        """
        stdout, stderr = io.StringIO(), stderr or io.StringIO()
        with (
            contextlib.redirect_stdout(stdout),
            contextlib.redirect_stderr(stderr),
            Progress('walking', 'steps') as progress,
        ):
            work(progress)
        return stdout.getvalue(), stderr.getvalue()

    def lines(self, seconds, total):
        """The times at which lines are printed if a step takes `seconds`."""

        def work(progress):
            for done in range(1, total + 1):
                progress(done, total)

        with mock.patch(
            'time.monotonic', side_effect=seconds * np.arange(total + 1)
        ):
            stdout, stderr = self.run_progress(work)
        self.assertEqual(stderr, '')
        return [
            seconds * int(line.split(': ')[1].split('/')[0])
            for line in stdout.splitlines()
        ]

    def test_few_lines_away_from_a_terminal(self):
        self.assertEqual(self.lines(0.1, 30), [3])
        self.assertEqual(self.lines(1, 12), [5, 10, 12])
        self.assertEqual(self.lines(20, 4), [20, 40, 60, 80])
        times = self.lines(2, 10000)
        self.assertEqual(set(np.diff(times[-100:-1])), {60})
        self.assertLess(len(times), 400)
        self.assertEqual(
            self.run_progress(lambda progress: progress(0, 0)), ('', '')
        )

    def test_the_last_line_is_printed_once(self):
        stdout, _ = self.run_progress(
            lambda progress: [progress(7, 7) for _ in range(3)]
        )
        self.assertEqual(len(stdout.splitlines()), 1)

    def test_lines_give_the_time_left(self):
        def work(progress):
            progress(10, 40, 'MSE 0.1')
            progress(20, 40)

        with mock.patch('time.monotonic', side_effect=[100.0, 130, 160]):
            stdout, _ = self.run_progress(work)
        self.assertEqual(
            stdout,
            'walking: 10/40 steps, MSE 0.1, 30 s, 90 s left\n'
            'walking: 20/40 steps, 60 s, 60 s left\n',
        )

    def test_writes_lines_above_the_bar(self):
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

    def test_bar_in_a_notebook(self):
        with (
            contextlib.redirect_stderr(Terminal()),
            mock.patch('kneerepro.utils.progress.tqdm', NotebookBar),
            Progress('walking', 'steps', begin=5) as progress,
        ):
            for done in 6, 7, 8:
                progress(done, 40)
            self.assertEqual(progress.bar.totals, (40,))
            self.assertEqual((progress.bar.n, progress.bar.total), (8, 40))
