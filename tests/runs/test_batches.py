"""Tests of functions that are applied in minibatches."""

import unittest

import numpy as np

from kneerepro.data.views import View
from kneerepro.runs.batches import (
    mean_over,
    outputs_over,
    outputs_over_shares,
    own_parts,
)
from tests.runs.fake_processes import become_process


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


class SharesTest(unittest.TestCase):
    """Process 1 of 2."""

    def setUp(self):
        volumes = np.arange(5, dtype='float32').reshape(5, 1, 1, 1, 1)
        patients = np.arange(5).astype(str)
        self.view = View(volumes, patients, np.ones(5, bool))

    def test_one_process(self):
        self.assertIs(own_parts(self.view), self.view)
        np.testing.assert_array_equal(
            outputs_over_shares(np.negative, self.view, 2), -self.view[:]
        )

    def test_minibatches(self):
        become_process(self, 1)
        parts = own_parts(self.view)
        self.assertEqual((len(parts), parts.shape), (5, (5, 1, 1, 1, 1)))
        for index, expected in [
            (np.array([4, 0, 3]), [np.nan, 0, 3]),
            (slice(1, 5), [np.nan, np.nan, 3, 4]),
            (slice(4, 9), [4]),
        ]:
            batch = parts[index]
            self.assertEqual(batch.dtype, 'float32')
            np.testing.assert_array_equal(batch.ravel(), expected)
        # What is in memory as a whole costs nothing to read.
        array = self.view[:]
        self.assertIs(own_parts(array), array)

    def test_only_own_rows_are_read(self):
        become_process(self, 0)
        parts, read = own_parts(self.view), []

        class Volumes:
            shape = self.view[:].shape

            def __getitem__(self, i):
                read.append(i)
                return np.zeros((1, 1, 1, 1), 'float32')

        self.view._volumes = Volumes()
        parts[np.array([4, 0, 3, 1])]
        self.assertEqual(read, [4, 0])

    def test_mean(self):
        """The function divides its minibatches, and gets whole ones."""
        become_process(self, 1)
        shapes = []

        def mean(batch):
            shapes.append(batch.shape)
            return np.nanmean(batch)

        self.assertAlmostEqual(
            mean_over(mean, self.view, 4), (4 * 2.5 + 4) / 5
        )
        self.assertEqual(shapes, [(4, 1, 1, 1, 1), (1, 1, 1, 1, 1)])

    def test_outputs_over_shares(self):
        become_process(self, 1)
        found = outputs_over_shares(np.negative, self.view, 2)
        np.testing.assert_array_equal(found.ravel(), [-2, -3, -4] * 2)
        become_process(self, 0)
        one = self.view.take(slice(1))
        found = outputs_over_shares(self.fail, one, 2)
        self.assertEqual(len(found), 0)
