"""What the scripts refuse, and which runs they choose."""

import os
import unittest

import h5py
import numpy as np
from matplotlib.image import imread

from kneerepro import runs
from kneerepro.data.dataset import new_dataset
from kneerepro.phantom import write_patients
from tests.experiments.common import run_here, run_script
from tests.folders import FolderTest

TINY = [
    '--preset',
    'smoke',
    '--size',
    '16',
    '--depth',
    '16',
    '--nz',
    '2',
    '--epochs',
    '1',
]


class BadInputTest(FolderTest):
    def assert_refused(self, message, *arguments, name='cae3d'):
        output = run_here(
            name, *TINY, '--out', self.path('runs'), *arguments, status=2
        )
        self.assertIn(message, output)
        self.assertIn('error: ', output.splitlines()[-1])
        self.assertNotIn('Traceback', output)
        self.assertFalse(os.path.exists(self.path('runs', name)))

    def dataset(self, count, *shape):
        path = self.path('volumes.h5')
        with new_dataset(path, shape) as writer:
            for i in range(count):
                writer.append(np.random.RandomState(i).rand(*shape), str(i))
        return path

    def test_data(self):
        self.assert_refused(
            self.path('nowhere'), '--data', self.path('nowhere')
        )
        self.write('folder/notes.txt', 'no DICOM')
        self.assert_refused('0 usable series', '--data', self.path('folder'))
        write_patients(self.path('one'), 1, matrix=16, slices=16)
        self.assert_refused('at least 2', '--data', self.path('one'))
        self.assert_refused(
            'at least one of each', '--data', self.dataset(1, 16, 16, 16)
        )

    def test_shapes(self):
        self.assert_refused(
            'must be a multiple of 16', '--data', self.dataset(3, 16, 16, 40)
        )
        path = self.path('2d.h5')
        with h5py.File(path, 'w') as file:
            file['images'] = np.zeros((10, 1, 64, 64))
        self.assert_refused('2d.h5', '--data', path)
        self.assert_refused(
            'depth must be a multiple of 16',
            '--data',
            self.folder,
            '--depth',
            '20',
        )
        self.assert_refused(
            '64 x 64', '--data', self.dataset(3, 16, 16, 16), name='dcgan'
        )

    def test_arguments(self):
        self.assert_refused('not at least 1', '--epochs', '0')
        self.assert_refused(
            'did you mean --learning-rate?', '--learning-rat', '1'
        )
        self.assert_refused('cannot read preset quik', '--preset', 'quik')

    def test_folder_that_cannot_be_written(self):
        path = self.write('file')
        self.assert_refused(
            'cannot write',
            '--data',
            self.dataset(3, 16, 16, 16),
            '--out',
            path,
        )


@unittest.skipUnless(
    os.path.isdir(os.environ.get('KNEEREPRO_REAL_KNEE', '')),
    'KNEEREPRO_REAL_KNEE names no folder',
)
class RealKneeTest(FolderTest):
    def test_two_series(self):
        output = run_script(
            'cae3d',
            *TINY,
            '--out',
            self.path('runs'),
            '--data',
            os.environ['KNEEREPRO_REAL_KNEE'],
            '--any-series',
        )
        self.assertIn('1 training and 1 test volumes of 16 x 16 x 16', output)
        self.assertIn('the batch size is reduced to that from 2', output)
        self.assertIn(
            'one person has images in the training and in the test set', output
        )
        (run,) = runs.find(self.path('runs'), 'cae3d')
        self.assertTrue(run.finished)


class NetworkFigureTest(FolderTest):
    def test_is_drawn(self):
        output = run_here('fig2_3_cae2d', '--out', self.folder)
        self.assertIn('figure2_3.png', output)
        wide = imread(self.path('networks', 'figure2_3.png'))
        run_here('fig2_3_cae2d', '--out', self.folder, '--width', '0.1')
        narrow = imread(self.path('networks', 'figure2_3.png'))
        self.assertTrue(
            wide.shape != narrow.shape or abs(wide - narrow).max() > 0.1
        )


class RedrawTest(FolderTest):
    def test_starts_a_run(self):
        path = self.path('knees.h5')
        with new_dataset(path, (16, 16, 16)) as writer:
            for i in range(3):
                writer.append(
                    np.random.RandomState(i).rand(16, 16, 16), str(i)
                )
        flags = [*TINY, '--data', path, '--out', self.path('runs')]
        output = run_script('fig3_3_loss_2d', *flags)
        self.assertIn('no finished run like that', output)
        self.assertIn('figure3_3.pdf', output)
        # Now there is one, which both the flags and --run select.
        for arguments in (
            flags,
            ['--run', runs.find(self.path('runs'), 'cae2d')[0].folder],
        ):
            output = run_here('fig3_2_reconstructions_2d', *arguments)
            self.assertNotIn('training', output)
        self.assertEqual(len(runs.find(self.path('runs'), 'cae2d')), 1)
        self.assertIn(
            'is a run of cae2d',
            run_here('fig3_5_loss_3d', *arguments, status=2),
        )
