import contextlib
import io
import os
import subprocess
import sys
import unittest

from tests.benchmarks.common import benchmark


class PrepareRateTest(unittest.TestCase):
    def test_prints_medians_and_ratios(self):
        seconds = {
            'bare loop': [1.0, 2.0, 3.0],
            '1 worker': [2.0, 4.0, 5.0],
            '2 workers': [1.0, 2.0, 2.5],
        }
        with contextlib.redirect_stdout(io.StringIO()) as output:
            benchmark('prepare_rate').print_rates(6, seconds)
        lines = output.getvalue().splitlines()
        self.assertEqual(
            lines[0],
            'bare loop     180 series a minute (median; 120 to 360)',
        )
        self.assertEqual(
            lines[3],
            "1 worker: 0.50 times the bare loop's speed; 2 workers: 2.00 "
            'times that of 1',
        )

    @unittest.skipUnless(os.path.exists('/proc/self/task'), 'needs Linux')
    def test_memory_of_all_descendants(self):
        prepare_rate = benchmark('prepare_rate')
        code = (
            'import subprocess, sys\n'
            'subprocess.run([sys.executable, "-c", "print(1); input()"])'
        )
        with subprocess.Popen(
            [sys.executable, '-u', '-c', code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as process:
            process.stdout.readline()  # the grandchild runs
            family = prepare_rate._family(process.pid)
            self.assertEqual(len(family), 2)
            self.assertEqual(family[0], process.pid)
            for pid in family:
                self.assertGreater(prepare_rate._resident_memory(pid), 10**6)
            process.communicate(b'\n')
