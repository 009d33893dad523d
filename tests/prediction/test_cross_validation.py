import unittest

import numpy as np

from kneerepro.prediction import cross_validation
from kneerepro.prediction.cross_validation import patient_folds, predict
from kneerepro.prediction.target import make_target


class FoldsTest(unittest.TestCase):
    def test_patients_stay_together(self):
        patients = np.repeat([f'patient {i}' for i in range(11)], 3)
        fold = patient_folds(patients, 4, seed=1)
        for name in np.unique(patients):
            self.assertEqual(len(set(fold[patients == name])), 1)
        sizes = np.bincount(fold[::3])
        self.assertEqual(sorted(sizes), [2, 3, 3, 3])
        self.assertFalse(
            (fold == patient_folds(patients, 4, seed=2)).all(), fold
        )

    def test_classes_are_spread(self):
        patients, classes = np.arange(20), np.array(['rare'] * 5 + 15 * ['x'])
        fold = patient_folds(patients, 5, 0, classes)
        self.assertEqual(sorted(fold[:5]), [0, 1, 2, 3, 4])

    def test_fewer_patients_than_folds(self):
        self.assertEqual(sorted(patient_folds(np.arange(3), 5, 0)), [0, 1, 2])


class PredictTest(unittest.TestCase):
    def setUp(self):
        rng = np.random.RandomState(0)
        self.x = rng.normal(size=(60, 8))
        self.patients = np.repeat(np.arange(30), 2)

    def test_linear_label(self):
        target = make_target('y', 5 + 3 * self.x[:, 0])
        found = predict(lambda train: self.x, target, self.patients)
        np.testing.assert_allclose(found, target.values, atol=0.05)

    def test_unit_that_hardly_varies(self):
        # It is the same for all volumes but one.
        x = np.concatenate([self.x, np.full((60, 1), 0.5)], 1)
        x[:, 8] += 1e-9 * self.x[:, 7]
        x[7, 8] = 0.9
        target = make_target('y', self.x[:, 0])
        found = predict(lambda train: x, target, self.patients)
        self.assertLess(np.abs(found - target.values).max(), 1)

    def test_class(self):
        labels = np.where(self.x[:, 0] > 0, 'large', 'small')
        target = make_target('size', labels)
        found = predict(lambda train: self.x, target, self.patients)
        np.testing.assert_allclose(found.sum(1), 1)
        self.assertGreater((found.argmax(1) == target.codes).mean(), 0.85)

    def test_no_label_of_its_patient_is_used(self):
        # Features that name the patient predict each patient's other volume,
        # if only that may be looked at.
        names = np.eye(30)[self.patients]
        rng = np.random.RandomState(1)
        target = make_target('y', rng.normal(size=30)[self.patients])
        found = predict(lambda train: names, target, self.patients)
        self.assertLess(np.corrcoef(found, target.values)[0, 1], 0.3)
        leaked = predict(lambda train: names, target, np.arange(60))
        self.assertGreater(np.corrcoef(leaked, target.values)[0, 1], 0.7)

    def test_mean_and_frequencies(self):
        target = make_target('y', self.x[:, 1])
        found = predict(None, target, self.patients)
        fold = patient_folds(self.patients, cross_validation.OUTER_FOLDS, 0)
        for number in range(5):
            np.testing.assert_allclose(
                found[fold == number],
                target.values[fold != number].mean(),
            )
        target = make_target('z', np.where(np.arange(60) < 20, 'a', 'b'))
        found = predict(None, target, self.patients)
        np.testing.assert_allclose(found[:, 0], 1 / 3, atol=0.05)

    def test_features_are_fitted_to_the_training_volumes(self):
        target, seen = make_target('y', self.x[:, 1]), []

        def of_training_volumes(train):
            seen.append(train)
            return self.x

        predict(of_training_volumes, target, self.patients)
        self.assertEqual(len(seen), 5)
        for train in seen:
            self.assertEqual(len(train), 48)
        self.assertEqual(
            len(set(range(60)) - set.intersection(*map(set, seen))), 60
        )

    def test_some_labels(self):
        seen = []

        def features(train):
            seen.append(np.unique(self.patients[train]))
            return self.x

        for labels in self.x[:, 1], np.where(np.arange(60) < 50, 'a', 'b'):
            seen.clear()
            target = make_target('y', labels)
            predict(features, target, self.patients, labelled=4)
            for patients in seen:
                self.assertEqual(len(patients), 4)
                if target.classes:
                    # The rare class is among them.
                    self.assertGreaterEqual(patients.max(), 25)
                    self.assertLess(patients.min(), 25)

    def test_one_class_among_the_labels(self):
        target = make_target('y', np.where(np.arange(60) < 2, 'a', 'b'))
        found = predict(lambda train: self.x, target, self.patients)
        np.testing.assert_allclose(found.sum(1), 1)
