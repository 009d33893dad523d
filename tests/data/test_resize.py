import math
import unittest

import numpy as np

from kneerepro.data.resize import resize


def imresize(row, length):
    """MATLAB's ``imresize(row, [1 length])`` for a list.

    Term by term, as MATLAB's documentation and source define it. Indices
    begin at 1.
    """
    scale = length / len(row)
    squeeze = min(scale, 1)  # antialiasing

    def kernel(x):
        x = abs(x)
        if x <= 1:
            return 1.5 * x**3 - 2.5 * x**2 + 1
        if x <= 2:
            return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
        return 0

    def sample(i):
        while not 1 <= i <= len(row):
            i = 1 - i if i < 1 else 2 * len(row) + 1 - i
        return row[i - 1]

    result = []
    for x in range(1, length + 1):
        u = x / scale + (1 - 1 / scale) / 2
        first = math.floor(u - 2 / squeeze)
        terms = [
            (kernel((u - i) * squeeze), sample(i))
            for i in range(first, first + math.ceil(4 / squeeze) + 2)
        ]
        result.append(
            sum(weight * value for weight, value in terms)
            / sum(weight for weight, _ in terms)
        )
    return result


class ResizeTest(unittest.TestCase):
    def test_against_direct_sum(self):
        rng = np.random.RandomState(1)
        for old, new in [
            (6, 13),
            (13, 6),
            (7, 8),
            (16, 4),
            (9, 9),
            (5, 1),
            (1, 4),
            (2, 7),
            (20, 3),
            (384, 64),
            (80, 160),
        ]:
            row = rng.rand(old)
            np.testing.assert_allclose(
                resize(row, new, 0),
                imresize(row.tolist(), new),
                rtol=0,
                atol=1e-12,
                err_msg=f'{old} to {new}',
            )

    def test_impulse_doubled(self):
        # New samples lie 1/4, 3/4, 5/4 and 7/4 from the impulse, where the
        # kernel is 111/128, 29/128, -9/128 and -3/128.
        half = [0, -3 / 128, -9 / 128, 29 / 128, 111 / 128]
        np.testing.assert_allclose(
            resize(np.array([0.0, 0, 1, 0, 0]), 10, 0),
            half + half[::-1],
            atol=1e-15,
        )

    def test_ramp_halved(self):
        # Each side has the same four weights, halved, and samples beyond the
        # border are mirrored. The first sample is
        # (111 (1 + 2) + 29 (1 + 3) - 9 (2 + 4) - 3 (3 + 5)) / 256,
        # the second (111 (3 + 4) + 29 (2 + 5) - 9 (1 + 6) - 3 (1 + 7)) / 256.
        first, second = 371 / 256, 893 / 256
        np.testing.assert_allclose(
            resize(np.arange(1.0, 9), 4, 0),
            [first, second, 9 - second, 9 - first],
            atol=1e-14,
        )

    def test_antialiasing(self):
        # To a third of the samples. The kernel at 0, 1/3, ..., 5/3 is 1, 7/9,
        # 1/3, 0, -2/27, -1/27; over both sides it sums to 3, with alternating
        # signs to 1/27. So a signal that alternates by +-1/2 keeps 1/81 of
        # its amplitude; without antialiasing it would keep all. The new
        # samples that are far from the borders lie at 7 and 10.
        result = resize(np.tile([0.0, 1], 9), 6, 0)[2:4]
        np.testing.assert_allclose(
            result, [0.5 + 1 / 162, 0.5 - 1 / 162], atol=1e-15
        )

    def test_same_length_is_a_copy(self):
        array = np.arange(6.0).reshape(2, 3)
        copy = resize(array, 3, 1)
        np.testing.assert_array_equal(copy, array)
        copy[:] = 0
        self.assertEqual(array.sum(), 15)

    def test_constant_stays(self):
        for length in [1, 3, 7, 10, 11, 40]:
            np.testing.assert_allclose(
                resize(np.full((2, 10), 0.7), length, 1), 0.7, atol=1e-15
            )

    def test_ramp_stays_straight_away_from_the_borders(self):
        for new in [15, 23, 40]:
            centres = (np.arange(new) + 0.5) * 10 / new - 0.5
            inner = (centres >= 1) & (centres <= 8)
            np.testing.assert_allclose(
                resize(np.arange(10.0), new, 0)[inner],
                centres[inner],
                atol=1e-13,
            )

    def test_axes_are_independent(self):
        array = np.random.RandomState(1).rand(3, 5, 4)
        for axis, other in [(0, 1), (1, 2), (2, 0)]:
            resized = resize(array, 7, axis)
            self.assertEqual(resized.shape[axis], 7)
            for old, new in zip(
                np.rollaxis(array, other), np.rollaxis(resized, other)
            ):
                np.testing.assert_allclose(
                    new, resize(old, 7, axis - (axis > other)), atol=1e-14
                )
            np.testing.assert_allclose(
                resize(resized, 2, other),
                resize(resize(array, 2, other), 7, axis),
                atol=1e-14,
            )

    def test_type_stays(self):
        for dtype in ['float32', 'float64']:
            for length in [2, 4, 8]:
                array = np.ones((4, 4), dtype)
                self.assertEqual(resize(array, length, 1).dtype, dtype)
