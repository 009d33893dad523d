from dataclasses import replace
from unittest import TestCase

import numpy as np

from kneerepro.data.resize import resize
from kneerepro.data.writing.original import at_original_size
from kneerepro.data.writing.records import Output, Subject
from tests.data.writing.grids import GRIDS, SAGITTAL, output, rotated


def fitted(original, depth, rows, columns, size):
    """The grid of a volume that was resized, then padded in the plane."""
    return original.resized((depth, rows, columns)).extended(
        (0, (size - rows) // 2, (size - columns) // 2), (depth, size, size)
    )


class OriginalSizeTest(TestCase):
    def test_padding_is_removed(self):
        # Resized by a factor of 1, values stay what they were.
        for name, original in GRIDS.items():
            with self.subTest(name):
                depth, rows, columns = original.shape
                inside = output(original)
                size = 9
                padded = np.zeros((depth, size, size), 'float32')
                before = (size - rows) // 2, (size - columns) // 2
                padded[
                    :,
                    before[0] : before[0] + rows,
                    before[1] : before[1] + columns,
                ] = inside.values
                made, subject = at_original_size(
                    Output(0, 'reconstruction', padded),
                    Subject(
                        fitted(original, depth, rows, columns, size), original
                    ),
                )
                self.assertEqual(subject.grid, original)
                np.testing.assert_array_equal(made.values, inside.values)

    def test_resizes_each_axis(self):
        grid = fitted(SAGITTAL, 8, 3, 6, 6)
        small = replace(output(grid), values=output(grid).values.round())
        made, _ = at_original_size(small, Subject(grid, SAGITTAL))
        self.assertEqual(made.values.shape, SAGITTAL.shape)
        self.assertEqual(made.values.dtype, 'float32')
        # 3 of 6 rows are padding: one above, two below.
        expected = resize(resize(small.values[:, 1:4], 5, 0), 4, 1)
        np.testing.assert_allclose(made.values, expected.clip(0, 1), atol=1e-6)
        # Interpolation leaves [0, 1].
        self.assertLess(expected.min(), 0)

    def test_a_slope_keeps_its_place(self):
        # Values that rise with the position do so on the new grid as well,
        # away from the borders.
        original = rotated(
            SAGITTAL.resized((20, 24, 18)), 30, (0.6, 0, 0.8)
        ).flipped((True, False, False))
        grid = fitted(original, 40, 14, 18, 18)
        rise = np.array([0.2, -0.1, 0.3])

        def slope(grid):
            indices = np.moveaxis(np.indices(grid.shape), 0, -1)
            return (grid.origin + indices @ np.array(grid.steps)) @ rise

        low, high = slope(grid).min(), slope(grid).max()
        made, subject = at_original_size(
            Output(0, 'x', (slope(grid) - low) / (high - low)),
            Subject(grid, original),
        )
        inner = (slice(4, -4),) * 3
        np.testing.assert_allclose(
            made.values[inner],
            ((slope(subject.grid) - low) / (high - low))[inner],
            atol=1e-4,
        )

    def test_limit(self):
        grid = fitted(SAGITTAL, 8, 4, 6, 6)
        made, _ = at_original_size(
            Output(0, 'squared_error', np.full(grid.shape, 0.5), 0.25),
            Subject(grid, SAGITTAL),
        )
        self.assertEqual(made.limit, 0.25)
        np.testing.assert_array_equal(made.values, 0.25)
