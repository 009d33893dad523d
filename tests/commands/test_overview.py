import unittest

import numpy as np

from kneerepro.commands import overview


class OverviewTest(unittest.TestCase):
    def test_two_volumes(self):
        volumes = np.random.RandomState(0).rand(2, 1, 5, 16, 24)
        figure = overview.overview(
            volumes, volumes / 2, volumes**2 / 4, np.array([0.2, 0.1]), 'x'
        )
        texts = [text.get_text() for text in figure.texts]
        self.assertEqual(
            texts[1:],
            ['least MSE 0.1, volume 1', 'greatest MSE 0.2, volume 0'],
        )
        shown = [
            axes.images[0].get_array() for axes in figure.axes if axes.images
        ]
        # Three slices of each volume, in three rows.
        self.assertEqual(len(shown), 3 * 2 * 3)
        np.testing.assert_array_equal(shown[0], volumes[1, 0, 1])
        np.testing.assert_array_equal(shown[9], volumes[0, 0, 1] / 2)

    def test_errors_of_zero(self):
        volumes = np.zeros((1, 1, 1, 16, 16))
        overview.overview(volumes, volumes, volumes, np.zeros(1), 'x')
