"""What the scripts refuse, and which runs they choose."""

import importlib.util
import os
import unittest
from unittest import mock

import h5py
import numpy as np
from matplotlib.image import imread

from kneerepro import runs
from kneerepro.data.dataset import new_dataset
from kneerepro.experiment.arguments import arguments_to_store, parse
from kneerepro.phantom import write_patients
from kneerepro.registry import EXPERIMENTS
from tests.experiments.common import run_here, run_script
from tests.folders import FolderTest
from tests.subprocesses import ROOT

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
        self.assertIn('the batch size is that instead of 2', output)
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


class ThesisTest(FolderTest):
    def setUp(self):
        super().setUp()
        path = os.path.join(ROOT, 'experiments', 'thesis.py')
        spec = importlib.util.spec_from_file_location('thesis', path)
        self.thesis = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.thesis)
        self.root = self.path('runs')

    def call(self, *arguments, failing=None):
        """Call thesis.py with stand-ins for the scripts; return their command
        lines.
        """
        called = []

        def run_script(path, *flags):
            name = os.path.basename(path)[:-3]
            called.append((name, *flags))
            if name == failing:
                return 130
            if name in EXPERIMENTS and '--resume' not in flags:
                _, args = parse(name, '', flags)
                stored = arguments_to_store(args, name)
                runs.create(
                    self.root,
                    {
                        'experiment': name,
                        'preset': 'smoke',
                        'parameters': stored['parameters'],
                    },
                    stored,
                )
            return 0

        with (
            mock.patch.object(self.thesis, 'run_script', run_script),
            mock.patch(
                'sys.argv',
                [
                    'thesis.py',
                    '--out',
                    self.root,
                    '--preset',
                    'smoke',
                    *arguments,
                ],
            ),
            mock.patch('builtins.print') as printed,
        ):
            try:
                self.thesis.main()
            except SystemExit as error:
                called.append(error.code)
        self.printed = [call.args for call in printed.call_args_list]
        return called

    def test_order(self):
        called = self.call()
        self.assertEqual(
            [name for name, *_ in called],
            [
                'fig2_1_planes',
                'fig2_2_slides',
                'fig2_3_cae2d',
                'fig2_4_cae3d',
                'fig2_5_gan',
                'fig3_1_images',
                *EXPERIMENTS,
            ],
        )
        for name, *flags in called:
            self.assertIn(self.root, flags)
            self.assertTrue(
                os.path.exists(os.path.join(ROOT, 'experiments', name + '.py'))
            )

    def test_flags(self):
        called = {
            name: flags
            for name, *flags in self.call(
                '--data',
                'knees.h5',
                '--any-series',
                '--engine',
                'theano',
                '--no-tf32',
            )
        }
        self.assertIn('knees.h5', called['fig2_2_slides'])
        self.assertNotIn('--engine', called['fig3_1_images'])
        for name in EXPERIMENTS:
            self.assertLess(
                {'--any-series', '--engine', 'theano', 'smoke', '--no-tf32'},
                set(called[name]),
            )

    def test_names_the_reports_of_its_own_runs(self):
        self.call('--no-tf32')
        own = [
            runs.find(self.root, name)[0].path('report.html')
            for name in EXPERIMENTS
        ]
        self.call()  # newer runs, but others
        self.call('--no-tf32')
        self.assertEqual(
            self.printed[-5:],
            [('\nThe reports:',), *(('   ', path) for path in own)],
        )

    def test_goes_on(self):
        self.assertEqual(self.call(failing='cae3d')[-2:][0][0], 'cae3d')
        self.assertEqual(self.call(failing='cae3d')[-1], 130)
        (made,) = runs.find(self.root, 'cae2d')
        called = self.call()
        self.assertIn(
            ('cae2d', '--out', self.root, '--resume', made.folder), called
        )
        self.assertEqual(called[-3][0], 'cae3d')
        self.assertNotIn('--resume', called[-3])
        # Another configuration is another run.
        for flags in ['--engine', 'theano'], ['--no-tf32']:
            called = self.call(*flags)
            self.assertNotIn('--resume', called[-4])
