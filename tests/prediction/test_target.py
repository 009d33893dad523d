import unittest
from types import SimpleNamespace

import numpy as np

from kneerepro.data.reading.identity import keyed_hash
from kneerepro.prediction.target import make_target, read_target
from kneerepro.utils.errors import UserError
from tests.folders import FolderTest


class MakeTargetTest(unittest.TestCase):
    def test_quantity(self):
        target = make_target('width', np.array([80.0, np.nan, 75.5, 90]))
        self.assertIsNone(target.classes)
        self.assertIsNone(target.codes)
        self.assertEqual(target.title, 'width')
        self.assertEqual(
            make_target('bone_width_mm', [1.0, 2, 3]).title, 'bone width (mm)'
        )
        self.assertEqual(target.known.tolist(), [True, False, True, True])
        self.assertEqual(target.take([2, 3]).values.tolist(), [75.5, 90])

    def test_classes(self):
        target = make_target('side', ['RIGHT', '', 'LEFT'])
        self.assertEqual(target.classes, ('LEFT', 'RIGHT'))
        known = target.take(np.flatnonzero(target.known))
        self.assertEqual(known.codes.tolist(), [1, 0])
        # Two different numbers are classes, unless they are asked for.
        numbers = np.array([0.0, 1, 1, 0])
        self.assertEqual(make_target('pain', numbers).classes, ('0', '1'))
        self.assertEqual(
            make_target('pain', numbers).codes.tolist(), [0, 1, 1, 0]
        )
        self.assertIsNone(make_target('pain', numbers, 'number').classes)
        grades = np.array([0.0, 4, 2])
        self.assertIsNone(make_target('KL', grades).classes)
        self.assertEqual(
            make_target('KL', grades, 'class').classes, ('0', '2', '4')
        )

    def test_refused(self):
        for values in [np.nan, 1.0, 1.0], ['', 'LEFT', 'LEFT']:
            with self.assertRaisesRegex(UserError, 'side has 1 different'):
                make_target('side', np.array(values))
        with self.assertRaisesRegex(UserError, "text, such as 'LEFT'"):
            make_target('side', ['RIGHT', 'LEFT'], 'number')


class ReadTargetTest(FolderTest):
    def dataset(self, patients, **labels):
        return SimpleNamespace(
            patient=np.array(patients),
            side=np.array(['LEFT', 'RIGHT', 'LEFT']),
            certain=np.ones(3, bool),
            labels=labels,
        )

    def test_in_the_dataset(self):
        dataset = self.dataset('abc', width=np.array([1.0, 2, 3]))
        self.assertEqual(
            read_target(dataset, 'width').values.tolist(), [1, 2, 3]
        )
        self.assertEqual(
            read_target(dataset, 'side').classes, ('LEFT', 'RIGHT')
        )
        with self.assertRaisesRegex(
            UserError, r'no label widht \(did you mean width\?\); it has side,'
        ):
            read_target(dataset, 'widht')

    def test_table_of_hashed_patients(self):
        table = self.write(
            'table.csv',
            'patient,side,width\n12,LEFT,80\n12,RIGHT,81\n13,LEFT,90\n',
        )
        key = b'secret'
        hashes = [keyed_hash(key, name) for name in ('12', '12', '13')]
        dataset = self.dataset(hashes)
        target = read_target(dataset, 'width', table, lambda: key)
        self.assertEqual(target.values.tolist(), [80, 81, 90])
        # Of another key: none of the patients is known.
        with self.assertRaisesRegex(UserError, 'table.csv'):
            read_target(dataset, 'width', table, lambda: b'another')
        # Patients under their own names need no key.
        target = read_target(
            self.dataset(['13', '12', '14']), 'width', table, self.fail
        )
        np.testing.assert_array_equal(target.values, [90, 81, np.nan])
