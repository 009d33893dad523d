from unittest import TestCase

import numpy as np

from kneerepro.data.reading.grid import Grid

# Slices from left to right, rows from head to foot, columns from front to
# back, as the OAI has them.
SAGITTAL = Grid(
    shape=(4, 6, 8),
    origin=(30.0, -40.0, 50.0),
    steps=((-3.0, 0.0, 0.0), (0.0, 0.0, -0.5), (0.0, 0.25, 0.0)),
)


class TestGrid(TestCase):
    def test_position(self):
        np.testing.assert_allclose(
            SAGITTAL.position((1, 2, 4)), (27.0, -39.0, 49.0)
        )

    def test_affine(self):
        np.testing.assert_allclose(
            SAGITTAL.affine() @ (1, 2, 4, 1), (27.0, -39.0, 49.0, 1.0)
        )

    def test_spacing(self):
        self.assertEqual(SAGITTAL.spacing, (3.0, 0.5, 0.25))

    def test_flipped(self):
        flipped = SAGITTAL.flipped((True, False, True))
        np.testing.assert_allclose(
            flipped.position((0, 2, 1)), SAGITTAL.position((3, 2, 6))
        )
        self.assertEqual(flipped.flipped((True, False, True)), SAGITTAL)

    def test_permuted(self):
        permuted = SAGITTAL.permuted((2, 0, 1))
        self.assertEqual(permuted.shape, (8, 4, 6))
        np.testing.assert_allclose(
            permuted.position((5, 1, 3)), SAGITTAL.position((1, 3, 5))
        )

    def test_resized(self):
        resized = SAGITTAL.resized((8, 3, 8))
        # Half as thick, twice as high, and the same faces outside.
        self.assertEqual(resized.spacing, (1.5, 1.0, 0.25))
        np.testing.assert_allclose(
            resized.position((-0.5, -0.5, -0.5)),
            SAGITTAL.position((-0.5, -0.5, -0.5)),
        )
        np.testing.assert_allclose(
            resized.position((7.5, 2.5, 7.5)),
            SAGITTAL.position((3.5, 5.5, 7.5)),
        )

    def test_extended(self):
        extended = SAGITTAL.extended((0, 2, 1), (4, 10, 10))
        self.assertEqual(extended.shape, (4, 10, 10))
        np.testing.assert_allclose(
            extended.position((1, 3, 2)), SAGITTAL.position((1, 1, 1))
        )

    def test_of_arrays(self):
        grid = Grid.of(
            np.array([4.0, 6.0, 8.0]),
            np.array(SAGITTAL.origin),
            np.array(SAGITTAL.steps),
        )
        self.assertEqual(grid, SAGITTAL)
        self.assertEqual(repr(grid), repr(SAGITTAL))

    def test_centre(self):
        np.testing.assert_allclose(SAGITTAL.centre(), (25.5, -39.125, 48.75))
