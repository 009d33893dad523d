"""Trainings that torchrun starts, for ``make test-distributed``."""

import os
import re
import shutil
import signal
import tempfile
import time
import unittest

import numpy as np

from kneerepro.data.dataset import new_dataset
from kneerepro.registry import EXPERIMENTS, THESIS
from kneerepro.runs import archive, find
from tests.engine.compare import torch
from tests.experiments.common import run_here
from tests.experiments.test_resume import TINY
from tests.experiments.test_trainings import WRITTEN
from tests.launches import finish, launch, wait_until, workers
from tests.processes import run_processes
from tests.subprocesses import ROOT, hide

#: What follows the finding that a process was lost.
SAVED = (
    r'iteration \d+ is saved; to resume: python experiments/cae2d.py '
    r'--resume \S+$'
)


def script(name):
    return os.path.join(ROOT, 'experiments', name + '.py')


@unittest.skipUnless(torch, 'PyTorch is not installed')
class LaunchTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)

    @classmethod
    def tearDownClass(cls):
        cls.doClassCleanups()  # which nose leaves out
        super().tearDownClass()

    @classmethod
    def path(cls, *names):
        return os.path.join(cls.folder, *names)

    def only_run(self, root, experiment='cae2d'):
        (run,) = find(self.path(root), experiment)
        return run

    def losses(self, run):
        with open(run.path('losses.csv')) as file:
            return file.read()

    def assert_close(self, run, other):
        """Losses are those of another number of processes."""
        found, expected = (
            np.genfromtxt(
                self.losses(each).splitlines(), delimiter=',', skip_header=1
            )
            for each in (run, other)
        )
        scale = np.nanmax(abs(expected), 0)
        np.testing.assert_allclose(found / scale, expected / scale, 0, 1e-4)

    def assert_close_parameters(self, run, other):
        found, expected = (
            archive.load(each.checkpoints.last_path(), 'checkpoint')[0]
            for each in (run, other)
        )
        for name, array in expected.items():
            if name.startswith('variable/'):
                scale = abs(np.float64(array)).max()
                np.testing.assert_allclose(
                    found[name], array, 0, 1e-4 * scale, err_msg=name
                )

    def assert_same(self, run, other):
        """They are equal to the bit."""
        self.assertEqual(self.losses(run), self.losses(other))
        found, expected = (
            archive.load(each.checkpoints.last_path(), 'checkpoint')[0]
            for each in (run, other)
        )
        self.assertEqual(set(found), set(expected))
        for name, array in expected.items():
            np.testing.assert_array_equal(found[name], array, name)


class FaultsTest(LaunchTest):
    """The smallest autoencoder, on two processes."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.data = cls.path('knees.h5')
        with new_dataset(cls.data, (16, 16, 16)) as writer:
            for i in range(5):
                writer.append(
                    np.random.RandomState(i).rand(16, 16, 16), str(i)
                )
        cls.output, cls.errors = finish(cls.start('two'))
        run_here('cae2d', *cls.arguments('one'))

    @classmethod
    def arguments(cls, root):
        return *TINY, '--data', cls.data, '--out', cls.path(root)

    @classmethod
    def start(cls, root, *arguments, **kwargs):
        return launch(
            script('cae2d'),
            *cls.arguments(root),
            '--checkpoint-interval',
            '0',
            *arguments,
            **kwargs,
        )

    def at_iteration(self, launched, root, iteration):
        def run_there():
            for run in find(self.path(root), 'cae2d'):
                if run.saved_iteration() >= iteration:
                    return run
            return None

        return wait_until(run_there, launched)

    def errors_in(self, text):
        return re.findall('^error: .*', text, re.MULTILINE)

    def test_only_the_first_process_writes(self):
        run = self.only_run('two')
        self.assertEqual(set(os.listdir(run.folder)), WRITTEN)
        (environment,) = run.environments()
        self.assertEqual(environment['processes'], 2)
        for words in 'compiling ...', 'run: ', 'training: 72/72', 'wrote ':
            lines = [
                line for line in self.output.splitlines() if words in line
            ]
            self.assertEqual(len(lines), len(set(lines)), words)
            self.assertTrue(lines, words)
        self.assertNotIn('Traceback', self.errors)

    def test_equal_to_one_process(self):
        one, two = self.only_run('one'), self.only_run('two')
        self.assert_close(two, one)
        found, expected = two.results(), one.results()
        self.assertEqual(set(found), set(expected))
        for name in 'reconstruction', 'test_loss', 'mean_mse', 'code_spread':
            np.testing.assert_allclose(
                found[name], expected[name], 1e-3, err_msg=name
            )

    def test_killed_and_started_again(self):
        launched = self.start('killed', restarts=1)
        self.at_iteration(launched, 'killed', 7)
        os.kill(workers(launched)[1], signal.SIGKILL)
        output, errors = finish(launched)
        self.assertEqual(output.count('resuming after iteration'), 1)
        (error,) = self.errors_in(errors)
        self.assertIn('another process has ended', error)
        self.assertRegex(error, SAVED)
        run = self.only_run('killed')
        self.assert_same(run, self.only_run('two'))
        self.assertEqual(len(run.environments()), 2)

    def test_stopped_process(self):
        launched = self.start('hung', KNEEREPRO_LOST_AFTER='6')
        run = self.at_iteration(launched, 'hung', 5)
        os.kill(workers(launched)[1], signal.SIGSTOP)
        began = time.monotonic()
        wait_until(lambda: 0 not in workers(launched), launched)
        # And a little more, if the machine is busy.
        self.assertLess(time.monotonic() - began, 10)
        # torchrun kills the one that was stopped after 30 seconds.
        _, errors = finish(launched, status=None)
        (error,) = self.errors_in(errors)
        self.assertRegex(
            error,
            r'process 1 \(pid \d+ on \S+\) has given no sign of life for 6 s; '
            + SAVED,
        )
        # One process goes on.
        run_here('cae2d', '--resume', run.folder)
        self.assert_close(run, self.only_run('one'))

    def test_interrupted(self):
        launched = self.start('interrupted')
        run = self.at_iteration(launched, 'interrupted', 4)
        pids = workers(launched).values()
        # As from a terminal of earlier versions of PyTorch: to all, and once
        # more from torchrun.
        for pid in [*pids, launched.pid]:
            os.kill(pid, signal.SIGINT)
        _, errors = finish(launched, status=None)
        self.assertEqual(self.errors_in(errors), [])
        saved = re.findall(
            r'^stopped after iteration (\d+) of 72, saved in ', errors, re.M
        )
        self.assertEqual(saved, [str(run.saved_iteration())])
        self.assertEqual(errors.count('to resume: '), 1)
        finish(launch(script('cae2d'), '--resume', run.folder))
        self.assert_same(run, self.only_run('two'))

    def test_error_in_one_process(self):
        _, errors = finish(
            launch(
                '-m', 'tests.experiments.failing', *self.arguments('failed')
            ),
            status=None,
        )
        self.assertEqual(
            self.errors_in(errors), ['error: the disk of process 1 is full']
        )

    def test_refused(self):
        for words, *arguments in [
            ('minibatches of 1 cannot be divided among 2', '--batch-size=1'),
            ('is not an integer', '--batch-size=x'),
            ('does not exist', '--data', self.path('nowhere')),
        ]:
            _, errors = finish(
                launch(
                    script('cae2d'), *self.arguments('refused'), *arguments
                ),
                status=None,
            )
            (error,) = self.errors_in(errors)
            self.assertIn(words, error)
        self.assertEqual(find(self.path('refused'), 'cae2d'), [])

    def test_without_pytorch(self):
        code = hide('torch') + (
            'from kneerepro import commands\n'
            'commands.script("train", "cae2d")\n'
        )
        # matplotlib warns of a change in a package that it uses.
        processes = run_processes(
            2, '-W', 'ignore', '-c', code, *self.arguments('none')
        )
        (status, _, errors), (other, _, nothing) = processes
        self.assertEqual((status, other), (2, 1), errors + nothing)
        (error,) = self.errors_in(errors)
        self.assertIn('requires PyTorch, but it is not installed', error)
        self.assertEqual(nothing, '')


class AllNetworksTest(LaunchTest):
    """A few iterations of the thesis's trainings.

    The GANs of volumes train on two volumes at a time. From one iteration to
    the next, rounding errors grow there from 1e-6 to 1e-4 of the loss.
    """

    def train(self, name):
        # The first steps of Adam are as long as the learning rate, however
        # small the gradient: rounding errors may decide on their direction.
        arguments = (
            *('--preset', 'smoke', '--iterations', '3'),
            *('--learning-rate', '1e-5', '--out'),
        )
        finish(launch(script(name), *arguments, self.path('two')))
        # With the same knees.
        os.makedirs(self.path('one'), exist_ok=True)
        for shared in 'knees', 'datasets':
            if not os.path.exists(self.path('one', shared)):
                os.symlink(self.path('two', shared), self.path('one', shared))
        run_here(name, *arguments, self.path('one'))
        runs = self.only_run('two', name), self.only_run('one', name)
        self.assert_close(*runs)
        if EXPERIMENTS[name].autoencoder:
            # Those of the GANs are compared in double precision, by
            # tests/algorithms/all_divided.py.
            self.assert_close_parameters(*runs)

    def test_equal_to_one_process(self):
        for name in THESIS:
            with self.subTest(name):
                self.train(name)
