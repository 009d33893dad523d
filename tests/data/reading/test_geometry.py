import itertools
import unittest

import numpy as np

from kneerepro.data.reading.geometry import (
    along_normal,
    fit_to_square,
    normal,
    orient,
    orient_axes,
    usual_axes,
    within_plane,
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

    def test_within(self):
        # The part along the normal, (0, -S, C), does not count.
        shifts = within_plane(
            (1, 0, 0, 0, C, S), [(5, -S, C), (0, C - S, S + C)]
        )
        np.testing.assert_allclose(shifts, [[5, 0], [0, 1]], atol=1e-5)


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


class OrientAxesTest(unittest.TestCase):
    def test_as_a_series(self):
        for orientation in [
            (0, 1, 0, 0, 0, -1),
            (0, -1, 0, 0, 0, 1),
            (C, S, 0, -S * S, C * S, C),
        ]:
            cosines = np.array(orientation)
            vectors = (
                3 * normal(orientation),
                0.5 * cosines[3:],
                0.7 * cosines[:3],
            )
            self.assertEqual(orient_axes(vectors), orient(orientation))

    def test_against_the_normal(self):
        """Axes of files may be left-handed."""
        result = orient_axes([(2, 0, 0), (0, 0, -1), (0, 1, 0)])
        self.assertEqual(
            (result.directions, result.flips), ('LRSIAP', (True, False, False))
        )


class UsualAxesTest(unittest.TestCase):
    STEPS = {'x': (1, 0, 0), 'y': (0, -1, 0), 'z': (0, 0, 1)}

    def assert_axes(self, expected, **lengths):
        """Whatever the order of the axes in the file."""
        for names in itertools.permutations('xyz'):
            axes = usual_axes(
                [
                    np.multiply(self.STEPS[name], lengths.get(name, 1))
                    for name in names
                ]
            )
            self.assertEqual(''.join(names[i] for i in axes), expected)

    def test_isotropic(self):
        self.assert_axes('xzy')

    def test_thick_slices(self):
        self.assert_axes('xzy', x=3)
        self.assert_axes('yzx', y=3)
        self.assert_axes('zyx', z=3)

    def test_hardly_thicker(self):
        self.assert_axes('xzy', z=1.2)
        self.assert_axes('xzy', z=1.20001)
        self.assert_axes('zyx', z=1.21)
        self.assert_axes('xzy', x=0.5)
        # Both others count.
        self.assert_axes('xzy', y=3, z=2.6)
        self.assert_axes('yzx', y=3, z=2.4)

    def test_turned(self):
        rows, columns = (-S, 0, -C), (0, 1, 0)
        slices = 2 * np.cross(rows, columns)
        self.assertEqual(usual_axes([columns, slices, rows]), (1, 2, 0))


class HalfwayTest(unittest.TestCase):
    def test_float32(self):
        """Formats that store fewer digits give the same size."""
        for spacing in 0.3, 0.36, 0.45:
            self.assertEqual(
                fit_to_square(65, 128, (spacing, spacing), 64),
                (33, 64),
            )
            self.assertEqual(
                fit_to_square(
                    65,
                    128,
                    (float(np.float32(spacing)), spacing * (1 + 1e-7)),
                    64,
                ),
                (33, 64),
            )
