import unittest

import numpy as np

from tests.engine.compare import torch

if torch:
    from kneerepro.engine.kernels.scalar_code import NotSupportedError
    from kneerepro.engine.layout import contiguous_strides
    from kneerepro.engine.native.arrays import Array, merged_axes


@unittest.skipUnless(torch, 'PyTorch is not installed')
class ArrayTest(unittest.TestCase):
    def array(self, *shape, strides=None):
        return Array(
            'b', '0', 'float32', shape, strides or contiguous_strides(shape)
        )

    def test_strides_are_those_of_numpy(self):
        for shape in (), (3,), (2, 3, 4), (2, 0, 3):
            expected = np.zeros(shape, 'int8').strides
            if 0 not in shape:
                self.assertEqual(contiguous_strides(shape), expected)

    def test_elements(self):
        array = self.array(2, 3)
        self.assertEqual(array.at('i', 'j'), '(b + 0)[i * 3 + j]')
        self.assertEqual(array.part('t').at('j'), '(b + 0 + (t) * 3)[j]')
        self.assertEqual(self.array().at(), '(b + 0)[0]')

    def test_is_contiguous(self):
        self.assertTrue(self.array(2, 3).is_contiguous)
        self.assertTrue(self.array(1, 3, strides=(7, 1)).is_contiguous)
        self.assertFalse(self.array(3, 2, strides=(1, 3)).is_contiguous)

    def test_broadcasting(self):
        wide = self.array(1, 3).broadcast((4, 2, 3))
        self.assertEqual(wide.strides, (0, 0, 1))
        for shape in (3,), (2, 2):
            with self.assertRaises(NotSupportedError):
                self.array(2, 3).broadcast(shape)

    def test_merges_the_axes_that_all_arrays_walk_in_order(self):
        self.assertEqual(
            merged_axes((2, 3, 4), [(12, 4, 1), (12, 4, 1)]),
            ([24], [[1], [1]]),
        )
        self.assertEqual(
            merged_axes((2, 3, 4), [(12, 4, 1), (0, 4, 1)]),
            ([2, 12], [[12, 1], [0, 1]]),
        )
        self.assertEqual(merged_axes((1, 1), [(5, 5)]), ([], [[]]))
