"""Covers predict.py and knee_size.py."""

import csv
import os
from unittest import mock

import numpy as np
from matplotlib.image import imread

from kneerepro import runs
from kneerepro.data.dataset import Dataset, new_dataset
from kneerepro.data.reading import identity
from kneerepro.experiment.datasets import _SYNTHETIC_KEY
from kneerepro.phantom.writer import ground_truth
from kneerepro.prediction import features, results, study
from tests.commands.common import SHAPE, CommandTest
from tests.modes import ON_ENGINE

COUNT = 12


class PredictionTest(CommandTest):
    """Has a dataset of patients whose mean intensity is a label."""

    def setUp(self):
        super().setUp()
        engine = mock.Mock(mode=ON_ENGINE)
        for patch in (
            mock.patch(
                'kneerepro.commands.predict.Engine', return_value=engine
            ),
            mock.patch(
                'kneerepro.commands.knee_size.Engine', return_value=engine
            ),
            # The learning curve ends with all patients.
            mock.patch.multiple(study, _DRAWS=1, _FIRST_COUNT=COUNT),
        ):
            patch.start()
            self.addCleanup(patch.stop)

    def write_dataset(self, patients, path):
        rng = np.random.RandomState(0)
        self.labels = rng.uniform(0.2, 0.8, COUNT)
        with new_dataset(path, SHAPE) as writer:
            for patient, label in zip(patients, self.labels):
                volume = np.full(SHAPE, label) + 0.1 * rng.rand(*SHAPE)
                writer.append(volume, patient, 'LEFT')
            writer.labels = {'brightness': self.labels}
        return path

    def rows(self, folder, name):
        with open(
            os.path.join(folder, name), newline='', encoding='utf-8'
        ) as file:
            return list(csv.DictReader(file))


class PredictTest(PredictionTest):
    def setUp(self):
        super().setUp()
        self.data = self.write_dataset(
            [f'patient {i}' for i in range(COUNT)], self.path('knees.h5')
        )

    def predict(self, model, *argv):
        return self.call(
            'predict', model, self.data, '--out', self.path('out'), *argv
        )

    def test_label_of_the_dataset(self):
        stdout, _ = self.predict(
            self.finished_run('cae3d'), '--label', 'brightness'
        )
        self.assertRegex(stdout, r'code \(3D autoencoder\) +4 +[01]\.\d\d \[')
        self.assertRegex(stdout, 'predicts? brightness')
        folder = self.path('out')
        self.assertEqual(sorted(os.listdir(folder)), sorted(results.FILES))
        scores = {
            row['features']: float(row['value'])
            for row in self.rows(folder, 'scores.csv')
            if row['score'] == 'R²'
        }
        # The brightness is the first principal component, and random filters
        # see it as well.
        self.assertGreater(scores['principal components'], 0.9)
        self.assertGreater(scores['code (3D autoencoder)'], 0.5)
        self.assertLess(scores['mean'], 0.1)
        predictions = self.rows(folder, 'predictions.csv')
        self.assertEqual(
            [float(row['brightness']) for row in predictions],
            list(self.labels),
        )
        self.assertGreater(
            imread(os.path.join(folder, 'prediction.png'))[..., 0].std(), 0.05
        )
        self.assert_refused(
            'already exists',
            'predict',
            self.path('runs'),
            self.data,
            '--label',
            'brightness',
            '--out',
            folder,
        )

    def test_critic(self):
        # The images of the thesis's GANs are always 64 x 64.
        shape = 2, 64, 64
        with new_dataset(self.data + '64', shape) as writer:
            for i in range(COUNT):
                writer.append(
                    np.random.RandomState(i).rand(*shape),
                    str(i),
                    ('LEFT', 'RIGHT')[i % 2],
                )
        self.data += '64'
        stdout, _ = self.predict(
            self.finished_run('wgan_gp', shape), '--label', 'side'
        )
        self.assertIn('last convolution of the critic', stdout)
        self.assertIn('balanced accuracy', stdout)
        self.assertIn(
            'mean: RIGHT', self.rows(self.path('out'), 'predictions.csv')[0]
        )

    def test_discriminator_of_volumes(self):
        stdout, _ = self.predict(
            self.finished_run('dcgan3d', width=0.002),
            *('--label', 'brightness'),
        )
        self.assertRegex(
            stdout,
            r'last convolution of the discriminator \(3D DCGAN\) +\d+ ',
        )

    def test_table(self):
        table = self.write(
            'table.csv',
            'patient,pain\n'
            + ''.join(f'patient {i},{i % 3}\n' for i in range(COUNT)),
        )
        self.predict(
            self.finished_run('cae3d'),
            *('--label', 'pain', '--labels', table, '--as', 'class'),
        )
        self.assertIn(
            'mean: 2', self.rows(self.path('out'), 'predictions.csv')[0]
        )

    def test_refused(self):
        model = self.finished_run('cae3d')
        self.assert_refused(
            r'no label brightnes \(did you mean brightness\?\)',
            *('predict', model, self.data, '--label', 'brightnes'),
        )
        self.assert_refused(
            '-1 is not from 0',
            *('predict', model, self.data, '--label', 'brightness'),
            '--seed=-1',
        )
        self.assertFalse(os.path.exists(self.path('out')))


class KneeSizeTest(PredictionTest):
    def setUp(self):
        super().setUp()
        # What the network computes is tested above.
        patch = mock.patch.object(
            features,
            'network_features',
            lambda model, volumes, *others: np.random.RandomState(1).rand(
                len(volumes), 4
            ),
        )
        patch.start()
        self.addCleanup(patch.stop)
        folder = self.finished_run('cae3d', patients=COUNT)
        self.run_ = runs.Run(folder)
        os.makedirs(self.path('runs', 'datasets'))
        truth = ground_truth(
            COUNT,
            self.run_.parameters['seed'],
            self.run_.parameters['matrix'],
            self.run_.parameters['slices'],
        )
        self.widths = [row['epicondylar_width_mm'] for row in truth]
        path = self.write_dataset(
            [
                identity.keyed_hash(_SYNTHETIC_KEY, row['participant'])
                for row in truth
            ],
            self.path('runs', 'datasets', 'knees.h5'),
        )
        with Dataset(path) as dataset:
            data = {**self.run_.settings['data'], 'hash': dataset.hash}
        self.rewrite(folder, data=data)
        self.run_ = runs.Run(folder)

    def test_labels_of_synthetic_knees(self):
        stdout, _ = self.call('knee_size', '--out', self.path('runs'))
        for name in 'epicondylar_width_mm', 'side', 'femoral_cartilage_mm':
            folder = self.run_.path('prediction', name)
            self.assertIn(
                f'wrote {os.path.join(folder, "prediction.png")}', stdout
            )
        rows = self.rows(
            self.run_.path('prediction', 'epicondylar_width_mm'),
            'predictions.csv',
        )
        self.assertEqual(
            [float(row['epicondylar_width_mm']) for row in rows], self.widths
        )

    def test_one_label_of_a_named_run(self):
        self.call(
            *('knee_size', '--run', self.run_.folder),
            *('--label', 'condyle_width'),
        )
        self.assertEqual(
            os.listdir(self.run_.path('prediction')), ['condyle_width']
        )

    def test_refused(self):
        self.assert_refused(
            'no weight: choose one of .*epicondylar_width_mm',
            *('knee_size', '--run', self.run_.folder, '--label', 'weight'),
        )
        self.rewrite(
            self.run_.folder,
            data={**self.run_.settings['data'], 'synthetic': False},
        )
        self.assert_refused(
            'name what to predict: --label',
            *('knee_size', '--run', self.run_.folder),
        )
        os.remove(self.path('runs', 'datasets', 'knees.h5'))
        self.assert_refused(
            'is no longer there: name one to .*predict',
            *('knee_size', '--run', self.run_.folder),
        )

    def test_trains_if_there_is_no_run(self):
        with mock.patch(
            'kneerepro.commands.knee_size.run_command', return_value=7
        ) as trained:
            stdout, _ = self.call(
                'knee_size', '--out', self.path('empty'), status=7
            )
        trained.assert_called_once_with(
            'train cae3d', '--out', self.path('empty')
        )
        self.assertIn('no finished run of cae3d', stdout)
