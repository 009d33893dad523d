"""Tests of what a checkpoint holds."""

import unittest

import numpy as np

from kneerepro.runs.snapshot import Snapshot

RECORDED = [np.full(2, i) for i in range(11)]


class SnapshotTest(unittest.TestCase):
    def setUp(self):
        self.arrays = Snapshot(
            variables={'net/W': np.ones((2, 3)), 'train.0': np.float32(0.5)},
            losses={'train': [np.nan, 0.25]},
            measures={'code_spread': [np.nan, 0.1]},
            recorded={'over_time': RECORDED, 'over/epochs': [np.array(7)]},
        ).to_arrays()

    def test_names_in_the_file(self):
        # Checkpoints of earlier versions have these names.
        self.assertEqual(
            list(self.arrays),
            [
                'variable/net/W',
                'variable/train.0',
                'loss/train',
                'measure/code_spread',
                *(f'kept/over_time/{i}' for i in range(11)),
                'kept/over/epochs/0',
            ],
        )
        for name, array in self.arrays.items():
            self.assertIsInstance(array, (np.ndarray, np.generic), name)

    def test_round_trip(self):
        # An archive does not promise an order.
        found = Snapshot.from_arrays(dict(sorted(self.arrays.items())[::-1]))
        self.assertEqual(set(found.variables), {'net/W', 'train.0'})
        np.testing.assert_array_equal(found.losses['train'], [np.nan, 0.25])
        np.testing.assert_array_equal(
            found.measures['code_spread'], [np.nan, 0.1]
        )
        np.testing.assert_array_equal(found.recorded['over_time'], RECORDED)
        np.testing.assert_array_equal(found.recorded['over/epochs'], [7])

    def test_checkpoint_without_measures_and_records(self):
        found = Snapshot.from_arrays({'loss/train': np.zeros(1)})
        self.assertEqual(
            (found.variables, found.measures, found.recorded), ({}, {}, {})
        )
