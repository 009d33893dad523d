import json
import os
import shutil
import signal
import subprocess
import sys
import unittest

import h5py
import numpy as np
from matplotlib.image import imread

from kneerepro.data.dataset import new_dataset
from kneerepro.phantom import write_patients
from tests.folders import FolderTest
from tests.subprocesses import ROOT

SCRIPT = os.path.join(ROOT, 'experiments', 'cae3d.py')
TINY = ['--size', '16', '--depth', '16', '--width', '0.03', '--nz', '4',
        '--epochs', '3', '--batch-size', '2']
WRITTEN = {'figure3_4.png', 'figure3_5.png', 'losses.csv', 'parameters.npz',
           'results.npz', 'settings.json'}
PREPARED = {'volumes.h5', 'volumes.report.csv', 'volumes.report.json'}


class ExperimentTest(FolderTest):
    def start(self, *arguments):
        return subprocess.Popen(
            [sys.executable, SCRIPT, '--out', self.path('run'), *TINY,
             *arguments], text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run_script(self, *arguments, status=0):
        process = self.start(*arguments)
        stdout, stderr = process.communicate()
        self.assertEqual(process.returncode, status, stdout + stderr)
        return stdout, stderr

    def settings(self):
        with open(self.path('run', 'settings.json')) as file:
            return json.load(file)

    def results(self):
        with np.load(self.path('run', 'results.npz')) as file:
            return dict(file)


class TrainingTest(ExperimentTest):
    def setUp(self):
        super().setUp()
        self.data = self.path('knees')
        write_patients(self.data, patients=5, matrix=16, slices=16)

    def test_first_and_second_run(self):
        stdout, _ = self.run_script('--data', self.data)
        self.assertEqual(set(os.listdir(self.path('run'))),
                         WRITTEN | PREPARED)
        for name in 'figure3_4.png', 'figure3_5.png':
            self.assertIn('wrote ' + self.path('run', name), stdout)
            self.assertGreater(imread(self.path('run', name)).std(), 0.1)
        results = self.results()
        self.assertEqual(results['train_mse'].shape, (3 * 2,))
        self.assertEqual(results['test_mse'].shape, (4,))
        self.assertEqual(results['reconstruction'].shape, (3, 3, 16, 16))
        self.assertLess(results['test_mse'][-1], results['test_mse'][0])
        self.assertEqual(self.settings()['train'], 4)

        first = {name: open(self.path('run', name), 'rb').read()
                 for name in os.listdir(self.path('run'))}
        os.remove(self.path('run', 'figure3_4.png'))
        stdout, _ = self.run_script('--data', self.data)
        self.assertIn('holds the finished run', stdout)
        self.assertNotIn('compiled', stdout)
        for name, content in first.items():
            with open(self.path('run', name), 'rb') as file:
                self.assertEqual(file.read(), content, name)

        # Other settings are another run.
        stdout, _ = self.run_script('--data', self.data, '--nz', '5')
        self.assertIn('compiled', stdout)
        self.assertEqual(self.settings()['nz'], 5)

    def test_same_seed_same_losses(self):
        self.run_script('--data', self.data, '--seed', '3')
        first = self.results()
        self.run_script('--data', self.data, '--seed', '3', '--fresh')
        for name, value in self.results().items():
            np.testing.assert_array_equal(value, first[name], name)

    def test_interrupt(self):
        process = self.start('--data', self.data, '--epochs', '100000')
        for line in process.stdout:
            if line.startswith('training: '):
                break
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate()
        self.assertEqual(process.returncode, 130, stderr)
        self.assertIn('stopping after this step', stderr)
        self.assertTrue(self.results()['interrupted'])
        self.assertEqual(set(os.listdir(self.path('run'))),
                         WRITTEN | PREPARED)


class SyntheticKneesTest(ExperimentTest):
    def test_without_data(self):
        # The folder of the synthetic knees belongs to the checkout, so that
        # it is a copy of the script that runs here.
        os.makedirs(self.path('experiments'))
        script = shutil.copy(SCRIPT, self.path('experiments'))
        output = subprocess.run(
            [sys.executable, script, *TINY, '--patients', '3', '--matrix',
             '16', '--slices', '16', '--epochs', '1', '--batch-size', '1'],
            cwd=self.folder, check=True, text=True, capture_output=True)
        self.assertIn('3/3 patients', output.stdout)
        self.assertEqual(os.listdir(self.path('data', 'phantom')),
                         ['3-patients-16x16x16-seed0'])
        self.assertEqual(set(os.listdir(self.path('runs', 'cae3d'))),
                         WRITTEN | PREPARED)


@unittest.skipUnless(os.path.isdir(os.environ.get('KNEEREPRO_REAL_KNEE', '')),
                     'KNEEREPRO_REAL_KNEE names no folder')
class RealKneeTest(ExperimentTest):
    def test_two_series(self):
        stdout, stderr = self.run_script(
            '--data', os.environ['KNEEREPRO_REAL_KNEE'], '--any-series',
            '--epochs', '1')
        self.assertIn('1 training and 1 test volumes of 16 x 16 x 16, batch '
                      'size 1', stdout)
        self.assertIn('one person has images in the training and in the '
                      'test set', stderr)
        self.assertTrue(WRITTEN <= set(os.listdir(self.path('run'))))


class BadInputTest(ExperimentTest):
    def assert_refused(self, message, *arguments):
        _, stderr = self.run_script(*arguments, status=2)
        self.assertIn(message, stderr)
        self.assertIn('error: ', stderr.splitlines()[-1])
        self.assertNotIn('Traceback', stderr)
        self.assertFalse(os.path.exists(self.path('run')))

    def dataset(self, count, *shape):
        path = self.path('volumes.h5')
        with new_dataset(path, shape) as writer:
            for i in range(count):
                writer.append(np.random.RandomState(i).rand(*shape), str(i))
        return path

    def test_missing(self):
        path = self.path('nowhere')
        self.assert_refused(path, '--data', path)

    def test_folder_without_series(self):
        self.write('folder/notes.txt', 'no DICOM')
        self.assert_refused('0 usable series', '--data',
                            self.path('folder'))

    def test_fewer_than_two_volumes(self):
        write_patients(self.path('one'), 1, matrix=16, slices=16)
        self.assert_refused('at least 2', '--data', self.path('one'))
        self.assert_refused('at least one of each', '--data',
                            self.dataset(1, 16, 16, 16))

    def test_wrong_shape(self):
        self.assert_refused('must be a multiple of 16', '--data',
                            self.dataset(3, 16, 16, 40))
        path = self.path('2d.h5')
        with h5py.File(path, 'w') as file:
            file['images'] = np.zeros((10, 1, 64, 64))
        self.assert_refused('2d.h5', '--data', path)

    def test_wrong_numbers(self):
        self.assert_refused('depth must be a multiple of 16', '--data',
                            self.folder, '--depth', '20')
        self.assert_refused('not at least 1', '--epochs', '0')

    def test_folder_that_cannot_be(self):
        path = self.write('file')
        self.run_script('--data', self.dataset(3, 16, 16, 16), '--out',
                        os.path.join(path, 'run'), status=2)
