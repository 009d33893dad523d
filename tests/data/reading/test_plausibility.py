import math
import unittest

from kneerepro.data.reading.plausibility import is_plausible


class PlausibilityTest(unittest.TestCase):
    def test_compressed_to_a_thousandth(self):
        self.assertTrue(is_plausible(10**9, 10**6))
        self.assertFalse(is_plausible(10**9 + 1, 10**6))

    def test_harmless(self):
        self.assertTrue(is_plausible(2**26, 0))
        self.assertFalse(is_plausible(2**26 + 1, 0))

    def test_no_number(self):
        for size in math.inf, math.nan:
            self.assertFalse(is_plausible(size, 10**6))


if __name__ == '__main__':
    unittest.main()
