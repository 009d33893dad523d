import csv
import gzip
import os
from unittest import mock

import numpy as np
import pydicom
from matplotlib.image import imread

from kneerepro.algorithms import compile_cae
from kneerepro.data.dataset import Dataset
from kneerepro.data.reading.grid import Grid
from kneerepro.data.reading.identity import keyed_hash, load_key
from kneerepro.data.resize import resize
from kneerepro.data.writing.original import at_original_size
from kneerepro.data.writing.records import Output, Subject, nominal_grid
from kneerepro.phantom import write_patients
from kneerepro.runs import zoo
from tests.commands.common import PATIENTS, SIDES, CommandTest
from tests.data.series import write_slice
from tests.data.writing.grids import SAGITTAL, rotated
from tests.modes import ON_ENGINE

WRITTEN = {
    'reconstruction.npy',
    'squared_error.npy',
    'mse.csv',
    'overview.png',
    'overview.pdf',
    'volumes.html',
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
        functions = compile_cae(*networks, mode=ON_ENGINE)
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


class FormatsTest(ReconstructTest):
    """NIfTI and DICOM, at the network's size and at the original's."""

    def setUp(self):
        super().setUp()
        # Two of three are padded, and none has the network's depth.
        self.grids = [
            Grid.of((12, 24, 16), SAGITTAL.origin, SAGITTAL.steps),
            rotated(
                Grid.of((20, 16, 16), SAGITTAL.origin, SAGITTAL.steps),
                20,
                (0.36, 0.48, 0.8),
            ).flipped((True, False, False)),
            Grid.of((10, 20, 30), SAGITTAL.origin, SAGITTAL.steps),
        ]
        self.data = self.dataset(
            known=[
                {'grid': grid, 'frame_of_reference': f'1.2.{i}'}
                for i, grid in enumerate(self.grids)
            ]
        )
        with Dataset(self.data) as dataset:
            self.network_grids = dataset.grids
            self.truth = dataset.volumes[:][:, 0]
        self.model = self.finished_run('cae3d')

    def arrays(self):
        """What the .npy files hold, and the ground truth."""
        return {
            'ground_truth': self.truth,
            'reconstruction': self.load('reconstruction.npy')[:, 0],
            'squared_error': self.load('squared_error.npy')[:, 0],
        }

    def check_nifti(self, number, kind, expected, grid):
        name = f'volume_{number:03d}_{kind}.nii.gz'
        with gzip.open(os.path.join(self.out, 'nifti', name)) as file:
            content = file.read()
        np.testing.assert_allclose(
            np.frombuffer(content[352:], '<f4').reshape(grid.shape),
            expected,
            atol=1e-6,
        )
        affine = np.frombuffer(content[280:328], '<f4').reshape(3, 4)
        for corner in np.ndindex(2, 2, 2):
            voxel = np.multiply(corner, np.subtract(grid.shape, 1))
            x, y, z = grid.position(voxel)
            np.testing.assert_allclose(
                affine @ [*voxel[::-1], 1], [-x, -y, z], atol=1e-3
            )

    def read_dicom(self, number, kind):
        """The slices of a series."""
        folder = os.path.join(self.out, 'dicom', f'volume_{number:03d}_{kind}')
        return [
            pydicom.dcmread(os.path.join(folder, name))
            for name in sorted(os.listdir(folder))
        ]

    def check_dicom(self, number, kind, expected, grid):
        slices = self.read_dicom(number, kind)
        # The second volume is mirrored, so it is written backwards.
        if number == 1:
            expected = expected[::-1]
            grid = grid.flipped((True, False, False))
        np.testing.assert_allclose(
            [
                image.pixel_array * float(image.RescaleSlope)
                for image in slices
            ],
            expected,
            atol=1e-5,
        )
        np.testing.assert_allclose(
            [image.ImagePositionPatient for image in slices],
            [grid.position((i, 0, 0)) for i in range(grid.shape[0])],
            atol=1e-6,
        )
        self.assertEqual(slices[0].FrameOfReferenceUID, f'1.2.{number}')
        # The tests' names do not pass for hashes.
        self.assertEqual(
            slices[0].PatientID, keyed_hash(load_key(), PATIENTS[number])
        )

    def test_all_formats(self):
        stdout, _ = self.reconstruct(
            self.model, self.data, '--format', 'npy,nifti,dicom'
        )
        self.assertEqual(
            set(os.listdir(self.out)), WRITTEN | {'nifti', 'dicom'}
        )
        self.assertIn(f'wrote {self.out}/nifti/\n', stdout)
        arrays = self.arrays()
        for folder, ending in ('nifti', '.nii.gz'), ('dicom', ''):
            self.assertEqual(
                set(os.listdir(os.path.join(self.out, folder))),
                {
                    f'volume_{i:03d}_{kind}{ending}'
                    for i in range(3)
                    for kind in arrays
                },
            )
        for kind, array in arrays.items():
            for number, grid in enumerate(self.network_grids):
                self.check_nifti(number, kind, array[number], grid)
                self.check_dicom(number, kind, array[number], grid)

        self.out = self.path('original')
        self.reconstruct(
            self.model,
            self.data,
            '--format',
            'nifti,dicom',
            '--original-size',
        )
        for kind, array in arrays.items():
            for number, grid in enumerate(self.grids):
                limit = 1.0
                if kind == 'squared_error':
                    limit = float(array[number].max())
                made, _ = at_original_size(
                    Output(number, kind, array[number], limit),
                    Subject(self.network_grids[number], grid),
                )
                self.check_nifti(number, kind, made.values, grid)
                self.check_dicom(number, kind, made.values, grid)
        # The tables are those of the network's size.
        self.assertEqual(
            self.read('original/mse.csv'), self.read('out/mse.csv')
        )

    def test_unknown_geometry(self):
        self.data = self.dataset(name='old.h5')
        _, stderr = self.reconstruct(
            self.model, self.data, '--format', 'nifti'
        )
        self.assertRegex(
            stderr, r'(?m)^warning: .*where 3 of its 3 volumes lie: they are'
        )
        for number, volume in enumerate(self.truth):
            self.check_nifti(
                number, 'ground_truth', volume, nominal_grid((16, 16, 16))
            )

    def test_refuses_what_the_dataset_lacks(self):
        for message, data, argv in [
            (
                'does not record where 3 of its 3 .*prepare it again from',
                self.dataset(name='old.h5'),
                ['--format', 'nifti', '--original-size'],
            ),
            (
                'does not hold PatientIDs',
                self.data,
                ['--format', 'dicom', '--identifiers'],
            ),
        ]:
            self.assert_refused(
                message,
                'reconstruct',
                self.model,
                data,
                '--out',
                self.out,
                *argv,
            )
            self.assertFalse(os.path.exists(self.out))


# Directions of rows and of columns (ImageOrientationPatient), slices, and the
# size of a slice. The last two are resampled, and padded.
SERIES = {
    'usual': ((0, 1, 0, 0, 0, -1), 16, (16, 16)),
    'reversed': ((0, -1, 0, 0, 0, 1), 16, (16, 16)),
    'reversed in part': ((0, -1, 0, 0, 0, -1), 16, (16, 16)),
    'oblique': ((0.28, 0.96, 0, 0.096, -0.028, -0.995), 16, (16, 16)),
    'coronal': ((1, 0, 0, 0, 0, -1), 16, (16, 16)),
    'resampled': ((0, 1, 0, 0, 0, -1), 24, (16, 16)),
    'padded': ((0, -1, 0, 0, 0, 1), 16, (16, 9)),
}


class SeriesTest(ReconstructTest):
    """From DICOM series to files that lie over them."""

    def write_series(self, patient, orientation, count, shape):
        """Write a series; returns the pixels and positions of its slices."""
        cosines = np.reshape(orientation, (2, 3)).astype(float)
        cosines /= np.linalg.norm(cosines, axis=1)[:, None]
        number = len(os.listdir(self.path('series')))
        uid = f'1.2.{number}'
        os.mkdir(self.path('series', patient))
        slices = []
        pattern = np.random.RandomState(number).randint(0, 500, shape)
        for i in range(count):
            # Linear in the depth, so that resampling does not change it.
            pixels = pattern + 40 * i
            position = np.array(
                [40.0, -30.0, 50.0]
            ) + i * 96 / count * np.cross(*cosines)
            write_slice(
                self.path('series', patient, str(i)),
                pixels,
                SOPInstanceUID=f'{uid}.{i + 1}',
                SeriesInstanceUID=uid,
                StudyInstanceUID=uid + '.0',
                FrameOfReferenceUID=uid + '.0.1',
                SeriesDescription='SAG_3D_DESS_LEFT',
                PatientID=patient,
                InstanceNumber=i + 1,
                PixelSpacing=[1, 1],
                ImageOrientationPatient=np.round(cosines, 9).ravel().tolist(),
                ImagePositionPatient=np.round(position, 9).tolist(),
            )
            slices.append((pixels, position))
        return slices, cosines

    def check(self, path, slices, cosines, count):
        """Each pixel has its value at its position, to 0.01 mm."""
        with gzip.open(path) as file:
            content = file.read()
        shape = np.frombuffer(content[42:48], '<i2')[::-1]
        values = np.frombuffer(content[352:], '<f4').reshape(shape)
        affine = np.vstack(
            [
                np.frombuffer(content[280:328], '<f4').reshape(3, 4),
                [0, 0, 0, 1],
            ]
        )
        self.assertEqual(values.size, sum(pixels.size for pixels, _ in slices))
        resampled = resize(np.array([x for x, _ in slices], float), count, 0)
        low, high = resampled.min(), resampled.max()
        # Where slices are resampled, those at the borders differ.
        inner = slices[4:-4] if len(slices) != count else slices
        for pixels, position in inner:
            rows, columns = np.indices(pixels.shape).reshape(2, -1, 1)
            x, y, z = (position + columns * cosines[0] + rows * cosines[1]).T
            index = np.linalg.solve(affine, [-x, -y, z, np.ones_like(z)])[:3]
            nearest = np.rint(index).astype(int)
            distance = affine[:3, :3] @ (index - nearest)
            self.assertLess(np.linalg.norm(distance, axis=0).max(), 0.01)
            np.testing.assert_allclose(
                values[tuple(nearest[::-1])],
                (pixels.ravel() - low) / (high - low),
                atol=2e-3 if len(slices) != count else 1e-6,
            )

    def test_lies_over_the_series(self):
        os.mkdir(self.path('series'))
        written = {
            patient: self.write_series(patient, *geometry)
            for patient, geometry in SERIES.items()
        }
        hashes = {keyed_hash(load_key(), name): name for name in SERIES}
        for flip_left in False, True:
            self.reconstruct(
                self.finished_run('cae3d', flip_left=flip_left),
                self.path('series'),
                '--format',
                'nifti',
                '--original-size',
                '--overwrite',
            )
            rows = self.table('mse.csv')
            self.assertEqual(len(rows), len(SERIES))
            for row in rows:
                name = hashes[row['patient']]
                with self.subTest(name, flip_left=flip_left):
                    self.check(
                        self.path(
                            'out',
                            'nifti',
                            f'volume_00{row["volume"]}_ground_truth.nii.gz',
                        ),
                        *written[name],
                        16,
                    )


class RefusedTest(ReconstructTest):
    def test_model_and_data(self):
        for message, model, data in [
            (
                'this command takes one of cae2d, cae3d',
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

    def test_existing_folders(self):
        arguments = (
            'reconstruct',
            self.finished_run('cae3d'),
            self.dataset(),
            '--out',
            self.out,
            '--format',
            'nifti',
        )
        self.write('out/nifti/volume_7_old')
        self.assert_refused('nifti already exists: choose', *arguments)
        # With other things in it, the folder may be the user's.
        self.write('out/nifti/knee.nii.gz')
        self.assert_refused(
            'nifti: it holds more than volumes', *arguments, '--overwrite'
        )
        self.assertEqual(len(os.listdir(os.path.join(self.out, 'nifti'))), 2)
        os.remove(self.path('out', 'nifti', 'knee.nii.gz'))
        self.reconstruct(*arguments[1:3], *arguments[5:], '--overwrite')
        names = os.listdir(os.path.join(self.out, 'nifti'))
        self.assertEqual(len(names), 9)
        self.assertNotIn('volume_7_old', names)

    def test_original_size_as_npy(self):
        for argv in [], ['--format', 'npy,nifti']:
            self.assert_refused(
                'npy is one array for volumes of all sizes',
                'reconstruct',
                self.finished_run('cae3d'),
                self.dataset(),
                '--out',
                self.out,
                '--original-size',
                *argv,
            )
        self.assertFalse(os.path.exists(self.out))

    def test_a_failure_leaves_no_files(self):
        with mock.patch(
            'kneerepro.commands.reconstruct.overview',
            side_effect=OSError(28, 'full'),
        ):
            self.assert_refused(
                'cannot write .*No space left',
                'reconstruct',
                self.finished_run('cae3d'),
                self.dataset(known=[{'grid': SAGITTAL}] * 3),
                '--out',
                self.out,
                '--format',
                'npy,nifti,dicom',
            )
        self.assertFalse(os.path.exists(self.out))
