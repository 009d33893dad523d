"""Tests of functions that are applied in minibatches."""

import unittest

import numpy as np

from kneerepro.runs.batches import mean_over, outputs_over


class BatchesTest(unittest.TestCase):
    def setUp(self):
        self.images = np.arange(5, dtype='float32')[:, None]
        self.sizes = []

    def test_mean_is_weighted(self):
        def mean(batch):
            self.sizes.append(len(batch))
            return batch.mean()

        self.assertEqual(mean_over(mean, self.images, 3), 2)
        self.assertEqual(self.sizes, [3, 2])

    def test_outputs(self):
        def double(batch):
            self.sizes.append(len(batch))
            return 2 * batch

        np.testing.assert_array_equal(
            outputs_over(double, self.images, 3), 2 * self.images
        )
        self.assertEqual(self.sizes, [3, 2])
