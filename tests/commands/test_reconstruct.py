import csv
import os
from unittest import mock

import numpy as np
from matplotlib.image import imread

from kneerepro.algorithms import compile_cae
from kneerepro.data.dataset import Dataset
from kneerepro.phantom import write_patients
from kneerepro.runs import zoo
from tests.commands.common import PATIENTS, SIDES, CommandTest
from tests.modes import AS_WRITTEN

WRITTEN = {
    'reconstruction.npy',
    'squared_error.npy',
    'mse.csv',
    'overview.png',
    'overview.pdf',
}


class ReconstructTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.out = self.path('out')

    def reconstruct(self, model, data, *argv):
        # Most of the time of an overview goes into its panels.
        with mock.patch('kneerepro.commands.overview._COLUMNS', 3):
            return self.call(
                'reconstruct', model, data, '--out', self.out, *argv
            )

    def load(self, name):
        return np.load(os.path.join(self.out, name), mmap_mode='r')

    def table(self, name):
        with open(os.path.join(self.out, name), newline='') as file:
            return list(csv.DictReader(file))


class ContentTest(ReconstructTest):
    def check(self, experiment):
        """Compare all files with the functions of the training and NumPy."""
        model, data = self.finished_run(experiment), self.dataset()
        stdout, _ = self.reconstruct(model, data)
        networks = zoo.load(os.path.join(model, 'model.npz')).networks
        functions = compile_cae(*networks, mode=AS_WRITTEN)
        with Dataset(data) as dataset:
            truth = dataset.volumes[:]
            x = truth if experiment == 'cae3d' else dataset.images[:]
        made = functions.reconstruct(x).reshape(truth.shape)
        self.assertEqual(self.load('reconstruction.npy').dtype, 'float32')
        np.testing.assert_allclose(
            self.load('reconstruction.npy'), made, rtol=1e-5
        )
        np.testing.assert_array_equal(
            self.load('squared_error.npy'),
            (truth - self.load('reconstruction.npy')) ** 2,
        )
        rows = self.table('mse.csv')
        self.assertEqual(
            [[row['volume'], row['patient'], row['side']] for row in rows],
            [[str(i), *about] for i, about in enumerate(zip(PATIENTS, SIDES))],
        )
        squares = (truth.astype('float64') - made) ** 2
        np.testing.assert_allclose(
            [float(row['mse']) for row in rows],
            squares.mean(axis=(1, 2, 3, 4)),
            rtol=1e-5,
        )
        self.assertAlmostEqual(float(functions.test(x)), squares.mean(), 5)
        self.assertIn(f'mean squared error: {squares.mean():.4g}', stdout)
        self.assertGreater(
            imread(os.path.join(self.out, 'overview.png')).std(), 0.1
        )
        return squares

    def test_volumes_match_the_training(self):
        self.check('cae3d')
        self.assertEqual(set(os.listdir(self.out)), WRITTEN)

    def test_slices_match_the_training(self):
        squares = self.check('cae2d')
        self.assertEqual(
            set(os.listdir(self.out)), WRITTEN | {'mse_slices.csv'}
        )
        rows = self.table('mse_slices.csv')
        self.assertEqual(
            [(row['volume'], row['slice'], row['patient']) for row in rows],
            [
                (str(i), str(j), PATIENTS[i])
                for i in range(3)
                for j in range(1, 17)
            ],
        )
        np.testing.assert_allclose(
            [float(row['mse']) for row in rows],
            squares.mean(axis=(1, 3, 4)).ravel(),
            rtol=1e-5,
        )

    def test_folder_of_series(self):
        write_patients(self.path('knees'), patients=1, matrix=16, slices=16)
        self.reconstruct(self.finished_run('cae3d'), self.path('knees'))
        self.assertEqual(
            self.load('reconstruction.npy').shape, (1, 1, 16, 16, 16)
        )


class RefusedTest(ReconstructTest):
    def test_model_and_data(self):
        for message, model, data in [
            (
                'this command takes one of cae2d or cae3d',
                self.finished_run('wgan_gp'),
                self.dataset(),
            ),
            (
                'but the model takes',
                self.finished_run('cae3d'),
                self.dataset((16, 16, 32)),
            ),
            (
                'does not exist',
                self.finished_run('cae3d'),
                self.path('nowhere'),
            ),
        ]:
            self.assert_refused(
                message, 'reconstruct', model, data, '--out', self.out
            )
            self.assertFalse(os.path.exists(self.out))

    def test_existing_outputs(self):
        model, data = self.finished_run('cae3d'), self.dataset()
        for name in WRITTEN:
            path = self.write(f'out/{name}', 'old')
            self.assert_refused(
                f'{path} already exists',
                'reconstruct',
                model,
                data,
                '--out',
                self.out,
            )
            self.assertEqual(os.listdir(self.out), [name])
            os.remove(path)
        # A file that a model of volumes does not write may exist.
        self.write('out/mse_slices.csv', 'old')
        self.reconstruct(model, data)
        self.reconstruct(model, data, '--overwrite')
        self.out = os.path.join(path, 'folder')
        self.write(path, 'a file')
        self.assert_refused(
            'cannot write .*Not a directory',
            'reconstruct',
            model,
            data,
            '--out',
            self.out,
        )

    def test_a_failure_leaves_no_files(self):
        with mock.patch(
            'kneerepro.commands.reconstruct.overview',
            side_effect=OSError(28, 'full'),
        ):
            self.assert_refused(
                'cannot write .*No space left',
                'reconstruct',
                self.finished_run('cae3d'),
                self.dataset(),
                '--out',
                self.out,
            )
        self.assertFalse(os.path.exists(self.out))
