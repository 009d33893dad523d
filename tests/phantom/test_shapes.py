import unittest

import numpy as np

from kneerepro.phantom import shapes


def points(*coordinates):
    return tuple(np.array(c, float) for c in coordinates)


class ShapesTest(unittest.TestCase):
    def test_ellipsoid(self):
        p = points([3, 5, 1, 1, 1], [0, 0, 6, 2, 2], [0, 0, 0, 4, 0])
        distance = shapes.ellipsoid(p, (1, 2, 0), (2, 4, 4))
        np.testing.assert_allclose(distance[2:4], 0, atol=1e-5)
        self.assertLess(distance[4], -1)
        sphere = shapes.ellipsoid(p, (1, 2, 0), (2, 2, 2))
        np.testing.assert_allclose(
            sphere[:4], np.sqrt([8, 20, 16, 16]) - 2, rtol=1e-3
        )

    def test_round_cone_and_tube(self):
        p = points([0, 3, 0, 0], [0, 0, 0, 0], [5, 5, 12, -4])
        distance = shapes.round_cone(p, (0, 0, 0, 1), (0, 0, 10, 2))
        np.testing.assert_allclose(distance, [-1.5, 1.5, 0, 3])
        two = shapes.tube(p, [(0, 0, 0, 1), (0, 0, 10, 2), (3, 0, 10, 2)])
        np.testing.assert_allclose(two, [-1.5, 1.5, 0, 3])

    def test_superellipse(self):
        u = np.linspace(0, 1, 7)
        v = (1 - u**4) ** 0.25
        np.testing.assert_allclose(
            shapes.superellipse(20 * u, 30 * v, 20, 30), 0, atol=1e-5
        )
        np.testing.assert_allclose(
            shapes.superellipse(*points([21, 0, 0], [0, 29, 0]), 20, 30)[:2],
            [1, -1],
            rtol=0.1,
        )
        self.assertLess(shapes.superellipse(*points([0], [0]), 20, 30), -5)

    def test_smooth_union_and_intersection(self):
        a, b = points([-3, 2, 0, 9], [5, 2, 0, -9])
        np.testing.assert_allclose(
            shapes.smooth_union(a, b, 4), [-3, 1, -1, -9]
        )
        np.testing.assert_allclose(
            shapes.smooth_intersection(a, b, 4), [5, 3, 1, 9]
        )

    def test_ramp(self):
        np.testing.assert_allclose(
            shapes.ramp(np.array([0, 1, 2, 3, 4]), 1, 3), [0, 0, 0.5, 1, 1]
        )
        np.testing.assert_allclose(
            shapes.ramp(np.array([0, 1, 2, 3, 4]), 3, 1), [1, 1, 0.5, 0, 0]
        )
