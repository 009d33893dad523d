import gzip
import os
import subprocess
import sys
from unittest import mock

import nibabel
import numpy as np
import pydicom
from matplotlib.image import imread

from kneerepro.algorithms.common import Noise, sampling_functions
from kneerepro.commands import generate
from kneerepro.runs import zoo
from tests.commands.common import CommandTest
from tests.modes import ON_ENGINE
from tests.subprocesses import ROOT
from tests.test_engines import NEEDS_TORCH

SHAPE = 16, 64, 64


class GenerateTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.out = self.path('out')

    def generate(self, model, *argv):
        return self.call('generate', model, '--out', self.out, *argv)

    def load(self):
        with np.load(os.path.join(self.out, 'images.npz')) as file:
            return dict(file)

    def test_images_are_those_of_the_training(self):
        for name in 'dcgan', 'wgan_gp':
            run = self.finished_run(name, SHAPE)
            self.generate(run, '-n', '5', '--seed', '3', '--overwrite')
            self.assertEqual(
                sorted(os.listdir(self.out)),
                ['images.html', 'images.npz', 'images.png'],
            )
            arrays = self.load()
            z = np.random.RandomState(3).normal(size=(5, 4))
            np.testing.assert_array_equal(arrays['z'], z.astype('float32'))
            self.assertEqual(arrays['images'].dtype, 'float32')
            networks = zoo.load(os.path.join(run, 'model.npz')).networks
            _, function = sampling_functions(
                networks[0], Noise(0, False), ON_ENGINE
            )
            np.testing.assert_allclose(
                arrays['images'], function(arrays['z']), rtol=1e-5
            )
            grid = imread(os.path.join(self.out, 'images.png'))[:, :, 0]
            self.assertEqual(grid.shape, (128, 192))
            np.testing.assert_allclose(
                grid[64:128, :64], arrays['images'][3, 0], atol=1 / 255
            )
            self.assertTrue((grid[64:, 128:] == 1).all())

    def test_same_seed_same_images(self):
        run = self.finished_run('dcgan', SHAPE)
        self.generate(run, '-n', '3')
        first = {
            name: self.read(os.path.join('out', name))
            for name in os.listdir(self.out)
        }
        self.generate(run, '-n', '3', '--overwrite')
        for name, content in first.items():
            self.assertEqual(self.read(os.path.join('out', name)), content)
        images = self.load()['images']
        self.assertEqual(images.shape, (3, 1, 64, 64))
        # An image does not depend on the others of its minibatch.
        with mock.patch('kneerepro.commands.generate._BATCH', 2):
            self.generate(run, '--overwrite', '-n', '5')
        np.testing.assert_allclose(
            self.load()['images'][:3], images, rtol=1e-5
        )
        self.generate(run, '-n', '3', '--overwrite', '--seed', '1')
        self.assertGreater(np.abs(self.load()['images'] - images).max(), 1e-3)

    def test_formats(self):
        run = self.finished_run('dcgan', SHAPE)
        self.generate(run, '-n', '3')
        images = self.load()['images'][:, 0]
        self.out = self.path('volumes')
        stdout, _ = self.generate(run, '-n', '3', '--format', 'nifti,dicom')
        self.assertEqual(
            sorted(os.listdir(self.out)),
            ['dicom', 'images.html', 'images.png', 'nifti'],
        )
        for name in 'dicom/', 'nifti/', 'images.png':
            self.assertIn(f'wrote {os.path.join(self.out, name)}\n', stdout)
        with gzip.open(
            self.path('volumes', 'nifti', 'generated.nii.gz')
        ) as file:
            content = file.read()
        np.testing.assert_allclose(
            np.frombuffer(content[352:], '<f4').reshape(3, 64, 64),
            images,
            rtol=1e-5,
        )
        self.assertEqual(
            content[148:228].rstrip(b'\0'),
            b'kneerepro generated, nominal position',
        )
        folder = self.path('volumes', 'dicom', 'generated')
        slices = [
            pydicom.dcmread(os.path.join(folder, name))
            for name in sorted(os.listdir(folder))
        ]
        np.testing.assert_allclose(
            [image.pixel_array / 65535 for image in slices], images, atol=1e-5
        )
        self.assertEqual(
            [image.ImagePositionPatient[0] for image in slices], [1, 0, -1]
        )
        self.assertEqual(slices[0].PatientID, '')

    def test_volumes(self):
        run = self.finished_run('wgan_gp3d', (16, 16, 32), width=0.004)
        with mock.patch('kneerepro.commands.generate._BATCH_OF_VOLUMES', 2):
            self.generate(run, '-n', '3', '--format', 'npy,nifti,dicom')
        self.assertEqual(
            sorted(os.listdir(self.out)),
            ['dicom', 'nifti', 'volumes.html', 'volumes.npz', 'volumes.png'],
        )
        with np.load(os.path.join(self.out, 'volumes.npz')) as file:
            volumes, z = file['volumes'], file['z']
        self.assertEqual(volumes.shape, (3, 1, 16, 16, 32))
        networks = zoo.load(os.path.join(run, 'model.npz')).networks
        _, function = sampling_functions(
            networks[0], Noise(0, False), ON_ENGINE
        )
        np.testing.assert_allclose(volumes, function(z), rtol=1e-5)
        # The sagittal middle slices, two in a row.
        grid = imread(os.path.join(self.out, 'volumes.png'))[:, :, 0]
        self.assertEqual(grid.shape, (32, 64))
        np.testing.assert_allclose(
            grid[16:, :32], volumes[2, 0, 8], atol=2 / 255
        )
        image = nibabel.load(
            os.path.join(self.out, 'nifti', 'volume_001_generated.nii.gz')
        )
        np.testing.assert_allclose(
            image.get_fdata().T, volumes[1, 0], rtol=1e-5
        )
        # The OAI's field of view, 112 x 140 x 140 mm.
        np.testing.assert_allclose(image.header.get_zooms(), [4.375, 8.75, 7])
        folder = os.path.join(self.out, 'dicom')
        self.assertEqual(len(os.listdir(folder)), 3)
        first = pydicom.dcmread(
            os.path.join(folder, 'volume_000_generated', '0001.dcm')
        )
        np.testing.assert_allclose(
            first.pixel_array / 65535, volumes[0, 0, 0], atol=1e-5
        )
        self.assertEqual(list(first.PixelSpacing), [8.75, 4.375])
        self.assertEqual(first.ImagePositionPatient[0], 7 * 15 / 2)
        with open(os.path.join(self.out, 'volumes.html')) as file:
            page = file.read()
        self.assertIn('All 3 volumes.', page)
        self.assertIn('<h1>Generated volumes</h1>', page)

    @NEEDS_TORCH
    def test_on_the_engine(self):
        run = self.finished_run('dcgan', SHAPE)
        self.generate(run, '-n', '3')
        images = self.load()['images']
        process = subprocess.run(
            [
                sys.executable,
                '-m',
                'kneerepro',
                'generate',
                run,
                '--out',
                self.out,
                '-n',
                '3',
                '--overwrite',
                '--engine',
                'torch',
                '--device',
                'cpu',
            ],
            cwd=ROOT,
            text=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
        self.assertEqual(process.returncode, 0, process.stderr)
        np.testing.assert_allclose(self.load()['images'], images, atol=1e-5)

    def test_as_square(self):
        for n, shape in [
            (1, (1, 1)),
            (2, (1, 2)),
            (3, (2, 2)),
            (5, (2, 3)),
            (9, (3, 3)),
            (10, (3, 4)),
        ]:
            self.assertEqual(
                generate.as_square(np.zeros((n, 2, 2))).shape[:2], shape
            )

    def test_refuses_models_and_outputs(self):
        for name in 'cae2d', 'cae3d':
            self.assert_refused(
                f'is a model of {name}, but this command takes one of dcgan, '
                'wgan_gp, dcgan3d, wgan_gp3d: use encode instead',
                'generate',
                self.finished_run(name),
                '--out',
                self.out,
            )
        run = self.new_run('dcgan').folder
        self.assert_refused(
            'is not finished', 'generate', run, '--out', self.out
        )
        self.assertFalse(os.path.exists(self.out))
        run = self.finished_run('dcgan', SHAPE)
        self.write('out/images.png', 'old')
        self.assert_refused(
            'already exists', 'generate', run, '--out', self.out
        )
        self.assertEqual(os.listdir(self.out), ['images.png'])
        for name, message in [
            ('dicom/generated/0001.dcm', 'already exists'),
            ('nifti', 'it is not a folder'),
        ]:
            self.out = self.path(name.replace('/', ' '))
            self.write(os.path.join(self.out, name))
            self.assert_refused(
                message,
                'generate',
                run,
                '--out',
                self.out,
                '--format',
                'nifti,dicom',
            )
            self.assertEqual(len(os.listdir(self.out)), 1)
        self.out = self.path('out')
        self.assert_refused(
            'cannot write .*Not a directory',
            'generate',
            run,
            '--out',
            os.path.join(self.out, 'images.png', 'x'),
        )
        for argv in ['-n', '0'], ['--seed', '-1'], ['-n', 'x']:
            _, stderr = self.call('generate', run, *argv, status=2)
            self.assertNotIn('Traceback', stderr)
