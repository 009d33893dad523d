import unittest

from kneerepro.data.reading.defects import NOTES, REJECTIONS, DefectError


class CodesTest(unittest.TestCase):
    def test_style(self):
        for code in [*REJECTIONS, *NOTES]:
            self.assertRegex(code, '^[A-Z]+(_[A-Z]+)*$')

    def test_no_code_means_two_things(self):
        self.assertFalse(set(REJECTIONS) & set(NOTES))


class DefectErrorTest(unittest.TestCase):
    def test_message(self):
        error = DefectError('NO_VOLUME', 'nothing')
        self.assertEqual(str(error), 'NO_VOLUME: nothing')

    def test_unknown_code(self):
        with self.assertRaises(AssertionError):
            DefectError('UNHEARD_OF', '')
