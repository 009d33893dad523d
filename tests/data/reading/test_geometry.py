import unittest

import numpy as np

from kneerepro.data.reading.geometry import (
    along_normal,
    fit_to_square,
    normal,
    orient,
)

C, S = 0.866025, 0.5  # cosine and sine of 30 degrees


class NormalTest(unittest.TestCase):
    def test_normal(self):
        for orientation, expected in [
            ((1, 0, 0, 0, 1, 0), (0, 0, 1)),  # axial
            ((0, 1, 0, 0, 0, -1), (-1, 0, 0)),  # sagittal
            ((1, 0, 0, 0, C, S), (0, -S, C)),
            ((C, S, 0, -S * S, C * S, C), (S * C, -C * C, S)),
        ]:
            np.testing.assert_allclose(
                normal(orientation), expected, atol=1e-6
            )

    def test_along(self):
        # Only the part along the normal counts.
        distances = along_normal(
            (1, 0, 0, 0, C, S), [(5, 0, 0), (-3, -S, C), (9, -2 * S, 2 * C)]
        )
        np.testing.assert_allclose(distances, [0, 1, 2], atol=1e-5)


class OrientTest(unittest.TestCase):
    def test_usual_views_stay(self):
        for orientation, plane, directions in [
            ((0, 1, 0, 0, 0, -1), 'sagittal', 'LRSIAP'),
            ((1, 0, 0, 0, 1, 0), 'axial', 'ISAPRL'),
            ((1, 0, 0, 0, 0, -1), 'coronal', 'APSIRL'),
            ((0.1, 0.99, 0, 0, 0.05, -0.99), 'sagittal', 'LRSIAP'),
        ]:
            result = orient(orientation)
            self.assertEqual(
                (result.plane, result.directions), (plane, directions)
            )
            self.assertEqual(result.flips, (False, False, False))

    def test_flips(self):
        for orientation, flips in [
            ((0, -1, 0, 0, 0, -1), (True, False, True)),
            ((0, 1, 0, 0, 0, 1), (True, True, False)),
            ((0, -1, 0, 0, 0, 1), (False, True, True)),
        ]:
            result = orient(orientation)
            self.assertEqual(result.flips, flips)
            self.assertEqual(result.directions, 'LRSIAP')

    def test_rows_and_columns_exchanged(self):
        # Nothing but a transposition would bring the usual view.
        result = orient((0, 0, -1, 0, 1, 0))
        self.assertEqual(
            (result.plane, result.directions), ('sagittal', 'LRAPSI')
        )


class FitToSquareTest(unittest.TestCase):
    def test_square(self):
        for rows, columns, spacing in [
            (384, 384, (0.365, 0.365)),
            (512, 256, (0.25, 0.5)),
            (10, 10, None),
        ]:
            self.assertEqual(
                fit_to_square(rows, columns, spacing, 64), (64, 64)
            )

    def test_proportions(self):
        self.assertEqual(fit_to_square(384, 352, (0.365, 0.365), 64), (64, 59))
        self.assertEqual(fit_to_square(384, 352, None, 64), (64, 59))
        self.assertEqual(fit_to_square(100, 100, (0.5, 1.0), 64), (32, 64))
        self.assertEqual(fit_to_square(1, 1000, None, 64), (1, 64))
