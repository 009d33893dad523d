"""Trainings that are stopped in every way a user can stop them."""

import json
import os
import re
import shutil
import signal
import tempfile
import time
import unittest

import numpy as np

from kneerepro.data.dataset import new_dataset
from kneerepro.runs import Run, archive, find
from tests.experiments.common import (
    ForkedScript,
    run_forked,
    run_here,
    start_script,
    undrawn,
)

TINY = [
    '--preset',
    'smoke',
    '--size',
    '16',
    '--depth',
    '16',
    '--nz',
    '4',
    '--epochs',
    '8',
    '--batch-size',
    '8',
]


def start_single_threaded(*arguments):
    """Start a script that computes like a copy of this process."""
    return start_script(*arguments, env={**os.environ, 'OMP_NUM_THREADS': '1'})


class ResumeTest(unittest.TestCase):
    """The trainings run in copies of this process, one also as a script."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.data = os.path.join(cls.folder, 'knees.h5')
        with new_dataset(cls.data, (16, 16, 16)) as writer:
            for i in range(5):
                writer.append(
                    np.random.RandomState(i).rand(16, 16, 16), str(i)
                )
        cls.whole = cls.root_of('whole')
        run_forked('cae2d', *TINY, '--data', cls.data, '--out', cls.whole)

    @classmethod
    def tearDownClass(cls):
        cls.doClassCleanups()  # which nose leaves out

    @classmethod
    def root_of(cls, name):
        return os.path.join(cls.folder, name)

    @staticmethod
    @undrawn
    def finish(*arguments):
        """Train to the end, without figures; returns the output."""
        return run_forked('cae2d', *arguments)

    @undrawn
    def start(self, root, *arguments, start=ForkedScript):
        """Start a training that saves each iteration."""
        return start(
            'cae2d',
            *('--out', self.root_of(root), '--checkpoint-interval', '0'),
            *arguments,
        )

    def start_new(self, root, *arguments, **kwargs):
        return self.start(
            root, *TINY, '--data', self.data, *arguments, **kwargs
        )

    def at_iteration(self, process, root, iteration):
        """Wait until a training has got that far; return its run."""
        while process.poll() is None:
            for run in find(self.root_of(root), 'cae2d'):
                if run.saved_iteration() >= iteration:
                    return run
            time.sleep(0.005)
        raise AssertionError(''.join(process.communicate()))

    def assert_same(self, run):
        """A stopped run equals one that was never stopped, to the bit."""
        (whole,) = find(self.whole, 'cae2d')
        with open(run.path('losses.csv')) as file:
            losses = file.read()
        with open(whole.path('losses.csv')) as file:
            self.assertEqual(losses, file.read())
        last, expected = (
            archive.load(either.checkpoints.last_path(), 'checkpoint')
            for either in (run, whole)
        )
        self.assertEqual(set(last[0]), set(expected[0]))
        for name, array in expected[0].items():
            np.testing.assert_array_equal(last[0][name], array, name)
        results = run.results()
        for name, array in whole.results().items():
            if name != 'seconds':
                np.testing.assert_array_equal(results[name], array, name)

    def test_killed(self):
        process = self.start_new('killed')
        run = self.at_iteration(process, 'killed', 7)
        process.kill()
        process.communicate()
        self.assertEqual((process.returncode, run.finished), (-9, False))
        # It is killed once more, in the middle of a second start.
        before = run.saved_iteration()
        process = self.start('killed', '--resume')
        self.at_iteration(process, 'killed', before + 5)
        process.kill()
        process.communicate()
        # Only the beginning of the last checkpoint was written.
        with open(run.checkpoints.last_path(), 'rb+') as file:
            file.truncate(1000)
        output = self.finish('--resume', run.folder)
        self.assertIn('truncated or damaged', output)
        self.assertIn('resuming after iteration', output)
        self.assert_same(run)
        self.assertEqual(len(run.environments()), 3)

    def test_signals(self):
        process = self.start_new('signals', start=start_single_threaded)
        run = self.at_iteration(process, 'signals', 3)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate()
        self.assertEqual(process.returncode, 130, stderr)
        command = re.search(
            r'python experiments/(\w+)\.py (--resume) (\S+)$',
            stderr,
            re.MULTILINE,
        )
        self.assertEqual(command.groups(), ('cae2d', '--resume', run.folder))
        before = run.saved_iteration()
        process = ForkedScript(*command.groups())
        self.at_iteration(process, 'signals', before)
        for line in process.stdout:
            if line.startswith('run: '):
                break
        time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        process.communicate()
        # The training may have ended before the signal arrived.
        self.assertIn(process.returncode, (143, 0))
        self.finish(*command.groups()[1:])
        self.assert_same(run)

    def test_while_compiling(self):
        root, start, arguments = 'compiling', self.start_new, ()
        for signum in signal.SIGINT, signal.SIGTERM:
            process = start(root, *arguments)
            for line in process.stdout:
                if 'compiling' in line:
                    break
            process.send_signal(signum)
            _, stderr = process.communicate()
            self.assertEqual(process.returncode, 128 + signum, stderr)
            (run,) = find(self.root_of(root), 'cae2d')
            self.assertEqual(
                stderr.splitlines()[-2:],
                [
                    'stopped: no iteration is saved, so it will start again',
                    'to resume: python experiments/cae2d.py --resume '
                    + run.folder,
                ],
            )
            self.assertNotIn('Traceback', stderr)
            self.assertEqual(
                (run.state(), run.saved_iteration()), ('stopped', 0)
            )
            start, arguments = self.start, ('--resume', run.folder)
        self.finish(*arguments)
        self.assert_same(run)

    def test_refused(self):
        (whole,) = find(self.whole, 'cae2d')
        root = self.root_of('refused')
        folder = os.path.join(root, 'cae2d', 'copy')
        shutil.copytree(whole.folder, folder)
        os.remove(os.path.join(folder, 'results.npz'))
        for message, *arguments in [
            (
                'has no unfinished run of cae2d',
                '--out',
                self.whole,
                '--resume',
            ),
            (
                'was started with --nz 4',
                '--resume',
                folder,
                '--nz',
                '5',
            ),
            (
                'was started with --precision float32',
                '--resume',
                folder,
                '--precision',
                'bf16',
            ),
            ('is not a run', '--resume', self.folder),
        ]:
            output = run_here('cae2d', *arguments, status=2)
            self.assertIn(message, output)
            self.assertNotIn('Traceback', output)
        self.assertIn(
            'is a run of cae2d',
            run_here('cae3d', '--resume', folder, status=2),
        )
        # The data have changed, but not their path.
        path = os.path.join(folder, 'config.json')
        with open(path) as file:
            config = json.load(file)
        self.assertEqual(config['settings']['precision'], 'float32')
        # A run from before there was a choice is in float32 as well.
        del config['arguments']['precision']
        with open(path, 'w') as file:
            json.dump(config, file)
        self.assertIn(
            'was started with --precision float32',
            run_here(
                'cae2d', '--resume', folder, '--precision', 'bf16', status=2
            ),
        )
        before = config['settings']['data']['hash']
        config['settings']['data']['hash'] = 'another'
        with open(path, 'w') as file:
            json.dump(config, file)
        self.assertEqual(
            run_here('cae2d', '--resume', folder, status=2),
            f'error: {self.data} is not the dataset that {folder} was started '
            f'with: its hash is {before[:12]}, not another; name the right '
            'one with --data, or start a new run without --resume\n',
        )

    def test_moved_dataset(self):
        """It may be anywhere, if it is the same to the bit."""
        (whole,) = find(self.whole, 'cae2d')
        root = self.root_of('moved')
        folder = os.path.join(root, 'cae2d', 'copy')
        shutil.copytree(whole.folder, folder)
        for name in os.listdir(folder):
            if name not in ('config.json', 'checkpoints', 'losses.csv'):
                path = os.path.join(folder, name)
                (shutil.rmtree if os.path.isdir(path) else os.remove)(path)
        there = os.path.join(self.folder, 'moved\nto "here" é.h5')
        os.rename(self.data, there)
        self.addCleanup(os.rename, there, self.data)
        output = run_here('cae2d', '--resume', folder, status=2)
        self.assertEqual(
            output,
            f'error: the data of {folder} are no longer at {self.data}; to '
            f'resume: python experiments/cae2d.py --resume {folder} --data '
            'NEW, where NEW is the path that they have now\n',
        )
        output = self.finish('--resume', folder, '--data', there)
        self.assertNotIn('no longer', output)
        self.assert_same(Run(folder))
        # One that lies among the datasets of the runs need not be named.
        datasets = os.path.join(root, 'datasets')
        os.mkdir(datasets)
        shutil.copy(there, os.path.join(datasets, 'any name.h5'))
        self.finish('--resume', folder)
        # A figure of the run needs no data.
        run_here('fig3_3_loss_2d', '--run', folder)

    def test_stopped_before_the_figures(self):
        (whole,) = find(self.whole, 'cae2d')
        root = self.root_of('undrawn')
        folder = os.path.join(root, 'cae2d', 'copy')
        shutil.copytree(whole.folder, folder)
        os.remove(os.path.join(folder, 'report.html'))
        shutil.rmtree(os.path.join(folder, 'figures'))
        output = run_here('cae2d', '--out', root, '--resume')
        self.assertIn(f'{folder} is finished: drawing its figures\n', output)
        self.assertNotIn('compiling', output)
        for name in 'report.html', 'figures/figure3_3.png':
            self.assertTrue(os.path.exists(os.path.join(folder, name)))
        self.assertIn(
            'has no unfinished run of cae2d',
            run_here('cae2d', '--out', root, '--resume', status=2),
        )

    def test_two_at_once(self):
        process = self.start_new('two', '--epochs', '100000')
        run = self.at_iteration(process, 'two', 1)
        self.assertEqual(Run(run.folder).state(), 'running')
        self.assertIn(
            'another process is working on',
            run_here('cae2d', '--resume', run.folder, status=2),
        )
        process.kill()
        process.communicate()
        self.assertEqual(run.state(), 'stopped')
