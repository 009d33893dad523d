from unittest import TestCase

import numpy as np

from kneerepro.data.writing.records import Output, Subject, nominal_grid
from tests.data.writing.grids import SAGITTAL


class RecordsTest(TestCase):
    def test_title(self):
        output = Output(3, 'squared_error', np.zeros((1, 1, 1)))
        self.assertEqual(output.title, 'kneerepro squared error')

    def test_nominal(self):
        self.assertTrue(Subject(SAGITTAL).nominal)
        self.assertFalse(Subject(SAGITTAL, original=SAGITTAL).nominal)

    def test_nominal_grid(self):
        grid = nominal_grid((5, 8, 7))
        self.assertEqual(grid.shape, (5, 8, 7))
        self.assertEqual(grid.spacing, (1, 1, 1))
        # The centre of the volume is the origin.
        np.testing.assert_array_equal(grid.position((2, 3.5, 3)), (0, 0, 0))
        # The first voxel is on the left, at the front and at the top.
        np.testing.assert_array_equal(grid.position((0, 0, 0)), (2, -3, 3.5))
