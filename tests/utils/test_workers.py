import os
import signal
import subprocess
import sys
import time
import unittest
from unittest import mock

from kneerepro.utils.workers import Workers, cores
from tests.subprocesses import ROOT


def square(number):
    time.sleep(0.01 * (number % 3))
    return number * number


def fail_at_three(number):
    if number == 3:
        raise ValueError('three')
    return number


def die_at_three(number):
    if number in (3, 11):
        os._exit(1)
    return number


class CoresTest(unittest.TestCase):
    def test_those_that_the_process_may_use(self):
        with (
            mock.patch('os.sched_getaffinity', lambda process: {3, 5}),
            mock.patch('os.cpu_count', lambda: 64),
        ):
            self.assertEqual(cores(), 2)

    def test_unknown(self):
        with (
            mock.patch.object(os, 'sched_getaffinity'),
            mock.patch('os.cpu_count', lambda: None),
        ):
            del os.sched_getaffinity
            self.assertEqual(cores(), 1)


def process(_):
    time.sleep(0.02)
    return os.getpid()


class WorkersTest(unittest.TestCase):
    def test_results_are_in_order(self):
        for count in 1, 2, 3:
            with Workers(count) as workers:
                self.assertEqual(
                    list(workers.map(square, range(20), None)),
                    [(i, i * i) for i in range(20)],
                )

    def test_uses_several_processes(self):
        with Workers(2) as workers:
            found = {pid for _, pid in workers.map(process, range(10), None)}
        self.assertEqual(len(found), 2)
        self.assertNotIn(os.getpid(), found)

    def test_tasks_are_consumed_as_needed(self):
        taken = []

        def tasks():
            for i in range(100):
                taken.append(i)
                yield i

        with Workers(2) as workers:
            results = workers.map(square, tasks(), None)
            for _ in range(10):
                next(results)
            self.assertLess(len(taken), 20)
            results.close()

    def test_errors_propagate(self):
        with Workers(2) as workers:
            results = workers.map(fail_at_three, range(9), None)
            with self.assertRaisesRegex(ValueError, 'three'):
                list(results)

    def test_a_crash_costs_one_task(self):
        for count in 1, 2:
            with Workers(count) as workers:
                results = list(
                    workers.map(
                        die_at_three,
                        range(20),
                        lambda task: f'crash of {task}',
                    )
                )
            expected = [(i, i) for i in range(20)]
            expected[3], expected[11] = (3, 'crash of 3'), (11, 'crash of 11')
            self.assertEqual(results, expected)

    def start(self, more):
        """Start a program with two workers, which does more. Returns its
        process, and the identifiers of the workers.
        """
        parent = subprocess.Popen(
            [
                sys.executable,
                '-c',
                f"""
import time
from kneerepro.utils.signals import interrupting_signals
from kneerepro.utils.workers import Workers
from tests.utils.test_workers import process
with interrupting_signals(), Workers(2) as workers:
    print(*{{pid for _, pid in workers.map(process, range(10), None)}},
          flush=True)
    {more}
""",
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(parent.kill)
        pids = list(map(int, parent.stdout.readline().split()))
        self.assertEqual(len(pids), 2)
        return parent, pids

    def assert_ended(self, pids):
        deadline = time.monotonic() + 10
        while any(map(alive, pids)):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def test_workers_end_with_their_parent(self):
        parent, pids = self.start('time.sleep(60)')
        parent.send_signal(signal.SIGKILL)
        parent.communicate()
        self.assert_ended(pids)

    def test_a_second_interrupt_kills_the_workers(self):
        # It used to leave all processes waiting for each other.
        parent, pids = self.start(
            'list(workers.map(time.sleep, [60] * 3, None))'
        )
        for _ in range(2):
            time.sleep(0.3)
            parent.send_signal(signal.SIGINT)
        _, errors = parent.communicate(timeout=10)
        self.assertIn('KeyboardInterrupt', errors)
        self.assert_ended(pids)


def alive(pid):
    try:
        with open(f'/proc/{pid}/stat') as file:
            return file.read().rsplit(')', 1)[1].split()[0] != 'Z'
    except OSError:
        return False
