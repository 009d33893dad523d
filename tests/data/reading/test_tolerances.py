import unittest

import numpy as np

from kneerepro.data.reading.tolerances import cluster


class ClusterTest(unittest.TestCase):
    def assert_numbers(self, expected, values, tolerance=0.01):
        np.testing.assert_array_equal(cluster(values, tolerance), expected)

    def test_numbers(self):
        self.assert_numbers([], [])
        self.assert_numbers([0], [3.5])
        self.assert_numbers([0, 0, 0], [4.7, 4.7000001, 4.699])
        self.assert_numbers([2, 0, 1, 0], [30, 4.7, 10, 4.705])

    def test_no_grid_on_which_neighbours_part(self):
        for edge in 0.125, 0.005, 0.0, -0.015:
            self.assert_numbers([0, 0], [edge - 1e-7, edge + 1e-7])

    def test_linked_by_others(self):
        values = [0, 0.018, 0.009]
        self.assert_numbers([0, 0, 0], values)
        self.assert_numbers([0, 1], values[:2])

    def test_coordinates(self):
        self.assert_numbers(
            [0, 1, 0, 2], [[0, 0], [0, 1], [0.005, -0.0], [1, 0]]
        )
        # The first coordinate parts the last two only after the second has
        # parted them from the one in between.
        self.assert_numbers(
            [1, 2, 0], [[0.0, 1], [0.018, 1], [0.009, 0]], tolerance=0.01
        )
