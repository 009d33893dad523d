import itertools
import unittest

import numpy as np

from layers.lengths import (
    conv_input_length,
    conv_output_length,
    int_tuple,
    integer,
    integer_shape,
)


class LengthTest(unittest.TestCase):
    def test_inverse(self):
        for pad in (0, 1, 'full', 'same', 'valid'):
            for size, stride, length in itertools.product(
                (3, 5), (1, 2, 3), (6, 7, 8)
            ):
                shortest = conv_input_length(length, size, stride, pad)
                for extra in range(stride):
                    self.assertEqual(
                        conv_output_length(
                            shortest + extra, size, stride, pad
                        ),
                        length,
                    )
                self.assertEqual(
                    conv_output_length(shortest + stride, size, stride, pad),
                    length + 1,
                )

    def test_unknown(self):
        self.assertIsNone(conv_output_length(None, 3, 1))
        self.assertIsNone(conv_input_length(None, 3, 1))

    def test_invalid_pad(self):
        for function in (conv_output_length, conv_input_length):
            for pad in ('half', 1.5, [1]):
                with self.assertRaisesRegex(ValueError, 'Invalid pad'):
                    function(5, 3, 1, pad)


class IntTupleTest(unittest.TestCase):
    def test_one_integer_is_repeated(self):
        self.assertEqual(int_tuple(2, 3), (2, 2, 2))

    def test_iterable_of_integers(self):
        self.assertEqual(int_tuple([1, 2, 3], 3), (1, 2, 3))

    def test_any_number_of_integers(self):
        self.assertEqual(int_tuple(2), (2,))
        self.assertEqual(int_tuple([1, 2, 3]), (1, 2, 3))

    def test_integers_of_numpy(self):
        for value in (
            np.int64(2),
            np.array([2, 2]),
            (np.uint8(2), np.int32(2)),
        ):
            found = int_tuple(value, 2)
            self.assertEqual(found, (2, 2))
            self.assertEqual([type(n) for n in found], [int, int])

    def test_wrong_length(self):
        with self.assertRaisesRegex(
            ValueError, r'iterable with length 3, got \(1, 2\) instead'
        ):
            int_tuple((1, 2), 3)

    def test_anything_but_integers(self):
        for value in (
            2.5,
            2.0,
            float('nan'),
            float('inf'),
            np.float32(2),
            'half',
            (1, 2.0, 3),
            np.ones(3),
            None,
        ):
            with self.assertRaisesRegex(TypeError, 'iterable of int'):
                int_tuple(value, 3)


class IntegerTest(unittest.TestCase):
    def test_of_numpy(self):
        for value in 2, np.int8(2), np.uint64(2):
            found = integer(value, 'n')
            self.assertEqual(found, 2)
            self.assertIs(type(found), int)

    def test_anything_else(self):
        for value in 2.0, np.float64(2), float('nan'), float('inf'), '2', None:
            with self.assertRaisesRegex(TypeError, 'n must be an integer'):
                integer(value, 'n')

    def test_shape(self):
        found = integer_shape((None, np.int64(3), 4))
        self.assertEqual(found, (None, 3, 4))
        self.assertIs(type(found[1]), int)
        with self.assertRaisesRegex(
            TypeError, r'each size of \(None, 3.0\) must be an integer'
        ):
            integer_shape((None, 3.0))
