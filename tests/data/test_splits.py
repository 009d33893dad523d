import unittest

import numpy as np

from kneerepro.data.splits import (
    check_range,
    last_split,
    minibatches,
    patient_split,
)
from kneerepro.data.views import View
from kneerepro.utils.errors import UserError


def view(patients, depth=2, images=False, certain=True):
    """A view of equal volumes that takes hardly any memory."""
    volumes = np.broadcast_to(np.float32(0.5), (len(patients), 1, depth, 2, 2))
    return View(
        volumes, np.array(patients), np.full(len(patients), certain), images
    )


PERSONS = [f'{i:03d}' for i in range(180)]


class LastSplitTest(unittest.TestCase):
    def test_thesis(self):
        split = last_split(view(PERSONS, 160))
        np.testing.assert_array_equal(split.train, np.arange(160))
        np.testing.assert_array_equal(split.test, np.arange(160, 180))
        self.assertIsNone(split.warning())

    def test_thesis_images(self):
        split = last_split(view(PERSONS, 160, images=True))
        np.testing.assert_array_equal(split.train, np.arange(27800))
        np.testing.assert_array_equal(split.test, np.arange(27800, 28800))
        # The split cuts a volume, since 27,800 / 160 = 173.75 (E10).
        self.assertEqual(split.shared, ['173'])
        self.assertIn('one person has images', split.warning())

    def test_sizes(self):
        for count, test, expected in [
            (2, None, 1),
            (9, None, 1),
            (27, None, 3),
            (10, 4, 4),
        ]:
            split = last_split(view(PERSONS[:count]), test)
            self.assertEqual(
                (len(split.train), len(split.test)),
                (count - expected, expected),
            )

    def test_refused(self):
        for count, test in [(1, None), (3, 3), (3, 4), (3, 0)]:
            with self.assertRaisesRegex(UserError, 'at least one of each'):
                last_split(view(PERSONS[:count]), test)

    def test_shared_persons(self):
        split = last_split(view(list('ABCBDA')), 2)
        self.assertEqual(split.shared, ['A'])
        split = last_split(view(list('ABCBAB')), 2)
        self.assertEqual(split.shared, ['A', 'B'])
        self.assertIn('2 persons have', split.warning())

    def test_uncertain_persons(self):
        split = last_split(view(list('ABBC'), certain=False), 1)
        self.assertEqual(split.uncertain, 3)
        self.assertIn('3 persons are told apart without', split.warning())


class PatientSplitTest(unittest.TestCase):
    # Each person has one to three volumes.
    MANY = [
        person for i, person in enumerate(PERSONS) for _ in range(1 + i % 3)
    ]

    def test_nobody_on_both_sides(self):
        for images in False, True:
            data = view(self.MANY, images=images)
            for seed in range(20):
                split = patient_split(data, 40, seed)
                self.assertEqual(split.shared, [])
                self.assertFalse(
                    set(data.patient[split.train])
                    & set(data.patient[split.test])
                )
                np.testing.assert_array_equal(
                    np.sort(np.concatenate([split.train, split.test])),
                    np.arange(len(data)),
                )
                self.assertTrue(40 <= len(split.test) < 46)

    def test_seed(self):
        data = view(self.MANY)
        first, again, other = (
            patient_split(data, seed=seed).test for seed in (1, 1, 2)
        )
        np.testing.assert_array_equal(first, again)
        self.assertNotEqual(list(first), list(other))

    def test_names_do_not_matter(self):
        """Under another key, the hashes sort differently."""
        renamed = [str(999 - int(person)) for person in self.MANY]
        np.testing.assert_array_equal(
            patient_split(view(self.MANY)).test,
            patient_split(view(renamed)).test,
        )

    def test_default_size(self):
        self.assertEqual(len(patient_split(view(PERSONS)).test), 20)

    def test_refused(self):
        for patients, test in [('AAAA', 1), ('AB', 2), ('AAAB', 3)]:
            with self.assertRaises(UserError):
                for seed in range(10):
                    patient_split(view(list(patients)), test, seed)


class MinibatchesTest(unittest.TestCase):
    DATA = np.arange(11.0).astype('float32').reshape(11, 1, 1, 1)

    def epoch(self, data=DATA, **kwargs):
        return [
            batch.ravel().tolist() for batch in minibatches(data, 4, **kwargs)
        ]

    def test_each_at_most_once(self):
        for epoch in 1, 2, 3:
            batches = self.epoch(epoch=epoch)
            self.assertEqual([len(batch) for batch in batches], [4, 4])
            self.assertEqual(len(set(sum(batches, []))), 8)

    def test_order(self):
        self.assertEqual(
            self.epoch(seed=3, epoch=7), self.epoch(seed=3, epoch=7)
        )
        orders = {
            str(self.epoch(seed=seed, epoch=epoch))
            for seed in range(3)
            for epoch in range(3)
        }
        self.assertEqual(len(orders), 9)
        self.assertEqual(
            self.epoch(shuffle=False), [[0, 1, 2, 3], [4, 5, 6, 7]]
        )

    def test_views(self):
        volumes = self.DATA[:, :, None]
        examples = View(volumes, np.full(11, 'A'), np.full(11, True))
        self.assertEqual(self.epoch(examples), self.epoch())
        self.assertEqual(self.epoch(examples.load()), self.epoch())

    def test_too_few(self):
        with self.assertRaisesRegex(UserError, '3 training examples'):
            self.epoch(self.DATA[:3])


class CheckRangeTest(unittest.TestCase):
    def test_range(self):
        check_range(np.float32([[0, 1], [0.5, 0.5]]))
        for bad in -0.01, 1.01, np.nan, np.inf:
            with self.assertRaisesRegex(UserError, r'\[0, 1\]'):
                check_range(np.float32([[0, 1], [0.5, bad]]))
