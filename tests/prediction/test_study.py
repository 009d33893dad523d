import unittest
from types import SimpleNamespace
from unittest import mock

import numpy as np

from kneerepro.prediction import features, study
from kneerepro.prediction.target import make_target
from kneerepro.utils.errors import UserError


def dataset(volumes, patients):
    return SimpleNamespace(volumes=volumes, patient=np.array(patients))


class RunStudyTest(unittest.TestCase):
    """With a network that finds the label, which nothing else does."""

    def run_study(self, target, volumes, patients, **options):
        codes = np.nan_to_num(
            target.values
            if target.classes is None
            else (target.values == target.classes[0]).astype(float)
        )
        with (
            mock.patch.object(
                features,
                'network_features',
                lambda *args: np.stack([codes, codes**2], 1),
            ),
            mock.patch.object(
                features, 'describe', lambda model: 'code (a network)'
            ),
            mock.patch.object(study, '_DRAWS', 1),
        ):
            described = study.describe_volumes(
                None, dataset(volumes, patients), **options
            )
            return study.run_study(described, target, **options)

    def setUp(self):
        rng = np.random.RandomState(0)
        self.volumes = rng.rand(24, 1, 4, 8, 8)
        self.patients = np.repeat([f'{i:02}' for i in range(12)], 2)
        self.labels = rng.normal(80, 5, 24)

    def test_network_and_baselines(self):
        labels = self.labels.copy()
        labels[3] = np.nan
        seen = []
        found = self.run_study(
            make_target('width', labels),
            self.volumes,
            self.patients,
            progress=lambda *step: seen.append(step[0]),
        )
        self.assertEqual(len(found.volumes), 23)
        self.assertNotIn(3, found.volumes)
        self.assertEqual(
            [(result.name, result.size) for result in found.results],
            [
                ('code (a network)', 2),
                ('principal components', 2),
                ('plain measures', 16),
                ('mean', 0),
            ],
        )
        scores = [result.scores['R²'].value for result in found.results]
        self.assertGreater(scores[0], 0.99)
        self.assertLess(max(scores[1:]), 0.5)
        self.assertEqual(
            list(dict.fromkeys(seen)),
            ['measuring', 'predicting', 'learning curve'],
        )
        # The curve ends with all patients outside of a fold: 12 less 3.
        counts = sorted({point.patients for point in found.learning_curve})
        self.assertEqual(counts, [5, 9])
        last = found.learning_curve[-4]
        self.assertEqual((last.name, last.patients), (found.network, 9))
        self.assertEqual(len(last.values), 1)
        self.assertGreater(min(last.values), 0.99)

    def test_classes(self):
        found = self.run_study(
            make_target('side', np.where(np.arange(24) % 2, 'LEFT', 'RIGHT')),
            self.volumes,
            self.patients,
        )
        self.assertEqual(found.results[0].predicted.shape, (24, 2))
        self.assertEqual(found.results[0].scores['balanced accuracy'].value, 1)
        self.assertAlmostEqual(
            found.results[3].scores['balanced accuracy'].value, 0.5
        )

    def test_too_few_patients(self):
        with self.assertRaisesRegex(
            UserError, 'only 9 patients have a known width: .* at least 10'
        ):
            self.run_study(
                make_target('width', self.labels[:18]),
                self.volumes[:18],
                self.patients[:18],
            )
