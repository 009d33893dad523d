import unittest

import numpy as np

from kneerepro.measures import codes


class SpreadTest(unittest.TestCase):
    def test_code_spread(self):
        # The standard deviations are 0.5, 0 and 1.
        self.assertEqual(
            codes.code_spread(np.float32([[0, 7, 1], [1, 7, 3]])), 0.5
        )
        self.assertEqual(codes.code_spread(np.ones((5, 3), 'float32')), 0)

    def test_code_spread_of_parts(self):
        # Far from 0, where sums of squares would cancel.
        values = 1000 + np.random.RandomState(0).rand(50, 4) * 1e-6
        expected = np.std(values, axis=0).mean()
        for sizes in [50], [1, 1, 48], [1] * 50, [20, 30], [0, 50, 0]:
            spread = codes.CodeSpread()
            for part in np.split(values, np.cumsum(sizes)[:-1]):
                spread.add(part)
            self.assertEqual(spread.count, 50)
            np.testing.assert_allclose(spread.value(), expected, rtol=1e-6)

    def test_code_spread_of_one(self):
        spread = codes.CodeSpread()
        spread.add(np.float32([[0.2, 0.7]]))
        self.assertEqual((spread.count, spread.value()), (1, 0))

    def test_image_spread(self):
        # Two images that differ by 2 in one of their four pixels.
        images = np.zeros((2, 1, 2, 2), 'float32')
        images[1, 0, 0, 0] = 2
        self.assertEqual(codes.image_spread(images), 0.5)
        self.assertEqual(codes.image_spread(images[:1]), 0)


class PlaneTest(unittest.TestCase):
    def test_codes_in_a_plane(self):
        rng = np.random.RandomState(0)
        axes = np.linalg.qr(rng.normal(size=(6, 2)))[0]
        true = np.array([[3, 0], [-3, 0], [0, 1], [0, -1]], 'float64')
        plane, explained = codes.principal_plane(true @ axes.T + 0.5)
        # The signs are arbitrary, except that the largest coordinate of each
        # component is positive.
        np.testing.assert_allclose(abs(plane), abs(true), atol=1e-12)
        self.assertTrue((plane.max(0) >= -plane.min(0) - 1e-12).all())
        np.testing.assert_allclose(explained, [0.9, 0.1])

    def test_codes_on_a_line(self):
        plane, explained = codes.principal_plane(np.float32([[0], [2]]))
        np.testing.assert_allclose(abs(plane), [[1, 0], [1, 0]])
        np.testing.assert_allclose(explained, [1, 0])

    def test_equal_codes(self):
        plane, explained = codes.principal_plane(np.ones((4, 3), 'float32'))
        np.testing.assert_array_equal(plane, np.zeros((4, 2)))
        np.testing.assert_array_equal(explained, [0, 0])
