import itertools
import unittest

from layers.lengths import conv_input_length, conv_output_length, int_tuple


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

    def test_wrong_length(self):
        with self.assertRaisesRegex(
            ValueError, r'iterable with length 3, got \(1, 2\) instead'
        ):
            int_tuple((1, 2), 3)

    def test_anything_but_integers(self):
        for value in (2.5, 'half', (1, 2.0, 3), None):
            with self.assertRaisesRegex(TypeError, 'iterable of int'):
                int_tuple(value, 3)
